"""Stakes that are delegated through EigenLayer: against its own contracts, slashes and pauses included."""

from types import SimpleNamespace

import pytest
from support.staking_world import (
    ETH,
    REASON,
    RETH,
    STETH,
    ZERO,
    User,
    allocate,
    eigenlayer_slash,
    other_staking,
    pass_withdrawal_delay,
    staking_world,
)

from twopm_zk.chain import compile_contract
from twopm_zk.chain.development.eigenlayer import MISSING, published

pytestmark = pytest.mark.skipif(published() is None, reason=MISSING)


@pytest.fixture(scope="module")
def world(chain, node, keys):
    return staking_world(chain, node, keys)


@pytest.fixture
def ada(world, keys):
    return User(world, keys.ada)


@pytest.fixture
def ben(world, keys):
    return User(world, keys.ben)


def test_pausing_never_blocks_withdrawals(ada, ben, world, refused):
    shares = ada.stake(STETH, 10 * ETH)
    ada.delegate(STETH, shares // 2)
    ben.unstake(RETH, ben.stake(RETH, ETH))
    world.staking.transact("pause")
    for act in (("stake", STETH, ETH), ("delegate", STETH, 1, world.operator)):
        with refused("EnforcedPause"):
            ada.staking.transact(*act)
    ada.undelegate(STETH, ada.deposit_shares(STETH))
    ada.wait_and_complete(STETH)
    assert ada.leave(STETH) == pytest.approx(10 * ETH, rel=1e-9)
    assert ben.withdraw(RETH) == pytest.approx(ETH, rel=1e-9)
    world.staking.transact("unpause")
    ada.stake(STETH, ETH)


def test_a_delegated_stake_still_counts_and_comes_back(ada, world, gas):
    shares = ada.stake(STETH, 10 * ETH)
    receipt = ada.delegate(STETH, shares)
    gas.check("delegate, first of a user", receipt)
    assert receipt.event("Delegated")["operator"] == world.operator
    assert world.delegation.call("delegatedTo", ada.vault) == world.operator
    assert ada.position(STETH)["active"] == 0
    assert ada.value() == pytest.approx(10 * ETH, rel=1e-9)
    deposited = ada.deposit_shares(STETH)
    gas.check("undelegate", ada.undelegate(STETH, deposited))
    assert ada.value() == pytest.approx(10 * ETH, rel=1e-9)
    gas.check("completeUndelegation", ada.wait_and_complete(STETH))
    assert ada.value() == pytest.approx(10 * ETH, rel=1e-9)
    assert ada.leave(STETH) == pytest.approx(10 * ETH, rel=1e-9)


def test_each_user_has_one_vault_of_its_own(ada, ben, world):
    for user in (ada, ben):
        shares = user.stake(STETH, 4 * ETH)
        user.delegate(STETH, shares // 2)
        user.delegate(STETH, shares - shares // 2)
        user.delegate(RETH, user.stake(RETH, ETH))
    assert ada.vault != ben.vault
    assert world.staking.call("vaultCount") == 2
    assert ada.value() == pytest.approx(5.1 * ETH, rel=1e-9)


def test_a_vault_obeys_nobody_else(ada, ben, world, refused):
    ada.delegate(STETH, ada.stake(STETH, ETH))
    vault = ben.staking.chain.contract(compile_contract("StakeVault"), ada.vault)
    withdrawal = (ada.vault, ZERO, ada.vault, 0, 0, [], [])
    for act in (
        ("deposit", world.strategies[STETH], world.steth.address, ben.address),
        ("queue", world.strategies[STETH], 1),
        ("complete", withdrawal, world.steth.address),
    ):
        with refused("OnlyStaking", caller=ben.address):
            vault.transact(*act)


def test_a_stranger_cannot_undelegate_but_may_complete(ada, ben, world, refused):
    ada.delegate(STETH, ada.stake(STETH, 2 * ETH))
    with refused("NotYourVault", user=ada.address, caller=ben.address):
        ben.staking.transact("undelegate", ada.address, STETH, 1)
    with refused("NoVault", user=ben.address):
        ben.staking.transact("undelegate", ben.address, STETH, 1)
    ada.undelegate(STETH, ada.deposit_shares(STETH))
    with refused("WithdrawalDelayNotElapsed"):
        ada.complete(STETH)
    ada.wait_and_complete(STETH, by=ben)
    assert ada.value() == pytest.approx(2 * ETH, rel=1e-9)
    assert ben.value() == 0


def test_a_withdrawal_of_another_asset_or_user_is_refused(ada, ben, world, refused):
    for user in (ada, ben):
        user.delegate(STETH, user.stake(STETH, 2 * ETH))
        user.undelegate(STETH, user.deposit_shares(STETH))
    pass_withdrawal_delay(world)
    theirs = tuple(ben.queued()[0].values())
    with refused("WrongWithdrawal", user=ada.address):
        ada.complete(STETH, withdrawal=theirs)
    with refused("WrongWithdrawal", asset=RETH):
        ada.complete(RETH)
    made_up = ada.queued()[0]
    for strategies in ([], made_up["strategies"] * 2):  # its tokens would be counted as those of one asset
        with refused("WrongWithdrawal", user=ada.address, asset=STETH):
            ada.complete(STETH, withdrawal=tuple({**made_up, "strategies": strategies}.values()))
    made_up = list(made_up.values())
    made_up[-1] = [made_up[-1][0] * 2]
    with refused("WithdrawalNotQueued"):
        ada.complete(STETH, withdrawal=tuple(made_up))
    mine = tuple(ada.queued()[0].values())
    ada.complete(STETH, withdrawal=mine)
    with refused("WithdrawalNotQueued"):
        ada.complete(STETH, withdrawal=mine)


def test_a_slash_reaches_a_delegated_stake_and_one_in_the_queue(ada, world, refused):
    shares = ada.stake(STETH, 10 * ETH)
    ada.delegate(STETH, shares)
    ada.undelegate(STETH, ada.deposit_shares(STETH) // 2)
    event = world.staking.transact("slash", ada.address, 4 * ETH, REASON).event("Slashed")
    assert event["value"] == 4 * ETH
    assert ada.value() == pytest.approx(6 * ETH, rel=1e-9)
    with refused("VaultSlashed", user=ada.address):
        ada.delegate(STETH, ada.stake(STETH, ETH))
    ada.wait_and_complete(STETH)
    assert world.staking.call("stakeOf", world.treasury) == pytest.approx(2 * ETH, rel=1e-9)
    ada.undelegate(STETH, ada.deposit_shares(STETH))
    ada.wait_and_complete(STETH)
    assert world.staking.call("stakeOf", world.treasury) == pytest.approx(4 * ETH, rel=1e-9)
    assert ada.value() == pytest.approx(7 * ETH, rel=1e-9)
    ada.delegate(STETH, ada.position(STETH)["active"])  # an emptied vault is as good as new
    assert ada.value() == pytest.approx(7 * ETH, rel=1e-9)


def test_an_emptied_vault_is_as_good_as_new_whatever_another_asset_has_in_the_queue(ada, world):
    for asset in (STETH, RETH):
        ada.delegate(asset, ada.stake(asset, 10 * ETH))
    world.staking.transact("slash", ada.address, 4 * ETH, REASON)
    for asset in (STETH, RETH):
        ada.undelegate(asset, ada.deposit_shares(asset))
    mine = {entry["strategies"][0]: tuple(entry.values()) for entry in ada.queued()}
    ada.wait_and_complete(STETH, withdrawal=mine[world.strategies[STETH]])
    assert ada.position(STETH)["vaultSlashed"] == 0
    ada.delegate(STETH, ada.position(STETH)["active"])
    assert ada.deposit_shares(STETH) > 0


def test_a_slash_reaches_every_withdrawal_in_the_queue_and_not_only_the_first(ada, world):
    ada.delegate(STETH, ada.stake(STETH, 10 * ETH))
    ada.undelegate(STETH, ada.deposit_shares(STETH) // 2)
    ada.undelegate(STETH, ada.deposit_shares(STETH))
    world.staking.transact("slash", ada.address, 4 * ETH, REASON)
    ada.wait_and_complete(STETH)
    assert ada.position(STETH)["vaultSlashed"] > 0
    ada.complete(STETH)
    assert ada.position(STETH)["vaultSlashed"] == 0
    assert world.staking.call("stakeOf", world.treasury) == pytest.approx(4 * ETH, rel=1e-9)
    assert ada.value() == pytest.approx(6 * ETH, rel=1e-9)


def test_two_slashes_of_a_vault_add_up(ada, world):
    ada.delegate(STETH, ada.stake(STETH, 10 * ETH))
    for _ in range(2):
        world.staking.transact("slash", ada.address, 4 * ETH, REASON)
    assert ada.value() == pytest.approx(2 * ETH, rel=1e-9)
    assert world.staking.transact("slash", ada.address, 4 * ETH, REASON).event("Slashed")["value"] == pytest.approx(
        2 * ETH, rel=1e-9
    )
    assert ada.value() == 0


def test_anyone_may_bring_a_slashed_vault_home_and_its_owner_cannot_hold_it_back(ada, ben, world):
    ada.delegate(STETH, ada.stake(STETH, 10 * ETH))
    world.staking.transact("slash", ada.address, 4 * ETH, REASON)
    ben.staking.transact("undelegate", ada.address, STETH, 0)
    ada.wait_and_complete(STETH, by=ben)
    assert world.staking.call("stakeOf", world.treasury) == pytest.approx(4 * ETH, rel=1e-9)
    assert ada.value() == pytest.approx(6 * ETH, rel=1e-9)


def test_a_slash_by_eigenlayer_lowers_the_stake_by_its_part_of_the_allocation(ada, world):
    """40 % of an allocation of one half: 0.8 are left, of what is deposited and of what is queued."""
    allocate(world, STETH, ETH // 2)
    ada.delegate(STETH, ada.stake(STETH, 10 * ETH))
    ada.undelegate(STETH, ada.deposit_shares(STETH) // 2)
    eigenlayer_slash(world, STETH, 4 * ETH // 10)
    assert ada.value() == pytest.approx(8 * ETH, rel=1e-9)
    ada.undelegate(STETH, ada.deposit_shares(STETH))
    pass_withdrawal_delay(world)
    ada.complete(STETH)
    ada.complete(STETH)
    assert ada.value() == pytest.approx(8 * ETH, rel=1e-9)
    assert ada.leave(STETH) == pytest.approx(8 * ETH, rel=1e-9)


def test_a_withdrawal_whose_delay_is_over_is_out_of_reach_of_eigenlayer_and_not_of_ours(ada, world):
    allocate(world, STETH, ETH)
    ada.delegate(STETH, ada.stake(STETH, 10 * ETH))
    ada.undelegate(STETH, ada.deposit_shares(STETH))
    pass_withdrawal_delay(world)
    eigenlayer_slash(world, STETH, ETH // 2)
    assert ada.value() == pytest.approx(10 * ETH, rel=1e-9)
    world.staking.transact("slash", ada.address, 4 * ETH, REASON)
    ada.complete(STETH)
    assert ada.value() == pytest.approx(6 * ETH, rel=1e-9)
    assert world.staking.call("stakeOf", world.treasury) == pytest.approx(4 * ETH, rel=1e-9)


def test_slashes_of_both_sides_apply_to_what_the_other_leaves(ada, world):
    allocate(world, STETH, ETH // 2)
    ada.delegate(STETH, ada.stake(STETH, 10 * ETH))
    world.staking.transact("slash", ada.address, 5 * ETH, REASON)
    eigenlayer_slash(world, STETH, 4 * ETH // 10)
    assert ada.value() == pytest.approx(4 * ETH, rel=1e-9)
    ada.undelegate(STETH, ada.deposit_shares(STETH))
    ada.wait_and_complete(STETH)
    assert ada.value() == pytest.approx(4 * ETH, rel=1e-9)
    assert world.staking.call("stakeOf", world.treasury) == pytest.approx(4 * ETH, rel=1e-9)


def test_a_delegation_that_eigenlayer_slashed_to_nothing_is_closed_and_harms_nobody(ada, ben, world, refused):
    allocate(world, STETH, ETH)
    ada.delegate(STETH, ada.stake(STETH, 10 * ETH))
    ben.stake(STETH, 10 * ETH)
    ada.undelegate(STETH, ada.deposit_shares(STETH))
    eigenlayer_slash(world, STETH, ETH)
    assert ada.value() == 0
    with refused("FullySlashed"):  # nobody follows
        ben.delegate(STETH, ETH)
    event = ada.wait_and_complete(STETH).event("Undelegated")
    assert (event["received"], event["shares"]) == (0, 0)
    assert ada.queued() == []
    ada.stake(STETH, ETH)
    assert ada.leave(STETH) == pytest.approx(ETH, rel=1e-9)
    assert ben.value() == pytest.approx(10 * ETH, rel=1e-9)


def test_an_operator_that_throws_a_vault_out_strands_nothing(ada, world):
    ada.delegate(STETH, ada.stake(STETH, 10 * ETH))
    ada.delegate(RETH, ada.stake(RETH, ETH))
    world.delegation.signing_as(world.keys.eve).transact("undelegate", ada.vault)
    assert ada.value() == pytest.approx(11.1 * ETH, rel=1e-9)
    world.staking.transact("slash", ada.address, 2 * ETH, REASON)  # what is thrown out can be slashed
    pass_withdrawal_delay(world)
    by_strategy = {tuple(w["strategies"]): tuple(w.values()) for w in ada.queued()}
    for asset in (STETH, RETH):
        strategy = world.strategies[asset]
        ada.complete(asset, withdrawal=by_strategy[(strategy,)])
    assert ada.value() == pytest.approx(9.1 * ETH, rel=1e-9)
    ada.delegate(RETH, ada.position(RETH)["active"])  # and delegates again
    assert world.delegation.call("delegatedTo", ada.vault) == world.operator


def test_the_queue_of_a_vault_is_bounded(ada, refused):
    ada.delegate(STETH, ada.stake(STETH, 10 * ETH))
    for _ in range(4):
        ada.undelegate(STETH, ETH)
    with refused("TooManyQueued", count=4, limit=4):
        ada.undelegate(STETH, ETH)


def test_an_operator_that_throws_a_vault_out_again_and_again_does_not_fill_its_queue(ada, world, refused):
    """Else a user and its operator could make a slash, which looks at the whole queue, cost more than a block has."""
    ada.stake(STETH, 10 * ETH)
    for _ in range(4):
        ada.delegate(STETH, ETH)
        world.delegation.signing_as(world.keys.eve).transact("undelegate", ada.vault)
    with refused("TooManyQueued", count=4, limit=4):
        ada.delegate(STETH, ETH)
    ada.wait_and_complete(STETH)
    ada.delegate(STETH, ETH)


def test_what_cannot_be_delegated_is_refused_and_stays_staked(ada, world, refused):
    shares = ada.stake(STETH, ETH)
    world.staking.transact("setOperator", ZERO)
    with refused("CannotDelegate", asset=STETH):
        ada.delegate(STETH, shares)
    world.staking.transact("setOperator", world.operator)
    world.manager.transact("pause", 1)  # deposits
    with refused("CurrentlyPaused"):
        ada.delegate(STETH, shares)
    assert ada.position(STETH)["active"] == shares


def test_a_pause_of_eigenlayer_holds_up_what_is_delegated_and_nothing_else(ada, ben, world, refused):
    shares = ada.stake(STETH, 10 * ETH)
    ada.delegate(STETH, shares // 2)
    ben.delegate(STETH, ben.stake(STETH, ETH))
    ben.undelegate(STETH, ben.deposit_shares(STETH))
    pass_withdrawal_delay(world)
    for manager in (world.manager, world.delegation):
        manager.transact("pauseAll")
    with refused("CurrentlyPaused"):
        ada.undelegate(STETH, ada.deposit_shares(STETH))
    with refused("CurrentlyPaused"):
        ben.complete(STETH)
    assert ada.value() == pytest.approx(10 * ETH, rel=1e-9)
    world.staking.transact("slash", ada.address, 8 * ETH, REASON)  # the vault's part is marked
    assert ada.value() == pytest.approx(2 * ETH, rel=1e-9)
    ada.stake(STETH, 3 * ETH)
    assert ada.leave(STETH) == pytest.approx(3 * ETH, rel=1e-9)
    for manager in (world.manager, world.delegation):
        manager.transact("unpause", 0)
    ben.complete(STETH)
    assert ben.leave(STETH) == pytest.approx(ETH, rel=1e-9)


def test_an_operator_named_meanwhile_gets_nothing_that_was_meant_for_another(ada, world, refused):
    """The owner names its accomplice just before somebody's delegation is mined."""
    shares = ada.stake(STETH, 10 * ETH)
    other = world.chain.signing_as(world.keys.dan).address
    world.delegation.signing_as(world.keys.dan).transact("registerAsOperator", ZERO, 0, "")
    world.staking.transact("setOperator", other)
    with refused("WrongOperator", expected=world.operator, present=other):
        ada.delegate(STETH, shares)
    assert ada.position(STETH)["active"] == shares
    ada.delegate(STETH, shares // 2, operator=other)
    assert world.delegation.call("delegatedTo", ada.vault) == other


def test_a_vault_stays_with_its_operator_and_says_so(ada, world, refused):
    """EigenLayer delegates all of a vault to one operator: a new one of the network gets nothing of it."""
    shares = ada.stake(STETH, 10 * ETH)
    ada.delegate(STETH, shares // 2)
    other = world.chain.signing_as(world.keys.dan).address
    world.delegation.signing_as(world.keys.dan).transact("registerAsOperator", ZERO, 0, "")
    world.staking.transact("setOperator", other)
    assert world.staking.call("operatorFor", ada.address) == world.operator
    with refused("WrongOperator", expected=other, present=world.operator):
        ada.delegate(STETH, ETH, operator=other)
    event = ada.delegate(STETH, ETH).event("Delegated")
    assert event["operator"] == world.operator == world.delegation.call("delegatedTo", ada.vault)
    world.delegation.signing_as(world.keys.eve).transact("undelegate", ada.vault)
    assert world.staking.call("operatorFor", ada.address) == other


def test_a_slash_of_the_treasury_reaches_its_vault(ada, ben, world):
    """What comes back is the treasury's own: marked as the treasury's, it would all be where it was."""
    world.staking.transact("setTreasury", ada.address)
    ada.delegate(STETH, ada.stake(STETH, 10 * ETH))
    ben.stake(STETH, 10 * ETH)
    assert world.staking.transact("slash", ada.address, 4 * ETH, REASON).event("Slashed")["value"] == 4 * ETH
    assert ada.value() == pytest.approx(6 * ETH, rel=1e-9)
    ben.staking.transact("undelegate", ada.address, STETH, 0)
    ada.wait_and_complete(STETH, by=ben)
    assert ada.value() == pytest.approx(6 * ETH, rel=1e-9)
    assert ben.value() == pytest.approx(14 * ETH, rel=1e-9)
    assert ada.position(STETH)["vaultSlashed"] == 0


def test_a_slashed_user_who_becomes_the_treasury_does_not_get_it_back(ada, ben, world):
    ada.delegate(STETH, ada.stake(STETH, 10 * ETH))
    ben.stake(STETH, 10 * ETH)
    world.staking.transact("slash", ada.address, 4 * ETH, REASON)
    world.staking.transact("setTreasury", ada.address)
    ada.undelegate(STETH, ada.deposit_shares(STETH))
    ada.wait_and_complete(STETH)
    assert ada.value() == pytest.approx(6 * ETH, rel=1e-9)
    assert ben.value() == pytest.approx(14 * ETH, rel=1e-9)


def test_an_asset_without_a_strategy_stays_in_the_pool_beside_a_delegated_one(world, keys, refused):
    assets = [(world.steth.address, 0, world.strategies[STETH], ZERO), (world.reth.address, 2, ZERO, ZERO)]
    staking = other_staking(world, assets, [keys.ada])
    staking.transact("setOperator", world.operator)
    ada = User(SimpleNamespace(**{**vars(world), "staking": staking}), keys.ada)
    ada.delegate(0, ada.stake(0, 2 * ETH))
    shares = ada.stake(1, ETH)
    with refused("CannotDelegate", asset=1):
        ada.delegate(1, shares)
    assert ada.value() == pytest.approx(3.1 * ETH, rel=1e-9)
    for asked, taken in ((2.5 * ETH, 2.5 * ETH), (10 * ETH, 0.6 * ETH)):
        event = staking.transact("slash", ada.address, int(asked), REASON).event("Slashed")
        assert event["value"] == pytest.approx(taken, rel=1e-9)
    assert ada.value() == ada.slashable() == 0
