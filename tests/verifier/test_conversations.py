"""ConversationContract: asked, answered, settled, challenged, voted on. The task is one of the real HFLContract."""

import json

import pytest
from click.testing import CliRunner
from support.conversing import (
    ACCEPTED,
    ADAPTER,
    ANSWERED,
    ASKED,
    CHALLENGE_WINDOW,
    CHALLENGED,
    CREDITS,
    LATE,
    LIE,
    MINIMUM_BOND,
    MODEL,
    NONE,
    OPEN,
    OTHER_MODEL,
    PROMPT,
    REFUNDED,
    RIGHT,
    SETTLED,
    TRANSCRIPT,
    UNDECIDED,
    VOTING,
    WRONG,
    WRONG_STATE,
    Conversing,
    finished_task,
)
from support.federated_task import FederatedTask
from support.market import DAY, HLR, METADATA, TERMS, Market
from support.rounds_world import ETH

from twopm_zk.chain.network import Network
from twopm_zk.chain.networks import ConversationState, Verdict
from twopm_zk.cli.application.fees import fees
from twopm_zk.cli.application.network import network
from twopm_zk.participants.task_view import ChainView
from twopm_zk.prediction.enrolment import enrol_all, missing

FEE = 10**15 + 7
PENALTY = TERMS["penalty"]
BOND = MINIMUM_BOND + PENALTY // 10


@pytest.fixture
def talks(world, federated):
    return Conversing(world, federated, fee=FEE)


