"""StakingContract against doubles of the tokens and of EigenLayer, on a real node."""

from types import SimpleNamespace

import pytest

from twopm_zk.chain import compile_contract

ETH = 10**18
DAY = 86_400
EXIT_DELAY = 7 * DAY
ZERO = "0x" + "00" * 20
STETH, WSTETH, RETH = 0, 1, 2
REASON = b"late".ljust(32, b"\0")


def deploy(chain, name, *arguments):
    return chain.deploy(compile_contract(name), *arguments)


@pytest.fixture(scope="module")
def world(chain, node, keys):
    """Tokens, EigenLayer, the staking contract; the chain's first account owns it, ``eve`` is EigenLayer's operator."""
    steth = deploy(chain, "StETHDouble")
    wsteth = deploy(chain, "WstETHDouble", steth.address)
    reth = deploy(chain, "RETHDouble")
    manager = deploy(chain, "StrategyManagerDouble")
    delegation = chain.contract(compile_contract("DelegationManagerDouble"), manager.call("delegation"))
    strategies = []
    for token in (steth, wsteth, reth):
        strategy = deploy(chain, "StrategyDouble", token.address, manager.address)
        manager.transact("addStrategy", strategy.address)
        strategies.append(strategy)
    tokens = (steth, wsteth, reth)
    assets = [
        (token.address, kind, strategy.address, ZERO)
        for kind, (token, strategy) in enumerate(zip(tokens, strategies, strict=True))
    ]
    treasury = node.accounts[9]
    staking = deploy(
        chain, "StakingContract", chain.address, treasury, EXIT_DELAY, assets, manager.address, delegation.address
    )
    steth.transact("submit", ZERO, value=1000 * ETH)  # somebody else's, so that there is a pool to rebase
    operator = delegation.signing_as(keys.eve)
    operator.transact("registerAsOperator", False)
    staking.transact("setOperator", operator.chain.address)
    staking.transact("authorise", chain.address)  # nobody is staked yet: at once
    for key in (keys.ada, keys.ben, keys.cleo):
        steth.signing_as(key).transact("submit", ZERO, value=100 * ETH)
        steth.signing_as(key).transact("approve", wsteth.address, 10**30)
        wsteth.signing_as(key).transact("wrap", 40 * ETH)
        reth.signing_as(key).transact("deposit", value=50 * ETH)
        for token in tokens:
            token.signing_as(key).transact("approve", staking.address, 10**30)
    return SimpleNamespace(
        staking=staking,
        steth=steth,
        wsteth=wsteth,
        reth=reth,
        tokens=tokens,
        manager=manager,
        delegation=delegation,
        strategies=strategies,
        treasury=chain.web3.to_checksum_address(treasury),
        operator=operator,
        node=node,
    )


class User:
    def __init__(self, world, key):
        self.world, self.key = world, key
        self.staking = world.staking.signing_as(key)
        self.address = self.staking.chain.address

    def stake(self, asset, amount):
        return self.staking.transact("stake", asset, amount).event("Staked")["shares"]

    def position(self, asset):
        return self.staking.call("positionOf", self.address, asset)

    def value(self):
        return self.staking.call("stakeOf", self.address)

    def slashable(self):
        return self.staking.call("slashableOf", self.address)

    def balance(self, asset):
        return self.world.tokens[asset].call("balanceOf", self.address)

    def unstake(self, asset, shares):
        return self.staking.transact("unstake", asset, shares)

    def withdraw(self, asset, receiver=None):
        return self.staking.transact("withdraw", asset, receiver or self.address).event("Withdrawn")["amount"]

    def leave(self, asset):
        self.unstake(asset, self.position(asset)["active"])
        self.world.node.advance(EXIT_DELAY)
        return self.withdraw(asset)

    def delegate(self, asset, shares):
        return self.staking.transact("delegate", asset, shares)

    @property
    def vault(self):
        return self.staking.call("vaultOf", self.address)

    def deposit_shares(self, asset):
        return self.world.manager.call("stakerDepositShares", self.vault, self.world.strategies[asset].address)

    def undelegate(self, asset, shares):
        return self.staking.transact("undelegate", self.address, asset, shares)

    def queued(self):
        return self.world.delegation.call("getQueuedWithdrawals", self.vault)[0]

    def complete(self, asset, *, by=None, withdrawal=None):
        withdrawal = withdrawal or tuple(self.queued()[0].values())
        return (by or self).staking.transact("completeUndelegation", self.address, asset, withdrawal)

    def wait_and_complete(self, asset, **options):
        self.world.node.advance(600, blocks=52)
        return self.complete(asset, **options)


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
        with refused("TooFewShares", asked=asked, available=shares):
            ada.delegate(RETH, asked)


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
    for act in (("stake", 3, 1), ("unstake", 3, 1), ("withdraw", 3, ada.address), ("delegate", 3, 1)):
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


