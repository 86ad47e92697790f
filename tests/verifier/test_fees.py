"""Fees: what comes in is held, owed or paid out, to the last unit, in ETH and in tokens that behave badly."""

import random

import pytest
from support.ledger import Ledger
from support.ledger import held as contract_holds
from support.market import (
    ACCEPTED,
    ASKED,
    CREDITS,
    DAY,
    TERMS,
    UPDATES,
    Market,
    certified_task,
)
from support.rounds_world import ETH

from twopm_zk.chain import compile_contract
from twopm_zk.errors import TransactionError

FEE = 10**15 + 7
TRUE, FALSE, NOTHING = range(3)


@pytest.fixture
def market(world, certified):
    return Market(world, certified, fee=FEE)


@pytest.fixture
def paid_in_token(world, certified):
    return Market(world, certified, fee=FEE, token=True)


def held(world, *, token):
    return contract_holds(world.inference, world.token, of_token=token)


# --- in ---


@pytest.mark.parametrize("sent", [0, FEE - 1, FEE + 1, 2 * FEE])
def test_exactly_the_fee_is_sent(market, refused, sent):
    with refused("WrongPayment", sent=sent, expected=FEE):
        market.ask(value=sent)
    market.ask(value=FEE)


def test_each_input_is_paid_for(market, world, refused):
    with refused("WrongPayment", sent=FEE, expected=3 * FEE):
        market.ask(1, 2, 3, value=FEE)
    market.ask(1, 2, 3)
    assert held(world, token=False) == 3 * FEE


def test_no_eth_is_taken_where_the_fee_is_in_the_token_or_there_is_none(world, paid_in_token, refused):
    with refused("WrongPayment", sent=FEE, expected=0):
        paid_in_token.ask(value=FEE)
    paid_in_token.govern("setTerms", paid_in_token.id, TERMS)
    with refused("WrongPayment", sent=1, expected=0):
        paid_in_token.ask(value=1)
    paid_in_token.ask()


def test_eth_without_a_question_is_not_taken(world, people):
    with pytest.raises(TransactionError):
        people.eve.chain.send("a gift", to=world.inference.address, value=1, gas=100_000)


def test_a_fee_that_was_raised_after_the_user_looked_is_not_paid(market, refused):
    looked = market.fee
    market.govern("setTerms", market.id, {**TERMS, "fee": 2 * FEE})
    with refused("FeeTooHigh", fee=2 * FEE, maximum=FEE):
        market.ask(maximum=looked, value=looked)
    with refused("FeeTooHigh"):
        market.ask(maximum=looked, value=2 * FEE)
    market.govern("setTerms", market.id, {**TERMS, "fee": FEE - 1})
    market.ask(maximum=looked)  # a lower one is


def test_a_fee_that_is_changed_later_changes_nothing_of_what_was_asked(market, people):
    request = market.accepted()
    market.govern("setTerms", market.id, {**TERMS, "fee": 9 * FEE})
    market.answer(request)
    assert market.owed(people.dan) == FEE - FEE * 7_000 // 10_000


def test_whoever_enrols_first_does_not_take_it_all(world, certified, people, refused):
    """As long as one data owner is not enrolled there are no fees, so none is divided among fewer than all."""
    market = Market(world, certified, fee=FEE, enrolled=False)
    market.enrol("ada", person=people.ada)
    with refused("NotComplete", networkId=market.id):
        market.ask()
    market.enrol("ben")
    with refused("NotComplete", networkId=market.id):
        market.ask()
    market.govern("setTerms", market.id, TERMS)  # without a fee nothing is divided
    market.answered()
    market.govern("setTerms", market.id, {**TERMS, "fee": FEE})
    market.enrol("cleo")
    market.answered()
    part = FEE * 7_000 // 10_000
    assert market.claimable(people.ada) == part // UPDATES * CREDITS["ada"]


# --- divided ---


