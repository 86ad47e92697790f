"""kill -9 of the participants of a task of any other model before, halfway through and after every write."""

from collections import Counter

import pytest
from soundness.faults.ensemble import WHO, Ensemble
from soundness.faults.mortal import Mortal
from support.deaths import MOMENTS
from support.federated_world import FederatedStage, specification

from twopm_zk.system.content_store import content_hash

pytestmark = pytest.mark.slow

PART = "faults: participants of any other model killed at every write"
NODES = 3
LOST = ("NodeLeft", "NodeBarred", "Penalised", "MissingReported", "UpdateWithdrawn", "TaskFailed")
"""Events of a task in which somebody loses something."""


class FederatedCast(Ensemble):
    """A coordinator and three nodes of a federated task, all or some of them mortal."""

    def __init__(self, world, folder, forks, *, mortal, everywhere, rounds, **options):
        self.spec = specification(folder, locations=1, maximum_rounds=rounds)
        self.stage = FederatedStage(world, folder, nodes=NODES, spec=self.spec)
        super().__init__(self.stage.reader, self.stage.news, everywhere=everywhere)
        self.folder = folder
        options |= {"coordinator": self.stage.view(1).address}
        for number, node in enumerate(self.stage.nodes):
            if number not in mortal:
                self.others.append(node)
                continue
            node.store.close()
            (folder / f"node{number}.db").unlink()
            known = {"role": "federated node", "name": f"node{number}", "part": number, "account": 2 + number}
            self.mortals.append(Mortal.on_chain(world, self.spec, folder, forks, **known, **options))
        if "coordinator" in mortal:
            known = {"role": "federated coordinator", "name": "coordinator", "account": 1}
            self.mortals.append(Mortal.on_chain(world, self.spec, folder, forks, **known, **options))
        else:
            self.others.append(self.stage.coordinator)

    def losses(self):
        """What is not as it has to be at the end, in words; none where all is."""
        reader, state = self.stage.reader, self.state
        events = reader.task_events(1, from_block=1, to_block=reader.block())
        found = [event.name for event in events if event.name in LOST]
        rounds = self.spec.maximum_rounds
        if (reader.task_count(), state.results) != (1, rounds):
            found.append(f"{reader.task_count()} tasks, {state.results} results")
        elif state.latest_result != self.stage.expected()[-1].hash:
            found.append("another result")
        found += [f"attempt {one['attempt']}" for one in events if one.name == "RoundOpened" and one["attempt"]]
        for name in ("UpdateCommitted", "MaskedUpdateShared", "ResultConfirmed"):
            times = Counter((one["round"], one["attempt"], one["node"]) for one in events if one.name == name)
            found += [f"{count} times {name} of {who}" for who, count in times.items() if count > 1]
            # the last to confirm may find a round that the others have ended
            if len(times) != rounds * NODES and name != "ResultConfirmed":
                found.append(f"{len(times)} times {name} in {rounds} rounds")
        registered = reader.data_hub.contract.events("Registered", from_block=1)
        if len(registered) != NODES:
            found.append(f"{len(registered)} registrations")
        # what training began from, what each node has shared and each result, once, whole and under its own name
        files = list((self.folder / "storage0").iterdir())
        found += [path.name for path in files if path.name != f"{content_hash(path.read_bytes()).hex()}.bin"]
        if len(files) != 1 + rounds * (NODES + 1):
            found.append(f"{len(files)} files in the storage")
        return found

    def close(self):
        super().close()
        self.stage.close()


@pytest.fixture
def cast(world, tmp_path, forks):
    made = []

    def make(**options):
        made.append(FederatedCast(world, tmp_path, forks, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("who", WHO)
def test_who_is_killed_at_every_write_ends_at_the_same_result(cast, who, tally, amount):
    rounds = amount(1, 2)
    # a quick run leaves out what is written into the database: tests/hfl/test_kill.py dies after that
    tried = {"moments": amount(("halfway",), MOMENTS), "only": amount(("HFLContract", "DataHub", "the "), ("",))}
    played = cast(mortal=who, everywhere=amount(False, True), rounds=rounds, **tried)
    played.run()
    died = 0
    for mortal in played.mortals:
        died += len(mortal.deaths)
        assert mortal.unseen == []
        for function in ("commitUpdate", "share", "confirm"):
            assert len(mortal.sent(function)) in (0, rounds), function
        assert len(mortal.sent("createTask")) <= 1
    assert played.losses() == []
    tally.faults(PART, tried=died, survived=died)


PLANTED = {
    "keeps no key": (0,),
    "keeps no update": (0,),
    "forgets its federated task": ("coordinator",),
}
"""Bugs of `support.mortal_parts`, and who has them."""


@pytest.mark.full
@pytest.mark.parametrize("bug", PLANTED)
def test_a_bug_that_is_planted_is_noticed(cast, tally, bug):
    played = cast(mortal=PLANTED[bug], everywhere=False, rounds=1, planted=bug)
    try:
        played.run(most=12)
        found = played.losses()
    except AssertionError as error:
        found = [str(error)]
    assert found
    tally.mutants("faults: bugs planted", tried=1, killed=1)


@pytest.mark.full
def test_a_write_that_nobody_is_told_of_is_noticed(cast, tally):
    played = cast(mortal=(0,), everywhere=False, rounds=1, planted="keeps a copy", moments=())
    played.run()
    (mortal,) = played.mortals
    assert {name for _, _, name in mortal.unseen} == {str(played.folder / "copy")}
    tally.mutants("faults: bugs planted", tried=1, killed=1)