def test_a_conversation_is_asked_for_accepted_answered_and_settled(talks, people, node, gas, refused):
    receipt = talks.ask()
    gas.check("ask", receipt)
    asked = receipt.event("Asked")
    request = asked["id"]
    assert (asked["networkId"], asked["user"], asked["operator"]) == (talks.id, people.eve.address, people.dan.address)
    assert (asked["model"], asked["adapter"]) == ("0x" + MODEL.hex(), "0x" + ADAPTER.hex())
    assert talks.state(request) == ASKED
    gas.check("accept", talks.accept(request))
    assert talks.state(request) == ACCEPTED
    gas.check("answer", talks.answer(request))
    assert (talks.state(request), talks.of(request)["deadline"]) == (ANSWERED, talks.now() + CHALLENGE_WINDOW)
    with refused("DeadlineNotReached"):
        talks.act(people.dan, "settle", request)
    assert talks.owed(people.dan) == 0  # nothing is earned that can be challenged
    node.advance(CHALLENGE_WINDOW + 1)
    gas.check("settle", talks.act(people.ben, "settle", request))
    part = FEE * 7_000 // 10_000
    assert (talks.state(request), talks.owed(people.dan), talks.obligations()) == (SETTLED, FEE - part, 0)
    assert [talks.claimable(getattr(people, name)) for name in CREDITS] == [part // 3] * 3


def test_a_request_keeps_all_that_it_was_made_under(talks, people, federated):
    request = talks.asked()
    found = talks.of(request)
    expected = {
        "user": people.eve.address,
        "operator": people.dan.address,
        "networkId": talks.id,
        "taskId": federated.id,
        "model": "0x" + MODEL.hex(),
        "adapter": "0x" + ADAPTER.hex(),
        "prompt": "0x" + PROMPT.hex(),
        "transcript": "0x" + "00" * 32,
        "caseId": 0,
        "token": False,
        "fee": FEE,
        "operatorStake": ETH // 2,
        "penalty": PENALTY,
        "answerSeconds": DAY,
    }
    assert {name: found[name] for name in expected} == expected
    talks.govern("setTerms", talks.id, {**TERMS, "fee": 1, "penalty": 0, "operatorStake": 0, "answerSeconds": 60})
    talks.act(people.dan, "offer", talks.id, OTHER_MODEL)
    assert talks.of(request) == found


def test_a_wrong_answer_costs_the_operator_its_penalty_and_nothing_the_user(talks, people, gas):
    request = talks.answered(transcript=LIE)
    receipt = talks.challenge(request)
    gas.check("challenge", receipt)
    opened = receipt.event("Challenged")
    case = opened["caseId"]
    assert (opened["networkId"], opened["operator"], opened["user"]) == (
        talks.id,
        talks.operator.address,
        people.eve.address,
    )
    assert (opened["requestId"], opened["transcript"], opened["bond"]) == (request, "0x" + LIE.hex(), BOND)
    assert (opened["voters"], opened["deadline"]) == (3, talks.now() + VOTING)
    assert (talks.state(request), talks.of(request)["caseId"], talks.verdict(case)) == (CHALLENGED, case, OPEN)
    gas.check("vote", talks.act(people.ada, "vote", case, False))
    talks.vote(case, wrong=["cleo"])
    before = people.dan.staked
    receipt = talks.decide(case)
    gas.check("decide, wrong", receipt)
    assert (receipt.event("Decided")["verdict"], receipt.event("Decided")["slashed"]) == (WRONG, PENALTY)
    assert receipt.event("Slashed")["reason"].startswith("0x" + b"conversation wrong".hex())
    assert before - people.dan.staked == pytest.approx(PENALTY, rel=1e-9)
    assert (talks.state(request), talks.owed(people.eve), talks.owed(people.dan)) == (WRONG_STATE, FEE + BOND, 0)
    assert (talks.obligations(), talks.contract.call("openCasesOf", people.eve.address)) == (0, 0)


def test_a_right_answer_pays_the_operator_its_fee_and_the_bond(talks, people, gas):
    request, case = talks.challenged()
    before = people.dan.staked
    gas.check("decide, right", talks.decide(case, right=["ada", "ben"], wrong=["cleo"]))
    part = FEE * 7_000 // 10_000
    assert (talks.state(request), talks.verdict(case)) == (SETTLED, RIGHT)
    assert (talks.owed(people.dan), talks.owed(people.eve)) == (FEE - part + BOND, 0)
    assert (talks.claimable(people.ada), people.dan.staked, talks.obligations()) == (part // 3, before, 0)


@pytest.mark.parametrize("votes", [{}, {"right": ["ada"]}, {"right": ["ada"], "wrong": ["ben"]}])
def test_what_half_of_the_voters_do_not_agree_on_costs_nobody_anything(talks, people, node, refused, votes):
    request, case = talks.challenged()
    before = people.dan.staked
    with refused("DeadlineNotReached"):
        talks.decide(case, **votes)
    node.advance(VOTING + 1)
    assert talks.decide(case).event("Decided")["slashed"] == 0
    assert (talks.state(request), talks.verdict(case)) == (REFUNDED, UNDECIDED)
    assert (talks.owed(people.eve), talks.owed(people.dan), people.dan.staked) == (FEE + BOND, 0, before)
    assert (talks.claimable(people.ada), talks.obligations()) == (0, 0)


def test_what_was_challenged_without_a_fee_is_over_too(world, federated, people):
    talks = Conversing(world, federated, penalty=0)
    for votes, state in (({"right": ["ada", "ben"]}, SETTLED), ({"wrong": ["ada", "ben"]}, WRONG_STATE)):
        request, case = talks.challenged()
        assert talks.case(case)["bond"] == MINIMUM_BOND
        talks.decide(case, **votes)
        assert talks.state(request) == state
    assert talks.owed(people.dan) == talks.owed(people.eve) == MINIMUM_BOND


# --- asking and answering ---


def test_a_network_is_talked_to_once_its_task_is_finished_and_all_its_nodes_are_enrolled(world, people, refused):
    """Also without a fee: who votes has to be known, and the adapter must not change."""
    task = FederatedTask(world, maximumRounds=2)
    talks = Conversing(world, task, enrolled=False)
    task.accept()
    with refused("NotComplete", networkId=talks.id):
        talks.ask()
    with refused("NotFinished", taskId=task.id):
        talks.enrol(*CREDITS)  # more rounds are to come, with other nodes perhaps
    task.accept(result=ADAPTER)
    talks.enrol("ada", "ben")
    for call in (talks.ask, talks.challenge_receipt):
        with refused("NotComplete", networkId=talks.id):
            call()
    talks.enrol("cleo")
    assert talks.contract.call("adapterOf", talks.id) == "0x" + ADAPTER.hex()
    talks.ask()
    talks.challenge_receipt()


def test_a_task_that_was_reopened_has_the_voters_of_its_last_result(world, people, node, refused):
    """An attempt with other nodes failed before: they are none of the voters, and a finished task opens no more."""
    task = FederatedTask(world, maximumRounds=1)
    task.to_sharing("ada", "ben", "dan")
    node.advance(7201)
    task.act(people.eve, "reopen")
    task.accept(result=ADAPTER)
    talks = Conversing(world, task)
    for function in ("reopen", "openRound", "close"):
        with refused("WrongPhase"):
            task.act(people.dan, function)
    _, case = talks.challenged()
    assert talks.case(case)["voters"] == 3
    with refused("NotAVoter"):
        talks.vote(case, wrong=["dan"])
    with refused("AlreadyEnrolled"):
        talks.enrol("ada")
    with refused("NothingToEnrol"):
        talks.enrol("dan")


def test_a_network_of_proven_predictions_is_neither_offered_nor_talked_to(world, certified, people, refused):
    arguments = (HLR, certified.id, False, 0, METADATA, "", TERMS)
    network = people.dan.use(world.networks).transact("register", *arguments).event("NetworkRegistered")["id"]
    talks = people.dan.use(world.conversations)
    with refused("NoModel", taskId=certified.id):
        talks.transact("offer", network, MODEL)
    with refused("NotOffered", networkId=network):
        talks.transact("ask", network, people.dan.address, MODEL, PROMPT, 0)
    with refused("NoModel", taskId=certified.id):
        talks.call("adapterOf", network)
    with refused("UnknownNetwork", id=999):
        talks.call("adapterOf", 999)


def test_an_operator_that_swaps_its_model_after_the_user_looked_gets_no_question(talks, people, refused):
    with refused("EmptyDigest"):
        talks.act(people.dan, "offer", talks.id, b"\0" * 32)
    talks.act(people.dan, "offer", talks.id, OTHER_MODEL)
    with refused("OtherModel", offered="0x" + OTHER_MODEL.hex(), expected="0x" + MODEL.hex()):
        talks.ask()
    talks.ask(model=OTHER_MODEL)
    talks.act(people.dan, "withdrawOffer", talks.id)
    assert talks.contract.call("offerOf", talks.id, people.dan.address) == "0x" + "00" * 32
    with refused("NotOffered", operator=people.dan.address):
        talks.ask(model=OTHER_MODEL)


def test_a_closed_network_takes_no_questions_and_what_was_asked_goes_on(talks, people, node, refused):
    asked, receipt = talks.asked(), talks.receipt()
    talks.govern("setClosed", talks.id, True)
    with refused("NetworkIsClosed", networkId=talks.id):
        talks.ask()
    talks.accept(asked)
    talks.answer(asked)
    case = talks.challenge(asked).event("Challenged")["caseId"]
    free = talks.doubted(receipt)
    for one in (case, free):
        talks.decide(one, wrong=["ada", "ben"])
        assert talks.verdict(one) == WRONG


@pytest.mark.parametrize("sent", [0, FEE - 1, FEE + 1])
def test_exactly_the_fee_is_sent_and_no_more_than_was_agreed_to(talks, refused, sent):
    with refused("WrongPayment", sent=sent, expected=FEE):
        talks.ask(value=sent)
    with refused("FeeTooHigh", fee=FEE, maximum=FEE - 1):
        talks.ask(maximum=FEE - 1)


def test_who_asks_has_the_stake_that_the_network_wants(talks, people, refused):
    people.eve.unstake()
    with refused("StakeTooLow", account=people.eve.address, stake=0, minimum=ETH // 100):
        talks.ask()


def test_only_the_operator_answers_once_in_time_with_a_digest(talks, people, node, refused):
    request = talks.asked()
    with refused("WrongState", id=request, state=ASKED):
        talks.answer(request)
    talks.accept(request)
    with refused("NotTheOperator", account=people.ben.address):
        talks.answer(request, person=people.ben)
    with refused("EmptyDigest"):
        talks.answer(request, b"\0" * 32)
    talks.answer(request)
    with refused("WrongState", id=request, state=ANSWERED):
        talks.answer(request, LIE)
    late = talks.asked(operator=people.dan)
    people.dan.stake(ETH)
    talks.accept(late)
    node.advance(DAY + 1)
    with refused("DeadlinePassed"):
        talks.answer(late)
    with refused("StillDue", id=late):
        talks.act(people.eve, "refund", late)
    slashed = talks.act(people.ben, "slashLate", late)
    assert slashed.event("OperatorLate")["slashed"] == PENALTY
    assert slashed.event("Slashed")["reason"].startswith("0x" + b"conversation late".hex())
    assert (talks.state(late), talks.owed(people.eve)) == (LATE, FEE)


def test_one_stake_backs_one_conversation_until_nobody_can_challenge_it(talks, people, node, refused):
    """An operator that has answered may be wrong still."""
    people.dan.unstake(keeping=ETH - ETH // 1000)
    request, other = talks.answered(), talks.asked()
    with refused("StakeTooLow", account=people.dan.address):
        talks.accept(other)
    node.advance(CHALLENGE_WINDOW + 1)
    talks.act(people.dan, "settle", request)
    with refused("DeadlinePassed"):
        talks.accept(other)
    talks.accept(talks.asked())


# --- who votes ---


def test_only_nodes_of_the_last_accepted_round_vote_and_each_once(talks, people, refused):
    _, case = talks.challenged()
    for outsider in (people.dan, people.eve):
        with refused("NotAVoter", caseId=case, account=outsider.address):
            talks.act(outsider, "vote", case, True)
    talks.vote(case, right=["ada"])
    for again in (True, False):
        with refused("AlreadyVoted", caseId=case, account=people.ada.address):
            talks.act(people.ada, "vote", case, again)
    assert [talks.contract.call("voteOf", case, person.address) for person in (people.ada, people.ben)] == [1, 0]
    assert (talks.case(case)["right"], talks.case(case)["wrong"]) == (1, 0)


def test_a_node_that_joined_after_the_last_round_has_no_vote(talks, world, people, keys, refused):
    """Neither does one that has a vote in another network."""
    other = Conversing(world, finished_task(world, "ada", "ben", "dan"), enrolled=False)
    other.enrol("ada", "ben", "dan")
    _, case = talks.challenged()
    with refused("NotAVoter", account=people.dan.address):
        talks.act(people.dan, "vote", case, True)
    with refused("NothingToEnrol", node=people.dan.address):
        talks.enrol("dan")
    _, theirs = other.challenged(person=people.cleo)
    with refused("NotAVoter", account=people.cleo.address):
        other.act(people.cleo, "vote", theirs, True)


def test_parties_of_a_case_have_no_vote_in_it_and_the_others_decide(world, federated, people, refused):
    """``ada`` answers what ``ben`` asks: ``cleo`` alone is left."""
    talks = Conversing(world, federated, operator=people.ada)
    _, case = talks.challenged(person=people.ben)
    assert talks.case(case)["voters"] == 1
    for party, right in ((people.ada, True), (people.ben, False)):
        with refused("NotAVoter", caseId=case, account=party.address):
            talks.act(party, "vote", case, right)
    talks.decide(case, wrong=["cleo"])
    assert talks.verdict(case) == WRONG


def test_where_nobody_is_left_to_vote_nothing_is_challenged(world, people, refused):
    """Or each answer would be undecided, and cost its user nothing."""
    task = FederatedTask(world, maximumRounds=1, minimumNodes=2)
    task.accept("ada", "ben", result=ADAPTER)
    talks = Conversing(world, task, operator=people.ada, enrolled=False)
    talks.enrol("ada", "ben")
    request = talks.answered(person=people.ben)
    with refused("NoVoters", networkId=talks.id):
        talks.challenge(request, person=people.ben)
    receipt = talks.receipt(requestId=request, transcript=LIE)
    talks.act(people.ben, "proveContradiction", request, receipt, bytes(talks.sign(receipt)))
    assert talks.state(request) == WRONG_STATE


def test_who_talks_to_itself_counts_once(world, federated, people):
    talks = Conversing(world, federated, operator=people.ada)
    _, case = talks.challenged(person=people.ada)
    assert talks.case(case)["voters"] == 2


def test_votes_are_taken_until_the_deadline_and_cases_decided_once(talks, people, node, refused):
    with refused("CaseNotOpen", caseId=1, verdict=0):
        talks.act(people.ada, "vote", 1, True)
    assert (talks.state(1), talks.of(1)["user"]) == (NONE, "0x" + "00" * 20)
    request, case = talks.challenged()
    node.advance(VOTING - 10)
    talks.vote(case, wrong=["ada", "ben"])
    node.advance(20)
    with refused("DeadlinePassed"):
        talks.vote(case, right=["cleo"])
    talks.decide(case)
    before = people.dan.staked
    for person, call in (
        (people.ben, ("decide", case)),
        (people.cleo, ("vote", case, True)),
    ):
        with refused("CaseNotOpen", caseId=case, verdict=WRONG):
            talks.act(person, *call)
    for call in (("settle", request), ("refund", request), ("slashLate", request), ("answer", request, TRANSCRIPT)):
        with refused("WrongState", id=request, state=WRONG_STATE):
            talks.act(people.dan, *call)
    with refused("WrongState", id=request, state=WRONG_STATE):
        talks.challenge(request)
    assert (people.dan.staked, talks.owed(people.eve)) == (before, FEE + BOND)


# --- challenges of what was paid ---


def test_a_paid_answer_is_challenged_by_its_user_once_until_the_window_closes(talks, people, node, refused):
    request = talks.answered()
    with refused("NotTheUser", id=request, account=people.ben.address):
        talks.challenge(request, person=people.ben)
    case = talks.challenge(request).event("Challenged")["caseId"]
    with refused("WrongState", id=request, state=CHALLENGED):
        talks.challenge(request)
    with refused("WrongState", id=request, state=CHALLENGED):
        talks.act(people.dan, "settle", request)
    talks.decide(case, right=["ada", "ben"])
    people.dan.stake(ETH)
    late = talks.answered()
    node.advance(CHALLENGE_WINDOW + 1)
    with refused("DeadlinePassed"):
        talks.challenge(late)
    talks.act(people.dan, "settle", late)
    with refused("WrongState", id=late, state=SETTLED):
        talks.challenge(late)
    with refused("WrongState", id=late, state=SETTLED):
        talks.act(people.dan, "settle", late)


def test_the_stake_of_an_operator_stays_until_a_late_verdict_is_carried_out(talks, people, node, refused):
    """Accepted on its last day out, challenged at the last moment, and decided at the last."""
    staking = people.dan.use(talks.world.staking)
    people.dan.stake(2 * ETH)
    people.dan.unstake(keeping=ETH)
    request = talks.accepted()
    talks.answer(request, LIE)
    people.dan.unstake()
    node.advance(CHALLENGE_WINDOW - 10)
    case = talks.challenge(request).event("Challenged")["caseId"]
    node.advance(VOTING - 10)
    talks.vote(case, wrong=["ada", "cleo"])
    node.advance(2 * DAY + 3600)
    with refused("StakeLocked", user=people.dan.address):
        staking.transact("withdraw", 2, people.dan.address)
    assert talks.decide(case).event("Decided")["slashed"] == PENALTY
    node.advance(3 * DAY)
    staking.transact("withdraw", 2, people.dan.address)


def test_the_longest_terms_can_be_locked_for(world, federated, people, node):
    talks = Conversing(world, federated, answerSeconds=7 * DAY)
    request = talks.accepted()
    locked = world.staking.call("lockedUntil", people.dan.address)
    assert locked == talks.of(request)["deadline"] + CHALLENGE_WINDOW + VOTING + 2 * DAY


def test_who_signed_another_transcript_than_it_answered_is_slashed_without_a_vote(talks, people, node, refused, gas):
    """The user was shown one answer, and the chain another."""
    request = talks.answered(transcript=LIE)
    receipt = talks.receipt(requestId=request)
    for wrong in (
        talks.receipt(requestId=request, transcript=LIE),
        talks.receipt(),
        talks.receipt(requestId=request + 1),
        talks.receipt(requestId=request, operator=people.ben.address),
    ):
        with refused("NoContradiction", id=request):
            talks.act(people.ben, "proveContradiction", request, wrong, talks.sign(wrong))
    with refused("NotSigned", operator=people.dan.address):
        signature = talks.sign(receipt, person=people.ben)
        talks.act(people.ben, "proveContradiction", request, receipt, signature)
    before = people.dan.staked
    proven = talks.act(people.ben, "proveContradiction", request, receipt, talks.sign(receipt))
    gas.check("proveContradiction", proven)
    found = proven.event("ContradictionProven")
    assert (found["signed"], found["answered"]) == ("0x" + TRANSCRIPT.hex(), "0x" + LIE.hex())
    assert before - people.dan.staked == pytest.approx(PENALTY, rel=1e-9)
    assert (talks.state(request), talks.owed(people.eve), talks.obligations()) == (WRONG_STATE, FEE, 0)
    with refused("WrongState", state=WRONG_STATE):
        talks.act(people.ben, "proveContradiction", request, receipt, talks.sign(receipt))
    over = talks.answered()
    other = talks.receipt(requestId=over, transcript=LIE)
    node.advance(CHALLENGE_WINDOW + 1)
    with refused("DeadlinePassed"):
        talks.act(people.ben, "proveContradiction", over, other, talks.sign(other))


# --- bonds ---


@pytest.mark.parametrize("missing", [1, BOND])
def test_a_challenge_costs_a_bond(talks, people, refused, missing):
    request = talks.answered()
    with refused("BondTooLow", sent=BOND - missing, bond=BOND):
        talks.challenge(request, bond=BOND - missing)
    with refused("BondTooLow", sent=BOND - missing, bond=BOND):
        talks.challenge_receipt(bond=BOND - missing)
    case = talks.challenge(request, bond=BOND + 5).event("Challenged")["caseId"]
    assert talks.case(case)["bond"] == BOND + 5
    talks.decide(case, wrong=["ada", "ben"])
    assert talks.owed(people.eve) == FEE + BOND + 5  # all that was sent comes back


def test_a_contract_that_may_slash_no_more_keeps_nobodys_fee_or_bond(talks, world, people, node, refused):
    request, case = talks.challenged()
    world.staking.transact("revoke", talks.contract.address)
    with refused("NotACaller", account=talks.contract.address):
        talks.challenge_receipt()
    assert talks.decide(case, wrong=["ada", "ben"]).event("Decided")["slashed"] == 0
    assert (talks.state(request), talks.owed(people.eve), talks.obligations()) == (WRONG_STATE, FEE + BOND, 0)


def test_nobody_saves_an_operator_by_sending_too_little_gas(talks, people, refused):
    _, case = talks.challenged()
    talks.vote(case, wrong=["ada", "ben"])
    decide = people.ben.use(talks.contract)
    with refused("TooLittleGas", needed=2_000_000):
        decide.transact("decide", case, gas=1_900_000)
    assert decide.transact("decide", case).event("Decided")["slashed"] == PENALTY


# --- from Python ---


def test_the_clients_say_and_do_what_the_contract_does(world, federated, people, node):
    networks = {name: Network(person.chain, world.deployment) for name, person in vars(people).items()}
    eve, dan = networks["eve"].conversations, networks["dan"].conversations
    talks = Conversing(world, federated, fee=FEE, enrolled=False, offered=False)
    assert (dan.offer_of(talks.id, people.dan.address), dan.offers(talks.id, people.dan.address)) == (bytes(32), False)
    dan.offer(talks.id, MODEL)
    assert (dan.offer_of(talks.id, people.dan.address), dan.offers(talks.id, people.dan.address)) == (MODEL, True)
    view = ChainView(networks["eve"])
    entry = view.networks.get(talks.id)
    enrol_all(view, entry)
    assert (missing(view, entry), eve.adapter_of(talks.id)) == ({}, ADAPTER)
    assert networks["eve"].requests(entry.model).address == eve.address

    request = eve.ask(view.networks.get(talks.id), people.dan.address, MODEL, PROMPT)
    dan.accept([request])
    dan.answer(request, TRANSCRIPT)
    found = eve.request(request)
    assert (found.state, found.network, found.task) == (ConversationState.ANSWERED, talks.id, federated.id)
    assert (found.model, found.adapter, found.prompt, found.transcript) == (MODEL, ADAPTER, PROMPT, TRANSCRIPT)
    assert (found.user, found.operator, found.case) == (people.eve.address, people.dan.address, 0)
    assert (found.token, found.fee, found.penalty, found.answer_seconds) == (False, FEE, PENALTY, DAY)
    assert found.deadline == talks.now() + CHALLENGE_WINDOW
    case = eve.challenge(request)
    free = talks.receipt()
    second = eve.challenge_receipt(free, bytes(talks.sign(free)))
    assert (eve.case(case).bond, eve.case(second).bond) == (BOND, 2 * BOND)
    assert (eve.case_of_receipt(eve.digest_of(free)), eve.request(request).case) == (second, case)
    for name in ("ada", "ben"):
        networks[name].conversations.vote(case, right=True)
        networks[name].conversations.vote(second, right=False)
    eve.decide(case)
    eve.decide(second)
    found = eve.case(case)
    assert (found.network, found.request, found.transcript) == (talks.id, request, TRANSCRIPT)
    assert (found.verdict, found.voters, found.right, found.wrong) == (Verdict.RIGHT, 3, 2, 0)
    assert (eve.case(second).verdict, eve.case(second).request) == (Verdict.WRONG, 0)
    assert eve.case(99).verdict is Verdict.NONE

    people.dan.stake(ETH)
    other = eve.ask(view.networks.get(talks.id), people.dan.address, MODEL, PROMPT)
    dan.accept([other])
    dan.answer(other, LIE)
    lie = talks.receipt(requestId=other)
    eve.prove_contradiction(other, lie, bytes(talks.sign(lie)))
    assert eve.request(other).state is ConversationState.WRONG
    last = eve.ask(view.networks.get(talks.id), people.dan.address, MODEL, PROMPT)
    dan.accept([last])
    dan.answer(last, TRANSCRIPT)
    node.advance(CHALLENGE_WINDOW + 1)
    dan.settle(last)
    assert eve.request(last).state is ConversationState.SETTLED
    assert eve.owed_to(people.eve.address, token=False) == FEE + 2 * BOND


@pytest.mark.slow
def test_the_commands_show_and_pay_what_both_contracts_owe(world, federated, certified, people, node, tmp_path):
    """Dan answered in a network of each kind; ada has claims in both."""
    market, talks = Market(world, certified, fee=1000), Conversing(world, federated, fee=3000)
    people.dan.stake(ETH)
    market.answered()
    _, case = talks.challenged()
    talks.decide(case, right=["ada", "ben"])
    world.deployment.write(tmp_path / "deployment.json")
    connection = {"TWOPM_ZK_RPC_URL": node.url, "TWOPM_ZK_DEPLOYMENT": str(tmp_path / "deployment.json")}

    def run(person, *words):
        environment = {**connection, "TWOPM_ZK_PRIVATE_KEY": person.key}
        done = CliRunner().invoke(fees, [*words, "--json"], env=environment, catch_exceptions=False)
        return json.loads(done.stdout)

    assert run(people.dan, "show")["owed"]["eth"] == str(300 + 900 + BOND)
    claims = run(people.ada, "show")["claims"]
    assert [(one["network"], one["amount"]) for one in claims] == [(market.id, "348"), (talks.id, "700")]
    assert [one["amount"] for one in run(people.ada, "claim")["claimed"]] == ["348", "700"]
    assert run(people.ada, "show")["claims"] == []
    assert [one["amount"] for one in run(people.dan, "withdraw")["paid"]] == ["300", str(900 + BOND)]
    assert [one["amount"] for one in run(people.ada, "withdraw")["paid"]] == ["348", "700"]
    assert run(people.dan, "show")["owed"]["eth"] == "0"
    done = CliRunner().invoke(network, ["show", str(talks.id), "--json"], env=connection, catch_exceptions=False)
    assert json.loads(done.stdout)["operators"] == [people.dan.address]
