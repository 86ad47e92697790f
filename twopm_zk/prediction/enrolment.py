"""Enrolling the data owners of a network: all nodes of the certified round, so that it can take fees."""

from __future__ import annotations

from twopm_zk.chain.connection import Receipt
from twopm_zk.chain.networks import Model, NetworkEntry
from twopm_zk.chain.rpc import reading
from twopm_zk.errors import InputError
from twopm_zk.participants.task_view import ChainView

AT_ONCE = 100
"""Nodes that one transaction enrols."""


def creditors(view: ChainView, task: int) -> dict[str, int]:
    """The accepted updates of each node of a task's certified round. InputError where there is no certificate."""
    state = view.state(task)
    if not state.certified:
        raise InputError(f"task {task} has no certificate: nobody is paid for it yet", kind="no-certificate", task=task)
    round_, attempt = divmod(state.certified_key - 1, 1 << 32)
    contract, first = view.hlr.contract, view.deployment.block
    ready = reading("nodes", lambda: contract.events("NodeReady", from_block=first, taskId=task, round=round_))
    nodes = dict.fromkeys(event["node"] for event in ready if event["attempt"] == attempt)
    return {node: updates for node in nodes if (updates := _credit(view, task, node))}


def _credit(view: ChainView, task: int, node: str) -> int:
    return reading("a credit", lambda: view.hlr.credit_of(task, node))


def missing(view: ChainView, network: NetworkEntry) -> dict[str, int]:
    """The nodes of the certified round that are not enrolled, with their updates."""
    if network.model is not Model.HLR:
        raise InputError(
            f"network {network.id} is of a task without proofs: nobody is paid for it", kind="network-without-proofs"
        )
    enrolled = view.networks.enrolled(network.id, from_block=view.deployment.block)
    return {node: updates for node, updates in creditors(view, network.task).items() if node not in enrolled}


def enrol_all(view: ChainView, network: NetworkEntry) -> list[Receipt]:
    """Enrol whoever is not, a hundred in a transaction; the network is complete after the last one."""
    nodes = list(missing(view, network))
    return [view.networks.enrol(network.id, nodes[first : first + AT_ONCE]) for first in range(0, len(nodes), AT_ONCE)]
