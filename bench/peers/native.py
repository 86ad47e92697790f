"""A chain of squarings in the prover of this repository: `setup FOLDER GATES`, or `serve FOLDER`.

`serve` proves once for each line that it reads and answers with the seconds of the proof. Reading the witness, checking
it, and verifying the proof are among them. run.py drives it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from twopm_zk.plonk.backends.native import BACKEND  # noqa: E402

START = 12345678901234567890123456789012345678901234567890123456789012345678901234567
"""The public input of every prover."""
SNARKJS_POWER = 16
"""log2 of the gates up to which snarkjs takes part."""


def setup(folder: Path, gates: int) -> None:
    """R1CS, witness and key. One gate is the public input, every other squares the value before it."""
    from support import synthetic

    r1cs, wtns = synthetic.chain(gates, start=START, plus=0)
    (folder / "chain.r1cs").write_bytes(r1cs)
    (folder / "chain.wtns").write_bytes(wtns)
    BACKEND.write_insecure_ptau((gates - 1).bit_length(), folder / "chain.ptau")
    BACKEND.setup(folder / "chain.r1cs", folder / "chain.ptau", folder / "circuit.key")
    if gates < 1 << SNARKJS_POWER:
        BACKEND.write_zkey(folder / "circuit.key", folder / "circuit.zkey")  # for snarkjs


def serve(folder: Path) -> None:
    for _ in sys.stdin:
        begun = time.perf_counter()
        BACKEND.prove(folder / "circuit.key", folder / "chain.wtns")
        print(json.dumps({"seconds": time.perf_counter() - begun}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "setup":
        setup(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        serve(Path(sys.argv[2]))
