"""What anybody may do for a task of either contract once a phase up to the sum has missed its deadline."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twopm_zk.chain.rounds import Rounds
from twopm_zk.chain.tasks import Phase, TaskState
from twopm_zk.errors import TransactionError
from twopm_zk.participants.loop import OVERTAKEN


def move_sets_on(
    client: Rounds, state: TaskState, *, again: Callable[[], str], silent: Callable[[], Sequence[str]]
) -> str:
    """Close, begin to share, leave out who is ``silent``, or start ``again``; a word for what was done, if anything.

    What somebody else has done meanwhile is no error.
    """
    if state.phase is Phase.COLLECTING and state.nodes >= state.minimum_nodes:
        return sent(lambda: client.close(state.id), "closed")
    if state.phase is Phase.READY and state.ready >= state.minimum_nodes:
        return sent(lambda: client.start_sharing(state.id), "sharing begins")
    if state.phase is Phase.SHARING and state.shared_once:
        return expel_all(client, state, silent())
    return again()


def expel_all(client: Rounds, state: TaskState, silent: Sequence[str]) -> str:
    """Leave nodes out; whom somebody else has left out meanwhile is not told."""
    out = [node for node in silent if sent(lambda node=node: client.expel(state.id, node), "out")]  # type: ignore[misc]
    return f"left out {', '.join(out)} for silence" if out else ""


def sent(send: Callable[[], object], word: str) -> str:
    """The ``word`` where a transaction was taken; none where the chain had moved on."""
    try:
        send()
    except TransactionError as error:
        if error.error in OVERTAKEN:
            return ""
        raise
    return word
