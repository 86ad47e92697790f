"""What everybody's part in a task has: a view of the chain, state on disk, a loop, and news for whoever watches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from twopm_zk.chain.tasks import TaskState
from twopm_zk.participants.database import Database
from twopm_zk.participants.loop import PollingLoop
from twopm_zk.participants.news import News, Notify
from twopm_zk.participants.rounds.view import RoundsView

View = TypeVar("View", bound=RoundsView[Any])
Spec = TypeVar("Spec")
Store = TypeVar("Store", bound=Database)


class Role(ABC, Generic[View, Spec, Store]):
    """One account's part in tasks of one specification, with a store that belongs to account and deployment."""

    def __init__(self, view: View, spec: Spec, store: Store, *, poll: float, notify: Notify) -> None:
        store.belongs_to(view.address, view.fingerprint)
        self.view, self.spec, self.store = view, spec, store
        self._notify = notify
        self._told: set[object] = set()
        self.loop = PollingLoop(self.tick, poll=poll, notify=notify)

    @abstractmethod
    def tick(self) -> bool:
        """Look at the chain once and do what there is to do; whether all is done."""

    def run(self) -> bool:
        """Go on until all is done; False where it was stopped before."""
        return self.loop.run()

    def _tell_withdrawn(self, state: TaskState) -> None:
        """Nothing is left to do: no update of this account is taken any more, and none that was is in a sum by it."""
        text = f"this account has withdrawn the data that task {state.id} collects: this node takes no more part in it"
        self._say("data-withdrawn", text, {"task": state.id})

    def _say(self, kind: str, text: str, values: Mapping[str, object] | None = None) -> None:
        self._notify(News(kind, text, values or {}))

    def _say_once(
        self, kind: str, text: str, values: Mapping[str, object] | None = None, *, key: object = None
    ) -> None:
        """The same text again only for another ``key``."""
        if (kind, text, key) not in self._told:
            self._told.add((kind, text, key))
            self._say(kind, text, values)
