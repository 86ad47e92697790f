"""Enrolling the data owners of a network: all nodes of the certified round, or of the last accepted one, so that it can
take fees."""

from __future__ import annotations

from typing import Any

from twopm_zk.chain.connection import Receipt
from twopm_zk.chain.federated import FederatedSnapshot
from twopm_zk.chain.networks import NetworkEntry
from twopm_zk.chain.rpc import reading
from twopm_zk.chain.tasks import TaskSnapshot, TaskState
from twopm_zk.errors import InputError
from twopm_zk.participants.rounds.view import RoundsView

AT_ONCE = 100
"""Nodes that one transaction enrols."""


def creditors(view: RoundsView[Any], task: int) -> dict[str, int]:
    """The accepted updates of each node of a task's certified round, or of the last accepted one of a federated task.

    InputError where there is no certificate, and where a federated task is not over, or has no result.
    """
    round_, attempt = divmod(_credited_key(view.state(task)) - 1, 1 << 32)
    contract, first = view.rounds.contract, view.deployment.block
    ready = reading("nodes", lambda: contract.events("NodeReady", from_block=first, taskId=task, round=round_))
    nodes = dict.fromkeys(event["node"] for event in ready if event["attempt"] == attempt)
    return {node: updates for node in nodes if (updates := _credit(view, task, node))}


def _credited_key(state: TaskState) -> int:
    if isinstance(state, FederatedSnapshot):
        if not state.complete:
            raise InputError(
                f"task {state.id} is not over, or has no accepted result: nobody is paid for it yet",
                kind="no-result",
                task=state.id,
            )
        return state.accepted_key
    assert isinstance(state, TaskSnapshot)  # noqa: S101 - there is no third contract of tasks
    if not state.certified:
        raise InputError(
            f"task {state.id} has no certificate: nobody is paid for it yet", kind="no-certificate", task=state.id
        )
    return state.certified_key


def _credit(view: RoundsView[Any], task: int, node: str) -> int:
    return int(reading("a credit", lambda: view.rounds.contract.call("creditOf", task, node)))


def missing(view: RoundsView[Any], network: NetworkEntry) -> dict[str, int]:
    """The nodes of that round that are not enrolled, with their updates; ``view`` is of the contract of its task."""
    enrolled = view.networks.enrolled(network.id, from_block=view.deployment.block)
    return {node: updates for node, updates in creditors(view, network.task).items() if node not in enrolled}


def enrol_all(view: RoundsView[Any], network: NetworkEntry) -> list[Receipt]:
    """Enrol whoever is not, a hundred in a transaction; the network is complete after the last one."""
    nodes = list(missing(view, network))
    return [view.networks.enrol(network.id, nodes[first : first + AT_ONCE]) for first in range(0, len(nodes), AT_ONCE)]
