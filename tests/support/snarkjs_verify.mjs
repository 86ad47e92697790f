// Prints whether snarkjs accepts each of many proofs, in one process: it takes a second to start, a proof a tenth.
// A proof on which it throws is not accepted.
// Usage: node snarkjs_verify.mjs FOLDER_OF_THE_SNARKJS_PACKAGE PROOFS.json, a list of [verification key, public, proof]
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const folder = path.resolve(process.argv[2]);
const snarkjs = createRequire(path.join(folder, "package.json"))(folder);
const accepted = [];
for (const [key, inputs, proof] of JSON.parse(readFileSync(process.argv[3], "utf8"))) {
    accepted.push(await snarkjs.plonk.verify(key, inputs, proof).catch(() => false));
}
console.log(JSON.stringify(accepted));
process.exit(0); // its workers keep Node alive
