"""A task of three nodes and a coordinator in one thread, of whom one has a fault at every step."""

from functools import partial

import pytest
from soundness.faults.outcome import losses
from support.people_world import DoubleProver, Party

from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.errors import ChainError, DeploymentError, TransactionError
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.loop import OVERTAKEN

WHO = [0, pytest.param("coordinator", marks=pytest.mark.full)]
"""Who has the faults of a test."""


class Played:
    """``who`` is the number of a node, or "coordinator": it is made anew whenever it has stopped."""

    def __init__(self, party: Party, who, *, folder=None):
        self.party, self.who, self.folder = party, who, folder or party.folder
        self.reader, self.provers = party.world.view(8), []
        self.others = [party.node(number) for number in range(3) if number != who]
        self.others += [party.coordinator()] if who != "coordinator" else []
        self.victim, self._store, self.finished, self.stopped, self.last = None, None, False, 0, None

    def start(self):
        """The victim, made anew from what is on its disk."""
        self.stop()
        prover = DoubleProver()
        if self.who == "coordinator":
            self._store, make = CoordinatorStore(self.folder / "coordinator.db"), self.party.coordinator
        else:
            self._store, make = NodeStore(self.folder / "node.db"), partial(self.party.node, self.who)
        self.victim = make(prover=prover, store=self._store)
        self.provers.append(prover)

    def stop(self):
        if self._store is not None:
            self._store.close()
        self.victim = self._store = None

    @property
    def phase(self):
        count = self.reader.task_count()
        return self.reader.state(count).phase if count else Phase.NONE

    @property
    def where(self):
        count = self.reader.task_count()
        return f"{self.phase.name} of round {self.reader.state(count).round}" if count else "before the task"

    def look(self, stops=()):
        """One look of the victim, like `PollingLoop`; it is made anew after errors that ``stops`` names."""
        try:
            if self.victim is None:
                self.start()
            self.finished = self.victim.tick() or self.finished
            return True
        except stops as error:
            self.last = error
            self.stopped += 1
            self.stop()
        except DeploymentError:
            raise
        except ChainError as error:
            if isinstance(error, TransactionError) and error.error not in {None, *OVERTAKEN}:
                raise
            self.last = error
        return False

    def looks(self, stops=(), most=400):
        """Looks until one is whole, with a block between two of them."""
        for _ in range(most):
            if self.look(stops):
                return
            self.party.world.node.rpc("anvil_mine", "0x1")
        raise AssertionError(f"{self.where}: it does not get on: {self.last!r}")

    def run(self, look, most=40):
        """To the end of the task; ``look`` is what the victim does at each turn."""
        for _ in range(most):
            if not self.finished:
                look()
            for other in self.others:
                if self.phase is not Phase.FINISHED:
                    self.tick(other)
            if self.finished:
                return
        raise AssertionError(f"not finished: {self.where}")

    def tick(self, other, most=5):
        """One look of another participant, which looks again where blocks that it has read were replaced."""
        for left in reversed(range(most)):
            try:
                other.tick()
                return
            except ChainError as error:
                if left == 0 or (isinstance(error, TransactionError) and error.error not in {None, *OVERTAKEN}):
                    raise
                self.party.world.node.rpc("anvil_mine", "0x1")

    def losses(self, **options):
        """What is not as it has to be; also a statement that was proven in two ways."""
        found = losses(self.party, **options)
        proven = {statement for prover in self.provers for statement in prover.made}
        rounds = self.reader.state(1).round + 1
        if self.who != "coordinator" and len(proven) > rounds * options.get("attempts", 1):
            found.append(f"{len(proven)} statements proven in {rounds} rounds")
        return found

    def close(self):
        self.stop()
        for other in self.others:
            other.store.close()
