"""snarkjs as a subprocess: the reference prover.

Never as a library: it keeps worker threads alive. Its messages are translated into ours; the text it
printed stays as the cause. It is run without ``-v``, so that nothing of a witness can reach its output.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from twopm_zk.circuit.witness import open_witness
from twopm_zk.errors import (
    CircuitError,
    FileFormatError,
    PtauError,
    PtauTooSmallError,
    ToolError,
    ToolVersionError,
    TwopmError,
    WitnessError,
)
from twopm_zk.plonk.proof import Proof, VerificationKey, public_from_json
from twopm_zk.plonk.zkey import ZKEY, read_zkey
from twopm_zk.system import programs
from twopm_zk.system.files import descriptor_of
from twopm_zk.system.paths import PACKAGE_DIR, npm_package, npm_version

if TYPE_CHECKING:
    from twopm_zk.system.progress import Progress

MINIMUM = (0, 7, 6)
"""Before 0.7.0 challenges were not chained (forgeable proofs); formats are pinned to what is tested."""
SETUP_TIMEOUT = 6 * 3600.0
PROVE_TIMEOUT = 3 * 3600.0
QUICK_TIMEOUT = 600.0
_PTAU_SCRIPT = PACKAGE_DIR / "plonk" / "backends" / "insecure_ptau.mjs"

_MESSAGES: tuple[tuple[str, type[TwopmError], str], ...] = (
    (r"circuit too big", PtauTooSmallError, "the ptau is too small for the circuit"),
    (r"not prepared", PtauError, "the ptau has no Lagrange points (section 12): prepare it for phase 2"),
    (r"is not divisible", WitnessError, "the witness does not satisfy the circuit of this key"),
    (r"Invalid witness length", WitnessError, "the witness is of another circuit than this key"),
    (r"Curve of the witness", WitnessError, "the witness is over another field than this key"),
    (
        r"Invalid File format|Version not supported|[Ii]nvalid section|Missing section|Section Duplicated"
        r"|Reading out of bounds|out of bounds|Invalid PTau header|Cannot read properties of undefined"
        r"|zkey file is not plonk|zkey curve does not match|RangeError|ENOENT|Array buffer allocation failed",
        FileFormatError,
        "a file is truncated, corrupted, or of another kind",
    ),
)


class SnarkjsBackend:
    """`Backend` on the npm package snarkjs."""

    name = "snarkjs"
    checks_witness = False
    key_file = ZKEY

    def available(self) -> str | None:
        """None if Node and a new enough snarkjs are there, else what is missing."""
        try:
            _command()
        except ToolError as error:
            return error.message
        return None

    def write_insecure_ptau(self, power: int, path: Path, progress: Progress | None = None) -> None:
        """Write it with the arithmetic that snarkjs uses; its own way to such a file takes many times as long."""

        def report(line: str) -> None:
            if progress is not None and line.startswith("progress "):
                progress(line.removeprefix("progress "))

        command: list[str | Path] = [programs.node(), _PTAU_SCRIPT, npm_package("ffjavascript"), str(power), path]
        finished = programs.run(command, timeout=SETUP_TIMEOUT, on_line=report)
        if finished.code:
            raise ToolError(f"the development ptau could not be made:\n{finished.output[-2000:]}")

    def setup(self, r1cs: Path, ptau: Path, key: Path, progress: Progress | None = None) -> None:
        """Run ``snarkjs plonk setup``, which makes a ``.zkey``."""
        output = _run("plonk", "setup", r1cs, ptau, key, timeout=SETUP_TIMEOUT, progress=progress)
        if not key.is_file() or not re.search(r"Setup Finished", output):
            raise _translated("plonk setup", output)

    def export_verification_key(self, key: Path) -> VerificationKey:
        """Read the key's head; a test compares with ``snarkjs zkey export verificationkey``."""
        return read_zkey(key).verification_key()

    def prove(self, key: Path, wtns: Path, progress: Progress | None = None) -> tuple[Proof, list[int]]:
        """Run ``snarkjs plonk prove``.

        Raises CircuitError for a circuit without public inputs: snarkjs takes the first Lagrange polynomial
        from those of the public inputs, and there are none.
        """
        if read_zkey(key).public == 0:
            raise CircuitError(
                "snarkjs cannot prove circuits without public inputs",
                hint="Use the native backend, give the circuit an output, or make an input public.",
            )
        open_witness(wtns)
        with TemporaryDirectory(prefix="twopm-zk-") as scratch:
            proof, public = Path(scratch) / "proof.json", Path(scratch) / "public.json"
            output = _run("plonk", "prove", key, wtns, proof, public, timeout=PROVE_TIMEOUT, progress=progress)
            if not proof.is_file() or not public.is_file():
                raise _translated("plonk prove", output)
            values = public_from_json(json.loads(public.read_text()))
            return Proof.from_json(json.loads(proof.read_text())), values

    def verify(self, vk: VerificationKey, public: list[int], proof: Proof) -> bool:
        """Run ``snarkjs plonk verify``."""
        with TemporaryDirectory(prefix="twopm-zk-") as scratch:
            folder = Path(scratch)
            contents = {
                "verification_key": vk.to_json(),
                "public": [str(value) for value in public],
                "proof": proof.to_json(),
            }
            files = []
            for name, content in contents.items():
                files.append(folder / f"{name}.json")
                files[-1].write_text(json.dumps(content))
            finished = programs.run([*_command(), "plonk", "verify", *files], timeout=QUICK_TIMEOUT)
        if finished.code == 0 and "OK!" in finished.output:
            return True
        if re.search(r"Invalid [Pp]roof|not valid", finished.output):
            return False
        raise _translated("plonk verify", finished.output)


def _command() -> list[str | Path]:
    package = npm_package("snarkjs")
    version = npm_version(package)
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if numbers < MINIMUM:
        raise ToolVersionError(
            f"snarkjs {version} is too old; {'.'.join(map(str, MINIMUM))} or newer is needed",
            kind="not-installed",
        )
    return [programs.node(), package / "build" / "cli.cjs"]


def _run(*arguments: str | Path, timeout: float, progress: Progress | None = None) -> str:
    descriptors, words = [], list(arguments)
    for index, word in enumerate(arguments):
        if isinstance(word, Path) and (descriptor := descriptor_of(word)) is not None:
            descriptors.append(descriptor)
        elif isinstance(word, Path):
            words[index] = word.resolve()

    def report(line: str) -> None:
        if progress is not None and "[INFO]" in line:
            progress(line.split("snarkJS:")[-1].strip())

    finished = programs.run([*_command(), *words], timeout=timeout, on_line=report, descriptors=descriptors)
    if finished.code:
        named: Sequence[str] = [word for word in arguments if isinstance(word, str)]
        raise _translated(" ".join(named), finished.output)
    return finished.output


def _translated(what: str, output: str) -> TwopmError:
    original = ToolError(f"`snarkjs {what}` said:\n{output.strip()[-2000:]}")
    for pattern, kind, message in _MESSAGES:
        if re.search(pattern, output):
            error: TwopmError = kind(f"{message} (snarkjs {what})")
            error.__cause__ = original
            return error
    return original


BACKEND = SnarkjsBackend()
