"""A task that goes on from a certified one without the data of owners who have withdrawn them.

The child is of the parent's specification with a ``[descent]``, so that it takes the same data sets: what the remaining
owners have registered is used again. It begins with the parent's weights and gets a certificate of its own;
docs/consent.md says what that is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.errors import InputError, SpecError
from twopm_zk.participants.attempts import certified_round, read_history
from twopm_zk.participants.rounds.descent import faults_of
from twopm_zk.participants.task_view import ChainView, require_certificate, require_spec
from twopm_zk.statements import Family
from twopm_zk.task.parts.descent import Descent
from twopm_zk.task.parts.step_rule import NEWTON, Collects, StepRule
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True)
class Child:
    """What a task without some owners of its parent is to be."""

    spec: TaskSpec
    remaining: tuple[str, ...]
    """Owners in the parent's certified set that have not withdrawn."""
    updates: int
    """What they had in the certified sum."""

    @property
    def rows_at_most(self) -> int:
        """Rows that so many updates can have; how many there are, only their owners know."""
        return self.updates * self.spec.sizes.largest.rows


def child_of(
    view: ChainView,
    parent: TaskSnapshot,
    spec: TaskSpec,
    without: Sequence[str],
    *,
    minimum_nodes: int | None = None,
    minimum_rows: int | None = None,
) -> Child:
    """The specification of a task that goes on from ``parent``, which is of ``spec``, without some owners.

    It is the parent's but for its descent, for minima that are given, and for the step rule: a matrix from the
    information at weights of 0 cannot be had at others, so that Newton's rule takes its place.

    Raises TrainingError for a parent without a certificate, InputError for owners that were not in its certified set,
    have not withdrawn or do not allow it, for others that have withdrawn and are not named, and where the remaining
    ones cannot meet the minima; SpecError for a task with noise.
    """
    require_spec(parent, spec)
    require_certificate(parent)
    if spec.privacy is not None:
        raise SpecError(
            f"task {parent.id} has noise: nodes share the same rows at the same weights but once, so that nothing can "
            "go on from its weights",
            hint="Agree on a new task; what the withdrawn rows have spent of their privacy stays spent.",
        )
    step = spec.step
    if spec.family is Family.LOGISTIC and step.collects is Collects.FIRST:
        step = StepRule(NEWTON, step.factor)
    child = replace(
        spec,
        step=step,
        descent=Descent(parent.id, parent.spec_hash, parent.certified_key, tuple(without)),
        minimum_nodes=minimum_nodes or spec.minimum_nodes,
        minimum_rows=minimum_rows or spec.minimum_rows,
        gradient_bound=spec.gradient_target if minimum_rows is None else spec.gradient_bound,
    )
    for fault in faults_of(view, child, parent):
        raise InputError(f"task {parent.id} cannot be trained on without them: {fault}", kind="wrong-descent")
    return _checked(view, parent, child)


def _checked(view: ChainView, parent: TaskSnapshot, spec: TaskSpec) -> Child:
    assert spec.descent is not None  # noqa: S101 - just made
    (covered,) = certified_round(read_history(view, parent))
    inside, gone = covered.view.nodes, view.withdrawals(parent.dataset)
    if unnamed := [one for one in inside if one in gone and one not in spec.descent.without]:
        raise InputError(
            f"{', '.join(unnamed)} have withdrawn their data of task {parent.id} too: no round can take them",
            kind="withdrawn-too",
            accounts=unnamed,
        )
    remaining = tuple(one for one in inside if one not in spec.descent.without)
    child = Child(spec, remaining, sum(covered.view.batches[one] for one in remaining))
    for what, there, wanted in (
        ("nodes", len(remaining), spec.minimum_nodes),
        ("rows at most", child.rows_at_most, spec.minimum_rows),
    ):
        if there < wanted:
            raise InputError(
                f"{there} {what} are left of the certified set of task {parent.id}; the minimum is {wanted}",
                kind="too-few-left",
            )
    return child
