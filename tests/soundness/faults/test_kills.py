"""kill -9 of every participant before, halfway through and after every write: to its state, to a file, to the chain."""

import pytest
from support.deaths import MOMENTS
from soundness.faults.mortal import Mortal
from soundness.faults.outcome import losses
from support.people_world import SPEC, replace

from twopm_zk.chain.tasks import Phase

pytestmark = pytest.mark.slow

NEAR = replace(SPEC, gradient_bound=0.2)
PART = "faults: participants killed at every write"


class Cast:
    """A coordinator and three nodes, all or some of them mortal."""

    def __init__(self, party, forks, *, mortal, everywhere, moments=MOMENTS):
        self.party, self.everywhere = party, everywhere
        self.reader, self.nodes, self.mortals = party.world.view(8), [], []
        self.others = []
        for number in range(3):
            if number in mortal:
                name, options = f"node{number}", {"part": number, "moments": moments}
                self.mortals.append(Mortal(party, forks, role="node", name=name, account=2 + number, **options))
            else:
                self.others.append(party.node(number))
        if "coordinator" in mortal:
            options = {"moments": moments}
            self.mortals.append(
                Mortal(party, forks, role="coordinator", name="coordinator", account=1, **options)
            )
        else:
            self.others.append(party.coordinator())

    @property
    def where(self):
        """What tells points of one phase from those of others; each round's own where everything is tried."""
        if not self.reader.task_count():
            return "before the task"
        state = self.reader.state(self.reader.task_count())
        number = state.round if self.everywhere else min(state.round, 1)
        return f"{state.phase.name} of round {number}"

    def finished(self):
        count = self.reader.task_count()
        return count > 0 and self.reader.state(count).phase is Phase.FINISHED

    def run(self, most=40):
        for _ in range(most):
            for mortal in self.mortals:
                if not mortal.finished:
                    mortal.look(self.where)
            for other in self.others:
                if not self.finished():
                    other.tick()
            if all(mortal.finished for mortal in self.mortals) and self.finished():
                return
        raise AssertionError(f"not finished: {self.where}")

    def close(self):
        for mortal in self.mortals:
            mortal.close()
        for other in self.others:
            other.store.close()


@pytest.fixture
def cast(party, forks):
    made = []

    def make(**options):
        party.spec = NEAR
        made.append(Cast(party, forks, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("who", [pytest.param((0,), id="node"), pytest.param(("coordinator",), id="coordinator")])
def test_who_is_killed_at_every_write_ends_at_the_same_result(cast, party, who, tally, amount):
    played = cast(mortal=who, everywhere=amount(False, True))
    played.run()
    died = [len(mortal.deaths) for mortal in played.mortals]
    print(died)
    assert losses(party) == []
    tally.faults(PART, tried=sum(died), survived=sum(died))
