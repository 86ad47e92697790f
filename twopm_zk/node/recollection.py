"""What a node has shared, from the chain alone: the ledger and the budget of a state that is lost.

A share is on the chain for good, with the set that it was made for. So a node on a new machine writes its entries down
again before it shares anything, and refuses what the old one would have refused. Of tasks whose specification it does
not have it takes the worst: that their sums were exact, after which there is no privacy left to spend.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from twopm_zk.chain.rpc import reading
from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.node.privacy_part import spending_of, task_name
from twopm_zk.node.sharing_part import collection_of
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.attempts import Collected, fixed_rows, read_attempt, read_history
from twopm_zk.participants.task_view import ChainView
from twopm_zk.sharing import LedgerEntry
from twopm_zk.task.specification import TaskSpec


def recall_shares(view: ChainView, store: NodeStore, spec: TaskSpec, *, rows: str = "") -> int:
    """Write down all that this account has shared in tasks of HLRContract, in the order of the chain, and what that has
    spent of the privacy of ``rows`` (their name in the budget); how many entries the ledger has then.

    What is written down already stays. Raises ChainError where an endpoint does not show all of it.
    """
    events = reading(
        "what was shared",
        lambda: view.hlr.contract.events("Shared", from_block=view.deployment.block, node=view.address),
    )
    moments = {(event["taskId"], event["round"], event["attempt"]): event.moment for event in events}
    states = {task: view.state(task) for task in sorted({task for task, _, _ in moments})}
    found = [(state, one) for state in states.values() for one in _shared(view, state)]
    for state, one in sorted(found, key=lambda pair: moments[pair[0].id, pair[1].round, pair[1].attempt]):
        known = spec if state.spec_hash == spec.spec_hash else None
        spent = spending_of(known, task_name(view, state.id), one.round, one.attempt, one.view.collection)
        store.add_to_ledger(_entry(view, state, one), spent, rows=rows)
    return len(store.ledger().entries)


def _shared(view: ChainView, state: TaskSnapshot) -> Iterator[Collected]:
    """The attempts of a task that this account has shared in, the present one too where its sum is not there yet."""
    history = read_history(view, state)
    yield from (one for one in history if view.address in one.view.vectors)
    if state.round not in {one.round for one in history}:
        present = read_attempt(view, state)
        if view.address in present.vectors:
            yield Collected(state.round, state.attempt, state.weights, 0, present, state.held_out)


def _entry(view: ChainView, state: TaskSnapshot, one: Collected) -> LedgerEntry:
    attempt = one.view
    assert attempt.sharing_set is not None  # noqa: S101 - nobody shares without one
    exact = not view.has_noise(state.id) and not view.is_large(state)
    data = frozenset(attempt.data[view.address])
    collection = collection_of(state.family, attempt.collection, one.weights, data, exact=exact)
    base = fixed_rows(view, replace(state, round=one.round, held_out=one.held_out))
    return LedgerEntry.of(collection, attempt.sharing_set, attempt.data, base)
