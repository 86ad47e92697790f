// snarkjs over the key and witness of native.py: `serve FOLDER` proves once for each line that it reads, verifies what
// it proved, and answers with the seconds of the proof. run.py drives it.
import { createInterface } from "node:readline";
import { join } from "node:path";
import { plonk, zKey } from "snarkjs";

const [, , command, folder] = process.argv;
if (command !== "serve" || folder === undefined) {
  console.error("usage: serve FOLDER");
  process.exit(1);
}
const zkey = join(folder, "circuit.zkey");
const key = await zKey.exportVerificationKey(zkey);
for await (const _ of createInterface({ input: process.stdin })) {
  const begun = performance.now();
  const { proof, publicSignals } = await plonk.prove(
    zkey,
    join(folder, "chain.wtns"),
  );
  const seconds = (performance.now() - begun) / 1000;
  if (!(await plonk.verify(key, publicSignals, proof))) {
    console.error("the proof does not verify");
    process.exit(1);
  }
  console.log(JSON.stringify({ seconds }));
}
process.exit(0); // its workers would keep it alive
