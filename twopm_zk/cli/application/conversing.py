"""What the commands of conversations share: how answers are drawn, printed as they come, and kept."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.output import Command, emit
from twopm_zk.errors import InputError

if TYPE_CHECKING:
    from twopm_zk.chat.question import Question
    from twopm_zk.conversation.receipt import KeptAnswer
    from twopm_zk.conversation.tokens import Message
    from twopm_zk.conversation.transcript import Transcript

_SEED_BYTES = 32
keep_option = click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), help="Folder for receipts, or transcripts, of answers."
)


@dataclass(frozen=True)
class How:
    """How answers are drawn."""

    seed: bytes | None
    temperature: float
    max_tokens: int

    def question(self, messages: Sequence[Message]) -> Question:
        """A question that is answered so; with a fresh seed where none was given."""
        from twopm_zk.chat.question import Question
        from twopm_zk.conversation.sampling import thousandths

        found = Question(tuple(messages), temperature=thousandths(self.temperature), max_tokens=self.max_tokens)
        return found if self.seed is None else replace(found, seed=self.seed)


def how_options(command: Command) -> Command:
    """Add how answers are drawn, passed on as ``how``."""

    @click.option("--seed", metavar="HEX", help="32 bytes that draws follow from; default: fresh ones for each answer.")
    @click.option(
        "--temperature", type=float, default=0.0, show_default=True, help="0 takes the likeliest token; up to 10."
    )
    @click.option("--max-tokens", type=click.IntRange(1, 2048), default=256, show_default=True, help="Of each answer.")
    @wraps(command)
    def wrapped(*args: Any, seed: str | None, temperature: float, max_tokens: int, **kwargs: Any) -> Any:
        return command(*args, how=How(_seed_of(seed), temperature, max_tokens), **kwargs)

    return wrapped  # type: ignore[return-value]


def _seed_of(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != _SEED_BYTES:
        raise InputError(f"--seed has {2 * _SEED_BYTES} hex digits, {_SEED_BYTES} bytes")
    return found


def answer_of(pieces: Iterable[str | KeptAnswer | Transcript], keep: Path | None, *, quiet: bool) -> dict[str, Any]:
    """Print an answer as it comes unless ``quiet``, and keep it; what was answered."""
    from twopm_zk.conversation.receipt import KeptAnswer

    text: list[str] = []
    kept: KeptAnswer | Transcript | None = None
    for found in pieces:
        if isinstance(found, str):
            text.append(found)
            if not quiet:
                click.echo(shown_text(found), nl=False)
                sys.stdout.flush()
        else:
            kept = found
    transcript = kept.transcript if isinstance(kept, KeptAnswer) else kept
    return {
        "text": "".join(text),
        "transcript": None if transcript is None else transcript.digest.hex(),
        "operator": kept.signed.receipt.operator if isinstance(kept, KeptAnswer) else None,
        "file": None if keep is None or kept is None else str(_written(keep, kept)),
    }


def shown_text(text: str) -> str:
    """A text as a terminal may have it: what somebody else has said must not move its cursor, or worse."""
    return "".join(
        letter if letter in "\n\t" or unicodedata.category(letter)[0] != "C" else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )


def _written(folder: Path, kept: KeptAnswer | Transcript) -> Path:
    from twopm_zk.conversation.receipt import KeptAnswer

    if isinstance(kept, KeptAnswer):
        name, digest, content = "receipt", kept.transcript.digest, json.dumps(kept.to_json())
    else:
        name, digest, content = "transcript", kept.digest, kept.to_json()
    return write_private(folder / f"{name}-{digest.hex()[:12]}.json", content)


def write_private(path: Path, content: str) -> Path:
    """Write a file for its owner only, with the folder that it is in."""
    from twopm_zk.system.files import write_text

    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, content, private=True)
    return path


def emit_answer(found: dict[str, Any], as_json: bool) -> None:
    """An answer as one document; its text was printed as it came."""
    if as_json:
        emit(True, found)
        return
    click.echo()
    if found["file"] is not None:
        click.echo(f"kept: {found['file']}", err=True)


def read_kept(file: Path) -> tuple[KeptAnswer | None, Transcript]:
    """A receipt with its transcript, or a transcript alone. InputError for another file."""
    from twopm_zk.conversation.receipt import MAX_FILE, KeptAnswer
    from twopm_zk.conversation.transcript import Transcript
    from twopm_zk.system.files import is_file, shown
    from twopm_zk.system.parsing import read_json

    if is_file(file) and file.stat().st_size > MAX_FILE:
        raise InputError(f"{shown(file)} has more than {MAX_FILE} bytes, and is no receipt")
    document = read_json(file, what="receipt")
    if isinstance(document, dict) and "receipt" in document:
        kept = KeptAnswer.from_document(document)
        return kept, kept.transcript
    return None, Transcript.from_document(document)
