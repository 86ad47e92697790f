// Compile standard-JSON inputs with npm's solc: one a line of a file, answers one a line of another.
// Usage: node solc.mjs FOLDER_OF_THE_SOLC_PACKAGE --version | INPUTS ANSWERS
//
// solcjs itself is not used: on a pipe it ends before all of its output is written. One process for many inputs does
// half the work of one for each: loading solc and warming up take longer than most contracts.
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import v8 from "node:v8";

// V8 optimises what has run for a while: for one contract that costs more than it saves, so that it begins later here
v8.setFlagsFromString("--wasm-tiering-budget=50000000");

const folder = path.resolve(process.argv[2]);
const solc = createRequire(path.join(folder, "package.json"))(folder);
const [inputs, answers] = process.argv.slice(3);

if (inputs === "--version") {
    console.log(solc.version());
} else {
    writeFileSync(answers, "");
    const lines = readFileSync(inputs, "utf8").trimEnd().split("\n");
    for (const [number, line] of lines.entries()) {
        appendFileSync(answers, `${solc.compile(line)}\n`);
        console.log(`compiled ${number + 1} of ${lines.length}`);
    }
}
process.exit(0); // soljson leaves handlers behind that keep Node alive
