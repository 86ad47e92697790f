"""StakingContract against doubles of the tokens, on a real node: the pool, slashes, and what its owner can do."""

from types import SimpleNamespace

import pytest
from support.staking_world import (
    DAY,
    ETH,
    EXIT_DELAY,
    REASON,
    RETH,
    STETH,
    WSTETH,
    ZERO,
    User,
    deploy,
    other_staking,
    staking_world,
)


@pytest.fixture(scope="module")
def world(chain, node, keys):
    return staking_world(chain, node, keys)


@pytest.fixture
def ada(world, keys):
    return User(world, keys.ada)


@pytest.fixture
def ben(world, keys):
    return User(world, keys.ben)


@pytest.fixture
def cleo(world, keys):
    return User(world, keys.cleo)


# --- stake, unstake, withdraw ---


def test_stake_adds_and_never_overwrites(ada):
    first = ada.stake(STETH, 2 * ETH)
    second = ada.stake(STETH, 3 * ETH)
    assert ada.position(STETH)["active"] == first + second
    assert ada.value() == pytest.approx(5 * ETH, abs=10)


def test_a_stake_costs_at_most_the_target(ada, ben, gas):
    for asset, name in ((STETH, "stETH"), (WSTETH, "wstETH"), (RETH, "rETH")):
        gas.check(f"stake {name}, first of all", ada.staking.transact("stake", asset, ETH), at_most=150_000)
        gas.check(f"stake {name}, first of a user", ben.staking.transact("stake", asset, ETH), at_most=150_000)
        gas.check(f"stake {name}, more", ada.staking.transact("stake", asset, ETH), at_most=150_000)


def test_a_stake_counts_what_was_received(ada, world):
    """stETH rounds transfers down to whole shares: 1 or 2 wei less arrive than were asked for."""
    world.steth.transact("rebase", 123456789012345678)
    for amount in (1 * ETH, 1 * ETH + 1, 12345678901234567, 987654321):
        before = world.steth.call("balanceOf", world.staking.address)
        event = ada.staking.transact("stake", STETH, amount).event("Staked")
        assert event["received"] == world.steth.call("balanceOf", world.staking.address) - before
        assert amount - 2 <= event["received"] <= amount


def test_every_token_is_worth_what_its_protocol_says(ada, world):
    ada.stake(WSTETH, 10 * ETH)
    world.steth.transact("rebase", 100 * ETH)
    assert ada.value() == pytest.approx(10 * world.wsteth.call("stEthPerToken"), rel=1e-12)
    before = ada.value()
    ada.stake(RETH, 10 * ETH)
    assert ada.value() - before == pytest.approx(11 * ETH, rel=1e-12)


def test_who_leaves_gets_everything_back_within_rounding(ada, ben, world):
    ben.stake(STETH, 7 * ETH)
    before = ada.balance(STETH)
    ada.stake(STETH, 5 * ETH)
    ada.leave(STETH)
    assert before - 10 <= ada.balance(STETH) <= before
    assert ada.position(STETH) == {
        "active": 0,
        "exiting": 0,
        "availableAt": ada.position(STETH)["availableAt"],
        "vaultSlashed": 0,
    }


def test_the_last_one_out_empties_the_pool_but_for_dust(ada, ben, world):
    ada.stake(STETH, 5 * ETH)
    ben.stake(STETH, 1 * ETH)
    world.steth.transact("rebase", 10 * ETH)
    ada.leave(STETH)
    ben.leave(STETH)
    assert world.staking.call("totalShares", STETH) == 0
    assert world.steth.call("balanceOf", world.staking.address) < 10**7


def test_an_exit_waits_for_its_delay(ada, world, refused):
    shares = ada.stake(RETH, ETH)
    ada.unstake(RETH, shares)
    assert ada.value() == 0
    assert ada.slashable() > 0
    with refused("StillExiting"):
        ada.withdraw(RETH)
    world.node.advance(EXIT_DELAY - 60)
    with refused("StillExiting"):
        ada.withdraw(RETH)
    world.node.advance(60)
    assert ada.withdraw(RETH) == pytest.approx(ETH, abs=10)
    with refused("NothingToWithdraw", asset=RETH):
        ada.withdraw(RETH)


