"""What everybody's part in a task has: a view of the chain, state on disk, a loop, and news for whoever watches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic, TypeVar

from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.participants.attempts import certified_round, read_history
from twopm_zk.participants.database import Database
from twopm_zk.participants.loop import PollingLoop
from twopm_zk.participants.news import News, Notify
from twopm_zk.participants.task_view import ChainView
from twopm_zk.participants.watch import describe
from twopm_zk.task.specification import TaskSpec

Store = TypeVar("Store", bound=Database)


class Participant(ABC, Generic[Store]):
    """One account's part in tasks of one specification, with a store that belongs to account and deployment."""

    def __init__(self, view: ChainView, spec: TaskSpec, store: Store, *, poll: float, notify: Notify) -> None:
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

    def _tell_events(self, state: TaskSnapshot, first: int, *, account: str | None = None) -> None:
        """News of what has happened to a task since the block ``first``; ``account`` is called "this node", and hears
        nothing of the others of a large task."""
        if first <= state.block:
            of = account if self.view.is_large(state) else None
            for event in self.view.task_events(state.id, from_block=first, to_block=state.block, account=of):
                self._notify(describe(event, self.spec, account=account, state=state))

    def _tell_end(self, state: TaskSnapshot, *, whole: bool = True) -> None:
        """News of a finished task: what it is certified for, and where its ``whole`` history is read, over what."""
        covered = certified_round(read_history(self.view, state)) if state.certified and whole else ()
        nodes = covered[0].view.nodes if covered else ()
        total = covered[0].view.total if covered else None
        rows = None if total is None else total.rows
        text = f"task {state.id} is finished, {'' if state.certified else 'not '}certified"
        if state.certified:
            text += f": gradient at most {state.bound_per_row:.2e} per row"
            text += f", over {rows} rows of {len(nodes)} nodes ({', '.join(nodes)})" if whole else ""
        insecure = self.view.insecure_verifiers(state.id)
        if insecure:
            text += ". INSECURE KEYS: nothing of this is proven to anybody"
        values = {
            "task": state.id,
            "certified": state.certified,
            "insecure_keys": insecure,
            "rounds": state.round,
            "nodes": list(nodes),
            "rows": rows,
            "gradient_bound_per_row": state.bound_per_row,
            "coefficients": self.spec.coefficients(state.weights),
        }
        self._say("finished", text, values)

    def _say(self, kind: str, text: str, values: Mapping[str, object] | None = None) -> None:
        self._notify(News(kind, text, values or {}))

    def _say_once(
        self, kind: str, text: str, values: Mapping[str, object] | None = None, *, key: object = None
    ) -> None:
        """The same text again only for another ``key``."""
        if (kind, text, key) not in self._told:
            self._told.add((kind, text, key))
            self._say(kind, text, values)
