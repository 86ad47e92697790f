"""InferenceContract: ask, accept, answer, refund, and the slashing of late operators. Proofs are hashes here."""

from types import SimpleNamespace

import pytest
from support.federated_task import federated_task_of_number
from support.market import (
    ACCEPTED,
    ANSWERED,
    ASKED,
    DAY,
    HFL,
    INPUT,
    LATE,
    METADATA,
    NONE,
    REFUNDED,
    TERMS,
    Market,
)
from support.rounds_task import Task
from support.rounds_world import ETH, GAUSSIAN, PREDICT, fake_proof

from twopm_zk.chain import compile_contract
from twopm_zk.numbers.field import FIELD_ORDER

FEE = 10**15


@pytest.fixture
def market(world, certified):
    return Market(world, certified, fee=FEE)


def test_a_prediction_is_asked_for_accepted_and_answered(world, certified, people, gas):
    market = Market(world, certified)
    receipt = market.ask()
    gas.check("ask, without a fee", receipt)
    asked = receipt.event("Asked")
    request = asked["id"]
    assert (asked["networkId"], asked["user"], asked["operator"]) == (market.id, people.eve.address, people.dan.address)
    assert market.state(request) == ASKED
    gas.check("accept", market.accept(request))
    assert market.state(request) == ACCEPTED
    gas.check("answer, double, without a fee", market.answer(request))
    found = market.of(request)
    assert (found["state"], found["prediction"]) == (ANSWERED, 40_000)
    assert [event["prediction"] for event in world.inference.events("Answered", id=request)] == [40_000]


def test_a_request_keeps_all_that_it_was_made_under(market, world, people, certified):
    (request,) = market.asked()
    found = market.of(request)
    expected = {
        "user": people.eve.address,
        "operator": people.dan.address,
        "networkId": market.id,
        "taskId": certified.id,
        "modelCommitment": certified.model,
        "inputCommitment": INPUT,
        "verifierId": world.ids["predict"],
        "verifier": world.registry.call("entryOf", world.ids["predict"])["verifier"],
        "token": False,
        "fee": FEE,
        "operatorStake": ETH // 2,
        "penalty": ETH // 10,
        "answerSeconds": DAY,
    }
    assert {name: found[name] for name in expected} == expected
    market.govern("setTerms", market.id, {**TERMS, "fee": 1, "penalty": 0, "operatorStake": 0, "answerSeconds": 60})
    assert market.of(request) == found


def test_several_inputs_are_asked_about_at_once_and_each_is_a_request_of_its_own(market, world, gas, refused):
    receipt = market.ask(*range(100, 116))
    gas.check("ask, 16 inputs", receipt)
    events = [event for event in receipt.events if event.name == "Asked"]
    first = events[0]["id"]
    assert [(event["id"], event["inputCommitment"]) for event in events] == [(first + i, 100 + i) for i in range(16)]
    assert world.inference.call("requestCount") == first + 15
    assert [market.of(event["id"])["inputCommitment"] for event in events] == list(range(100, 116))
    market.people.dan.stake(10 * ETH)
    gas.check("accept, 16 requests", market.accept(*(event["id"] for event in events)))
    market.answer(first + 7)
    assert [market.state(first + i) for i in (6, 7, 8)] == [ACCEPTED, ANSWERED, ACCEPTED]
    for count in (0, 17):
        with refused("WrongNumberOfInputs", count=count, limit=16):
            market.act(market.user, "ask", market.id, market.operator.address, world.ids["predict"], [1] * count, FEE)


def test_anyone_may_bring_the_proof_but_nobody_a_wrong_one(market, people, refused):
    request = market.accepted()
    with refused("InvalidProof"):
        market.act(people.ben, "answer", request, 2, market.proof(request, 1))
    with refused("InvalidProof"):
        market.act(people.ben, "answer", request, 1, fake_proof("predict", 1, INPUT, 1))
    market.answer(request, person=people.ben)
    assert (market.owed(people.ben), market.owed(people.dan) > 0) == (
        0,
        True,
    )  # the operator is paid, not who brought it


def test_the_proof_of_another_request_answers_none(market, refused):
    one, other = market.asked(1, 2)
    market.people.dan.stake(2 * ETH)
    market.accept(one, other)
    with refused("InvalidProof"):
        market.act(market.operator, "answer", other, 5, market.proof(one, 5))


# --- asking ---


