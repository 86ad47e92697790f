"""Receipts of free conversations: whose they are, how long they hold, and what a bond makes of challenges in bulk."""

import pytest
from eth_account import Account
from support.conversing import (
    FREE_WINDOW,
    LIE,
    MINIMUM_BOND,
    OTHER_MODEL,
    RIGHT,
    TRANSCRIPT,
    UNDECIDED,
    VOTING,
    WRONG,
    Conversing,
    finished_task,
)
from support.market import DAY, TERMS

from twopm_zk.chain import compile_contract

FEE = 10**15 + 7
PENALTY = TERMS["penalty"]
BOND = MINIMUM_BOND + PENALTY // 10
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def talks(world, federated):
    return Conversing(world, federated, fee=FEE)


@pytest.mark.parametrize(
    ("votes", "verdict", "slashed", "bond_to"),
    [
        ({"wrong": ["ada", "ben"]}, WRONG, PENALTY, "eve"),
        ({"right": ["ada", "ben"]}, RIGHT, 0, "dan"),
        ({"right": ["ada"], "wrong": ["ben"]}, UNDECIDED, 0, "eve"),
    ],
)
def test_a_free_answer_is_challenged_by_its_receipt(talks, people, node, gas, votes, verdict, slashed, bond_to):
    receipt = talks.challenge_receipt()
    gas.check("challengeReceipt", receipt, tolerance=2_000)
    case, before = receipt.event("Challenged")["caseId"], people.dan.staked
    assert receipt.event("Challenged")["requestId"] == 0
    assert talks.world.staking.call("lockedUntil", people.dan.address) == talks.now() + VOTING + 2 * DAY
    talks.vote(case, **votes)
    if verdict == UNDECIDED:
        node.advance(VOTING + 1)
    assert talks.decide(case).event("Decided")["slashed"] == slashed
    assert talks.verdict(case) == verdict
    assert before - people.dan.staked == pytest.approx(slashed, rel=1e-9)
    assert talks.owed(getattr(people, bond_to)) == BOND
    assert talks.contract.chain.balance(talks.contract.address) == BOND


def test_a_receipt_is_signed_as_eip_712_says(talks):
    """By the tools of others: the contract finds the signer of what they hash."""
    receipt = talks.receipt()
    digest = bytes.fromhex(talks.contract.call("digestOf", receipt)[2:])
    assert Account._recover_hash(digest, signature=talks.sign(receipt)) == talks.operator.address
    _, name, version, chain, contract, _, _ = talks.contract.call("eip712Domain")
    assert (name, version) == ("twopm-zk conversation", "1")
    assert (chain, contract) == (talks.world.chain.chain_id, talks.contract.address)


@pytest.mark.parametrize(
    "domain",
    [{"chainId": 534352}, {"verifyingContract": "0x" + "11" * 20}, {"version": "2"}, {"name": "twopm-zk"}],
    ids=lambda domain: next(iter(domain)),
)
def test_a_receipt_of_another_chain_or_contract_is_none(talks, refused, domain):
    receipt = talks.receipt()
    with refused("NotSigned", operator=talks.operator.address):
        talks.challenge_receipt(receipt, talks.sign(receipt, **domain))


def test_a_receipt_holds_for_nothing_but_what_was_signed(talks, world, people, refused):
    """Another network, operator, model, adapter, transcript, penalty, time."""
    signed = talks.receipt(issued=talks.now() - 60)
    signature = talks.sign(signed)
    other = Conversing(world, finished_task(world))
    for change in (
        {"networkId": other.id},
        {"operator": people.ben.address},
        {"model": OTHER_MODEL},
        {"adapter": OTHER_MODEL},
        {"transcript": LIE},
        {"penalty": 2 * PENALTY},
        {"issued": signed["issued"] + 1},
    ):
        with refused("NotSigned"):
            talks.challenge_receipt({**signed, **change}, signature, bond=2 * BOND)
    with refused("NotTheUser", id=0, account=people.ben.address):
        talks.challenge_receipt(signed, signature, person=people.ben)
    with refused("NotSigned"):
        talks.challenge_receipt({**signed, "user": people.ben.address}, signature, person=people.ben)
    talks.challenge_receipt(signed, signature)


