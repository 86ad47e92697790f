"""Enrolling the data owners of a network: all nodes of its certified or last accepted round, so that it takes fees."""

from __future__ import annotations

from functools import partial

from twopm_zk.chain.connection import Receipt
from twopm_zk.chain.federated import FederatedRoundsClient
from twopm_zk.chain.networks import Model, NetworkEntry
from twopm_zk.chain.rounds import Hlr
from twopm_zk.chain.rpc import reading
from twopm_zk.errors import InputError
from twopm_zk.participants.task_view import ChainView

AT_ONCE = 100
"""Nodes that one transaction enrols."""


def creditors(view: ChainView, network: NetworkEntry) -> dict[str, int]:
    """The accepted updates of each node of the round that a network's model is from. InputError before there is one."""
    round_, attempt = divmod(_key(view, network) - 1, 1 << 32)
    task, first = network.task, view.deployment.block
    rounds: Hlr | FederatedRoundsClient = view.hlr if network.model is Model.HLR else view.network.hfl
    ready = reading("nodes", lambda: rounds.contract.events("NodeReady", from_block=first, taskId=task, round=round_))
    nodes = dict.fromkeys(event["node"] for event in ready if event["attempt"] == attempt)
    credits = {node: reading("a credit", partial(rounds.credit_of, task, node)) for node in nodes}
    return {node: updates for node, updates in credits.items() if updates}


def _key(view: ChainView, network: NetworkEntry) -> int:
    """Of the attempt that was certified, or whose result was accepted last."""
    task = network.task
    if network.model is Model.HFL:
        state = reading("the task", lambda: view.network.hfl.state(task))
        if not state.complete:
            raise InputError(
                f"task {task} is not finished with a result: nobody is paid for it yet", kind="not-finished", task=task
            )
        return state.accepted_key
    certified = view.state(task)
    if not certified.certified:
        raise InputError(f"task {task} has no certificate: nobody is paid for it yet", kind="no-certificate", task=task)
    return certified.certified_key


def missing(view: ChainView, network: NetworkEntry) -> dict[str, int]:
    """The nodes of that round that are not enrolled, with their updates."""
    enrolled = view.networks.enrolled(network.id, from_block=view.deployment.block)
    return {node: updates for node, updates in creditors(view, network).items() if node not in enrolled}


def enrol_all(view: ChainView, network: NetworkEntry) -> list[Receipt]:
    """Enrol whoever is not, a hundred in a transaction; the network is complete after the last one."""
    nodes = list(missing(view, network))
    return [view.networks.enrol(network.id, nodes[first : first + AT_ONCE]) for first in range(0, len(nodes), AT_ONCE)]
