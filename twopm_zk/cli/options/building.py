"""Keys of a circuit, as several commands make them."""

from __future__ import annotations

from pathlib import Path

import click

from twopm_zk.circuit.compilation import Circuit
from twopm_zk.cli.output import Steps
from twopm_zk.errors import InputError, PtauTooSmallError
from twopm_zk.plonk.keys import Keys
from twopm_zk.plonk.keys import setup as make_keys
from twopm_zk.plonk.ptau import insecure_ptau

circuit_argument = click.argument("circuit")
ptau_option = click.option(
    "--ptau",
    type=click.Path(path_type=Path),
    help="Powers-of-tau file of a ceremony. Without it an insecure development file is made.",
)


def warn_if_insecure(steps: Steps, keys: Keys) -> None:
    """Say in every command that uses them what development keys are."""
    if keys.insecure:
        steps.note(
            f"[yellow]Insecure keys ({keys.ptau_origin}): anybody can forge proofs under them. For development only; "
            "`twopm-zk setup --ptau FILE` makes real ones.[/yellow]"
        )


def obtain_keys(
    circuit: Circuit,
    steps: Steps,
    *,
    ptau: Path | None = None,
    ptau_power: int | None = None,
    ptau_digest: str | None = None,
    backend: str | None = None,
) -> Keys:
    """Keys of a compiled circuit, with progress."""
    if ptau is not None and ptau_power is not None:
        raise InputError("--ptau names a file, --ptau-power asks for a development one: give one of them")
    if ptau_digest is not None and ptau is None:
        raise InputError("--ptau-digest needs --ptau")
    with steps.step(f"keys of {circuit.name}") as progress:
        if ptau_power is not None:
            if ptau_power < circuit.power:
                raise PtauTooSmallError(
                    f"{circuit.name!r} needs {circuit.gates} gates; ptau power {ptau_power} covers {2**ptau_power}.",
                    hint=f"Use power {circuit.power} or more: "
                    f"twopm-zk setup {circuit.name} --ptau-power {circuit.power}",
                )
            insecure_ptau(ptau_power, progress=progress)
        keys = make_keys(circuit, ptau=ptau, ptau_digest=ptau_digest, backend=backend, progress=progress)
    warn_if_insecure(steps, keys)
    return keys
