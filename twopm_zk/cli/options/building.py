"""From a circuit's name to its keys, as several commands go there."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

from twopm_zk.circuit.compilation import Circuit, compile_circuit
from twopm_zk.cli.output import Command, Steps, backend_option, resolve_circuit
from twopm_zk.errors import InputError, PtauTooSmallError
from twopm_zk.plonk.keys import UNTRUSTED, Keys, too_small
from twopm_zk.plonk.keys import setup as make_keys
from twopm_zk.plonk.ptau import accept_ptau, insecure_ptau
from twopm_zk.system.progress import Progress
from twopm_zk.system.side_by_side import side_by_side

circuit_argument = click.argument("circuit")
library_option = click.option(
    "-l",
    "--library",
    "libraries",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Folder in which a .circom file's includes are looked up, before the usual ones; repeatable.",
)


def ptau_options(command: Command) -> Command:
    """Where the secret of the keys comes from. A digest is accepted before the command begins, and remembered."""

    @click.option(
        "--ptau",
        type=click.Path(path_type=Path),
        help="Powers-of-tau file of a ceremony. Without it an insecure development file is made.",
    )
    @click.option(
        "--ptau-digest",
        metavar="HEX",
        help="BLAKE2b-512 of a --ptau outside the published table that you trust; needed once for a file.",
    )
    @wraps(command)
    def accepting(*arguments: Any, ptau: Path | None, ptau_digest: str | None, **options: Any) -> Any:
        if ptau_digest is not None:
            if ptau is None:
                raise InputError("--ptau-digest needs --ptau")
            accept_ptau(ptau, ptau_digest)
        return command(*arguments, ptau=ptau, **options)

    return accepting  # type: ignore[return-value]  # wraps keeps the command's own parameters, click adds the rest


def key_options(command: Command) -> Command:
    """How the keys of a circuit are made, and by which prover."""
    return ptau_options(backend_option(command))


def warn_if_insecure(steps: Steps, keys: Keys) -> None:
    """Say in every command that uses them what development keys are."""
    if keys.ptau_origin == UNTRUSTED:
        steps.warn(
            f"Insecure keys ({keys.ptau_origin}): whoever knows the secret of this ptau can forge proofs. If you trust "
            f"its ceremony, say so once for this file: --ptau-digest {keys.ptau_digest}"
        )
    elif keys.insecure:
        steps.warn(
            f"Insecure keys ({keys.ptau_origin}): anybody can forge proofs under them. For development only; "
            "`twopm-zk setup --ptau FILE` makes real ones."
        )


def compile_all(names: Sequence[str], steps: Steps, libraries: Sequence[Path] = ()) -> dict[str, Circuit]:
    """The compiled circuits that a command line names, side by side, with progress."""
    sources = {name: resolve_circuit(name) for name in names}
    with steps.step(f"compile {', '.join(sources)}") as progress:

        def make(name: str) -> Circuit:
            return compile_circuit(sources[name], libraries=libraries, progress=progress)

        return side_by_side(list(sources), make, progress=progress)


def compile_named(circuit: str, steps: Steps, libraries: Sequence[Path] = ()) -> Circuit:
    """The compiled circuit that a command line names, with progress."""
    return compile_all([circuit], steps, libraries)[circuit]


def obtain_keys(
    circuit: Circuit,
    steps: Steps,
    *,
    named: str | None = None,
    ptau: Path | None = None,
    ptau_power: int | None = None,
    backend: str | None = None,
) -> Keys:
    """Keys of a compiled circuit, with progress; ``named`` is what the command line calls the circuit."""
    if ptau is not None and ptau_power is not None:
        raise InputError("--ptau names a file, --ptau-power asks for a development one: give one of them")
    with steps.step(f"keys of {circuit.name}") as progress:
        try:
            if ptau_power is not None:
                _make_development_ptau(circuit, ptau_power, progress)
            keys = make_keys(circuit, ptau=ptau, backend=backend, progress=progress)
        except PtauTooSmallError as error:
            error.facts["circuit"] = shlex.quote(named or circuit.name)
            raise
    warn_if_insecure(steps, keys)
    return keys


def _make_development_ptau(circuit: Circuit, power: int, progress: Progress) -> None:
    if power < circuit.power:
        raise too_small(circuit, power, "a development ptau", chosen=True)
    insecure_ptau(power, progress=progress)
