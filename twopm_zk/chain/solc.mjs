// Compile one standard-JSON input from stdin with npm's solc; its answer goes to stdout.
// Usage: node solc.mjs FOLDER_OF_THE_SOLC_PACKAGE [--version]
//
// solcjs itself is not used: on a pipe it ends before all of its output is written. writeSync does not return
// before the bytes are gone, except for EAGAIN on a full non-blocking pipe, which is tried again.
import { createRequire } from "node:module";
import { readFileSync, writeSync } from "node:fs";
import path from "node:path";

const folder = path.resolve(process.argv[2]);
const solc = createRequire(path.join(folder, "package.json"))(folder);

function write(text) {
    const bytes = Buffer.from(text);
    for (let offset = 0; offset < bytes.length;) {
        try {
            offset += writeSync(1, bytes, offset);
        } catch (error) {
            if (error.code !== "EAGAIN") throw error;
        }
    }
}

write(process.argv.includes("--version") ? solc.version() : solc.compile(readFileSync(0, "utf8")));
process.exit(0); // soljson leaves handlers behind that keep Node alive
