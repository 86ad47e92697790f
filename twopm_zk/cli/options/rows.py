"""How commands read rows: what a CSV file is like is detected, said, and can be given."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.output import Command

if TYPE_CHECKING:
    from twopm_zk.rows.cells import Cells, CsvOptions
    from twopm_zk.task.specification import TaskSpec

_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "\\t": "\t", "point": "."}


def data_option(*, required: bool) -> Callable[[Command], Command]:
    """The option that names the rows."""
    more = "" if required else "; needed the first time only"
    return click.option(
        "--data", "rows", type=click.Path(path_type=Path), required=required, help=f"CSV or Parquet file of rows{more}."
    )


def held_out_option(command: Command) -> Command:
    """Add the option that names rows which are kept out of training, passed on as ``held_out``."""
    return click.option(
        "--held-out",
        "held_out",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Other rows, kept out of training: the certified weights are evaluated on them, where SPEC asks for that.",
    )(command)


def held_out_notes(spec: TaskSpec, *, there: bool) -> list[str]:
    """What an owner should know who gives no held-out rows although the specification asks for them."""
    from twopm_zk.rows.check import without_held_out

    said = "" if there else without_held_out(spec)
    return [f"{said[:1].upper()}{said[1:]} Give yours with --held-out FILE."] if said else []


def csv_options(command: Command) -> Command:
    """Add what is known of a CSV file, passed on as ``csv``."""

    @click.option("--delimiter", metavar="SIGN", help="What separates cells: a sign, or comma, semicolon, tab, bar.")
    @click.option("--quote", metavar="SIGN", help="What cells are quoted by.")
    @click.option(
        "--encoding", metavar="NAME", help="Such as utf-8, cp1252. Default of these four: detected, and said."
    )
    @click.option("--decimal", type=click.Choice(["point", "comma"]), help="The decimal sign.")
    @wraps(command)
    def wrapped(
        *args: Any,
        delimiter: str | None,
        quote: str | None,
        encoding: str | None,
        decimal: str | None,
        **kwargs: Any,
    ) -> Any:
        from twopm_zk.rows.cells import CsvOptions

        sign = None if delimiter is None else _NAMES.get(delimiter, delimiter)
        return command(*args, csv=CsvOptions(sign, quote, encoding, decimal and _NAMES[decimal]), **kwargs)

    return wrapped  # type: ignore[return-value]


def read_rows(path: Path, spec: TaskSpec | None, csv: CsvOptions, tell: Callable[[str], object]) -> Cells:
    """The columns of a file that a specification names, or all; ``tell`` hears what was detected."""
    from twopm_zk.rows.sources import read_cells

    cells = read_cells(path, wanted=None if spec is None else spec.data_columns, options=csv)
    if cells.dialect is not None:
        tell(f"{path}: {cells.dialect.sentence}")
    return cells


def teller(as_json: bool) -> Callable[[str], object]:
    """Lines on standard error, and none with --json."""
    return (lambda line: None) if as_json else (lambda line: click.echo(line, err=True))
