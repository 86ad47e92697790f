"""A coordinator of either contract until its task is there: the one that it has begun, else a new one."""

from __future__ import annotations

from abc import abstractmethod
from typing import Generic, TypeVar

from twopm_zk.coordinator.task_creation import Stakes, registered
from twopm_zk.federated import FederatedSpec
from twopm_zk.participants.rounds.role import Role, Store, View
from twopm_zk.task.specification import TaskSpec

Spec = TypeVar("Spec", bound=TaskSpec | FederatedSpec)


class TaskCreator(Role[View, Spec, Store], Generic[View, Spec, Store]):
    """One account that creates one task at a time, also where it was killed before it heard of its transaction."""

    task: int | None

    @abstractmethod
    def _unfinished(self) -> int | None:
        """The task of the specification that this account has to go on with."""

    @abstractmethod
    def _created(self) -> int:
        """The number of a new task."""

    def _begin(self, task: int) -> None:
        """From now on it runs this task."""
        self.task = task

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