def test_pausing_never_blocks_withdrawals(ada, ben, world, refused):
    shares = ada.stake(STETH, 10 * ETH)
    ada.delegate(STETH, shares // 2)
    ben.unstake(RETH, ben.stake(RETH, ETH))
    world.staking.transact("pause")
    for act in (("stake", STETH, ETH), ("delegate", STETH, 1)):
        with refused("EnforcedPause"):
            ada.staking.transact(*act)
    ada.undelegate(STETH, ada.deposit_shares(STETH))
    ada.wait_and_complete(STETH)
    assert ada.leave(STETH) == pytest.approx(10 * ETH, rel=1e-9)
    assert ben.withdraw(RETH) == pytest.approx(ETH, rel=1e-9)
    world.staking.transact("unpause")
    ada.stake(STETH, ETH)


# --- delegation ---


def test_a_delegated_stake_still_counts_and_comes_back(ada, world, gas):
    shares = ada.stake(STETH, 10 * ETH)
    receipt = ada.delegate(STETH, shares)
    gas.check("delegate, first of a user", receipt)
    assert receipt.event("Delegated")["operator"] == world.operator.chain.address
    assert world.delegation.call("delegatedTo", ada.vault) == world.operator.chain.address
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
        ("deposit", world.strategies[0].address, world.steth.address, ben.address),
        ("queue", world.strategies[0].address, 1),
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
    world.node.advance(600, blocks=52)
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
    ada.wait_and_complete(STETH, withdrawal=mine[world.strategies[STETH].address])
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


def test_slashing_by_eigenlayer_lowers_the_stake_and_strands_nothing(ada, world):
    ada.delegate(STETH, ada.stake(STETH, 10 * ETH))
    ada.undelegate(STETH, ada.deposit_shares(STETH) // 2)
    world.delegation.transact("slashOperator", world.operator.chain.address, world.strategies[0].address, ETH // 2)
    assert ada.value() == pytest.approx(5 * ETH, rel=1e-9)
    ada.undelegate(STETH, ada.deposit_shares(STETH))
    world.node.advance(600, blocks=52)
    ada.complete(STETH)
    ada.complete(STETH)
    assert ada.leave(STETH) == pytest.approx(5 * ETH, rel=1e-9)


def test_a_delegation_that_eigenlayer_slashed_to_nothing_is_closed_and_harms_nobody(ada, ben, world):
    ada.delegate(STETH, ada.stake(STETH, 10 * ETH))
    ben.stake(STETH, 10 * ETH)
    ada.undelegate(STETH, ada.deposit_shares(STETH))
    world.delegation.transact("slashOperator", world.operator.chain.address, world.strategies[0].address, 0)
    assert ada.value() == 0
    event = ada.wait_and_complete(STETH).event("Undelegated")
    assert (event["received"], event["shares"]) == (0, 0)
    assert ada.queued() == []
    ada.stake(STETH, ETH)
    assert ada.leave(STETH) == pytest.approx(ETH, rel=1e-9)
    assert ben.value() == pytest.approx(10 * ETH, rel=1e-9)


def test_an_operator_that_throws_a_vault_out_strands_nothing(ada, world):
    ada.delegate(STETH, ada.stake(STETH, 10 * ETH))
    ada.delegate(RETH, ada.stake(RETH, ETH))
    world.operator.transact("undelegate", ada.vault)
    assert ada.value() == pytest.approx(11.1 * ETH, rel=1e-9)
    world.staking.transact("slash", ada.address, 2 * ETH, REASON)  # what is thrown out can be slashed
    world.node.advance(600, blocks=52)
    by_strategy = {tuple(w["strategies"]): tuple(w.values()) for w in ada.queued()}
    for asset in (STETH, RETH):
        strategy = world.strategies[asset].address
        ada.complete(asset, withdrawal=by_strategy[(strategy,)])
    assert ada.value() == pytest.approx(9.1 * ETH, rel=1e-9)
    ada.delegate(RETH, ada.position(RETH)["active"])  # and delegates again
    assert world.delegation.call("delegatedTo", ada.vault) == world.operator.chain.address


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
        world.operator.transact("undelegate", ada.vault)
    with refused("TooManyQueued", count=4, limit=4):
        ada.delegate(STETH, ETH)
    ada.wait_and_complete(STETH)
    ada.delegate(STETH, ETH)


def test_what_cannot_be_delegated_is_refused_and_stays_staked(ada, world, refused):
    shares = ada.stake(STETH, ETH)
    world.staking.transact("setOperator", ZERO)
    with refused("CannotDelegate", asset=STETH):
        ada.delegate(STETH, shares)
    world.staking.transact("setOperator", world.operator.chain.address)
    world.manager.transact("setDepositsPaused", True)
    with refused("CurrentlyPaused"):
        ada.delegate(STETH, shares)
    assert ada.position(STETH)["active"] == shares


def test_an_asset_without_a_strategy_stays_in_the_pool_beside_a_delegated_one(chain, world, keys, refused):
    assets = [(world.steth.address, 0, world.strategies[STETH].address, ZERO), (world.reth.address, 2, ZERO, ZERO)]
    settings = (chain.address, world.treasury, EXIT_DELAY, assets, world.manager.address, world.delegation.address)
    staking = deploy(chain, "StakingContract", *settings)
    staking.transact("setOperator", world.operator.chain.address)
    staking.transact("authorise", chain.address)
    for token in (world.steth, world.reth):
        token.signing_as(keys.ada).transact("approve", staking.address, 10**30)
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


# --- hostile tokens ---


@pytest.fixture(scope="module")
def hostile(chain, world, keys):
    """A staking contract for one hostile token, which ``ada`` and ``ben`` have."""
    token = deploy(chain, "HostileToken")
    good = world.reth
    staking = deploy(
        chain,
        "StakingContract",
        chain.address,
        world.treasury,
        EXIT_DELAY,
        [(token.address, 3, ZERO, token.address), (good.address, 2, ZERO, ZERO)],
        world.manager.address,
        world.delegation.address,
    )
    staking.transact("authorise", chain.address)
    for key in (keys.ada, keys.ben):
        owner = token.signing_as(key)
        token.transact("mint", owner.chain.address, 100 * ETH)
        owner.transact("approve", staking.address, 10**30)
        good.signing_as(key).transact("approve", staking.address, 10**30)
    return SimpleNamespace(**{**vars(world), "staking": staking, "token": token, "tokens": (token, good)})


def test_reentrancy_through_a_malicious_token_is_refused(hostile, keys, refused):
    ada = User(hostile, keys.ada)
    shares = ada.stake(0, 10 * ETH)
    ada.unstake(0, shares // 2)
    hostile.node.advance(EXIT_DELAY)
    for again in (
        ("stake", 0, ETH),
        ("withdraw", 0, ada.address),
        ("unstake", 0, 1),
        ("delegate", 0, 1),
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
    for treasury, assets, error in (
        (ZERO, [good], "ZeroAddress"),
        (chain.address, [(ZERO, 2, ZERO, ZERO)], "ZeroAddress"),
        (chain.address, [(world.reth.address, 3, ZERO, ZERO)], "ZeroAddress"),
        (chain.address, [good] * 5, "TooManyAssets"),
        (chain.address, [good, good], "AssetTwice"),
        (chain.address, [(world.reth.address, 2, world.strategies[STETH].address, ZERO)], "WrongStrategy"),
    ):
        with refused(error):
            deploy(chain, "StakingContract", chain.address, treasury, 1, assets, ZERO, ZERO)
