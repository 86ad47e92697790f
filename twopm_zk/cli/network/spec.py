"""``spec``: write a specification, check it, and see what it will cost and which columns it makes."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.network.federated import check_federated, initial
from twopm_zk.cli.network.spec_privacy import print_privacy, privacy_document
from twopm_zk.cli.options.participants import spec_argument
from twopm_zk.cli.options.privacy import privacy_asked, privacy_options
from twopm_zk.cli.output import emit, force_option, json_option, many, print_table, refuse_existing
from twopm_zk.errors import InputError

if TYPE_CHECKING:
    from twopm_zk.privacy.terms import Privacy
    from twopm_zk.task.cost import RowsCost, TaskCost
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


spec.add_command(initial)


@spec.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="TOML file to write.")
@click.option(
    "--dictionary", type=click.Path(path_type=Path), help="Data dictionary: CSV with name, type, low, high, unit, ..."
)
@click.option("--label", help="Column that holds the label.")
@click.option("--positive", help="Its value that counts as 1; without it the label holds 0 and 1.")
@click.option(
    "--negative", multiple=True, help="A value that counts as 0; default: whatever else there is. Repeatable."
)
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
    default=None,
    help="Prove standard errors and how well the weights predict, once they are certified.  "
    "[default: statistics; none with --epsilon, of which they take a part]",
)
@privacy_options
@click.option(
    "--batch",
    type=click.IntRange(1),
    help="Rows of a batch, which is one proof, up to those of the largest circuit: the more, the fewer proofs, and the "
    "less gas, time and the more memory.  [default: 119, or nearly]",
)
@click.option("--name", default="", help="Of the task.")
@click.option("--data-name", default="", help="Of the data set, which tasks can share; default: the task's name.")
@click.option(
    "--issuer", "issuers", metavar="ADDRESS", multiple=True, help="May attest to each owner's data; repeatable."
)
@force_option
@json_option
def new(
    out: Path,
    penalty: float,
    name: str,
    formula: str | None,
    statistics: bool | None,
    privacy: Privacy | None,
    data_name: str,
    issuers: tuple[str, ...],
    batch: int | None,
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
      twopm-zk spec new --out spec.toml --label died --positive yes --negative no --number age=0,120,1
      twopm-zk spec new --out spec.toml --label spent --label-range 0,2000,0.01 --number income=0,20,0.01 --lambda 0
      twopm-zk spec new --out spec.toml --label died --number age=0,120,1 --epsilon 1 --clip 4
      twopm-zk spec new --out spec.toml --label died --number age=0,120,1 --batch 1023
      twopm-zk spec new --out spec.toml --label died --number age=0,120,1 --issuer 0x90F7...b906
    """
    from twopm_zk.system.files import write_text
    from twopm_zk.task.canonical import number
    from twopm_zk.task.draft import Draft

    if out.suffix != ".toml":
        raise InputError(f"a specification is written as TOML: {out.name!r} does not end in .toml")
    refuse_existing(out, force=force)
    dictionary, label = known.pop("dictionary"), known["label"]
    given = [f"--{_OPTIONS.get(key, key)}".replace("_", "-") for key, value in known.items() if value]
    if dictionary is not None:
        if given:
            raise click.UsageError(f"{given[0]} does not go with --dictionary, which says it of every column")
        entries = _dictionary(dictionary)
    elif label is not None:
        entries = tuple(_from_options(**known))
    elif given:
        raise click.UsageError(f"{given[0]} goes with --label")
    elif _somebody_is_there() and not as_json:
        entries = tuple(_asked())
        privacy = privacy or privacy_asked()
    else:
        raise InputError(
            "there is nobody to be asked", hint="Give --dictionary FILE, or --label with --number, --category."
        )
    statistics = privacy is None if statistics is None else statistics
    draft = Draft(
        entries,
        penalty=penalty,
        name=name,
        formula=formula,
        privacy=privacy,
        data_name=data_name,
        issuers=issuers,
        statistics=statistics,
        batch=batch,
    )
    text = draft.text()
    write_text(out, text)
    made = draft.spec()
    document = {
        "specification": str(out),
        "family": made.family,
        "columns": list(made.features),
        "lambda": number(made.penalty),
        "statistics": made.statistics.evaluates,
        "proven": made.instances is not None,
        "privacy": made.document.get("privacy"),
        "provenance": made.document.get("provenance"),
        "warnings": made.warnings(),
    }
    said = [f"{out} makes {len(made.features)} columns of a {_MODELS[made.family]} regression."]
    if made.penalty != penalty:
        said.append(f"lambda is {number(made.penalty)}, the nearest to {number(penalty)} that there is.")
    if made.instances is None:
        said.append("No circuit takes as many: training without proofs only, and without `statistics`.")
    elif statistics and not made.statistics.evaluates:
        said.append("No circuit of `statistics` takes as many.")
    emit(as_json, document, " ".join([*said, f"Next: twopm-zk spec check {out}"]))


