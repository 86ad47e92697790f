"""HFLContract: any model, results accepted by a quorum of the participants."""

import pytest
from support.rounds_task import CLOSED, COLLECTING, FINISHED
from support.rounds_world import task_config

RESULT, OTHER = b"\x01" * 32, b"\x02" * 32


class Task:
    def __init__(self, world, *, quorum=67, **config):
        self.world, self.coordinator = world, world.people.dan
        receipt = self.coordinator.use(world.hfl).transact("createTask", task_config(**config), quorum)
        self.id = receipt.event("TaskCreated")["taskId"]
        self.act(self.coordinator, "openRound")

    def act(self, person, function, *arguments):
        return person.use(self.world.hfl).transact(function, self.id, *arguments)

    @property
    def state(self):
        return self.world.hfl.call("taskOf", self.id)

    def commit_all(self, *people):
        for person in people or (self.world.people.ada, self.world.people.ben, self.world.people.cleo):
            self.act(person, "commitUpdate", 0, b"\x09" * 32)

    def to_closed(self):
        self.commit_all()
        self.act(self.coordinator, "close")


@pytest.fixture
def task(world):
    return Task(world)


def test_a_quorum_accepts_a_result_and_opens_the_next_round(task, people, world, gas):
    gas.check("commitUpdate", task.act(people.ada, "commitUpdate", 0, RESULT))
    for person in (people.ben, people.cleo):
        event = task.act(person, "commitUpdate", 0, RESULT).event("UpdateCommitted")
        assert event["node"] == person.address
    task.act(people.dan, "close")
    gas.check("confirm", task.act(people.ada, "confirm", RESULT))
    receipt = task.act(people.ben, "confirm", RESULT)
    gas.check("confirm, second", receipt)
    assert task.state["phase"] == CLOSED  # two of three are 66.7 %, not 67
    receipt = task.act(people.cleo, "confirm", RESULT)
    gas.check("confirm, accepts", receipt)
    assert receipt.event("ResultAccepted")["result"] == "0x" + RESULT.hex()
    assert world.hfl.call("resultOf", task.id, 0) == "0x" + RESULT.hex()
    assert (task.state["round"], task.state["phase"]) == (1, COLLECTING)


def test_a_coordinator_ends_a_task_whose_attempt_has_failed(task, people, node, refused):
    with refused("DeadlineNotReached"):
        task.act(people.dan, "finish")
    node.advance(3601)
    with refused("NotTheCoordinator"):
        task.act(people.ada, "finish")
    task.act(people.dan, "finish")
    assert task.state["phase"] == FINISHED


def test_a_task_finishes_once_after_its_last_round(world, people, refused):
    task = Task(world, maximumRounds=2, quorum=51)
    for _ in range(2):
        task.to_closed()
        task.act(people.ada, "confirm", RESULT)
        receipt = task.act(people.ben, "confirm", RESULT)
    assert receipt.event("TaskFinished")["round"] == 1
    assert task.state["phase"] == FINISHED
    for person, act in ((people.dan, ("finish",)), (people.cleo, ("confirm", RESULT)), (people.dan, ("close",))):
        with refused("WrongPhase", phase=FINISHED):
            task.act(person, *act)


def test_votes_for_different_results_do_not_add_up(task, people, world):
    task.to_closed()
    task.act(people.ada, "confirm", RESULT)
    task.act(people.ben, "confirm", OTHER)
    task.act(people.cleo, "confirm", RESULT)
    assert task.state["round"] == 0
    assert world.hfl.call("votesFor", task.id, RESULT) == 2
    assert world.hfl.call("votesFor", task.id, OTHER) == 1


def test_only_participants_confirm_and_each_once(task, people, refused):
    task.commit_all()
    with refused("WrongPhase", phase=COLLECTING):
        task.act(people.ada, "confirm", RESULT)
    task.act(people.dan, "close")
    with refused("NotAParticipant", account=people.eve.address):
        task.act(people.eve, "confirm", RESULT)
    task.act(people.ada, "confirm", RESULT)
    with refused("AlreadyConfirmed", account=people.ada.address):
        task.act(people.ada, "confirm", OTHER)


def test_votes_of_one_attempt_do_not_count_in_the_next(task, people, world, node):
    task.to_closed()
    task.act(people.ada, "confirm", RESULT)
    task.act(people.ben, "confirm", RESULT)
    node.advance(1801)
    task.act(people.eve, "reopen")
    task.to_closed()
    assert world.hfl.call("votesFor", task.id, RESULT) == 0
    task.act(people.cleo, "confirm", RESULT)
    assert task.state["round"] == 0


@pytest.mark.parametrize("percent", [0, 50, 101])
def test_a_quorum_is_a_majority(world, refused, percent):
    with refused("InvalidQuorum", percent=percent):
        Task(world, quorum=percent)


def test_the_smallest_and_the_largest_quorum(world, people):
    for quorum, needed in ((51, 2), (100, 3)):
        task = Task(world, quorum=quorum)
        assert world.hfl.call("quorumOf", task.id) == quorum
        task.to_closed()
        for count, person in enumerate((people.ada, people.ben, people.cleo), start=1):
            if count <= needed:
                task.act(person, "confirm", RESULT)
        assert task.state["round"] == 1


def test_the_machinery_is_the_same(task, people, refused, node):
    """Members, stake, data, deadlines, coordinators are tested at HLRContract; here that they are there."""
    people.ada.register(60, [6060])
    with refused("DataNotCommittedBeforeTheRound", index=60):
        task.act(people.ada, "commitUpdate", 60, RESULT)
    people.eve.leave()
    with refused("NotAMemberBeforeTheRound", account=people.eve.address):
        task.act(people.eve, "commitUpdate", 0, RESULT)
    task.to_closed()
    for act in ("takeOver", "reopen"):
        with refused("CannotTakeOver" if act == "takeOver" else "DeadlineNotReached"):
            task.act(people.ada, act)
    node.advance(1801)
    for person in (people.eve, people.dan):  # one took no part, the other is the coordinator
        with refused("CannotTakeOver", account=person.address):
            task.act(person, "takeOver")
    task.act(people.ada, "takeOver")
    assert task.state["coordinator"] == people.ada.address
    assert task.state["phase"] == CLOSED
    task.act(people.ben, "confirm", RESULT)  # what was handed in still counts


def test_nobody_takes_over_while_updates_are_collected(task, people, node, refused):
    task.act(people.ada, "commitUpdate", 0, RESULT)
    node.advance(10**5)
    with refused("CannotTakeOver", account=people.ada.address):
        task.act(people.ada, "takeOver")


def test_a_penalty_that_nothing_would_take_is_refused(world, refused):
    with refused("InvalidConfig", field="penalty"):
        Task(world, penalty=1)


def test_too_few_nodes_at_the_deadline_are_reopened(task, people, node, refused):
    task.act(people.ada, "commitUpdate", 0, RESULT)
    with refused("DeadlineNotReached"):
        task.act(people.ben, "reopen")
    node.advance(3601)
    task.act(people.ben, "reopen")
    assert (task.state["attempt"], task.state["phase"]) == (1, COLLECTING)
