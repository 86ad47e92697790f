"""InferenceContract: ask, accept, answer, and the slashing of late operators. Proofs are hashes here."""

from types import SimpleNamespace

import pytest
from support.rounds_task import Task
from support.rounds_world import ETH, fake_proof

from twopm_zk.chain import compile_contract
from twopm_zk.numbers.field import FIELD_ORDER

NONE, ASKED, ACCEPTED, ANSWERED, LATE = range(5)
DAY = 86_400
INPUT = 31337


@pytest.fixture
def service(world, people):
    return Service(world, Task(world, people.dan))


class Service:
    """``dan`` offers predictions, ``ada`` asks for them."""

    def __init__(self, world, task):
        self.world, self.task = world, task
        self.operator, self.user = world.people.dan, world.people.ada
        self.act(self.operator, "offer", task.id, world.ids["predict"])

    def act(self, person, function, *arguments):
        return person.use(self.world.inference).transact(function, *arguments)

    def ask(self, person=None, *, model_input=INPUT):
        receipt = self.act(person or self.user, "ask", self.task.id, self.operator.address, model_input)
        return receipt.event("Asked")["id"]

    def accepted(self):
        request = self.ask()
        self.act(self.operator, "accept", request)
        return request

    def proof(self, request, prediction):
        return fake_proof("predict", self.of(request)["modelCommitment"], INPUT, prediction)

    def of(self, request):
        return self.world.inference.call("requestOf", request)


def test_a_prediction_is_asked_for_accepted_and_answered(service, gas):
    receipt = service.act(service.user, "ask", service.task.id, service.operator.address, INPUT)
    gas.check("ask", receipt)
    request = receipt.event("Asked")["id"]
    assert service.of(request)["state"] == ASKED
    gas.check("accept", service.act(service.operator, "accept", request))
    receipt = service.act(service.operator, "answer", request, 40_000, service.proof(request, 40_000))
    gas.check("answer, double", receipt)
    found = service.of(request)
    assert (found["state"], found["prediction"]) == (ANSWERED, 40_000)
    events = service.world.inference.events("Answered", id=request)
    assert [event["prediction"] for event in events] == [40_000]


def test_an_answer_is_about_the_model_at_the_time_of_the_question(service):
    request = service.ask()
    asked = service.of(request)["modelCommitment"]
    service.task.to_accepted()
    assert service.task.model != asked
    service.act(service.operator, "accept", request)
    service.act(service.operator, "answer", request, 1, fake_proof("predict", asked, INPUT, 1))


def test_anyone_may_bring_the_proof_but_nobody_a_wrong_one(service, people, refused):
    request = service.accepted()
    with refused("InvalidProof"):
        service.act(people.ben, "answer", request, 2, service.proof(request, 1))
    with refused("InvalidProof"):
        service.act(people.ben, "answer", request, 1, fake_proof("predict", 1, INPUT, 1))
    service.act(people.ben, "answer", request, 1, service.proof(request, 1))


def test_a_prediction_without_stake_is_refused(service, people, refused):
    staking = people.ada.use(service.world.staking)
    staking.transact("unstake", 2, staking.call("positionOf", people.ada.address, 2)["active"])
    with refused("StakeTooLow", account=people.ada.address, stake=0):
        service.ask()


def test_an_operator_without_stake_cannot_accept(service, people, refused):
    request = service.ask()
    staking = people.dan.use(service.world.staking)
    staking.transact("unstake", 2, staking.call("positionOf", people.dan.address, 2)["active"])
    with refused("StakeTooLow", account=people.dan.address):
        service.act(people.dan, "accept", request)


