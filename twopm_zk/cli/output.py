"""What commands share: options, tables, progress, and one JSON document with ``--json``."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from twopm_zk.circuit.instances import Instance, find_instance
from twopm_zk.errors import InputError
from twopm_zk.system.files import is_file, shown
from twopm_zk.system.progress import Progress

_FRAMES = 4.0
"""Pictures a second that a terminal gets: more would take time from the work."""
_PAUSE = 4.0
"""Seconds between lines that tell of a step where there is no terminal."""
_WIDEST = 10_000
"""Columns of a table in a file or pipe."""
Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
backend_option = click.option(
    "--backend", type=click.Choice(["native", "snarkjs"]), help="Prover to use; default: native where it is built."
)
out_option = click.option("--out", type=click.Path(path_type=Path), required=True, help="Where to write the result.")
force_option = click.option("--force", is_flag=True, help="Replace files that are there.")


def resolve_circuit(name: str) -> Instance | Path:
    """An instance by name, or the path of a user's own ``.circom`` file."""
    if name.endswith(".circom"):
        path = Path(name)
        if not is_file(path):
            raise InputError(f"circuit {shown(name)} is not a file")
        return path
    return find_instance(name)


def refuse_existing(*targets: Path, force: bool, option: str = "--out") -> None:
    """Nothing that the user names is overwritten without --force; InputError before any work is done."""
    found = None if force else next((target for target in targets if _exists(target)), None)
    if found is not None:
        raise InputError(f"{shown(found)} exists", hint=f"Give another {option}, or --force to replace it.")


def refuse_unwritable(target: Path, *, force: bool, option: str = "--out") -> None:
    """InputError for a file that could not be written once the work is done: it exists, or its folder allows none."""
    refuse_existing(target, force=force, option=option)
    if _exists(target) and not target.is_file():
        raise InputError(f"{option} {shown(target)} is not a file")
    nearest = next(parent for parent in target.absolute().parents if _exists(parent))
    if not nearest.is_dir():
        raise InputError(f"{shown(target)} cannot be written: {shown(nearest)} is a file, not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"{shown(target)} cannot be written: nobody may write to {shown(nearest)}")


def out_folder(out: Path, names: Sequence[str], *, force: bool) -> list[Path]:
    """The files that a command is to write in a folder. InputError where they exist, or ``out`` is a file."""
    if _exists(out) and not out.is_dir():
        raise InputError(f"--out {shown(out)} is a file, not a folder")
    targets = [out / name for name in names]
    refuse_existing(*targets, force=force)
    return targets


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError) as error:
        raise InputError(f"{shown(path)} cannot be written: {getattr(error, 'strerror', 'no file name')}") from error


def emit(as_json: bool, document: Mapping[str, Any], text: str | None = None) -> None:
    """Print the result: ``document`` with --json, else ``text``, or the document as aligned lines."""
    if as_json:
        click.echo(json.dumps(document, indent=2))
    elif text is not None:
        click.echo(text)
    else:
        width = max(len(key) for key in document)
        for key, value in document.items():
            shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
            click.echo(f"{key.replace('_', ' '):<{width}}  {shown}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> None:
    """A table on standard output: folded to a terminal's width, in a file or pipe as wide as it is; nothing is cut."""
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))  # as it is: `ward[B]` is a name, and no markup
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = Measurement.get(console, console.options.update(max_width=_WIDEST), table).maximum
    console.print(table)


class Steps:
    """Progress on standard error: one line for each step, with its time; silent with --json."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[Progress]:
        """Time a step; the yielded function shows what is going on within it.

        Where no terminal can show it in place, in a log, it is a line now and then.
        """
        started = time.perf_counter()
        if self._console.is_terminal:
            with self._console.status(name, refresh_per_second=_FRAMES) as status:
                yield lambda line: status.update(f"{name}: {line[:80]}")
        else:
            with self._telling(name) as show:
                yield show
        self.seconds[name] = time.perf_counter() - started
        self._console.print(f"[green]✓[/green] {name} [dim]{self.seconds[name]:.2f} s[/dim]")

    @contextmanager
    def _telling(self, name: str) -> Iterator[Progress]:
        """A line now and then of what is going on, also where nothing is heard of it."""
        ended, last = threading.Event(), ""

        def show(line: str) -> None:
            nonlocal last
            last = f": {line}"

        def tell() -> None:
            while not ended.wait(_PAUSE):
                self.note(f"[dim]{name}{last}[/dim]")

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield show
        finally:
            ended.set()
            thread.join()

    def note(self, text: str) -> None:
        """A line of its own, such as a warning."""
        self._console.print(text, soft_wrap=True)

    def aside(self, text: str) -> None:
        """A line that matters less, as it is: what it names may have brackets."""
        from rich.markup import escape

        self.note(f"[dim]{escape(text)}[/dim]")

    def warn(self, text: str) -> None:
        """A line that should not be missed."""
        self.note(f"[yellow]{text}[/yellow]")


def many(count: int, one: str, more: str = "") -> str:
    """A number of things, in words: `1 update`, `2 updates`."""
    return f"{count} {one if count == 1 else more or one + 's'}"


def step_after_step(steps: Steps, present: ExitStack) -> Callable[[str, str], None]:
    """Progress of an audit as one step after the other; ``present`` ends the last one."""
    name = ""
    show: Callable[[str], None] = lambda detail: None  # noqa: E731

    def progress(step: str, detail: str) -> None:
        nonlocal name, show
        if step != name:
            present.close()
            name, show = step, present.enter_context(steps.step(step))
        show(detail)

    return progress