_OPTIONS = {"numbers": "number", "categories": "category"}
"""Whose names are not those of their values."""
_MODELS = {"logistic": "logistic", "gaussian": "linear"}


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
    from twopm_zk.federated import FederatedSpec, read_specification
    from twopm_zk.task.cost import SOURCES, cost_of, rows_cost

    spec = read_specification(spec_file)
    if isinstance(spec, FederatedSpec):
        check_federated(spec, as_json=as_json)
        return
    cost = cost_of(spec)
    asked = None if cost is None else rows_cost(spec, rows or spec.minimum_node_rows)
    document: dict[str, Any] = {
        "specification": "0x" + spec.spec_hash.hex(),
        **datasets_document(spec),
        "columns": len(spec.columns),
        "warnings": spec.warnings(),
        "privacy": privacy_document(spec),
        "instances": [] if cost is None else [vars(one) | {"seconds": one.seconds} for one in cost.instances],
        "node": None if asked is None else _node_document(asked),
        "node_most_rows": None if cost is None else cost.most_rows,
        "figures": SOURCES,
    }
    emit(as_json, document, "\n".join(_check_lines(spec, cost, document)))
    if not as_json and cost is not None:
        print_table(
            ("instance", "proves", "domain", "seconds a proof"),
            [(one.name, one.role, _power(one.power), _seconds(one.seconds)) for one in cost.instances],
        )
    if not as_json:
        print_privacy(spec)