def test_a_prediction_without_stake_is_refused(market, people, refused):
    people.eve.unstake()
    with refused("StakeTooLow", account=people.eve.address, stake=0, minimum=ETH // 100):
        market.ask()


def test_a_task_without_a_certificate_answers_nothing(world, people, refused):
    task = Task(world, people.dan)
    market = Market(world, task, enrolled=False)
    with refused("NotCertified", taskId=task.id):
        market.ask()
    task.to_summed(people=("ada", "ben", "cleo"))
    with refused("NotCertified", taskId=task.id):
        market.ask()
    task.certify()
    market.ask()


def test_a_network_of_a_task_without_proofs_is_neither_offered_nor_asked(world, certified, people, refused):
    """Its task's number is that of a certified task of the other contract."""
    federated_task_of_number(world, certified.id)
    arguments = (HFL, certified.id, False, 0, METADATA, "", TERMS)
    network = people.dan.use(world.networks).transact("register", *arguments).event("NetworkRegistered")["id"]
    dan = people.dan.use(world.inference)
    with refused("NoModel", taskId=certified.id):
        dan.transact("offer", network, world.ids["predict"])
    with refused("NotOffered", networkId=network):
        dan.transact("ask", network, people.dan.address, world.ids["predict"], [INPUT], 0)


def test_a_closed_network_takes_no_questions_and_answers_those_that_were_asked(market, refused):
    (request,) = market.asked()
    market.govern("setClosed", market.id, True)
    with refused("NetworkIsClosed", networkId=market.id):
        market.ask()
    market.accept(request)
    market.answer(request)
    market.govern("setClosed", market.id, False)
    market.ask()


def test_an_unknown_network_is_said_to_be_unknown(market, world, people, refused):
    with refused("UnknownNetwork", id=99):
        market.act(people.dan, "offer", 99, world.ids["predict"])
    with refused("NotOffered", operator=people.dan.address, networkId=99):
        market.act(people.eve, "ask", 99, people.dan.address, world.ids["predict"], [INPUT], 0)


def test_inputs_are_field_elements(market, refused):
    with refused("NotAFieldElement", value=FIELD_ORDER):
        market.ask(1, FIELD_ORDER)
    market.ask(FIELD_ORDER - 1, 0)


def test_who_offers_nothing_cannot_be_asked(market, people, refused):
    withdrawn = market.act(people.dan, "withdrawOffer", market.id)
    assert withdrawn.event("OfferWithdrawn")["networkId"] == market.id
    with refused("NotOffered", operator=people.dan.address):
        market.ask()
    with refused("NotOffered"):
        market.act(people.dan, "withdrawOffer", market.id)


def test_an_operator_may_offer_before_the_certificate_what_fits_the_model(world, people, refused):
    task = Task(world, people.dan, opened=False)
    market = Market(world, task, enrolled=False, offered=False)
    world.add_verifier("predict of another format", PREDICT, 0, 3, frac_bits=11)
    world.add_verifier("gaussian-predict", PREDICT, 0, 3, family=GAUSSIAN)
    for name in ("predict-8", "certify", "predict of another format", "gaussian-predict"):
        with refused("WrongVerifier", id=world.ids[name]):
            market.act(people.dan, "offer", market.id, world.ids[name])
    with refused("UnknownVerifier", id=999):
        market.act(people.dan, "offer", market.id, 999)
    offered = market.act(people.dan, "offer", market.id, world.ids["predict"]).event("Offered")
    assert (offered["networkId"], offered["insecure"]) == (market.id, True)
    assert world.inference.call("offerOf", market.id, people.dan.address) == world.ids["predict"]


def test_a_retired_verifier_is_not_offered(world, certified, people, refused):
    market = Market(world, certified, offered=False)
    market.retire()
    with refused("RetiredVerifier", id=world.ids["predict"]):
        market.act(people.dan, "offer", market.id, world.ids["predict"])


def test_an_operator_that_swaps_its_verifier_after_the_user_looked_gets_no_question(market, world, people, refused):
    world.add_verifier("predict of its own", PREDICT, 0, 3)
    market.act(people.dan, "offer", market.id, world.ids["predict of its own"])
    ids = world.ids["predict of its own"], world.ids["predict"]
    with refused("OtherVerifier", offered=ids[0], expected=ids[1]):
        market.ask()
    market.ask(verifier="predict of its own")


def test_an_operator_that_swaps_its_verifier_later_answers_by_the_one_that_was_asked_for(
    market, world, people, refused
):
    request = market.accepted()
    world.add_verifier("predict of its own", PREDICT, 0, 3)
    market.act(people.dan, "offer", market.id, world.ids["predict of its own"])
    with refused("InvalidProof"):
        market.act(people.dan, "answer", request, 1, market.proof(request, 1, "predict of its own"))
    market.answer(request)


def test_a_question_for_a_verifier_that_was_retired_meanwhile_is_refused(market, world, refused):
    market.retire()
    with refused("RetiredVerifier", id=world.ids["predict"]):
        market.ask()


# --- accepting ---


def test_only_the_named_operator_accepts(market, people, refused):
    (request,) = market.asked()
    with refused("NotTheOperator", account=people.ben.address):
        market.act(people.ben, "accept", [request])
    with refused("WrongState", id=999, state=NONE):
        market.act(people.dan, "accept", [999])


def test_all_of_a_list_are_accepted_or_none(market, refused):
    one, other = market.asked(1, 2)
    market.people.dan.stake(2 * ETH)
    with refused("WrongState", id=999):
        market.accept(one, other, 999)
    with refused("WrongState", id=one, state=ACCEPTED):
        market.accept(one, one)
    assert (market.state(one), market.obligations()) == (ASKED, 0)
    market.accept()  # of nothing
    market.accept(one, other)
    assert market.obligations() == ETH


def test_an_operator_without_stake_cannot_accept(market, people, refused):
    (request,) = market.asked()
    people.dan.unstake()
    with refused("StakeTooLow", account=people.dan.address, minimum=ETH // 2):
        market.accept(request)


def test_one_stake_backs_one_open_request_each(market, people, refused):
    """Forty are asked of a stake for twenty: so many could be accepted, and be late, on one stake before."""
    market.govern("setTerms", market.id, {**TERMS, "operatorStake": ETH // 10, "fee": 0})
    room = people.dan.staked // (ETH // 10)
    assert 15 < room < 40
    requests = [one for first in (0, 16, 32) for one in market.asked(*range(first, first + 14))][:40]
    market.accept(*requests[: room - 1])
    for tried in (requests[room - 1 : room + 1], requests[room - 1 :]):
        with refused("StakeTooLow", account=people.dan.address):
            market.accept(*tried)
    market.accept(requests[room - 1])
    assert market.obligations() == room * (ETH // 10)
    with refused("StakeTooLow"):
        market.accept(requests[room])
    # a request that is over makes room for one, and for one only
    market.answer(requests[0])
    market.accept(requests[room])
    with refused("StakeTooLow"):
        market.accept(requests[room + 1])


def test_what_is_owed_falls_when_a_request_is_answered_late_or_void(market, people, node):
    one, two, three = market.asked(1, 2, 3)
    people.dan.stake(2 * ETH)
    market.accept(one, two, three)
    assert market.obligations() == 3 * (ETH // 2)
    market.answer(one)
    assert market.obligations() == 2 * (ETH // 2)
    node.advance(DAY + 1)
    market.act(people.ben, "slashLate", two)
    assert market.obligations() == ETH // 2
    market.retire()
    market.act(people.ben, "refund", three)
    assert market.obligations() == 0


def test_forty_late_answers_cost_forty_stakes(market, people, node):
    """What a late operator loses is there for each request that it has accepted."""
    market.govern("setTerms", market.id, {**TERMS, "operatorStake": ETH // 10, "penalty": ETH // 10, "fee": 0})
    room = people.dan.staked // (ETH // 10)
    requests = [one for first in (0, 16) for one in market.asked(*range(first, first + 16))][:room]
    market.accept(*requests)
    node.advance(DAY + 1)
    slashed = [market.act(people.ben, "slashLate", one).event("OperatorLate")["slashed"] for one in requests]
    assert slashed == [ETH // 10] * room


def test_a_verifier_retired_after_the_question_is_not_accepted_by(market, world, people, refused):
    (request,) = market.asked()
    market.retire()
    with refused("RetiredVerifier", id=world.ids["predict"]):
        market.accept(request)
    market.act(people.eve, "refund", request)
    assert market.owed(people.eve) == FEE


def test_an_operator_that_never_accepted_owes_nothing(market, people, refused, node):
    (request,) = market.asked()
    with refused("WrongState", state=ASKED):
        market.act(market.operator, "answer", request, 1, market.proof(request, 1))
    node.advance(DAY + 1)
    with refused("DeadlinePassed"):
        market.accept(request)
    with refused("WrongState", state=ASKED):
        market.act(people.ben, "slashLate", request)


def test_each_request_has_the_deadlines_of_its_own_terms(market, node, refused):
    market.people.dan.stake(2 * ETH)
    (slow,) = market.asked(1)
    market.govern("setTerms", market.id, {**TERMS, "acceptSeconds": 3600, "answerSeconds": 60, "fee": 0})
    (fast,) = market.asked(2)
    market.accept(slow, fast)
    node.advance(61)
    with refused("DeadlinePassed"):
        market.answer(fast)
    market.answer(slow)


def test_an_operators_terms_do_not_change_once_a_question_is_asked(market, people, node):
    """The network's owner raises the penalty between the question and its acceptance."""
    (request,) = market.asked()
    market.govern("setTerms", market.id, {**TERMS, "operatorStake": 2 * ETH, "penalty": 2 * ETH, "answerSeconds": 60})
    market.accept(request)
    node.advance(DAY - 10)
    market.answer(request)


# --- after the deadline ---


def test_a_late_operator_is_slashed_once_by_anyone(market, people, refused, node, gas):
    request = market.accepted()
    with refused("DeadlineNotReached"):
        market.act(people.ben, "slashLate", request)
    node.advance(DAY + 1)
    with refused("DeadlinePassed"):
        market.answer(request)
    before = people.dan.staked
    receipt = market.act(people.ben, "slashLate", request)
    gas.check("slashLate", receipt)
    assert receipt.event("OperatorLate")["slashed"] == ETH // 10
    assert receipt.event("Slashed")["reason"].startswith("0x" + b"inference late".hex())
    assert before - people.dan.staked == pytest.approx(ETH // 10, rel=1e-9)
    assert (market.state(request), market.owed(people.eve)) == (LATE, FEE)
    with refused("WrongState", state=LATE):
        market.act(people.ben, "slashLate", request)
    with refused("WrongState", state=LATE):
        market.act(people.eve, "refund", request)
    assert market.owed(people.eve) == FEE


def test_the_stake_of_an_operator_that_owes_an_answer_is_not_withdrawn(market, people, refused, node):
    """A stake withdrawn during a dispute: the exit began before, and would be over before the slash."""
    staking = people.dan.use(market.world.staking)
    people.dan.stake(2 * ETH)
    people.dan.unstake(keeping=ETH)
    node.advance(staking.call("EXIT_DELAY") - 60)
    request = market.accepted()
    node.advance(DAY + 1)
    with refused("StakeLocked", user=people.dan.address):
        staking.transact("withdraw", 2, people.dan.address)
    market.act(people.ada, "slashLate", request)
    node.advance(8 * DAY)
    staking.transact("withdraw", 2, people.dan.address)


@pytest.mark.parametrize("seconds", [60, 7 * DAY])
def test_the_longest_and_shortest_deadlines_keep_the_stake_until_it_can_be_slashed(market, people, node, seconds):
    """Beyond what a stake can be locked for nobody could accept, or an operator could leave before it is late."""
    market.govern("setTerms", market.id, {**TERMS, "answerSeconds": seconds, "fee": 0})
    request = market.accepted()
    locked = market.world.staking.call("lockedUntil", people.dan.address)
    assert locked == market.of(request)["deadline"] + 7 * DAY
    node.advance(seconds + 1)
    assert market.act(people.ben, "slashLate", request).event("OperatorLate")["slashed"] == ETH // 10


def test_a_verifier_retired_after_acceptance_answers_nothing_and_makes_nobody_late(
    market, world, people, node, refused
):
    """One that is unsound must not pay; who cannot answer any more is not slashed, and the user has its fee."""
    one, other = market.asked(1, 2)
    people.dan.stake(2 * ETH)
    market.accept(one, other)
    with refused("StillDue", id=one):
        market.act(people.eve, "refund", one)
    market.retire()
    with refused("RetiredVerifier"):
        market.answer(one)
    market.act(people.ben, "refund", one)
    node.advance(DAY + 1)
    before = people.dan.staked
    with refused("RetiredVerifier"):
        market.act(people.ben, "slashLate", other)
    market.act(people.dan, "refund", other)
    assert (market.state(one), market.state(other)) == (REFUNDED, REFUNDED)
    assert (market.owed(people.eve), market.owed(people.dan), market.obligations()) == (2 * FEE, 0, 0)
    assert people.dan.staked == before


def test_a_contract_that_may_slash_no_more_keeps_nobodys_fee(market, world, people, node, refused):
    one, other = market.accepted(), market.asked(5)[0]
    world.staking.transact("revoke", world.inference.address)
    with refused("NotACaller", account=world.inference.address):
        market.accept(other)
    node.advance(DAY + 1)
    receipt = market.act(people.ben, "slashLate", one)
    assert receipt.event("OperatorLate")["slashed"] == 0
    assert (market.owed(people.eve), market.obligations()) == (FEE, 0)
    market.act(people.ben, "refund", other)
    assert market.owed(people.eve) == 2 * FEE


def test_nobody_saves_an_operator_by_sending_too_little_gas(market, people, node, refused):
    request = market.accepted()
    node.advance(DAY + 1)
    late = people.ben.use(market.world.inference)
    with refused("TooLittleGas", needed=2_000_000):
        late.transact("slashLate", request, gas=1_900_000)
    assert late.transact("slashLate", request).event("OperatorLate")["slashed"] == ETH // 10


def test_terms_without_stakes_ask_for_none_but_an_answer_is_owed_only_to_who_may_slash(
    world, certified, people, refused, chain
):
    people.eve.unstake()
    addresses = (world.stakes.address, world.registry.address, world.networks.address)
    inference = chain.deploy(compile_contract("InferenceContract"), *addresses)
    apart = SimpleNamespace(**{**vars(world), "inference": inference})
    market = Market(apart, certified, userStake=0, operatorStake=0, penalty=0)
    (request,) = market.asked()
    with refused("NotACaller", account=inference.address):
        market.accept(request)


# --- once it is over ---


def test_an_answered_request_is_over(market, people, refused):
    request = market.answered()
    for act in (
        ("answer", request, 1, market.proof(request, 1)),
        ("accept", [request]),
        ("slashLate", request),
        ("refund", request),
    ):
        with refused("WrongState", state=ANSWERED):
            market.act(market.operator, *act)
    assert market.of(request)["prediction"] == 40_000


def test_a_request_that_was_taken_back_is_over(market, people, refused, node):
    (request,) = market.asked()
    with refused("NotTheUser", account=people.ben.address):
        market.act(people.ben, "refund", request)
    with refused("NotTheUser", account=people.dan.address):
        market.act(people.dan, "refund", request)
    refunded = market.act(people.eve, "refund", request).event("Refunded")
    assert (refunded["user"], refunded["fee"]) == (people.eve.address, FEE)
    for act in (
        ("refund", request),
        ("accept", [request]),
        ("answer", request, 1, market.proof(request, 1)),
        ("slashLate", request),
    ):
        with refused("WrongState", state=REFUNDED):
            market.act(people.dan, *act)
    assert market.owed(people.eve) == FEE


def test_anybody_gives_the_fee_back_of_what_nobody_has_accepted_in_time(market, people, node, gas):
    (request,) = market.asked()
    node.advance(DAY + 1)
    gas.check("refund", market.act(people.ben, "refund", request))
    assert (market.owed(people.eve), market.state(request)) == (FEE, REFUNDED)


def test_what_was_never_asked_is_nothing(market, refused):
    assert market.of(999)["state"] == NONE
    for act in (("refund", 999), ("slashLate", 999), ("accept", [999]), ("answer", 999, 1, [0] * 24)):
        with refused("WrongState", id=999, state=NONE):
            market.act(market.operator, *act)


@pytest.mark.slow
def test_an_answer_is_about_the_certified_model_also_while_its_statistics_are_collected(world, people, refused):
    """Each round has another commitment to the same weights; a request keeps that of its time."""
    task = Task(world, people.dan, training={"finalInformation": True})
    task.to_accepted((5, -6, 7, -8))
    task.to_summed(people=("ada", "ben", "cleo"))
    task.certify()
    market = Market(world, task, enrolled=False)
    (early,) = market.asked()
    task.submit_all(people=("ada", "ben", "cleo"))
    task.close()
    task.ready_all(people.ada, people.ben, people.cleo)
    task.share_all()
    task.proceed()
    (late,) = market.asked()
    assert market.of(early)["modelCommitment"] != 0
    assert task.call("weightsOf") == [5, -6, 7, -8]
    people.dan.stake(2 * ETH)
    market.accept(early, late)
    market.answer(early)
    market.answer(late)
