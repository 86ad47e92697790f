"""``spec``: write a specification, check it, and see what it will cost and which columns it makes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.options.participants import spec_argument
from twopm_zk.cli.output import emit, force_option, json_option, print_table, refuse_existing
from twopm_zk.errors import InputError

if TYPE_CHECKING:
    from twopm_zk.task.cost import TaskCost
    from twopm_zk.task.specification import TaskSpec


@click.group()
def spec() -> None:
    """Write a task's specification, check it, and show the columns that it makes.

    \b
    Examples:
      twopm-zk spec new --out spec.toml
      twopm-zk spec check spec.toml
      twopm-zk spec show spec.toml
    """


@spec.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="TOML file to write.")
@click.option(
    "--dictionary", type=click.Path(path_type=Path), help="Data dictionary: CSV with name, type, low, high, unit, ..."
)
@click.option("--label", help="Column that holds the label.")
@click.option("--positive", help="Its value that counts as 1; without it the label holds 0 and 1.")
@click.option(
    "--label-range", metavar="LOW,HIGH[,UNIT]", help="The label is a number in this range: a linear regression."
)
@click.option(
    "--number", "numbers", multiple=True, metavar="NAME=LOW,HIGH[,UNIT]", help="A numeric column; repeatable."
)
@click.option(
    "--category", "categories", multiple=True, metavar="NAME=A|B|C", help="A column of categories; repeatable."
)
@click.option("--missing", multiple=True, metavar="NAME=VALUE", help="What a missing cell stands for; repeatable.")
@click.option("--weights", help="Column that says how many rows a row stands for.")
@click.option("--formula", help="Such as 'died ~ age + ward + age:ward'; default: every column by itself.")
@click.option("--lambda", "penalty", type=float, default=1.0, show_default=True, help="Of the penalty lambda/2 |w|^2.")
@click.option(
    "--statistics/--no-statistics",
    default=True,
    show_default=True,
    help="Prove standard errors and how well the weights predict, once they are certified.",
)
@click.option("--name", default="", help="Of the task.")
@force_option
@json_option
def new(
    out: Path,
    penalty: float,
    name: str,
    formula: str | None,
    statistics: bool,
    force: bool,
    as_json: bool,
    **known: Any,
) -> None:
    """Write a specification from a data dictionary, from options, or from answers in a terminal.

    Ranges, units and categories are public: take them from a code book or from what can be, never from rows. A
    dictionary has a line for each column: name, type (number, category, label, weight, ignore), low, high, unit,
    categories separated by bars, missing, transform, positive. A label with low and high is a number.

    \b
    Examples:
      twopm-zk spec new --out spec.toml
      twopm-zk spec new --out spec.toml --dictionary dictionary.csv
      twopm-zk spec new --out spec.toml --label died --positive yes --number age=0,120,1 --category 'ward=A|B|C'
      twopm-zk spec new --out spec.toml --label spent --label-range 0,2000,0.01 --number income=0,20,0.01 --lambda 0
    """
    from twopm_zk.system.files import write_text
    from twopm_zk.task.canonical import number
    from twopm_zk.task.draft import Draft
    from twopm_zk.task.specification import penalty_on_grid

    refuse_existing(out, force=force)
    if known["dictionary"] is not None:
        entries = _dictionary(known["dictionary"])
    elif known["label"] is not None:
        entries = tuple(_from_options(**known))
    elif _somebody_is_there() and not as_json:
        entries = tuple(_asked())
    else:
        raise InputError(
            "there is nobody to be asked", hint="Give --dictionary FILE, or --label with --number, --category."
        )
    draft = Draft(entries, penalty=penalty_on_grid(penalty), name=name, formula=formula, statistics=statistics)
    text = draft.text()
    write_text(out, text)
    made = draft.spec()
    document = {
        "specification": str(out),
        "columns": list(made.features),
        "lambda": number(made.penalty),
        "warnings": made.warnings(),
    }
    emit(as_json, document, f"{out} makes {len(made.features)} columns. Next: twopm-zk spec check {out}")


@spec.command()
@spec_argument
@click.option("--rows", type=click.IntRange(1), help="Rows of a node, for its proofs and gas in a round.")
@json_option
def check(spec_file: Path, rows: int | None, as_json: bool) -> None:
    """Check a specification: what is allowed and may be unwise, and what the task will cost.

    Errors name the key. Costs are from figures that were measured, on the machine that README names.

    \b
    Examples:
      twopm-zk spec check spec.toml
      twopm-zk spec check spec.toml --rows 900
    """
    from twopm_zk.task.cost import SOURCES, cost_of, rows_cost
    from twopm_zk.task.specification_file import read_spec

    spec = read_spec(spec_file)
    cost = cost_of(spec)
    asked = None if cost is None else rows_cost(spec, rows or spec.minimum_node_rows)
    document: dict[str, Any] = {
        "specification": "0x" + spec.spec_hash.hex(),
        "columns": len(spec.columns),
        "warnings": spec.warnings(),
        "instances": [] if cost is None else [vars(one) | {"seconds": one.seconds} for one in cost.instances],
        "node": None if asked is None else vars(asked),
        "node_most_rows": None if cost is None else cost.most_rows,
        "coordinator_gas_a_round": None if cost is None else cost.coordinator_gas,
        "figures": SOURCES,
    }
    emit(as_json, document, "\n".join(_check_lines(spec, cost, document)))
    if not as_json and cost is not None:
        print_table(
            ("instance", "proves", "domain", "seconds a proof"),
            [(one.name, one.role, _power(one.power), _seconds(one.seconds)) for one in cost.instances],
        )


def _check_lines(spec: TaskSpec, cost: TaskCost | None, document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{len(spec.columns)} columns of the model; specification {document['specification']}"
    from twopm_zk.task.specification import Collects

    for text in document["warnings"]:
        yield f"warning: {text}"
    if cost is None:
        yield f"no circuit takes {len(spec.columns)} columns: training without proofs only"
        return
    if spec.instances is None:
        yield "warning: without `instances` the task cannot be proven; these are the smallest that fit"
    node = document["node"]
    yield (
        f"a node with {node['rows']} rows proves {node['proofs']} updates a round: {_seconds(node['seconds'])} s, "
        f"{node['gas']:,} gas; it may have at most {cost.most_rows:,} rows"
    )
    if node["information_seconds"] is not None:
        when = {Collects.FIRST: "once, before the first gradient", Collects.EVERY_ROUND: "before every gradient"}
        yield (
            f"and as many sums of information {when[cost.collects]}: {_seconds(node['information_seconds'])} s, "
            "the same gas"
        )
    yield f"the coordinator pays {cost.coordinator_gas:,} gas for each move of the weights"
    if not spec.frequencies.trivial:
        yield f"a row stands for up to {spec.frequencies.most} rows, and costs as many"
    yield f"figures: {document['figures']}"


@spec.command()
@spec_argument
@json_option
def show(spec_file: Path, as_json: bool) -> None:
    """Show the columns that a specification makes, with their constants, and how its data are read.

    With --json it is the canonical document, every default written out, whose hash all participants compare.

    \b
    Example:
      twopm-zk spec show spec.toml
    """
    from twopm_zk.task.specification_file import read_spec

    spec = read_spec(spec_file)
    if as_json:
        emit(True, {"hash": "0x" + spec.spec_hash.hex(), "columns": list(spec.features), "document": spec.document})
        return
    made = [
        (c.name, " x ".join(name if power == 1 else f"{name}^{power}" for name, power in c.factors), *_constants(c))
        for c in (*spec.columns, spec.label_column)
    ]
    made[-1] = (made[-1][0], "the label", *made[-1][2:])
    print_table(("column", "made of", "low", "high", "centre", "scale"), made)
    for one in spec.inputs:
        parts = [f"{key} {value}" for key, value in _how(one.document)]
        click.echo(f"{one.name}: {'; '.join(parts)}")
    click.echo(f"read from the data: {', '.join(spec.data_columns)}; anything else is ignored")
    click.echo(f"specification 0x{spec.spec_hash.hex()}")


def _constants(column: Any) -> tuple[str, ...]:
    return tuple(
        "" if value is None else f"{value:g}" for value in (column.low, column.high, column.centre, column.scale)
    )


def _how(document: Any) -> Iterator[tuple[str, str]]:
    for key, value in document.items():
        if key != "name":
            yield key, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _power(power: int | None) -> str:
    return "not measured" if power is None else f"2^{power}"


def _seconds(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds:.2g}"


def _dictionary(path: Path) -> tuple[Mapping[str, str], ...]:
    """The entries of a data dictionary, a CSV file as rows are."""
    from twopm_zk.rows.sources import read_cells
    from twopm_zk.task.draft import entries_of

    cells = read_cells(path)
    table = [[str(cells.columns[name][row]) for name in cells.names] for row in range(cells.rows)]
    return entries_of(cells.names, table)


def _from_options(
    *,
    label: str,
    positive: str | None,
    label_range: str | None,
    numbers: tuple[str, ...],
    categories: tuple[str, ...],
    missing: tuple[str, ...],
    weights: str | None,
    dictionary: None = None,
) -> Iterator[Mapping[str, str]]:
    stands_for = dict(_pair("--missing", one) for one in missing)
    ends = {} if label_range is None else _ends("--label-range", label_range, label_range)
    yield {"name": label, "type": "label", "positive": positive or "", **ends}
    for one in numbers:
        name, text = _pair("--number", one)
        known = _ends("--number", one, text)
        yield {"name": name, "type": "number", **known, "missing": stands_for.pop(name, "")}
    for one in categories:
        name, levels = _pair("--category", one)
        yield {"name": name, "type": "category", "categories": levels, "missing": stands_for.pop(name, "")}
    if weights is not None:
        yield {"name": weights, "type": "weight"}
    if stands_for:
        raise InputError(f"--missing names {next(iter(stands_for))!r}, which is no --number or --category")


def _ends(option: str, given: str, ends: str) -> dict[str, str]:
    parts = ends.split(",")
    if len(parts) not in (2, 3):
        form = given.removesuffix(ends) and "NAME="
        raise InputError(f"{option} {given!r} is not {form}LOW,HIGH or {form}LOW,HIGH,UNIT")
    return dict(zip(("low", "high", "unit"), parts, strict=False))


def _pair(option: str, text: str) -> tuple[str, str]:
    name, sign, rest = text.partition("=")
    if not sign or not name.strip():
        raise InputError(f"{option} {text!r} is not NAME=...")
    return name.strip(), rest


_RANGE = {"low": "smallest", "high": "largest"}


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def _asked() -> Iterator[Mapping[str, str]]:
    """Questions in a terminal, until a column has no name."""
    click.echo("Answer from a code book or from what can be, not from rows: everything here becomes public.")
    label = click.prompt("Column of the label")
    entry = {"name": label, "type": "label"}
    if click.confirm("Is it a number, for a linear regression?", default=False):
        entry |= {key: click.prompt(f"  the {word} value there can be") for key, word in _RANGE.items()}
    else:
        entry["positive"] = click.prompt(
            "Its value that counts as 1 (empty: it holds 0 and 1)", default="", show_default=False
        )
    yield entry
    while name := click.prompt("Next column (empty: no more)", default="", show_default=False):
        entry = {"name": name, "type": click.prompt("  its type", type=click.Choice(["number", "category"]))}
        if entry["type"] == "category":
            entry["categories"] = click.prompt("  its categories, separated by |, the reference level first")
        else:
            entry |= {key: click.prompt(f"  the {word} value there can be") for key, word in _RANGE.items()}
            entry["unit"] = click.prompt("  its unit, such as 1 or 0.1 (empty: none)", default="", show_default=False)
        entry["missing"] = click.prompt(
            "  what a missing cell stands for (empty: refuse)", default="", show_default=False
        )
        yield entry