def test_a_second_exit_joins_the_first_and_its_date(ada, world, refused):
    shares = ada.stake(RETH, 2 * ETH)
    ada.unstake(RETH, shares // 2)
    world.node.advance(EXIT_DELAY)
    ada.unstake(RETH, shares - shares // 2)
    with refused("StillExiting"):
        ada.withdraw(RETH)
    world.node.advance(EXIT_DELAY)
    assert ada.withdraw(RETH) == pytest.approx(2 * ETH, abs=10)


def test_nobody_takes_out_more_than_is_there(ada, ben, refused):
    shares = ada.stake(RETH, ETH)
    ben.stake(RETH, ETH)
    for asked in (0, shares + 1, 2**256 - 1):
        with refused("TooFewShares", asked=asked, available=shares):
            ada.unstake(RETH, asked)


def test_a_stake_can_be_withdrawn_to_any_receiver_but_nobody(ada, ben, world, refused):
    ada.unstake(RETH, ada.stake(RETH, ETH))
    world.node.advance(EXIT_DELAY)
    with refused("ZeroAddress"):
        ada.withdraw(RETH, ZERO)
    before = ben.balance(RETH)
    ada.withdraw(RETH, ben.address)
    assert ben.balance(RETH) - before == pytest.approx(ETH, abs=10)


@pytest.mark.parametrize("change", [50 * ETH, -50 * ETH])
def test_a_rebase_reaches_everybody_in_proportion(ada, ben, cleo, world, change):
    ada.stake(STETH, 10 * ETH)
    ben.unstake(STETH, ben.stake(STETH, 20 * ETH))  # exits too
    supply = world.steth.call("totalSupply")
    world.steth.transact("rebase", change)
    factor = 1 + change / supply
    assert ada.value() == pytest.approx(10 * ETH * factor, rel=1e-9)
    assert ben.slashable() == pytest.approx(20 * ETH * factor, rel=1e-9)
    cleo.stake(STETH, 10 * ETH)  # who comes later does not share in it
    assert cleo.value() == pytest.approx(10 * ETH, rel=1e-9)
    world.node.advance(EXIT_DELAY)
    assert ben.withdraw(STETH) == pytest.approx(20 * ETH * factor, rel=1e-9)


def test_unknown_assets_are_refused(ada, refused):
    for act in (("stake", 3, 1), ("unstake", 3, 1), ("withdraw", 3, ada.address), ("delegate", 3, 1, ada.address)):
        with refused("UnknownAsset", asset=3):
            ada.staking.transact(*act)


# --- attacks ---


def test_first_depositor_inflation_costs_the_attacker_and_not_the_victim(ada, ben, world):
    """The attacker stakes 1 wei, donates much, and hopes that the victim's shares are rounded down to nothing."""
    ada.stake(RETH, 1)
    world.reth.signing_as(ada.key).transact("transfer", world.staking.address, 20 * ETH)
    shares = ben.stake(RETH, 10 * ETH)
    assert shares > 0
    lost = 10 * ETH - ben.leave(RETH)
    spent = 20 * ETH + 1 - ada.leave(RETH)
    assert spent > 9 * ETH  # half of the donation went to the virtual shares
    assert lost * 10**5 < spent


def test_a_deposit_too_small_for_a_share_is_refused_rather_than_lost(ada, ben, world, refused):
    ada.stake(RETH, 1)
    world.reth.signing_as(ada.key).transact("transfer", world.staking.address, 20 * ETH)
    with refused("NothingReceived", asked=1):
        ben.stake(RETH, 1)


def test_slashing_by_a_stranger_is_refused(ada, ben, world, refused):
    ada.stake(RETH, ETH)
    with refused("NotASlasher", account=ben.address):
        ben.staking.transact("slash", ada.address, ETH, REASON)
    with refused("NotASlasher", account=ben.address):
        ben.staking.transact("lock", ada.address, 2**63)


def test_a_slasher_authorised_later_acts_only_after_everybody_could_leave(ada, ben, cleo, world, refused):
    ada.stake(RETH, ETH)
    cleo.stake(RETH, ETH)
    event = world.staking.transact("authorise", ben.address).event("SlasherAuthorised")
    assert event["activeFrom"] == world.staking.chain.time + 2 * EXIT_DELAY
    world.node.advance(EXIT_DELAY - 10)  # it takes a while to notice
    cleo.leave(RETH)
    with refused("NotASlasher"):
        ben.staking.transact("slash", ada.address, 1, REASON)
    world.node.advance(10)
    assert ben.staking.call("isSlasher", ben.address)
    ben.staking.transact("slash", ada.address, 1, REASON)
    world.staking.transact("revoke", ben.address)
    with refused("NotASlasher"):
        ben.staking.transact("slash", ada.address, 1, REASON)


def test_only_the_owner_changes_settings(ben, world, refused):
    for act in (
        ("authorise", ben.address),
        ("revoke", ben.address),
        ("setTreasury", ben.address),
        ("setOperator", ben.address),
        ("pause",),
        ("unpause",),
        ("transferOwnership", ben.address),
    ):
        with refused("OwnableUnauthorizedAccount", account=ben.address):
            ben.staking.transact(*act)


def test_the_owner_names_somebody_and_never_nobody(ada, ben, world, refused):
    for setting in ("authorise", "setTreasury"):
        with refused("ZeroAddress"):
            world.staking.transact(setting, ZERO)
    ada.stake(RETH, ETH)
    assert world.staking.transact("setTreasury", ben.address).event("TreasuryChanged")["treasury"] == ben.address
    world.staking.transact("slash", ada.address, ETH // 2, REASON)
    assert ben.value() == pytest.approx(ETH // 2, rel=1e-9)


def test_a_slasher_that_is_authorised_again_is_neither_disabled_nor_delayed(ada, ben, world):
    """The owner authorises a slasher anew, which would give whoever is to be slashed two exit delays to leave."""
    ada.stake(RETH, ETH)
    assert world.staking.transact("authorise", world.chain.address).events == ()
    assert world.staking.call("isSlasher", world.chain.address)
    world.staking.transact("slash", ada.address, ETH // 10, REASON)
    assert len(world.staking.transact("authorise", ben.address).events) == 1
    world.node.advance(EXIT_DELAY)
    assert world.staking.transact("authorise", ben.address).events == ()
    world.node.advance(EXIT_DELAY)
    assert world.staking.call("isSlasher", ben.address)
    assert len(world.staking.transact("revoke", ben.address).events) == 1
    assert world.staking.transact("revoke", ben.address).events == ()
    assert len(world.staking.transact("authorise", ben.address).events) == 1
    assert not world.staking.call("isSlasher", ben.address)


def test_a_slasher_is_authorised_at_once_when_everybody_has_left_again(ada, ben, world):
    ada.stake(RETH, ETH)
    world.staking.transact("authorise", ben.address)
    ada.leave(RETH)
    assert not world.staking.call("isSlasher", ben.address)
    world.staking.transact("authorise", ben.address)
    assert world.staking.call("isSlasher", ben.address)


@pytest.mark.slow
@pytest.mark.parametrize("others", [30, 10, 1])
@pytest.mark.parametrize("taken", [1, 4, 10])
def test_the_treasury_loses_what_it_is_slashed_by_and_all_others_get_it(ada, ben, cleo, world, others, taken):
    """An operator that is the treasury too would be paid its own stake."""
    world.staking.transact("setTreasury", ada.address)
    ada.unstake(STETH, ada.stake(STETH, 10 * ETH) // 2)
    ben.stake(STETH, others * ETH)
    cleo.unstake(STETH, cleo.stake(STETH, others * ETH))
    event = world.staking.transact("slash", ada.address, taken * ETH, REASON).event("Slashed")
    assert event["value"] == pytest.approx(taken * ETH, rel=1e-9)
    assert ada.slashable() == pytest.approx((10 - taken) * ETH, rel=1e-9, abs=10)
    for user in (ben, cleo):
        assert user.slashable() == pytest.approx((others + taken / 2) * ETH, rel=1e-9)


@pytest.mark.parametrize("taken", [1, 4, 10])
def test_a_treasury_that_is_alone_loses_it_too_and_whoever_comes_next_loses_nothing(ada, ben, world, taken):
    """Nobody gets it. It inflates the price of a share as a donation does: rounding costs a millionth of it at most."""
    world.staking.transact("setTreasury", ada.address)
    ada.stake(RETH, 10 * ETH)
    price = world.reth.call("getExchangeRate")
    world.staking.transact("slash", ada.address, taken * price, REASON)
    assert ada.value() * 10**18 // price == pytest.approx((10 - taken) * ETH, abs=taken * 10**12)
    ben.stake(RETH, 5 * ETH)
    assert ben.leave(RETH) == pytest.approx(5 * ETH, abs=2 * taken * 10**12)
    if taken < 10:
        assert ada.leave(RETH) == pytest.approx((10 - taken) * ETH, abs=3 * taken * 10**12)


def test_a_worth_is_that_of_the_tokens(world, refused):
    world.steth.transact("rebase", 100 * ETH)
    rates = (ETH, world.wsteth.call("stEthPerToken"), world.reth.call("getExchangeRate"))
    for asset, rate in enumerate(rates):
        assert world.staking.call("ethValue", asset, 3 * ETH + 1) == (3 * ETH + 1) * rate // ETH
    with refused("UnknownAsset", asset=3):
        world.staking.call("ethValue", 3, 1)


def test_a_slash_moves_value_to_the_treasury_and_says_why(ada, ben, world, gas):
    ada.stake(RETH, 10 * ETH)
    ben.stake(RETH, 10 * ETH)
    receipt = world.staking.transact("slash", ada.address, 3 * ETH, REASON)
    gas.check("slash", receipt)
    event = receipt.event("Slashed")
    assert (event["user"], event["value"], event["reason"]) == (ada.address, 3 * ETH, "0x" + REASON.hex())
    assert ada.value() == pytest.approx(8 * ETH, rel=1e-9)
    assert ben.value() == pytest.approx(11 * ETH, rel=1e-9)
    assert world.staking.call("stakeOf", world.treasury) == pytest.approx(3 * ETH, rel=1e-9)


def test_a_slash_of_more_than_there_is_takes_all_of_it(ada, world):
    ada.stake(RETH, ETH)
    ada.stake(STETH, ETH)
    event = world.staking.transact("slash", ada.address, 100 * ETH, REASON).event("Slashed")
    assert event["value"] == pytest.approx(2.1 * ETH, rel=1e-9)
    assert ada.value() == ada.slashable() == 0
    assert world.staking.transact("slash", ada.address, ETH, REASON).event("Slashed")["value"] == 0


def test_a_slash_reaches_a_stake_on_its_way_out(ada, world):
    shares = ada.stake(RETH, 10 * ETH)
    ada.unstake(RETH, shares)
    world.node.advance(EXIT_DELAY)
    world.staking.transact("slash", ada.address, 11 * ETH // 2, REASON)
    assert ada.withdraw(RETH) == pytest.approx(5 * ETH, rel=1e-9)


def test_a_stake_is_not_withdrawn_during_a_dispute(ada, world, refused):
    ada.unstake(RETH, ada.stake(RETH, 10 * ETH))
    world.node.advance(EXIT_DELAY)
    until = world.staking.chain.time + 2 * DAY
    world.staking.transact("lock", ada.address, until)
    with refused("StakeLocked", user=ada.address, until=until):
        ada.withdraw(RETH)
    world.staking.transact("slash", ada.address, 22 * ETH // 10, REASON)
    world.node.advance(2 * DAY)
    assert ada.withdraw(RETH) == pytest.approx(8 * ETH, rel=1e-9)


def test_a_lock_ends_by_itself_and_is_never_shortened(ada, world, refused):
    now = world.staking.chain.time
    with refused("LockTooLong"):
        world.staking.transact("lock", ada.address, now + 31 * DAY)
    world.staking.transact("lock", ada.address, now + 29 * DAY)
    world.staking.transact("lock", ada.address, now + DAY)
    assert world.staking.call("lockedUntil", ada.address) == now + 29 * DAY


# --- hostile tokens ---


@pytest.fixture(scope="module")
def hostile(chain, world, keys):
    """A staking contract for one hostile token, which ``ada`` and ``ben`` have."""
    token = deploy(chain, "HostileToken")
    assets = [(token.address, 3, ZERO, token.address), (world.reth.address, 2, ZERO, ZERO)]
    staking = other_staking(world, assets, [keys.ada, keys.ben])
    for key in (keys.ada, keys.ben):
        token.transact("mint", token.signing_as(key).chain.address, 100 * ETH)
    return SimpleNamespace(**{**vars(world), "staking": staking, "token": token, "tokens": (token, world.reth)})


def test_reentrancy_through_a_malicious_token_is_refused(hostile, keys, refused):
    ada = User(hostile, keys.ada)
    shares = ada.stake(0, 10 * ETH)
    ada.unstake(0, shares // 2)
    hostile.node.advance(EXIT_DELAY)
    for again in (
        ("stake", 0, ETH),
        ("withdraw", 0, ada.address),
        ("unstake", 0, 1),
        ("delegate", 0, 1, ada.address),
        ("slash", ada.address, ETH, REASON),
    ):
        expected = "NotASlasher" if again[0] == "slash" else "ReentrancyGuardReentrantCall"
        for outer in (("stake", 0, ETH), ("withdraw", 0, ada.address)):
            hostile.token.transact("arm", hostile.staking.address, hostile.staking.encode(*again))
            with refused(expected):
                ada.staking.transact(*outer)
            hostile.token.transact("arm", ZERO, b"")
    assert ada.withdraw(0) == pytest.approx(5 * ETH, abs=10)


def test_a_stake_cannot_be_read_in_the_middle_of_a_transfer(hostile, keys, refused):
    """While a token is being moved, shares and balances do not agree: others must not act on what they see then."""
    ada = User(hostile, keys.ada)
    shares = ada.stake(0, 10 * ETH)
    ada.unstake(0, shares // 2)
    hostile.node.advance(EXIT_DELAY)
    hostile.token.transact("arm", hostile.staking.address, hostile.staking.encode("stakeOf", ada.address))
    with refused("ReentrancyGuardReentrantCall"):
        ada.staking.transact("withdraw", 0, ada.address)


def test_a_token_with_a_fee_is_counted_by_what_arrives(hostile, keys):
    ada, ben = User(hostile, keys.ada), User(hostile, keys.ben)
    ben.stake(0, 10 * ETH)
    hostile.token.transact("setFee", 10)
    ada.stake(0, 10 * ETH)
    hostile.token.transact("setFee", 0)
    assert ada.value() == pytest.approx(9 * ETH, rel=1e-9)
    assert ben.leave(0) == pytest.approx(10 * ETH, abs=10)


def test_a_failing_token_blocks_nobody_who_does_not_hold_it(hostile, keys, refused):
    ada, ben = User(hostile, keys.ada), User(hostile, keys.ben)
    ada.stake(0, 10 * ETH)
    ben.stake(1, 10 * ETH)
    hostile.token.transact("setBroken", True)
    assert ben.value() == pytest.approx(11 * ETH, rel=1e-9)
    hostile.staking.transact("slash", ben.address, ETH, REASON)
    assert ben.leave(1) == pytest.approx(10 * ETH - ETH / 1.1, rel=1e-9)
    with refused("Broken"):
        ada.value()


def test_construction_refuses_what_could_never_work(chain, world, refused):
    good = (world.reth.address, 2, ZERO, ZERO)
    strategy = deploy(chain, "StrategyDouble", world.steth.address, chain.address)
    for treasury, assets, error in (
        (ZERO, [good], "ZeroAddress"),
        (chain.address, [(ZERO, 2, ZERO, ZERO)], "ZeroAddress"),
        (chain.address, [(world.reth.address, 3, ZERO, ZERO)], "ZeroAddress"),
        (chain.address, [good] * 5, "TooManyAssets"),
        (chain.address, [good, good], "AssetTwice"),
        (chain.address, [(world.reth.address, 2, strategy.address, ZERO)], "WrongStrategy"),
    ):
        with refused(error):
            deploy(chain, "StakingContract", chain.address, treasury, 1, assets, ZERO, ZERO)
