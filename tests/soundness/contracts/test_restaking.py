"""Restaked operators on EigenLayer's own bytecode: histories of them, and delays to the block.

See history_of_restaking.py.
"""

import random
from collections import Counter

import pytest
from soundness.contracts.history import play
from soundness.contracts.history_of_restaking import RestakedHistories
from soundness.contracts.model.eigen_calls import EigenLayer
from soundness.contracts.model.eigenlayer import DEALLOCATION, WAD, WITHDRAWAL
from soundness.contracts.model.market import Market
from soundness.contracts.model.restaked import Restaked
from soundness.contracts.model.stakes import RETH, STETH, Stakes
from support.market import DAY

from twopm_zk.chain.development.eigenlayer import published

pytestmark = pytest.mark.skipif(published() is None, reason="EigenLayer's contracts are not installed (PyPI eigensdk)")


def told(tally, counts):
    refused, calls = counts["refused"], counts["calls"]
    tally.attacks("contracts: calls that break a rule, in histories of restaking", tried=refused, refused=refused)
    tally.inputs("contracts: calls of histories of restaking, compared with the model", tried=calls, handled=calls)


@pytest.fixture
def begun(arena):
    """An arena whose histories are of restaking."""
    RestakedHistories.arena, RestakedHistories.counts = arena, Counter()
    arena.caller.begin()
    yield arena
    arena.caller.end()


@pytest.fixture
def history(begun):
    made = RestakedHistories()
    yield made
    made.teardown()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_history_of_restaked_operators_breaks_what_is_promised(begun, amount, tally):
    """Shares are conserved to the last one, and everybody has what the models say, in any order of calls."""
    play(RestakedHistories, steps=amount(20, 80), examples=amount(2, 60))
    told(tally, RestakedHistories.counts)


def tempted(seed, promises):
    """A history in which operators promise, everybody tries to get away, and promises end late."""
    draw, history = random.Random(f"restaking {seed}"), RestakedHistories()
    try:
        for _ in range(promises):
            for _ in range(draw.randint(1, 2)):
                history.promise(draw.random() < 0.3, draw.getrandbits(48), draw.choice([0, 0, 3, 4]))
            for _ in range(draw.randint(2, 5)):
                act = draw.random()
                if act < 0.45:
                    history.operate(draw.random() < 0.3, draw.getrandbits(48))
                elif act < 0.8:
                    history.restake(draw.choice([2, 4]), draw.getrandbits(48), enabled=draw.random() < 0.8)
                elif act < 0.85:
                    history.change_worth(draw.randint(-30, 30), draw.choice(["rebase", "rate"]), 0)
                elif act < 0.9:
                    history.change_who_slashes("inference", draw.random() < 0.7, 0)
                else:
                    history.wait(draw.getrandbits(48), draw.randint(-2, 2), draw.randint(0, 4))
            history.be_late(draw.getrandbits(48), draw.random() < 0.5)
            if draw.random() < 0.5:
                history.on_market(draw.getrandbits(4), draw.getrandbits(48), enabled=True)
            history.reward("inference", draw.random() < 0.3, False, 0)
    finally:
        history.teardown()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nobody_gets_away_what_a_user_was_promised(begun, amount, tally):
    for seed in range(amount(2, 80)):
        tempted(seed, amount(2, 4))
    counts = RestakedHistories.counts
    assert counts["slashed at EigenLayer"]
    told(tally, counts)


def _forgets_the_other_contract(market, now, actor, *given):
    apart = market.beside
    market.beside = []
    try:
        return list(ACCEPTS(market, now, actor, *given))  # while it is forgotten
    finally:
        market.beside = apart


ACCEPTS = Market._no_accept
FORGOTTEN = {
    "what is being taken away": (EigenLayer, "lasting", lambda e, block, who, asset: e.shares[who, asset] // 2),
    "what is queued": (EigenLayer, "queued", lambda e, block, who, asset: 0),
    "how long EigenLayer holds stake": (Restaked, "too_long", lambda backing, operator, until: False),
    "who has left the set": (EigenLayer, "slashable", lambda e, block, who: who in e.members),
    "the contracts that may slash": (Stakes, "may_slash", lambda stakes, kind, now: True),
    "whose stake a request was accepted on": (Restaked, "is_restaked", lambda backing, operator: False),
    "requests of the other contract": (Market, "_no_accept", _forgets_the_other_contract),
    "what EigenLayer rounds": (EigenLayer, "withdrawable", lambda e, who, asset, deposits=None: e.deposits[who, asset]),
}
"""Rules of docs/restaking.md that a contract or a model could forget."""


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, marks=[pytest.mark.full] * (number > 0)) for number, rule in enumerate(FORGOTTEN)]
)
def test_histories_notice_a_rule_that_is_forgotten(begun, monkeypatch, rule):
    """By one side alone; which of both does not matter."""
    with monkeypatch.context() as changed:
        changed.setattr(*FORGOTTEN[rule])
        assert any(_noticed(seed) for seed in range(40))


