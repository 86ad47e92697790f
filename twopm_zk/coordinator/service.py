"""A coordinator's service without its decisions: it takes enrolments and openings, and tells what happens on the chain.

`Coordinator` runs a task with it; `MessageCollector` only waits for messages, for who runs a task command by command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.coordinator.closed_round import gather
from twopm_zk.coordinator.inbox import Inbox
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.coordinator.task_creation import Enrolled, enrolled, wanted_nodes
from twopm_zk.errors import TrainingError
from twopm_zk.participants.news import Notify, ignore
from twopm_zk.participants.participant import Participant
from twopm_zk.participants.preflight import require_verifiers
from twopm_zk.participants.records import Attempt, secret_key
from twopm_zk.participants.service import ServiceSettings
from twopm_zk.participants.task_view import ChainView, require_spec
from twopm_zk.participants.transport import Server
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True, kw_only=True)
class CoordinatorSettings(ServiceSettings):
    """How a coordinator runs its task."""

    nodes: int = 0
    """Enrolled nodes to wait for before the task is created; 0 stands for the specification's minimum."""
    minimum_stake: int = 0
    """Wei of ETH that nodes have at stake."""
    opening_seconds: int = 0
    """How long after closing an opening may take; 0 stands for a third of the time for aggregating."""
    straggler_seconds: int = 0
    """How long a round with its minimum of nodes waits for the others; 0 stands for a third of collecting."""


class CoordinatorService(Participant[CoordinatorStore]):
    """What a coordinator has while it waits for others: a service for messages, a loop, and news of the chain.

    ``task`` is one that exists; else this account's unfinished task of the specification, or None.
    """

    def __init__(
        self,
        view: ChainView,
        spec: TaskSpec,
        store: CoordinatorStore,
        *,
        settings: CoordinatorSettings | None = None,
        task: int | None = None,
        notify: Notify = ignore,
    ) -> None:
        self.settings = settings or CoordinatorSettings()
        self._wanted = wanted_nodes(spec, self.settings.nodes)
        super().__init__(view, spec, store, poll=self.settings.poll, notify=notify)
        self.task = task if task is not None else self._find_task()
        self._key = secret_key(store)
        inbox = Inbox(view, spec, store, self._key, task=lambda: self.task, arrived=self.loop.wake)
        self.server = Server(inbox, host=self.settings.host, port=self.settings.port)
        self._published = False
        self._block: int | None = None

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.server.close()

    def _publish(self) -> None:
        """Tell the chain where this service is, once."""
        if not self._published:
            if self.task is None:
                require_verifiers(self.view, self.spec)
            self.view.publish(self.settings.endpoint or self.server.url, self._key.public_key().public_bytes_raw())
            self._published = True

    def _enough(self, found: Enrolled) -> bool:
        """Whether as many nodes as are waited for can begin; news of who is there, whenever that changes."""
        values = {"ready": list(found.ready), "not_ready": list(found.waiting), "wanted": self._wanted}
        self._say_once("waiting", found.sentence(self._wanted), values)
        return len(found.ready) >= self._wanted

    def _find_task(self) -> int | None:
        """This account's unfinished task of the specification, created by it or taken over."""
        mine = self.view.newest_task(
            self.spec, lambda state: state.phase is not Phase.FINISHED and state.coordinator == self.view.address
        )
        return None if mine is None else mine.id

    def _watch(self, state: TaskSnapshot) -> None:
        self._tell_events(state, state.block if self._block is None else self._block)
        self._block = state.block + 1


class MessageCollector(CoordinatorService):
    """Waits for messages and decides nothing: ``with MessageCollector(...) as collector: collector.run()``.

    Before there is a task, until enough nodes have enrolled; then until the closed round's openings are all here.
    Raises TrainingError where a missing opening is known not to come: its node has sent one that opens nothing.
    """

    def tick(self) -> bool:
        """Look whether all is here."""
        self._publish()
        if self.task is None:
            return self._enough(enrolled(self.view, self.spec, self.store, minimum_stake=self.settings.minimum_stake))
        state = self.view.state(self.task)
        require_spec(state, self.spec)
        self._watch(state)
        if state.phase is Phase.FINISHED:
            self._say("finished", f"task {state.id} is finished: there is nothing to wait for")
            return True
        if state.phase is not Phase.CLOSED:
            self._say_once("waiting", f"{state.name()} is not closed yet")
            return False
        missing = gather(self.view, self.spec, self.store, state).missing
        if not missing:
            self._say("complete", f"all openings of {state.name()} are here", {"task": state.id})
            return True
        self._say_once("waiting", f"{state.name()}: waiting for openings of {', '.join(sorted(missing))}")
        attempt = Attempt.of(state)
        faults = {fault.node: fault.reason for fault in self.store.faults(state.task_key) if fault.attempt == attempt}
        if missing <= faults.keys():
            named = "; ".join(f"{node}: {faults[node]}" for node in sorted(missing))
            raise TrainingError(
                f"openings of {state.name()} will not come: {named}",
                hint="Go on without them.",
                kind="openings-refused",
                task=state.id,
                nodes=sorted(missing),
            )
        return False