def _check_lines(spec: TaskSpec, cost: TaskCost | None, document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{len(spec.columns)} columns of the model; specification {document['specification']}"
    for text in document["warnings"]:
        yield f"warning: {text}"
    if cost is None:
        yield f"no circuit takes {len(spec.columns)} columns: training without proofs only"
        return
    if spec.instances is None:
        yield "warning: without `instances` the task cannot be proven; these are the smallest that fit"
    node = document["node"]
    proofs = many(node["proofs"], "update")
    yield (
        f"a node with {node['rows']} rows proves {proofs} a round, and pays {node['gas']:,} gas; it "
        f"may have at most {cost.most_rows:,} rows"
    )
    for one in node["rounds"]:
        yield (
            f"a round of {one['collects']} {one['when']}: {_seconds(one['seconds'])} s of the node, "
            f"{one['coordinator_gas']:,} gas of the coordinator"
        )
    if spec.statistics.held_out:
        yield "and an evaluation of held-out rows once, after all others: likewise for each batch of them"
    if not spec.frequencies.trivial:
        yield f"a row stands for up to {spec.frequencies.most} rows, and costs as many"
    yield f"figures: {document['figures']}"


def _node_document(cost: RowsCost) -> dict[str, Any]:
    rounds = [vars(one) | {"collects": one.collects.name.lower()} for one in cost.rounds]
    return {"rows": cost.rows, "proofs": cost.proofs, "gas": cost.gas, "rounds": rounds}


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
        columns = list(spec.features)
        known = {"hash": "0x" + spec.spec_hash.hex(), **datasets_document(spec), "columns": columns}
        emit(True, known | {"document": spec.document})
        return
    made = [
        (
            c.name,
            " x ".join(name if power == 1 else f"{name}^{power}" for name, power in c.factors),
            *_constants(c),
        )
        for c in (*spec.columns, spec.label_column)
    ]
    made[-1] = (made[-1][0], "the label", *made[-1][2:])
    print_table(("column", "made of", "low", "high", "centre", "scale"), made)
    lost = {column.name: column.loses(spec.format) for column in (*spec.columns, spec.label_column)}
    if rounded := [f"{name} by {most:.2g}" for name, most in lost.items() if most]:
        click.echo(f"values are rounded, at most: {', '.join(rounded)}; a `unit` or a narrower range makes it less")
    for one in spec.inputs:
        parts = [f"{key} {value}" for key, value in _how(one.document)]
        click.echo(f"{one.name}: {'; '.join(parts)}")
    print_privacy(spec)
    click.echo(f"read from the data: {', '.join(spec.data_columns)}; anything else is ignored")
    click.echo(f"data set 0x{spec.data_terms.id.hex()}")
    if spec.statistics.held_out:
        click.echo(f"of held-out rows 0x{spec.held_out_terms.id.hex()}")
    if spec.provenance is not None:
        click.echo(f"an owner's data take an attestation by any one of {', '.join(spec.provenance.issuers)}")
    click.echo(f"specification 0x{spec.spec_hash.hex()}")


def datasets_document(spec: TaskSpec) -> dict[str, str | None]:
    """The ids of the data sets that a specification's tasks take."""
    held_out = "0x" + spec.held_out_terms.id.hex() if spec.statistics.held_out else None
    return {"dataset": "0x" + spec.data_terms.id.hex(), "held_out_dataset": held_out}


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
    if cells.ragged:
        line, said = next(iter(cells.ragged.items()))
        raise InputError(f"the data dictionary's entry {line} {said}")
    table = [[str(cells.columns[name][row]) for name in cells.names] for row in range(cells.rows)]
    found = entries_of(cells.names, table)
    if cells.dialect is None or cells.dialect.decimal == ".":
        return found
    return tuple(
        {
            key: text.replace(",", ".") if key in ("low", "high", "unit", "missing") else text
            for key, text in one.items()
        }
        for one in found
    )


def _from_options(
    *,
    label: str,
    positive: str | None,
    negative: tuple[str, ...],
    label_range: str | None,
    numbers: tuple[str, ...],
    categories: tuple[str, ...],
    missing: tuple[str, ...],
    weights: str | None,
) -> Iterator[Mapping[str, str]]:
    pairs = [_pair("--missing", one) for one in missing]
    stands_for = dict(pairs)
    if len(stands_for) < len(pairs):
        raise InputError("--missing names a column twice")
    ends = {} if label_range is None else _ends("--label-range", label_range, label_range)
    if negative and positive is None:
        raise InputError("--negative goes with --positive")
    yield {"name": label, "type": "label", "positive": positive or "", "negative": "|".join(negative), **ends}
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


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def _asked() -> Iterator[Mapping[str, str]]:
    """Questions in a terminal, until a column has no name; what cannot be is asked again."""
    click.echo("Answer from a code book or from what can be, not from rows: everything here becomes public.")
    entry = {"name": click.prompt("Column of the label"), "type": "label"}
    if click.confirm("Is it a number, for a linear regression?", default=False):
        entry |= _range_asked()
    elif positive := _maybe("Its value that counts as 1 (empty: it holds 0 and 1)"):
        entry["positive"] = positive
        entry["negative"] = _maybe("Values that count as 0, separated by | (empty: whatever else there is)")
    yield entry
    while name := _maybe("Next column (empty: no more)"):
        entry = {"name": name, "type": click.prompt("  its type", type=click.Choice(["number", "category"]))}
        stands_for: Callable[[str], str] = str
        if entry["type"] == "category":
            text = "  its categories, separated by |, the reference level first"
            entry["categories"] = click.prompt(text, value_proc=_categories)
        else:
            entry |= _range_asked()
            entry["unit"] = _maybe("  its unit, such as 1 or 0.1 (empty: none)", _positive)
            stands_for = _a_number
        entry["missing"] = _maybe("  what a missing cell stands for (empty: refuse)", stands_for)
        yield entry


def _maybe(question: str, value_of: Callable[[str], str] = str) -> str:
    """An answer that may be empty."""
    return str(click.prompt(question, default="", show_default=False, value_proc=lambda text: text and value_of(text)))


def _range_asked() -> dict[str, str]:
    low = click.prompt("  the smallest value there can be", value_proc=_a_number)

    def above(text: str) -> str:
        if float(_a_number(text)) <= float(low):
            raise click.UsageError(f"it must be above {low}")
        return text.strip()

    return {"low": low, "high": click.prompt("  the largest value there can be", value_proc=above)}


def _a_number(text: str) -> str:
    from twopm_zk.system.parsing import parse_number

    try:
        finite = math.isfinite(parse_number(text))
    except ValueError:
        finite = False
    if not finite:
        raise click.UsageError("it must be a number, such as 12 or 0.5")
    return text.strip()


def _positive(text: str) -> str:
    if float(_a_number(text)) <= 0:
        raise click.UsageError("it must be above 0")
    return text.strip()


def _categories(text: str) -> str:
    if len({part.strip() for part in text.split("|")} - {""}) < _FEWEST_CATEGORIES:
        raise click.UsageError("there must be two or more")
    return text


_FEWEST_CATEGORIES = 2
