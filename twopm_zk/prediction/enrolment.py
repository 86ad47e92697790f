"""Enrolling the data owners of a network, so that it can take fees: all nodes of the certified round, or of a federated
task's last result."""

from __future__ import annotations

from twopm_zk.chain.federated import FederatedRoundsClient
from twopm_zk.chain.networks import Model, NetworkEntry
from twopm_zk.chain.rounds import Hlr
from twopm_zk.chain.rpc import Receipt, reading
from twopm_zk.errors import InputError
from twopm_zk.participants.task_view import ChainView

AT_ONCE = 100
"""Nodes that one transaction enrols."""


def creditors(view: ChainView, task: int, model: Model = Model.HLR) -> dict[str, int]:
    """By what each data owner of a task is paid: its accepted updates of the certified round, or 1 for each node of a
    federated task's last result. InputError where a task has no certificate, or is not over with a result."""
    client: Hlr | FederatedRoundsClient
    if model is Model.HLR:
        key, client = _certified_key(view, task), view.hlr
    else:
        client = reading("HFLContract", lambda: view.network.hfl)
        key = _accepted_key(client, task)
    round_, attempt = divmod(key - 1, 1 << 32)
    contract, first = client.contract, view.deployment.block
    ready = reading("nodes", lambda: contract.events("NodeReady", from_block=first, taskId=task, round=round_))
    nodes = dict.fromkeys(event["node"] for event in ready if event["attempt"] == attempt)
    return {node: credit for node in nodes if (credit := _credit(client, task, node))}


def _certified_key(view: ChainView, task: int) -> int:
    state = view.state(task)
    if not state.certified:
        raise InputError(f"task {task} has no certificate: nobody is paid for it yet", kind="no-certificate", task=task)
    return state.certified_key


def _accepted_key(client: FederatedRoundsClient, task: int) -> int:
    state = reading("a task", lambda: client.state(task))
    if not state.complete:
        raise InputError(
            f"federated task {task} is not over with a result: nobody is paid for it yet", kind="not-over", task=task
        )
    return state.accepted_key


def _credit(client: Hlr | FederatedRoundsClient, task: int, node: str) -> int:
    return reading("a credit", lambda: client.credit_of(task, node))


def missing(view: ChainView, network: NetworkEntry) -> dict[str, int]:
    """The nodes that are to be paid and not enrolled, with what they are paid by. InputError as for ``creditors``."""
    enrolled = view.networks.enrolled(network.id, from_block=view.deployment.block)
    found = creditors(view, network.task, network.model)
    return {node: updates for node, updates in found.items() if node not in enrolled}


def enrol_all(view: ChainView, network: NetworkEntry) -> list[Receipt]:
    """Enrol whoever is not, a hundred in a transaction; the network is complete after the last one."""
    nodes = list(missing(view, network))
    return [view.networks.enrol(network.id, nodes[first : first + AT_ONCE]) for first in range(0, len(nodes), AT_ONCE)]