def _noticed(seed):
    try:
        tempted(seed, 4)
    except AssertionError:
        return True
    return False


# --- delays, to the block ---


def last_block_of(history, way):
    """Something leaves that stands behind the first operator; until which block EigenLayer holds it."""
    operator, accounts = history.state.markets[0].operators[0], history.arena.accounts
    block = history.next()[0]
    if way == "leaves":
        history.at_eigenlayer(operator, "deregisterFromOperatorSets", (operator,))
        return block + DEALLOCATION
    if way == "takes away":
        for asset in (STETH, RETH):
            history.at_eigenlayer(operator, "modifyAllocations", (asset, 0))
        return block + DEALLOCATION
    history.at_eigenlayer(accounts[2], "undelegate", ())
    return block + WITHDRAWAL


@pytest.mark.slow
@pytest.mark.parametrize("late", [0, 1])
@pytest.mark.parametrize("way", ["leaves", "takes away", "is left"])
def test_what_leaves_is_slashed_up_to_the_last_block_in_which_eigenlayer_holds_it(history, way, late, tally):
    market = history.state.markets[0]
    history.on(market, history.arena.accounts[4], "ask", ("",))
    history.on(market, market.operator, "accept", (1,))
    (promise,) = history.backing.promises
    last = last_block_of(history, way)
    blocks = last - history.next()[0] + late
    history.caller.rpc("anvil_mine", hex(blocks), hex(3600))
    _, time = history.next()
    assert late == 0 or time > promise.until, "nobody was promised that"
    history.on(market, history.arena.accounts[0], "slashLate", (1,))
    ((_, taken, restaked),) = history.backing.penalties
    if way == "takes away" and late:  # the second strategy's allocation is taken away a block later
        assert 0 < restaked <= taken
    else:
        assert (restaked > 0) == (late == 0)
    tally.attacks("contracts: slashes about the end of EigenLayer's delays", tried=1, refused=1)


@pytest.mark.parametrize(("number", "longest"), [(0, 7 * DAY), (1, 4 * DAY)], ids=["inference", "conversations"])
def test_a_promise_lasts_no_second_longer_than_eigenlayer_holds_stake(history, number, longest):
    """Predictions are never that long: the registry of networks takes no terms beyond 7 days."""
    market, user = history.state.markets[number], history.arena.accounts[4]
    networks = history.world.networks
    for request, seconds in ((1, longest), (2, longest + 1)):
        terms = {**market.terms, "answerSeconds": seconds}
        too_long = {"InvalidTerms"} if number == 0 and request == 2 else set()
        if history.send(history.next(), market.owner, networks, "setTerms", (market.network, terms), too_long):
            market.terms = terms
            history.on(market, user, "ask", ("",))
            refused = market.refusals(history.next(), market.operator, "accept", (request,), history.backing)
            assert ("LockTooLong" in refused) == (request == 2)
            history.on(market, market.operator, "accept", (request,))


@pytest.mark.parametrize("early", [0, 1])
def test_an_allocation_counts_from_the_block_on_from_which_it_can_be_slashed(history, early):
    market, user = history.state.markets[0], history.arena.accounts[4]
    operator = market.operators[1]
    history.at_eigenlayer(operator, "modifyAllocations", (RETH, WAD // 2))
    effect = history.eigen.allocations[operator, RETH].effect
    assert effect == history.now()[0] + history.eigen.delays[operator]
    history.caller.rpc("anvil_mine", hex(effect - history.next()[0] - early - 1), hex(3600))
    history.on(market, user, "ask", ("other",))
    refused = market.refusals(history.next(), operator, "accept", (1,), history.backing)
    assert refused == ({"StakeTooLow"} if early else set())
    history.on(market, operator, "accept", (1,))
