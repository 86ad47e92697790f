"""Fees of restaked operators, to a claim that EigenLayer's own RewardsCoordinator pays."""

import pytest
from support.eigen_rewards import Distribution, divided
from support.market import DAY, Market
from support.restaking import EigenWorld
from support.rounds_world import ETH

from twopm_zk.chain import compile_contract
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.development.eigenlayer import published
from twopm_zk.errors import TransactionError

pytestmark = pytest.mark.skipif(published() is None, reason="EigenLayer's contracts are not installed (PyPI eigensdk)")

FEE = 10**15


@pytest.fixture(scope="module")
def eigen(world, certified):
    """``dan`` is restaked with what ``cleo`` has delegated."""
    return EigenWorld(world).restaked(world.people.dan, world.people.cleo)


@pytest.fixture
def market(world, certified, eigen):
    return Market(world, certified, fee=FEE, share=0)


def whole_days(eigen, count):
    """Go on to a few seconds after the ``count``-th next midnight, UTC."""
    now = eigen.world.chain.time
    eigen.world.node.advance(DAY - now % DAY + (count - 1) * DAY + 5)


def reward(eigen, operator, *, token=False, contract=None, by=None):
    contract = contract or eigen.world.inference
    by = by or eigen.world.people.ada
    return by.use(eigen.stakes).transact("reward", contract.address, operator.address, token)


def waiting(eigen, operator, *, token=False):
    return eigen.world.inference.call("restakedFees", operator.address, token)


def held(eigen, *, token):
    """What InferenceContract has."""
    contract = eigen.world.inference
    if token:
        return eigen.world.token.call("balanceOf", contract.address)
    return contract.chain.balance(contract.address)


def token_of(eigen, *, token):
    address = eigen.world.token.address if token else eigen.stakes.call("WETH")
    return Contract(eigen.world.chain, compile_contract("IERC20"), address)


@pytest.mark.parametrize("token", [False, True], ids=["ETH", "token"])
def test_restakers_are_paid_what_their_operator_has_earned(world, certified, eigen, people, gas, token):
    """Asked, accepted, answered; handed to EigenLayer by a stranger; divided, published, claimed."""
    market = Market(world, certified, fee=FEE, share=7_000, token=token)
    market.answered()
    earned = FEE - FEE * 7_000 // 10_000
    assert market.owed(people.dan) == 0
    assert waiting(eigen, people.dan, token=token) == earned
    assert held(eigen, token=token) == FEE  # with the data owners' part
    whole_days(eigen, 3)
    receipt = reward(eigen, people.dan, token=token)
    gas.check(f"reward in {'the token' if token else 'ETH'}", receipt, tolerance=3_000)
    event = receipt.event("Rewarded")
    assert (event["amount"], event["end"] - event["start"]) == (earned, 2 * DAY)
    assert held(eigen, token=token) == FEE - earned
    assert event["start"] % DAY == event["end"] % DAY == 0
    paid, rewards = token_of(eigen, token=token), eigen.rewards
    assert paid.call("balanceOf", rewards.address) == earned
    submitted = receipt.event("OperatorDirectedOperatorSetRewardsSubmissionCreated")[
        "operatorDirectedRewardsSubmission"
    ]
    assert [(one["operator"], one["amount"]) for one in submitted["operatorRewards"]] == [(people.dan.address, earned)]

    amounts = divided(earned, people.dan.address, people.cleo.address)
    tree = Distribution(paid.address, amounts)
    index = rewards.transact("submitRoot", tree.root, event["end"] - 1).event("DistributionRootSubmitted")["rootIndex"]
    eigen.mine(1)
    cleo = people.cleo.use(rewards)
    with pytest.raises(TransactionError) as forged:
        cleo.transact("processClaim", tree.claim(people.cleo.address, index, amount=earned), people.cleo.address)
    assert forged.value.error == "InvalidClaimProof"
    for person in (people.cleo, people.dan):
        person.use(rewards).transact("processClaim", tree.claim(person.address, index), person.address)
        assert paid.call("balanceOf", person.address) == amounts[person.address]
    assert paid.call("balanceOf", rewards.address) == 0


def test_a_fee_goes_the_way_of_the_stake_that_it_was_accepted_on(market, eigen, people):
    """Leaving before the answer diverts nothing from those who have delegated."""
    first, second = market.asked(1, 2)
    market.accept(first)
    eigen.deregisters(people.dan)
    market.answer(first)
    assert (waiting(eigen, people.dan), market.owed(people.dan)) == (FEE, 0)
    market.accept(second)
    market.answer(second)
    assert (waiting(eigen, people.dan), market.owed(people.dan)) == (FEE, FEE)


def test_who_joins_after_accepting_keeps_what_it_has_earned_by_its_own_stake(world, certified, eigen, people):
    market = Market(world, certified, fee=FEE, share=0, offered=False)
    market.operator = people.ben
    market.act(people.ben, "offer", market.id, world.ids["predict"])
    request = market.accepted()
    eigen.becomes_operator(people.ben)
    eigen.registers(people.ben)
    market.answer(request, person=people.ben)
    assert (waiting(eigen, people.ben), market.owed(people.ben)) == (0, FEE)