def test_a_fee_is_divided_by_accepted_updates_and_its_remainder_is_carried(market, world, people, gas):
    request = market.accepted()
    gas.check("answer, double, with a fee", market.answer(request))
    part = FEE * 7_000 // 10_000
    assert market.owed(people.dan) == FEE - part
    for name, credit in CREDITS.items():
        assert market.claimable(getattr(people, name)) == part // UPDATES * credit
    earnings = world.inference.call("earningsOf", market.id)
    assert earnings == (part // UPDATES, part % UPDATES)
    # what did not divide goes into the next one
    gas.check("answer, double, with a later fee", market.answer(market.accepted()))
    for name, credit in CREDITS.items():
        assert market.claimable(getattr(people, name)) == 2 * part // UPDATES * credit


@pytest.mark.parametrize(
    ("share", "fee", "owners"), [(0, FEE, 0), (10_000, FEE, FEE), (1, 9_999, 0), (1, 10_000, 1), (9_999, 1, 0)]
)
def test_roundings_are_the_operators_and_nobodys_loss(world, certified, people, share, fee, owners):
    market = Market(world, certified, fee=fee, share=share)
    market.answered()
    assert market.owed(people.dan) == fee - owners
    claims = sum(market.claimable(getattr(people, name)) for name in CREDITS)
    assert owners - claims == owners % UPDATES
    assert held(world, token=False) == fee


def test_the_largest_fee_is_divided_without_overflow(world, certified, people):
    fee = 2**128 - 1
    market = Market(world, certified, fee=fee, token=True)
    for _ in range(3):
        market.answered()
    part = fee * 7_000 // 10_000
    assert market.owed(people.dan) == 3 * (fee - part)
    assert market.claimable(people.ada) == 3 * part // UPDATES * CREDITS["ada"]


def test_who_is_no_data_owner_claims_nothing(market, people, refused):
    market.answered()
    for person in (people.eve, people.dan):
        assert market.claimable(person) == 0
        with refused("NothingToClaim", account=person.address):
            market.act(person, "claim", market.id, person.address)
    with refused("NothingToClaim", networkId=99):
        market.act(people.ada, "claim", 99, people.ada.address)


def test_anybody_claims_for_a_data_owner_and_each_fee_once(market, people, refused, gas):
    market.answered()
    part = FEE * 7_000 // 10_000
    gas.check("claim", market.act(people.eve, "claim", market.id, people.ada.address))
    assert (market.owed(people.ada), market.owed(people.eve)) == (part // UPDATES * 3, 0)
    with refused("NothingToClaim"):
        market.act(people.ada, "claim", market.id, people.ada.address)
    market.answered()
    market.act(people.ada, "claim", market.id, people.ada.address)
    assert market.owed(people.ada) == 2 * part // UPDATES * 3


def test_fees_of_one_network_are_none_of_anothers_data_owners(world, certified, people):
    """The other network's task has the same people, with other numbers of updates."""
    other_task = certified_task(world)
    market, other = Market(world, certified, fee=FEE), Market(world, other_task, fee=FEE)
    market.answered()
    assert other.claimable(people.ada) == 0
    other.answered()
    other.answered()
    assert market.claimable(people.ada) * 2 <= other.claimable(people.ada)


# --- out ---


def test_what_is_owed_is_paid_to_whom_its_owner_names_once(market, world, people, refused, gas, node):
    market.answered()
    owed, elsewhere = market.owed(people.dan), node.accounts[8]
    before = world.chain.balance(elsewhere)
    gas.check("withdraw, ETH", market.act(people.dan, "withdraw", False, elsewhere))
    assert world.chain.balance(elsewhere) - before == owed
    assert market.owed(people.dan) == 0
    with refused("NothingOwed", account=people.dan.address, token=False):
        market.act(people.dan, "withdraw", False, elsewhere)
    with refused("NothingOwed", token=True):
        market.act(people.dan, "withdraw", True, elsewhere)
    with refused("NobodyToPay"):
        market.act(people.dan, "withdraw", False, "0x" + "00" * 20)


def test_tokens_are_paid_as_tokens(paid_in_token, world, people, gas):
    market = paid_in_token
    market.answered()
    gas.check("withdraw, token", market.act(people.dan, "withdraw", True, people.dan.address))
    assert world.token.call("balanceOf", people.dan.address) == FEE - FEE * 7_000 // 10_000
    assert market.owed(people.dan, token=False) == 0


def test_who_refuses_eth_loses_nothing_and_names_somebody_else(market, world, people):
    market.answered()
    wallet = world.hlr.address  # which takes no ETH
    with pytest.raises(TransactionError):
        market.act(people.dan, "withdraw", False, wallet)
    assert market.owed(people.dan) > 0
    market.act(people.dan, "withdraw", False, people.dan.address)


def test_who_calls_back_when_it_is_paid_is_paid_once(world, certified, people, chain):
    """Re-entrancy: while ETH is on its way the account asks for it again, and for a fee back that it has got."""
    market = Market(world, certified, fee=FEE, userStake=0)
    greedy = chain.deploy(compile_contract("GreedyDouble"))
    inference, eve = world.inference, people.eve.use(greedy)

    def forward(function, *arguments, value=0):
        return eve.transact("forward", inference.address, inference.encode(function, *arguments), value=value)

    asked = forward("ask", market.id, people.dan.address, world.ids["predict"], [1, 2], FEE, value=2 * FEE)
    one, other = (event["id"] for event in asked.events if event.name == "Asked")
    market.ask()  # somebody else's
    forward("refund", one)
    for call in (
        ("withdraw", False, greedy.address),
        ("refund", other),
        ("claim", market.id, people.ada.address),
        ("slashLate", other),
        ("accept", [other]),
        ("ask", market.id, people.dan.address, world.ids["predict"], [3], FEE),
    ):
        if not world.inference.call("owedTo", greedy.address, False):
            forward("refund", forward_ask(forward, market, world))
        eve.transact("arm", inference.address, inference.encode(*call))
        before = chain.balance(greedy.address)
        forward("withdraw", False, greedy.address)
        assert (greedy.call("succeeded"), chain.balance(greedy.address) - before) == (False, FEE)
        assert greedy.call("answer") == "0x3ee5aeb5"  # ReentrancyGuardReentrantCall()
    assert held(world, token=False) == 2 * FEE


def forward_ask(forward, market, world):
    asked = forward("ask", market.id, market.operator.address, world.ids["predict"], [9], FEE, value=FEE)
    return asked.event("Asked")["id"]


# --- tokens that misbehave ---


def test_a_token_that_takes_a_part_on_the_way_is_refused(paid_in_token, world, refused):
    world.token.transact("setFee", 1)
    with refused("WrongTransfer", received=FEE - FEE // 100, expected=FEE):
        paid_in_token.ask()


def test_a_token_that_says_nothing_of_a_transfer_is_taken(paid_in_token, world, people):
    world.token.transact("setSaying", NOTHING)
    paid_in_token.answered()
    paid_in_token.act(people.dan, "withdraw", True, people.dan.address)
    assert world.token.call("balanceOf", people.dan.address) == FEE - FEE * 7_000 // 10_000


def test_a_token_that_says_no_is_believed(paid_in_token, world, people, refused):
    paid_in_token.answered()
    world.token.transact("setSaying", FALSE)
    with refused("SafeERC20FailedOperation"):
        paid_in_token.ask()
    with refused("SafeERC20FailedOperation"):
        paid_in_token.act(people.dan, "withdraw", True, people.dan.address)
    world.token.transact("setSaying", TRUE)
    paid_in_token.act(people.dan, "withdraw", True, people.dan.address)


def test_a_token_that_is_paused_holds_up_payments_and_nothing_else(paid_in_token, world, people, node, refused):
    """Answers, refunds and slashes move no token, so that a pause makes nobody late."""
    market = paid_in_token
    people.dan.stake(2 * ETH)
    one, two, three = market.asked(1, 2, 3)
    market.accept(one, two)
    world.token.transact("setBroken", True)
    market.answer(one)
    market.act(people.eve, "refund", three)
    node.advance(DAY + 1)
    market.act(people.ben, "slashLate", two)
    market.act(people.ben, "claim", market.id, people.ada.address)
    with refused("Broken"):
        market.act(people.eve, "withdraw", True, people.eve.address)
    world.token.transact("setBroken", False)
    market.act(people.eve, "withdraw", True, people.eve.address)
    assert world.token.call("balanceOf", people.eve.address) == 2 * FEE


def test_a_token_that_calls_back_changes_nothing(paid_in_token, world, people, refused):
    """While a fee is on its way in or out, the token asks, refunds, claims and withdraws."""
    market, inference = paid_in_token, world.inference
    (open_one,) = market.asked(5)
    market.answered()
    calls = (
        ("ask", market.id, people.dan.address, world.ids["predict"], [3], FEE),
        ("refund", open_one),
        ("claim", market.id, people.ada.address),
        ("withdraw", True, people.eve.address),
        ("slashLate", open_one),
    )
    for call in calls:
        before = held(world, token=True)
        world.token.transact("mint", people.eve.address, FEE)
        people.eve.use(world.token).transact("approve", inference.address, FEE)
        world.token.transact("arm", inference.address, inference.encode(*call))
        with refused("ReentrancyGuardReentrantCall"):
            market.act(people.eve, "ask", market.id, people.dan.address, world.ids["predict"], [4], FEE)
        with refused("ReentrancyGuardReentrantCall"):
            market.act(people.dan, "withdraw", True, people.dan.address)
        world.token.transact("arm", "0x" + "00" * 20, b"")
        assert held(world, token=True) == before


def test_what_is_sent_here_by_mistake_is_nobodys(paid_in_token, world, people):
    world.token.transact("mint", world.inference.address, 10**18)
    paid_in_token.answered()
    for person, token in ((people.dan, True), (people.ada, True)):
        assert paid_in_token.owed(person, token=token) <= FEE
    assert held(world, token=True) == FEE + 10**18


# --- the sum ---


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_what_came_in_is_held_owed_or_paid_out_whatever_happens(world, certified, people, node, seed):
    """Random histories over networks in ETH and in the token, with fees and shares that do not divide."""
    draw = random.Random(seed)
    shares = {False: draw.choice([3_333, 7_000, 9_999]), True: draw.choice([1, 5_001, 10_000])}
    markets = [
        Market(world, certified, fee=draw.randrange(1, 10**6), share=shares[False]),
        Market(world, certified_task(world), fee=draw.randrange(1, 10**6), share=shares[True], token=True),
    ]
    people.dan.stake(40 * ETH)
    ledger = Ledger(world, world.inference, markets, CREDITS)
    names = list(vars(people))
    for _ in range(60):
        market, requests = draw.choice(markets), list(ledger.open)
        act = draw.choices(
            ("ask", "accept", "answer", "refund", "late", "claim", "withdraw", "terms"), (6, 5, 6, 2, 1, 3, 3, 1)
        )[0]
        asked = [one for one in requests if market.state(one) == ASKED]
        accepted = [one for one in requests if market.state(one) == ACCEPTED]
        if act == "ask":
            inputs = [draw.randrange(2**64) for _ in range(draw.randrange(1, 4))]
            ledger.asked(market, market.asked(*inputs), market.fee)
        elif act == "accept" and asked:
            market.accept(*draw.sample(asked, draw.randrange(1, len(asked) + 1)))
        elif act == "answer" and accepted:
            request = draw.choice(accepted)
            market.answer(request)
            ledger.answered(request, shares[ledger.open[request][0].token])
        elif act == "refund" and asked:
            request = draw.choice(asked)
            market.act(people.eve, "refund", request)
            ledger.back(request, "eve")
        elif act == "late" and accepted:
            node.advance(DAY + 1)
            request = draw.choice(accepted)
            market.act(people.ben, "slashLate", request)
            ledger.back(request, "eve")
            for other in [one for one in ledger.open if market.state(one) == ASKED]:
                market.act(people.ben, "refund", other)
                ledger.back(other, "eve")
            for other in [one for one in ledger.open if market.state(one) == ACCEPTED]:
                market.act(people.ben, "slashLate", other)
                ledger.back(other, "eve")
        elif act == "claim":
            name = draw.choice(list(CREDITS))
            if ledger.claimable(market, name):
                market.act(people.cleo, "claim", market.id, getattr(people, name).address)
                ledger.claims(market, name)
        elif act == "withdraw":
            name, token = draw.choice(names), draw.random() < 0.5
            if ledger.owed[name, token]:
                person = getattr(people, name)
                market.act(person, "withdraw", token, node.accounts[8])
                ledger.withdrawn(name, token)
        elif act == "terms":
            terms = {**TERMS, "fee": draw.randrange(1, 10**6)}
            market.govern("setTerms", market.id, terms)
        ledger.check()
    ledger.check_each()
    ledger.all_is_taken(node.accounts[8])
