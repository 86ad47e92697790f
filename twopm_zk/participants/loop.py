"""The loop of nodes, coordinators and operators, which outlives an RPC endpoint that does not answer."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from twopm_zk.errors import ChainError, DeploymentError, TransactionError
from twopm_zk.participants.news import News, Notify

OVERTAKEN = frozenset(
    {
        "WrongPhase",
        "DeadlinePassed",
        "DeadlineNotReached",
        "AlreadyMember",
        "AttemptFull",
        "EnoughNodes",
        "BelowMinimum",
        "WrongSet",
        "AlreadyReady",
        "AlreadyShared",
        "NobodyHasShared",
        "AlreadyClaimed",
        "AlreadyDisputed",
        "NotInTheSet",
        "NotContradicted",
        "LiarFound",
        "Unsettled",
        "DataIsWithdrawn",
    }
)
"""Reverts that only say that the chain has moved on: look again."""
HANDED_IN = frozenset({"IndexNotAscending", "TooManyBatches"})
"""Reverts of an update that is there already: sent before this process began, and mined since its look at the chain. A
node has no more of them than its task takes of one."""
_MAX_PAUSE = 60.0


class PollingLoop:
    """Calls ``tick`` until it says that all is done.

    A chain that does not answer is asked again, after pauses that grow to a minute; so is a transaction that was
    overtaken or lost. What cannot be helped by waiting is raised: a deployment that is not what its file says, a
    contract's refusal, anything that is wrong on this side.
    """

    def __init__(self, tick: Callable[[], bool], *, poll: float, notify: Notify) -> None:
        self._tick, self._poll, self._notify = tick, poll, notify
        self._stop = threading.Event()
        self._wake = threading.Event()

    def run(self) -> bool:
        """Whether all is done; False where it was stopped."""
        failures = 0
        while not self._stop.is_set():
            try:
                if self._tick():
                    return True
                failures = 0
            except DeploymentError:
                raise
            except ChainError as error:
                if isinstance(error, TransactionError) and error.error not in {None, *OVERTAKEN}:
                    raise
                failures += 1
                self._notify(News("retry", f"trying again: {error.message}", {"failures": failures}))
            # jitter: participants that were stopped by one outage do not come back at the same instant
            pause = min(self._poll * 2 ** min(failures, 10), max(_MAX_PAUSE, self._poll))
            (self._stop if failures else self._wake).wait(pause * random.uniform(0.8, 1.2))  # noqa: S311
            self._wake.clear()
        return False

    def wake(self) -> None:
        """Look again at once: something has happened that changes what there is to do."""
        self._wake.set()

    def stop(self) -> None:
        """End `run` after the present tick."""
        self._stop.set()
        self._wake.set()
