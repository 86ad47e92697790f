"""Where a task comes from, and whose data have left it: its line of descent up to the task that began at weights of 0,
and owners of its certified sum that have withdrawn since.

Each task of the line names its parent in its specification (`task.parts.descent`). What is checked of a link is what
the chain says: the hash of the parent's specification, its certificate, its weights, with which the child began, that
whoever is left out was in the parent's certified set, has withdrawn for good and has allowed it, and that no attempt of
a task below has an update of their rows of training. That the parent is sound itself is another audit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from twopm_zk.auditor.report import AuditReport, Link
from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.errors import DeploymentError
from twopm_zk.participants.rounds.descent import faults_of, first_weights, parent_of
from twopm_zk.participants.rounds.view import Withdrawal
from twopm_zk.participants.task_view import ChainView
from twopm_zk.task.specification import TaskSpec

CHECK = "descent"


def check_descent(
    view: ChainView, report: AuditReport, state: TaskSnapshot, spec: TaskSpec | None, ancestors: Sequence[TaskSpec]
) -> None:
    """Check the line from a task up as far as the specifications of its ``ancestors`` tell, and write it down."""
    known = {one.spec_hash: one for one in ancestors}
    below: dict[int, set[str]] = {}
    for present, parent, link in _line(view, report, state, spec, known):
        below[present.id] = _trained(view, present)
        report.descent.append(link)
        same = first_weights(view, present.id) == parent.weights
        report.check(CHECK, same, f"task {present.id} did not begin with the weights of task {parent.id}")
        for account in link.without:
            for task, nodes in below.items():
                text = f"task {task} has updates of {account}, without whom task {present.id} was to go on"
                report.check(CHECK, account not in nodes, text)


def _line(
    view: ChainView,
    report: AuditReport,
    state: TaskSnapshot,
    spec: TaskSpec | None,
    known: Mapping[bytes, TaskSpec],
) -> Iterator[tuple[TaskSnapshot, TaskSnapshot, Link]]:
    """Each task of the line with its parent. What it ends with is checked, or noted, here."""
    while True:
        begins_elsewhere = any(first_weights(view, state.id))
        if spec is None:
            if begins_elsewhere:
                report.notes.append(
                    f"task {state.id} began at other weights than 0: from which task they are, its specification says"
                )
            return
        if spec.descent is None:
            text = f"task {state.id} began at other weights than 0, and its specification names no parent"
            report.check(CHECK, not begins_elsewhere, text)
            return
        link = Link(state.id, spec.descent.task, spec.descent.without)
        before = spec.descent.task < state.id
        if not report.check(CHECK, before, f"task {state.id} is to descend from task {link.parent}, a later one"):
            return
        try:
            parent = parent_of(view, spec.descent)
        except DeploymentError as error:
            report.check(CHECK, False, error.message)
            return
        faults = list(faults_of(view, spec, parent))
        report.check(CHECK, not faults, f"task {state.id}: {'; '.join(faults)}")
        yield state, parent, link
        state, spec = parent, known.get(parent.spec_hash)


def _trained(view: ChainView, state: TaskSnapshot) -> set[str]:
    """Who has updates in a task, of rows of training: by those that are held out no weight moves."""
    events = view.task_events(state.id, from_block=view.deployment.block, to_block=state.block)
    apart = {(one["round"], one["attempt"]) for one in events if one.name == "AttemptModel" and one["heldOut"]}
    updates = [one for one in events if one.name == "UpdateAccepted"]
    return {one["node"] for one in updates if (one["round"], one["attempt"]) not in apart}


def note_withdrawals(report: AuditReport, withdrawals: Mapping[str, Withdrawal]) -> None:
    """Note who of the certified sum has withdrawn its data since. The certificate stays what it is: of these weights,
    over the rows that were there."""
    covered = report.certified_attempt
    for node in sorted(() if covered is None else covered.counted):
        if node in withdrawals:
            report.withdrawn[node] = withdrawals[node]
            report.notes.append(withdrawals[node].sentence(node))
