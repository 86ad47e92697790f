// Render snarkjs' PLONK verifier template for a key: `node verifier_contract.mjs SNARKJS_DIR KEY.json OUT.sol`.
// The same call as in snarkjs' src/zkey_export_solidityverifier.js, which wants a whole proving key.

import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";

const [snarkjs, key, out] = process.argv.slice(2);
const ejs = createRequire(path.join(snarkjs, "package.json"))("ejs");
const template = fs.readFileSync(path.join(snarkjs, "templates", "verifier_plonk.sol.ejs"), "utf8");
fs.writeFileSync(out, ejs.render(template, JSON.parse(fs.readFileSync(key, "utf8"))));
