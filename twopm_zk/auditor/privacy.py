"""What a task promises to the people in its rows, against what its history has released of them."""

from __future__ import annotations

from twopm_zk.auditor.report import AuditReport
from twopm_zk.circuit.instances import find_instance
from twopm_zk.privacy.spent import Spent
from twopm_zk.task.specification import TaskSpec


def check_named(report: AuditReport, spec: TaskSpec, statement: str, instance: str) -> None:
    """That a verifier of the task is of an instance that the specification names, with its noise."""
    chosen = spec.instances
    names = () if chosen is None else chosen.names
    if chosen is None or instance in names:
        report.check("specification", True, "")
        return
    own = [name for name in names if name.startswith(f"{statement}-")]
    what = f"the task verifies {statement} with {instance}; the specification names {', '.join(own) or 'none'}"
    noise = any(find_instance(name).noise for name in (instance, *own))
    report.check("specification", False, f"{what}: its updates have other noise" if noise else what)


def check_privacy(report: AuditReport, spec: TaskSpec) -> None:
    """That no more sums were shared than the noise is planned for; what was promised, and spent of it.

    A sum counts once somebody has shared in its attempt: whoever works with all others knows it then.
    """
    plan = spec.noise
    if plan is None:
        return
    shared = [one for one in report.attempts if one.shared]
    sizes = {one.round: len(one.summed) for one in shared if one.summed is not None}
    spent = Spent.of(plan, [one.collection for one in shared], nodes=min(sizes.values(), default=spec.minimum_nodes))
    report.privacy = spent
    kinds = ", ".join(kind.name.lower() for kind in spent.beyond)
    planned = f"{spent.planned} sums are planned for, {spent.released} were shared; too many are of {kinds}"
    report.check("privacy", not spent.beyond, planned)
    for number, nodes in sizes.items():
        if nodes < plan.honest:
            report.notes.append(
                f"round {number}: a set of {nodes} nodes added their noise; the promise to the people in the rows "
                f"counts on {plan.honest}"
            )
