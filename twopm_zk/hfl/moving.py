"""What anybody may do for a federated task whose phase has missed its deadline, so that nobody can hold up others."""

from __future__ import annotations

from twopm_zk.chain.federated import FederatedSnapshot
from twopm_zk.chain.tasks import Phase
from twopm_zk.hfl.attempts import read_attempt
from twopm_zk.hfl.view import FederatedView
from twopm_zk.participants.rounds.moving import move_sets_on, sent

MOST_ATTEMPTS = 3
"""So often a round is tried whose sum was shared, and spoilt or left without a quorum: then only its coordinator goes
on, and ends the task."""


def move_on(view: FederatedView, state: FederatedSnapshot) -> str:
    """Send what the phase needs after its deadline; a word for it, or none where somebody else was first."""
    if state.phase not in (Phase.COLLECTING, Phase.READY, Phase.SHARING, Phase.SUMMED):
        return ""
    return move_sets_on(
        view.hfl,
        state,
        again=lambda: sent(lambda: view.hfl.reopen(state.id), "started again"),
        silent=lambda: read_attempt(view, state).silent,
    )
