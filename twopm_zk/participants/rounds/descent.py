"""Whether a task descends from the certified task that its specification names, and may go on without whom it names.

The parent's specification, its certificate and its weights, with which the child begins, are on the chain; so is who
was in its certified set, and who of them has withdrawn the data, and has released the others (`sharing.ledger`). Node,
coordinator and auditor ask here.
"""

from __future__ import annotations

from collections.abc import Iterator

from twopm_zk.chain.rpc import reading
from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.errors import DeploymentError, InputError
from twopm_zk.participants.task_view import ChainView
from twopm_zk.task.parts.descent import Descent
from twopm_zk.task.specification import TaskSpec


def first_weights(view: ChainView, task: int) -> tuple[int, ...]:
    """The weights that a task began with, in units of 2^-20, intercept last."""

    def read() -> tuple[int, ...]:
        events = view.hlr.contract.events("ModelPublished", from_block=view.deployment.block, taskId=task, round=0)
        return tuple(events[0]["weights"]) if events else ()

    return reading(f"the first weights of task {task}", read)


def starting_weights(view: ChainView, spec: TaskSpec) -> tuple[int, ...]:
    """The weights that a task of the specification begins with: zeros, or those that its parent was certified with.

    Raises DeploymentError where the parent is not what the specification says, or somebody it goes on without has not
    agreed to that.
    """
    if spec.descent is None:
        return (0,) * (spec.sizes.width + 1)
    parent = parent_of(view, spec.descent)
    for fault in faults_of(view, spec, parent):
        raise DeploymentError(f"the specification's `descent` does not hold: {fault}", kind="wrong-descent")
    return parent.weights


def require_start(view: ChainView, state: TaskSnapshot, spec: TaskSpec) -> None:
    """DeploymentError where a task of the specification began with other weights than it says."""
    if spec.descent is not None and spec.descent.task >= state.id:
        raise DeploymentError(f"task {state.id} is to descend from task {spec.descent.task}, which is not before it")
    if first_weights(view, state.id) != starting_weights(view, spec):
        raise DeploymentError(f"task {state.id} was created with other first weights than its specification has")


def parent_of(view: ChainView, descent: Descent) -> TaskSnapshot:
    """The parent as it stands. DeploymentError where there is no such task."""
    try:
        return view.state(descent.task)
    except InputError as error:
        raise DeploymentError(f"the specification's `descent` does not hold: {error.message}") from error


def faults_of(view: ChainView, spec: TaskSpec, parent: TaskSnapshot) -> Iterator[str]:
    """What of a specification's descent does not hold, in sentences."""
    said = spec.descent
    assert said is not None  # noqa: S101 - asked for a descent
    name = f"task {parent.id}"
    if parent.spec_hash != said.spec_hash:
        yield f"{name} is of the specification 0x{parent.spec_hash.hex()}, not 0x{said.spec_hash.hex()}"
    if not parent.certified:
        yield f"{name} has no certificate"
    elif parent.certified_key != said.certificate:
        yield f"the certificate of {name} has the key {parent.certified_key}, not {said.certificate}"
    if parent.dataset != spec.data_terms.id:
        yield f"{name} was trained on another data set: what was withdrawn there binds nobody here"
    gone = view.withdrawals(parent.dataset)
    for account in said.without:
        if not view.hlr.credit_of(parent.id, account):
            yield f"{account} was not in the certified set of {name}"
        elif account not in gone:
            yield f"{account} has not withdrawn its data"
        elif not gone[account].retraining:
            yield f"{account} has withdrawn its data, and has not allowed to train on without them"
