"""Which task a coordinator of either contract runs: the one whose end it has not told yet, else a new one."""

from __future__ import annotations

from abc import abstractmethod
from typing import Generic, TypeVar

from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.store import TaskStore
from twopm_zk.coordinator.task_creation import Stakes, registered
from twopm_zk.federated import FederatedSpec
from twopm_zk.participants.rounds.role import Role, View
from twopm_zk.task.specification import TaskSpec

Spec = TypeVar("Spec", bound=TaskSpec | FederatedSpec)
Store = TypeVar("Store", bound=TaskStore)


class TaskCreator(Role[View, Spec, Store], Generic[View, Spec, Store]):
    """One account that runs one task at a time, also where it was killed before it heard of what has become of it."""

    task: int | None

    @abstractmethod
    def _created(self) -> int:
        """The number of a new task."""

    def _take_up(self, task: int | None) -> None:
        """Go on with a task: by default the one that this account has to go on with, if any."""
        self.task = self._unfinished() if task is None else task
        if self.task is not None:
            self._begin(self.task)

    def _unfinished(self) -> int | None:
        last = self.store.running(self.spec.spec_hash)
        if last in self.view.tasks_of(self.spec.spec_hash):  # else its block was replaced
            return last
        found = self.view.newest_task(
            self.spec.spec_hash, lambda state: state.phase is not Phase.FINISHED, creator=self.view.address
        )
        return None if found is None else found.id

    def _begin(self, task: int) -> None:
        self.task = task
        self.store.set_running(self.spec.spec_hash, task)

    def _end(self) -> None:
        """Its end is told: whoever is run again begins another one."""
        self.store.set_running(self.spec.spec_hash, None)

    def _create(self, *, stakes: Stakes, wanted: int) -> None:
        """Take up a task that is there, or create one once as many nodes as ``wanted`` have registered."""
        self.view.chain.hold_nonce()
        if (mine := self._unfinished()) is not None:  # by a transaction that was thought lost
            self._begin(mine)
            self.loop.wake()
            return
        found = registered(self.view, self.spec, stakes=stakes)
        if len(found.ready) < wanted:
            values = {"ready": list(found.ready), "waiting": list(found.waiting), "wanted": wanted}
            self._say_once("waiting", found.sentence(wanted), values)
            return
        task = self._created()
        self._begin(task)
        self._say("created", f"created task {task}", {"task": task})