def test_a_late_operator_is_slashed_once_by_anyone(service, people, refused, node, gas):
    request = service.accepted()
    with refused("DeadlineNotReached"):
        service.act(people.ben, "slashLate", request)
    node.advance(DAY + 1)
    with refused("DeadlinePassed"):
        service.act(service.operator, "answer", request, 1, service.proof(request, 1))
    before = service.world.staking.call("stakeOf", people.dan.address)
    receipt = service.act(people.ben, "slashLate", request)
    gas.check("slashLate", receipt)
    assert receipt.event("OperatorLate")["slashed"] == ETH // 10
    assert receipt.event("Slashed")["reason"].startswith("0x" + b"inference late".hex())
    assert before - service.world.staking.call("stakeOf", people.dan.address) == pytest.approx(ETH // 10, rel=1e-9)
    with refused("WrongState", state=LATE):
        service.act(people.ben, "slashLate", request)


def test_the_stake_of_an_operator_that_owes_an_answer_is_not_withdrawn(service, people, refused, node):
    """A stake withdrawn during a dispute: the exit began before, and would be over before the slash."""
    staking = people.dan.use(service.world.staking)
    people.dan.stake(2 * ETH)
    staking.transact("unstake", 2, staking.call("positionOf", people.dan.address, 2)["active"] // 3)
    node.advance(staking.call("EXIT_DELAY") - 60)
    request = service.accepted()
    node.advance(DAY + 1)
    with refused("StakeLocked", user=people.dan.address):
        staking.transact("withdraw", 2, people.dan.address)
    service.act(people.ada, "slashLate", request)
    node.advance(8 * DAY)
    staking.transact("withdraw", 2, people.dan.address)


def test_an_operator_that_never_accepted_owes_nothing(service, people, refused, node):
    request = service.ask()
    with refused("WrongState", state=ASKED):
        service.act(service.operator, "answer", request, 1, service.proof(request, 1))
    node.advance(DAY + 1)
    with refused("DeadlinePassed"):
        service.act(service.operator, "accept", request)
    with refused("WrongState", state=ASKED):
        service.act(people.ben, "slashLate", request)


def test_an_answered_request_is_over(service, people, refused, node):
    request = service.accepted()
    service.act(service.operator, "answer", request, 1, service.proof(request, 1))
    for act in (("answer", request, 1, service.proof(request, 1)), ("accept", request), ("slashLate", request)):
        with refused("WrongState", state=ANSWERED):
            service.act(service.operator, *act)


def test_only_the_named_operator_accepts(service, people, refused):
    request = service.ask()
    with refused("NotTheOperator", account=people.ben.address):
        service.act(people.ben, "accept", request)
    with refused("WrongState", state=NONE):
        service.act(people.dan, "accept", 999)


def test_who_offers_nothing_cannot_be_asked(service, people, refused, world):
    service.act(people.dan, "withdrawOffer", service.task.id)
    with refused("NotOffered", operator=people.dan.address):
        service.ask()
    with refused("NotOffered"):
        service.act(people.dan, "withdrawOffer", service.task.id)
    with refused("NoModel", taskId=999):
        service.act(people.dan, "offer", 999, world.ids["predict"])
    for name in ("predict-8", "certify"):
        with refused("WrongVerifier", id=world.ids[name]):
            service.act(people.dan, "offer", service.task.id, world.ids[name])


def test_a_model_that_no_round_has_opened_yet_answers_nothing(world, people, refused):
    service = Service(world, Task(world, people.dan, opened=False))
    with refused("NoModel", taskId=service.task.id):
        service.ask()
    service.task.act(people.dan, "openRound")
    service.ask()


def test_terms_without_stakes_ask_for_none_but_an_answer_is_owed_only_to_who_may_slash(world, people, refused, chain):
    staking = people.ada.use(world.staking)
    staking.transact("unstake", 2, staking.call("positionOf", people.ada.address, 2)["active"])
    addresses = (world.hlr.address, world.staking.address, world.registry.address)
    inference = chain.deploy(compile_contract("InferenceContract"), *addresses, (0, 0, 3600, DAY, ETH))
    service = Service(SimpleNamespace(**{**vars(world), "inference": inference}), Task(world, people.dan))
    request = service.ask()
    with refused("NotASlasher", account=inference.address):
        service.act(people.dan, "accept", request)


def test_inputs_are_field_elements(service, refused):
    with refused("NotAFieldElement", value=FIELD_ORDER):
        service.ask(model_input=FIELD_ORDER)
