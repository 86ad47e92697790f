"""The present attempt of a task, replayed from its events; whoever looks again goes on from where it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar
from weakref import WeakKeyDictionary

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.errors import DeploymentError, UnsettledError
from twopm_zk.participants.rounds.view import RoundsView, State
from twopm_zk.sharing import Place


class ReplayedAttempt(Protocol):
    """What the chain shows of one attempt."""

    def after(self, event: DecodedEvent, place: Place) -> Self:
        """The view once one more event of the attempt has happened. DeploymentError where it does not follow."""


Attempt = TypeVar("Attempt", bound=ReplayedAttempt)


@dataclass(frozen=True)
class _Replayed:
    """What was made of the events of an attempt so far."""

    place: Place
    events: Sequence[DecodedEvent]
    view: Any


_LAST: WeakKeyDictionary[RoundsView[Any], _Replayed] = WeakKeyDictionary()


def present_attempt(
    view: RoundsView[State], state: State, start: Attempt, *, agree: Callable[[Attempt, State], bool]
) -> Attempt:
    """The present attempt at the snapshot's block, from the one that it ``start``s as.

    Raises UnsettledError where the events that the endpoint shows do not follow from each other, or do not ``agree``
    with what the contract has counted: blocks were just replaced, or some are missing there. Nothing may be concluded
    from such a view.
    """
    events = [event for event in view.attempt_events(state) if event.values.get("attempt") == state.attempt]
    place, known = view.place_of(state), _LAST.get(view)
    if known is None or known.place != place or events[: len(known.events)] != known.events:
        known = _Replayed(place, [], start)
    found: Attempt = known.view
    try:
        for event in events[len(known.events) :]:
            found = found.after(event, place)
    except DeploymentError as error:
        raise UnsettledError(f"{state.name()}: {error.message}; looking again") from error
    if not agree(found, state):
        raise UnsettledError(
            f"{state.name()}: the endpoint shows other events than its contract has counted; looking again"
        )
    _LAST[view] = _Replayed(place, events, found)
    return found