def test_nobody_chooses_for_which_days_a_reward_is(market, eigen, people, refused):
    """Who delegates on one day alone gets the share of one day: a reward is for all whole days since the last one."""
    market.answered()
    since = eigen.stakes.call("membershipOf", people.dan.address)["since"]
    whole_days(eigen, 5)
    assert eigen.stakes.call("periodOf", eigen.world.inference.address, people.dan.address, False)[0] >= since
    first = reward(eigen, people.dan, by=people.eve).event("Rewarded")
    assert first["start"] == -(-since // DAY) * DAY
    assert first["end"] - first["start"] >= 4 * DAY
    market.answered()
    whole_days(eigen, 2)
    second = reward(eigen, people.dan, by=people.eve).event("Rewarded")
    assert second["start"] == first["end"]
    assert second["end"] - second["start"] == 2 * DAY


def test_the_day_of_registering_is_no_whole_one(market, eigen, people, refused):
    market.answered()
    for _ in range(2):
        with refused("NoWholePeriod", operator=people.dan.address):
            reward(eigen, people.dan)
        whole_days(eigen, 1)
    assert reward(eigen, people.dan).event("Rewarded")["amount"] == FEE


def test_after_leaving_rewards_are_for_the_days_in_the_set(market, eigen, people):
    whole_days(eigen, 3)
    request = market.accepted()
    eigen.deregisters(people.dan)
    left = eigen.world.chain.time
    market.answer(request)
    whole_days(eigen, 4)
    assert reward(eigen, people.dan).event("Rewarded")["end"] == left // DAY * DAY


def test_what_is_earned_when_all_days_are_rewarded_is_for_the_last_of_them(market, eigen, people, node):
    whole_days(eigen, 3)
    first, second = market.asked(1, 2)
    market.accept(first, second)
    market.answer(first)
    one = reward(eigen, people.dan).event("Rewarded")
    market.answer(second)
    two = reward(eigen, people.dan).event("Rewarded")
    assert (two["start"], two["end"]) == (one["end"] - DAY, one["end"])


def test_there_is_nothing_to_reward_twice_and_nothing_of_others(market, eigen, people, refused):
    market.answered()
    whole_days(eigen, 2)
    with refused("NoWholePeriod", operator=people.ada.address):
        reward(eigen, people.ada)
    with refused("NotACaller"):
        reward(eigen, people.dan, contract=eigen.stakes)
    reward(eigen, people.dan)
    with refused("NothingToReward", operator=people.dan.address):
        reward(eigen, people.dan)


def test_rewards_as_long_ago_as_eigenlayer_does_not_look_wait_for_the_next_time_in_the_set(
    market, eigen, people, refused
):
    whole_days(eigen, 2)
    request = market.accepted()
    eigen.deregisters(people.dan)
    market.answer(request)
    whole_days(eigen, 170)
    with refused("TooLongAgo"):
        reward(eigen, people.dan)
    assert waiting(eigen, people.dan) == FEE


def test_a_reward_is_for_seventy_days_at_most(market, eigen, people):
    market.answered()
    whole_days(eigen, 100)
    event = reward(eigen, people.dan).event("Rewarded")
    assert event["end"] - event["start"] == 70 * DAY


def test_a_pause_of_rewards_leaves_fees_where_they_are(market, eigen, people, refused):
    market.answered()
    whole_days(eigen, 2)
    eigen.rewards.transact("pauseAll")
    with refused("CurrentlyPaused"):
        reward(eigen, people.dan)
    assert waiting(eigen, people.dan) == FEE
    eigen.rewards.transact("unpause", 0)
    assert reward(eigen, people.dan).event("Rewarded")["amount"] == FEE


def test_strategies_weigh_what_their_shares_are_worth_and_those_that_eigenlayer_dropped_nothing(market, eigen, people):
    market.answered()
    whole_days(eigen, 2)
    steth = eigen.world.staking.call("assetAt", 0)["strategy"]
    eigen.strategies.transact("removeStrategiesFromDepositWhitelist", [steth])
    receipt = reward(eigen, people.dan)
    event = receipt.event("OperatorDirectedOperatorSetRewardsSubmissionCreated")
    weights = event["operatorDirectedRewardsSubmission"]["strategiesAndMultipliers"]
    found = {one["strategy"]: one["multiplier"] for one in weights}
    assert steth not in found
    assert found[eigen.strategy] == pytest.approx(1.1 * ETH, rel=1e-6)
    assert [int(one["strategy"], 16) for one in weights] == sorted(int(one["strategy"], 16) for one in weights)


def test_eth_comes_from_our_contracts_alone(eigen, people):
    with pytest.raises(TransactionError):
        people.eve.chain.send("a gift", to=eigen.stakes.address, value=1)