def test_a_receipt_of_a_paid_answer_is_no_free_one(talks, refused):
    request = talks.answered()
    with refused("NotFree", requestId=request):
        talks.challenge_receipt(talks.receipt(requestId=request))


def test_a_receipt_is_challenged_once_whatever_became_of_it(talks, people, node, refused):
    """Also by the other signature that follows from one by arithmetic, and after the verdict."""
    receipt = talks.receipt()
    signature = bytes(talks.sign(receipt))
    case = talks.doubted(receipt)
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    twin = r + (CURVE_ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    for again in (signature, twin):
        with refused("AlreadyChallenged", caseId=case):
            talks.challenge_receipt(receipt, again)
    talks.decide(case, wrong=["ada", "ben"])
    with refused("AlreadyChallenged", caseId=case):
        talks.challenge_receipt(receipt, signature)
    digest = talks.contract.call("digestOf", receipt)
    assert talks.contract.call("caseOfReceipt", bytes.fromhex(digest[2:])) == case
    fresh = talks.receipt(transcript=LIE)
    signature = bytes(talks.sign(fresh))
    s, v = int.from_bytes(signature[32:64], "big"), signature[64]
    twin = signature[:32] + (CURVE_ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    for spoilt in (twin, signature[:64], b"", signature + b"\0", bytes(65)):
        with refused("NotSigned"):
            talks.challenge_receipt(fresh, spoilt)


def test_a_receipt_is_challenged_from_when_it_was_issued_until_its_window_closes(talks, node, refused):
    early = talks.receipt(issued=talks.now() + 1000)
    with refused("IssuedLater", issued=early["issued"]):
        talks.challenge_receipt(early)
    node.advance(1000)
    talks.challenge_receipt(early)
    late = talks.receipt(transcript=LIE)
    node.advance(FREE_WINDOW + 1)
    with refused("DeadlinePassed", deadline=late["issued"] + FREE_WINDOW):
        talks.challenge_receipt(late)
    with refused("DeadlinePassed"):
        talks.challenge_receipt(talks.receipt(issued=0))
    talks.challenge_receipt(talks.receipt(issued=talks.now() - FREE_WINDOW + 60))


def test_an_operator_that_leaves_after_a_free_answer_is_slashed_all_the_same(talks, people, node, refused):
    """It takes all of its stake out at once, and the challenge comes on the last day: the exit delay is longer."""
    staking = people.dan.use(talks.world.staking)
    receipt = talks.receipt(transcript=LIE)
    people.dan.unstake()
    assert people.dan.staked == 0
    node.advance(FREE_WINDOW - 60)
    with refused("StillExiting"):
        staking.transact("withdraw", 2, people.dan.address)
    case = talks.doubted(receipt)
    talks.vote(case, wrong=["ada", "ben"])
    node.advance(6 * DAY)
    with refused("StakeLocked"):
        staking.transact("withdraw", 2, people.dan.address)
    assert talks.decide(case).event("Decided")["slashed"] == PENALTY
    node.advance(2 * DAY)
    staking.transact("withdraw", 2, people.dan.address)


@pytest.mark.parametrize(("exit_seconds", "window"), [(DAY, DAY), (7 * DAY, 7 * DAY), (30 * DAY, 7 * DAY)])
def test_free_answers_are_challenged_no_longer_than_what_leaves_can_be_slashed(world, chain, exit_seconds, window):
    artifact, nobody = compile_contract("StakingContract"), "0x" + "00" * 20
    staking = chain.deploy(artifact, chain.address, chain.address, exit_seconds, [], nobody, nobody)
    stakes = chain.deploy(
        compile_contract("ServiceManager"), chain.address, staking.address, (nobody, nobody, nobody, 12)
    )
    apart = chain.deploy(compile_contract("ConversationContract"), stakes.address, world.networks.address)
    assert apart.call("FREE_WINDOW") == window


def test_challenges_in_bulk_grow_dearer_and_are_the_operators_where_it_was_right(talks, people, refused):
    """A user that doubts everything at once: the fifth case costs five bonds, and a right answer takes each of them."""
    receipts = [talks.receipt(transcript=bytes([number + 1]) * 32) for number in range(5)]
    cases = []
    for number, receipt in enumerate(receipts):
        assert talks.bond(people.eve, PENALTY) == (number + 1) * BOND
        with refused("BondTooLow", sent=(number + 1) * BOND - 1, bond=(number + 1) * BOND):
            talks.challenge_receipt(receipt, bond=(number + 1) * BOND - 1)
        cases.append(talks.doubted(receipt))
    assert talks.bond(people.ben, PENALTY) == BOND
    for case in cases[:4]:
        talks.decide(case, right=["ada", "ben"])
    assert (talks.owed(people.dan), talks.bond(people.eve, PENALTY)) == (10 * BOND, 2 * BOND)
    talks.decide(cases[4], wrong=["ada", "ben"])
    assert (talks.owed(people.eve), talks.bond(people.eve, PENALTY)) == (5 * BOND, BOND)


@pytest.mark.slow
def test_free_answers_are_backed_by_what_stake_there_is(talks, people):
    """Twenty-five penalties of a stake of about twenty: the last ones find nothing."""
    room = people.dan.staked // PENALTY
    slashed = []
    for number in range(room + 3):
        case = talks.doubted(talks.receipt(transcript=bytes([number + 1]) * 32))
        slashed.append(talks.decide(case, wrong=["ada", "ben"]).event("Decided")["slashed"])
    assert sum(slashed) <= 20 * PENALTY
    assert slashed[: room - 1] == [PENALTY] * (room - 1)
    assert slashed[-1] == 0
    assert talks.owed(people.eve) == BOND * len(slashed)


# --- wallets ---


@pytest.fixture
def wallet(talks, chain, people):
    """An operator that is a contract, and signs by dan's key."""
    made = chain.deploy(compile_contract("SignerDouble"), people.dan.address)
    talks.receipt_of = lambda **changes: talks.receipt(operator=made.address, **changes)
    return made


def test_an_operator_may_be_a_wallet(talks, wallet, people, refused):
    receipt = talks.receipt_of()
    with refused("NotSigned", operator=wallet.address):
        talks.challenge_receipt(receipt, talks.sign(receipt, person=people.ben))
    case = talks.doubted(receipt)
    talks.decide(case, right=["ada", "ben"])
    assert talks.contract.call("owedTo", wallet.address, False) == BOND


def test_a_wallet_that_changes_its_owner_takes_its_free_receipts_back(talks, wallet, people, refused):
    """Not prevented: what a wallet has signed is what it says when it is asked. An account cannot."""
    receipt = talks.receipt_of()
    wallet.transact("setOwner", people.ben.address)
    with refused("NotSigned", operator=wallet.address):
        talks.challenge_receipt(receipt)


def test_an_account_that_delegates_to_code_takes_no_receipt_back(talks, node, wallet):
    """EIP-7702: dan's account has the code of a wallet of nobody by the time of the challenge."""
    receipt = talks.receipt()
    signature = talks.sign(receipt)
    node.rpc("anvil_setCode", talks.operator.address, "0x" + talks.contract.chain.code(wallet.address).hex())
    assert talks.verdict(talks.doubted(receipt, signature=signature)) == 1


def test_a_wallet_changes_nothing_while_it_is_asked_about_a_signature(talks, wallet, people):
    """Re-entrancy: it votes, decides, withdraws, challenges; none goes through, for the question may change nothing."""
    contract = talks.contract
    request, case = talks.challenged()
    for number, call in enumerate(
        (("vote", case, True), ("decide", case), ("withdraw", False, wallet.address), ("settle", request))
    ):
        wallet.transact("arm", contract.address, contract.encode(*call))
        talks.doubted(talks.receipt_of(transcript=bytes([number + 1]) * 32))
    assert (talks.case(case)["right"], talks.verdict(case)) == (0, 1)


def test_what_signs_nothing_is_no_operator(talks, world, people, refused):
    """A contract without signatures, which answers nothing, or something else."""
    for operator in (world.token.address, world.staking.address, "0x" + "00" * 20):
        receipt = talks.receipt(operator=operator)
        with refused("NotSigned", operator=operator):
            talks.challenge_receipt(receipt)
        with refused("NotSigned", operator=operator):
            talks.challenge_receipt(receipt, bytes(65))


# --- money that misbehaves ---


def test_who_calls_back_when_it_is_paid_is_paid_once(world, federated, people, chain):
    """Re-entrancy: while a bond is on its way, the account asks for it again, and for a verdict."""
    talks = Conversing(world, federated, userStake=0)
    greedy = chain.deploy(compile_contract("GreedyDouble"))
    contract, eve = talks.contract, people.eve.use(greedy)

    def forward(function, *arguments, value=0):
        return eve.transact("forward", contract.address, contract.encode(function, *arguments), value=value)

    def doubted(number):
        receipt = talks.receipt(user=greedy.address, transcript=bytes([number + 1]) * 32)
        bond = contract.call("bondOf", greedy.address, PENALTY)
        forwarded = forward("challengeReceipt", receipt, bytes(talks.sign(receipt)), value=bond)
        return forwarded.event("Challenged")["caseId"]

    calls = [("withdraw", False, greedy.address), ("claim", talks.id, people.ada.address)]
    undecided = doubted(99)
    talks.vote(undecided, wrong=["ada", "ben"])
    calls += [("decide", undecided), ("settle", 1), ("accept", [1])]
    for number, call in enumerate(calls):
        talks.decide(doubted(number), wrong=["ada", "ben"])
        owed = contract.call("owedTo", greedy.address, False)
        eve.transact("arm", contract.address, contract.encode(*call))
        before = chain.balance(greedy.address)
        forward("withdraw", False, greedy.address)
        assert (greedy.call("succeeded"), chain.balance(greedy.address) - before) == (False, owed)
        assert greedy.call("answer") == "0x3ee5aeb5"  # ReentrancyGuardReentrantCall()
    assert chain.balance(contract.address) == BOND  # of the case that is undecided


def test_a_token_that_calls_back_changes_nothing(world, federated, people, refused):
    talks = Conversing(world, federated, fee=FEE, token=True)
    _, case = talks.challenged()
    talks.vote(case, wrong=["ada", "ben"])
    for call in (("decide", case), ("withdraw", True, people.eve.address), ("challenge", 1), ("settle", 1)):
        world.token.transact("mint", people.eve.address, FEE)
        people.eve.use(world.token).transact("approve", talks.contract.address, FEE)
        world.token.transact("arm", talks.contract.address, talks.contract.encode(*call))
        with refused("ReentrancyGuardReentrantCall"):
            talks.act(people.eve, "ask", talks.id, people.dan.address, b"\x4d" * 32, TRANSCRIPT, FEE)
        world.token.transact("arm", "0x" + "00" * 20, b"")
    assert world.token.call("balanceOf", talks.contract.address) == FEE


def test_a_party_that_takes_no_eth_keeps_no_case_open(talks, world, chain, people):
    """What it is owed waits for it; nobody else's does."""
    wallet = chain.deploy(compile_contract("SignerDouble"), people.dan.address)  # which takes none
    receipt = talks.receipt(operator=wallet.address)
    talks.decide(talks.doubted(receipt), right=["ada", "ben"])
    assert talks.contract.call("owedTo", wallet.address, False) == BOND
    forward = talks.contract.encode("withdraw", False, people.dan.address)
    before = chain.balance(people.dan.address)
    people.eve.use(wallet).transact("forward", talks.contract.address, forward)
    assert chain.balance(people.dan.address) - before == BOND
