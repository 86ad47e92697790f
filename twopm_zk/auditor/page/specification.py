"""A task's specification in words: what its participants have agreed on."""

from __future__ import annotations

from twopm_zk.auditor.page.context import ReportContext
from twopm_zk.auditor.report import AuditReport
from twopm_zk.html import Column, Html, definitions, element, items, joined, paragraph, section, table
from twopm_zk.statements import Family
from twopm_zk.task import columns as task_columns
from twopm_zk.task.inputs import Input
from twopm_zk.task.parts.step_rule import Collects
from twopm_zk.task.specification import SECONDS, TaskSpec

_WHEN = {
    Collects.NEVER: "never before a move",
    Collects.FIRST: "once, before the first gradient",
    Collects.EVERY_ROUND: "before every gradient",
}


def specification(report: AuditReport, context: ReportContext) -> Html:
    """The hash, and where the specification was given all of it; nothing where not even the hash is known."""
    spec = context.specification
    digest = paragraph("Its hash, which every proof of the task is bound to: ", element("code", report.spec_hash))
    if spec is None:
        if not report.spec_hash:
            return Html()
        return section("The specification", digest, paragraph("Its text was not given to this audit."))
    warned = spec.warnings()
    return section(
        "The specification",
        digest if report.spec_hash else "",
        element("h3", "What is modelled"),
        definitions(_model(spec)),
        element("h3", "Columns"),
        _columns(spec),
        _inputs(spec),
        element("h3", "How it is trained"),
        definitions(_rules(spec)),
        joined(element("h3", "What is allowed and may be unwise"), items(warned)) if warned else Html(),
    )


def _model(spec: TaskSpec) -> dict[str, str]:
    gaussian = spec.family is Family.GAUSSIAN
    facts = {
        "name": spec.name or "none",
        "family": f"{spec.family.value}: {'a linear' if gaussian else 'a logistic'} regression",
        "label": _label(spec),
        "read from the data": f"{', '.join(spec.data_columns)}; anything else is ignored",
    }
    if spec.data_name is not None:
        facts["data set"] = spec.data_name
    if spec.provenance is not None:
        facts["attested by any one of"] = ", ".join(spec.provenance.issuers)
    counted = spec.frequencies
    if counted.column is not None:
        facts["rows count as often as"] = f"their cell of {counted.column} says"
    if (counted.negative, counted.positive) != (1, 1):
        facts["weights of classes"] = f"a row of class 0 counts {counted.negative} times, of class 1 {counted.positive}"
    return facts


def _label(spec: TaskSpec) -> str:
    if spec.family is Family.GAUSSIAN:
        return f"{spec.label}, a number{_range(spec.label_column)}"
    outcome = spec.outcome
    if outcome.positive is None:
        return f"{spec.label}, 0 or 1"
    others = ", ".join(outcome.negative) or "any one other value"
    return f"{spec.label}: {outcome.positive} counts as 1, {others} as 0"


def _range(column: task_columns.Column) -> str:
    said = f" from {column.low:g} to {column.high:g}" if column.low is not None and column.high is not None else ""
    return said + (f" in steps of {column.unit:g}" if column.unit is not None else "")


def _columns(spec: TaskSpec) -> Html:
    rows = [
        (
            column.name,
            " × ".join(name if power == 1 else f"{name}^{power}" for name, power in column.factors),
            *("" if value is None else f"{value:g}" for value in (column.low, column.high, column.unit)),
            f"{column.centre:g}",
            f"{column.scale:g}",
        )
        for column in spec.columns
    ]
    text = [Column("column", left=True), Column("made of", left=True, wide=True)]
    explained = (
        "A value x enters the model as (x − centre) / scale, in fixed point of "
        f"{spec.format.bits} bits, {spec.format.frac_bits} of them fractional. Values are low plus multiples of the "
        "unit, where there is one. All constants are public, and follow from no rows."
    )
    return joined(
        table("Columns of the model", [*text, "low", "high", "unit", "centre", "scale"], rows), paragraph(explained)
    )


def _inputs(spec: TaskSpec) -> Html:
    if not spec.inputs:
        return Html()
    rows = [(one.name, _read(one)) for one in spec.inputs]
    columns = [Column("column of the data", left=True), Column("how it is read", wide=True)]
    return joined(element("h3", "How cells are read"), table("How cells are read", columns, rows))


def _read(one: Input) -> str:
    said = []
    if one.categories:
        said.append(f"one of {', '.join(one.categories)}; {one.categories[0]} is the reference")
    if one.low is not None or one.high is not None:
        ends = [f"{name} {value:g}" for name, value in (("low", one.low), ("high", one.high)) if value is not None]
        said.append(", ".join(ends))
    if one.winsorise is not None:
        said.append("values beyond {:g} and {:g} are taken as these".format(*one.winsorise))
    if one.transform is not None:
        said.append("enters as log(1 + x)")
    if one.missing is not None:
        value = one.missing if isinstance(one.missing, str) else f"{one.missing:g}"
        said.append(f"a missing cell stands for {value}, with an indicator")
    return "; ".join(said) or "a number"


def _rules(spec: TaskSpec) -> dict[str, str]:
    asked, promised = spec.statistics, spec.privacy
    wanted = {
        "information": asked.information,
        "evaluation": asked.evaluation,
        "evaluation on held-out rows": asked.held_out,
    }
    chosen = ", ".join(name for name, there in wanted.items() if there) or "nothing"
    seconds = ", ".join(f"{name.removesuffix('_seconds')} {getattr(spec, name):,} s" for name in SECONDS)
    facts = {
        "penalty lambda": f"{spec.penalty:g}",
        "largest weight, scaled": f"{spec.weight_bound:g}",
        "gradient to certify, per row": f"{spec.gradient_target:.3g}",
        "trains until": f"{spec.decrement_bound:g} standard errors from the optimum",
        "rule of moves": f"{spec.step.rule}, factor {spec.step.factor:g}, curvature by {spec.step.curvature}",
        "information": _WHEN[spec.collects],
        "after the certificate": chosen,
        "most moves": f"{spec.maximum_rounds}",
        "at least": f"{spec.minimum_nodes} nodes, {spec.minimum_rows} rows, {spec.minimum_node_rows} rows of each node",
        "at most": f"{spec.maximum_updates} updates a round, {spec.maximum_node_updates} of one node",
        "phases last": seconds,
    }
    if promised is None:
        facts["differential privacy"] = "none: sums are exact"
    else:
        clip = "" if promised.clip is None else f"; rows are shortened to a norm of {promised.clip:g}"
        facts["differential privacy"] = (
            f"epsilon {promised.epsilon:g} at delta {promised.delta:g} for each {promised.unit}, counting on "
            f"{spec.honest} honest nodes{clip}"
        )
    if spec.instances is not None:
        facts["circuits"] = ", ".join(spec.instances.names)
    return facts
