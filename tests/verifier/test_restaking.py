"""Restaked operators, on EigenLayer's own bytecode: what stands behind them, and that nobody gets it away in time."""

import pytest
from support.conversing import LIE, MODEL, WRONG, Conversing
from support.market import DAY, LATE, Market
from support.restaking import RETH, SET, UNIT, EigenWorld
from support.rounds_world import ETH, ZERO

from twopm_zk.chain import compile_contract
from twopm_zk.chain.development.eigenlayer import published
from twopm_zk.errors import TransactionError

pytestmark = pytest.mark.skipif(published() is None, reason="EigenLayer's contracts are not installed (PyPI eigensdk)")

PENALTY = ETH // 10
STAKE = ETH // 2
HELD = 14 * DAY
WEI = 10**6
"""What roundings may cost."""


@pytest.fixture(scope="module")
def module_eigen(world, certified):
    """``dan`` is restaked with what ``cleo`` has delegated; all of it is allocated."""
    return EigenWorld(world).restaked(world.people.dan, world.people.cleo)


@pytest.fixture
def eigen(module_eigen):
    return module_eigen


@pytest.fixture
def market(world, certified, eigen):
    return Market(world, certified, fee=10**15)


def near(value):
    return pytest.approx(value, abs=WEI, rel=1e-9)


def slashed_late(market, node, request):
    node.advance(DAY + 1)
    return market.act(market.people.ben, "slashLate", request).event("OperatorLate")["slashed"]


def test_what_is_allocated_stands_behind_an_operator_of_the_set(eigen, people, world):
    assert world.stakes.call("isRestaked", people.dan.address)
    assert eigen.stake(people.dan) == near(4 * ETH * 9_995 // 10_000)
    assert eigen.reach(people.dan) == near(eigen.stake(people.dan))
    assert not world.stakes.call("isRestaked", people.ben.address)
    assert eigen.stake(people.ben) == near(people.ben.staked)


def test_an_operator_that_is_late_is_slashed_at_eigenlayer(market, eigen, people, node, gas):
    before, own = eigen.stake(people.dan), people.dan.staked
    (request,) = market.asked()
    gas.check("accept, restaked", market.accept(request), tolerance=2_000)
    node.advance(DAY + 1)
    receipt = market.act(people.ben, "slashLate", request)
    gas.check("slashLate, restaked", receipt, at_most=1_000_000, tolerance=5_000)
    assert receipt.event("OperatorLate")["slashed"] == near(PENALTY)
    assert receipt.event("OperatorPenalised")["restaked"] == near(PENALTY)
    assert before - eigen.stake(people.dan) == near(PENALTY)
    assert people.dan.staked == own
    assert eigen.burnable() > 0
    assert market.state(request) == LATE
    assert market.owed(people.eve) == market.fee


@pytest.mark.parametrize("way", ["leaves", "takes away", "is left", "all"])
def test_whatever_leaves_after_accepting_is_slashed_all_the_same(market, eigen, people, node, way):
    """The operator leaves the set, takes its allocation away; who has delegated takes everything out."""
    market.accepted()
    if way in ("takes away", "all"):
        eigen.allocates(people.dan, 0)
    if way in ("is left", "all"):
        eigen.queues(people.cleo)
    if way in ("leaves", "all"):
        eigen.deregisters(people.dan)
    eigen.mine(1)
    before, own = eigen.reach(people.dan), people.dan.staked
    assert slashed_late(market, node, 1) == near(PENALTY)
    assert before - eigen.reach(people.dan) == near(PENALTY)
    assert people.dan.staked == own


def test_what_is_being_taken_away_stands_behind_nothing_new(market, eigen, people, refused):
    (first, second) = market.asked(1, 2)
    market.accept(first)
    eigen.allocates(people.dan, 10)
    eigen.mine(1)
    assert eigen.stake(people.dan) == near(4 * ETH * 9_995 // 100_000)
    assert eigen.reach(people.dan) == near(4 * ETH * 9_995 // 10_000)
    with refused("StakeTooLow", minimum=2 * STAKE):
        market.accept(second)


def test_what_those_who_delegate_take_out_stands_behind_nothing_new(market, eigen, people, refused):
    eigen.queues(people.cleo)
    assert eigen.stake(people.dan) == 0
    (request,) = market.asked()
    with refused("StakeTooLow", stake=0, minimum=STAKE):
        market.accept(request)


def test_one_stake_does_not_stand_behind_requests_of_two_contracts(
    world, market, eigen, people, federated_too, refused
):
    """Each has to be backed by what the other's requests leave, or a penalty of one of them may find nothing."""
    eigen.allocates(people.dan, 15)
    eigen.mine(1)
    talks = Conversing(world, federated_too)
    market.accepted()
    assert STAKE < eigen.stake(people.dan) < 2 * STAKE
    request = talks.asked()
    with refused("StakeTooLow", minimum=2 * STAKE):
        talks.accept(request)
    market.answer(1)
    assert talks.accept(request).gas_used
    assert world.stakes.call("obligationsOf", people.dan.address) == STAKE
    (another,) = market.asked()
    with refused("StakeTooLow", minimum=2 * STAKE):
        market.accept(another)


def test_a_slash_takes_no_more_where_much_is_on_its_way_out(market, eigen, people, node):
    """EigenLayer slashes what is queued too: by the allocation alone, ten times too much would be burnt."""
    request = market.accepted()
    eigen.queues(people.cleo, 90)
    before = eigen.reach(people.dan)
    assert eigen.stake(people.dan) * 10 == near(before)
    assert slashed_late(market, node, request) == near(PENALTY)
    assert before - eigen.reach(people.dan) == near(PENALTY)


def test_delegated_stake_stands_behind_nobody_but_whom_it_is_delegated_to(world, eigen, people):
    """A vault's stake would stand behind its owner and, by the allocation, behind the operator."""
    world.staking.transact("setOperator", people.dan.address)
    staking, before = people.ben.use(world.staking), people.dan
    shares = world.staking.call("positionOf", people.ben.address, RETH)["active"]
    own, others = eigen.stake(people.ben), eigen.stake(before)
    delegate(staking, shares // 2, people.dan)
    assert eigen.stake(people.ben) == near(own // 2)
    assert people.ben.staked == near(own)  # as a user, and as a node
    assert eigen.stake(people.dan) == near(others + own // 2)


def test_what_is_locked_is_not_delegated(world, certified, eigen, people, node, refused):
    """What stands behind an operator's own requests would come to stand behind another's, through its allocation."""
    market = Market(world, certified, offered=False)
    market.operator = people.ben
    market.act(people.ben, "offer", market.id, world.ids["predict"])
    market.accepted()
    world.staking.transact("setOperator", people.dan.address)
    shares, staking = (
        world.staking.call("positionOf", people.ben.address, RETH)["active"],
        people.ben.use(world.staking),
    )
    with refused("StakeLocked", user=people.ben.address):
        delegate(staking, shares, people.dan)
    node.advance(9 * DAY)
    delegate(staking, shares, people.dan)


def test_an_operator_that_delegates_to_itself_counts_its_stake_once(world, eigen, people):
    world.staking.transact("setOperator", people.dan.address)
    shares = world.staking.call("positionOf", people.dan.address, RETH)["active"]
    others, own = eigen.stake(people.dan), people.dan.staked
    delegate(people.dan.use(world.staking), shares, people.dan)
    assert eigen.stake(people.dan) == near(others + own)
    eigen.allocates(people.dan, 1)
    eigen.deregisters(people.dan)
    assert eigen.stake(people.dan) == 0  # nothing in the pool


def delegate(staking, shares, operator):
    staking.transact("delegate", RETH, shares, operator.address)


def test_an_operator_is_never_backed_by_both(world, eigen, people):
    """With all of its allocation and its pool shares, one of the two counts."""
    assert people.dan.staked > ETH
    assert eigen.stake(people.dan) == near(4 * ETH * 9_995 // 10_000)
    eigen.deregisters(people.dan)
    assert not world.stakes.call("isRestaked", people.dan.address)
    assert eigen.stake(people.dan) == near(people.dan.staked)


def test_what_is_missing_at_eigenlayer_comes_from_the_operators_own_stake(market, eigen, people, node):
    eigen.queues(people.cleo, 99)
    eigen.allocates(people.dan, 1)
    eigen.mine(1)
    assert eigen.stake(people.dan) < PENALTY
    eigen.deregisters(people.dan)
    request = market.accepted()  # on its own stake now
    before = people.dan.staked
    node.advance(DAY + 1)
    event = market.act(people.ben, "slashLate", request).event("OperatorPenalised")
    assert event["value"] == near(PENALTY)
    assert before - people.dan.staked == near(PENALTY - event["restaked"])


def test_a_pause_of_eigenlayer_keeps_nobodys_fee_and_saves_no_own_stake(market, eigen, people, node):
    request = market.accepted()
    eigen.allocation.transact("pauseAll")
    before, own = eigen.reach(people.dan), people.dan.staked
    node.advance(DAY + 1)
    receipt = market.act(people.ben, "slashLate", request)
    assert receipt.event("OperatorPenalised")["restaked"] == 0
    assert own - people.dan.staked == near(PENALTY)
    assert eigen.reach(people.dan) == before
    assert (market.state(request), market.owed(people.eve)) == (LATE, market.fee)


def test_a_slash_that_eigenlayer_refuses_and_no_own_stake_keep_nobodys_fee(market, eigen, people, node, world):
    people.dan.unstake()
    node.advance(11 * DAY)
    people.dan.use(world.staking).transact("withdraw", RETH, people.dan.address)
    request = market.accepted()
    eigen.allocation.transact("pauseAll")
    assert slashed_late(market, node, request) == 0
    assert market.owed(people.eve) == market.fee


def test_nobody_saves_a_restaked_operator_by_sending_too_little_gas(market, people, node, refused):
    """With just as much as has to be left the slash reaches EigenLayer."""
    request = market.accepted()
    node.advance(DAY + 1)
    with refused("TooLittleGas"):
        people.ben.use(market.contract).transact("slashLate", request, gas=2_000_000)
    least = 2_000_000
    while not enough(market.contract, request, people.ben, least):
        least += 2_000
    receipt = people.ben.use(market.contract).transact("slashLate", request, gas=least)
    assert receipt.event("OperatorPenalised")["restaked"] == near(PENALTY)


def enough(contract, request, sender, gas):
    try:
        contract.call("slashLate", request, sender=sender.address, gas=gas)
    except TransactionError as error:
        if error.error != "TooLittleGas":
            raise
        return False
    return True


def test_strangers_can_do_nothing(world, eigen, people, refused):
    stakes, eve = people.eve.use(world.stakes), people.eve
    for function, arguments in (
        ("slash", (people.dan.address, ETH, b"\1" * 32)),
        ("lock", (people.dan.address, 2**40)),
    ):
        with refused("NotACaller", account=eve.address):
            stakes.transact(function, *arguments)
    for function, arguments in (
        ("registerOperator", (eve.address, stakes.address, [SET], b"")),
        ("deregisterOperator", (people.dan.address, stakes.address, [SET])),
    ):
        with refused("OnlyEigenLayer", caller=eve.address):
            stakes.transact(function, *arguments)
    with refused("OnlyItself"):
        stakes.transact("slashAllocation", people.dan.address, ETH, b"\1" * 32)
    for contract in (world.inference, world.conversations):
        with refused("NotTheServiceManager", account=eve.address):
            eve.use(contract).transact("collect", people.dan.address, False)
    with refused("OwnableUnauthorizedAccount"):
        stakes.transact("begin", [eve.address], "")
    with refused("OwnableUnauthorizedAccount"):
        stakes.transact("setMetadataURI", "https://eve.example")
    with refused("InvalidPermissions"):
        allocation = eve.use(eigen.allocation)
        allocation.transact("slashOperator", stakes.address, (people.dan.address, SET, [eigen.strategy], [UNIT], "x"))


def test_the_owner_changes_the_metadata_and_nothing_else(world, eigen, people, refused):
    event = world.stakes.transact("setMetadataURI", "https://avs.example/metadata.json")
    assert event.gas_used
    with refused("AlreadyBegun"):
        world.stakes.transact("begin", [people.eve.address], "")
    with refused("InvalidPermissions"):
        eigen.allocation.transact(
            "slashOperator", world.stakes.address, (people.dan.address, SET, [eigen.strategy], [UNIT], "x")
        )
    with refused("NotACaller"):
        world.stakes.transact("slash", people.dan.address, ETH, b"\1" * 32)


def test_a_slasher_that_is_authorised_later_reaches_no_restaked_stake(world, eigen, people, node, refused):
    world.staking.transact("authorise", people.eve.address)
    node.advance(21 * DAY)
    assert world.staking.call("isSlasher", people.eve.address)
    with refused("NotACaller", account=people.eve.address):
        people.eve.use(world.stakes).transact("slash", people.dan.address, ETH, b"\1" * 32)
    before = eigen.reach(people.dan)
    people.eve.use(world.staking).transact("slash", people.dan.address, ETH, b"\1" * 32)
    assert eigen.reach(people.dan) == before


def test_a_contract_that_may_slash_no_more_reaches_no_restaked_stake(market, eigen, people, node, world):
    request = market.accepted()
    world.staking.transact("revoke", world.inference.address)
    before = eigen.reach(people.dan)
    assert slashed_late(market, node, request) == 0
    assert eigen.reach(people.dan) == before
    assert market.owed(people.eve) == market.fee


def test_who_registers_for_another_avs_is_backed_by_nothing_here(world, eigen, people, refused):
    """Also where the other AVS names our contract as its registrar, or leaves its sets' numbers the same."""
    other = people.ada.use(eigen.allocation)
    other.transact("updateAVSMetadataURI", people.ada.address, "x")
    with refused("InvalidAVSRegistrar"):
        other.transact("setAVSRegistrar", people.ada.address, world.stakes.address)
    eigen.becomes_operator(people.eve)
    registrar = world.chain.deploy(compile_contract("RegistrarDouble"))
    other.transact("setAVSRegistrar", people.ada.address, registrar.address)
    other.transact("createOperatorSets", people.ada.address, [(SET, [eigen.strategy])])
    eve = people.eve.use(eigen.allocation)
    eve.transact("registerForOperatorSets", people.eve.address, (people.ada.address, [SET], b""))
    theirs = (people.ada.address, SET)
    eve.transact("modifyAllocations", people.eve.address, [(theirs, [eigen.strategy], [UNIT])])
    assert not world.stakes.call("isRestaked", people.eve.address)
    assert world.stakes.call("membershipOf", people.eve.address)["since"] == 0
    assert eigen.reach(people.eve) == 0


def test_an_operator_that_has_left_cannot_come_back_as_long_as_it_can_be_slashed(eigen, people, refused):
    eigen.deregisters(people.dan)
    with refused("AlreadyMemberOfSet"):
        eigen.registers(people.dan)


# --- time ---


@pytest.mark.parametrize("seconds", [60, 7 * DAY])
def test_a_prediction_never_takes_longer_than_eigenlayer_holds_stake(world, certified, eigen, people, seconds):
    market = Market(world, certified, answerSeconds=seconds)
    market.accepted()
    assert seconds + world.inference.call("SLASH_WINDOW") <= HELD == world.stakes.call("heldFor")


def test_a_paid_conversation_is_accepted_where_eigenlayer_holds_stake_as_long(
    world, module_eigen, people, federated_too, refused
):
    window = world.conversations.call("SLASH_WINDOW")
    talks = Conversing(world, federated_too, answerSeconds=HELD - window)
    talks.accepted()
    longer = {**talks.terms, "answerSeconds": HELD - window + 1}
    talks.govern("setTerms", talks.id, longer)
    request = talks.asked()
    with refused("LockTooLong"):
        talks.accept(request)
    module_eigen.deregisters(people.dan)
    assert talks.accept(request).gas_used  # on its own stake


@pytest.fixture(scope="module")
def federated_too(world, module_eigen):
    from support.conversing import finished_task

    return finished_task(world)


def test_what_stood_behind_a_free_answer_is_slashed_though_all_of_it_left_at_once(
    world, eigen, people, node, federated_too
):
    """All that was delegated and allocated leaves as soon as it has signed; the challenge comes on the last day."""
    talks = Conversing(world, federated_too)
    receipt = talks.receipt(transcript=LIE)
    eigen.queues(people.cleo)
    eigen.allocates(people.dan, 0)
    eigen.deregisters(people.dan)
    people.dan.unstake()
    window = world.conversations.call("FREE_WINDOW")
    assert window == 7 * DAY
    node.advance(window - 60)
    case = talks.doubted(receipt)
    talks.vote(case, wrong=["ada", "ben"])
    before = eigen.reach(people.dan)
    node.advance(6 * DAY)
    assert talks.decide(case).event("Decided")["slashed"] == near(PENALTY)
    assert before - eigen.reach(people.dan) == near(PENALTY)
    assert talks.verdict(case) == WRONG


def test_who_signs_on_its_own_stake_and_joins_the_set_at_once_has_that_stake_locked(
    world, eigen, people, node, federated_too, refused
):
    """It takes its stake out, and joins with nothing allocated: a lock of restaked stake alone would let it go."""
    talks = Conversing(world, federated_too, operator=people.ben, offered=False)
    talks.act(people.ben, "offer", talks.id, MODEL)
    receipt = talks.receipt(transcript=LIE)
    before = people.ben.staked
    people.ben.unstake()
    eigen.becomes_operator(people.ben)
    eigen.registers(people.ben)
    assert eigen.stake(people.ben) == 0
    node.advance(7 * DAY - 60)
    case = talks.doubted(receipt)
    talks.vote(case, wrong=["ada", "cleo"])
    node.advance(6 * DAY)
    with refused("StakeLocked"):
        people.ben.use(world.staking).transact("withdraw", RETH, people.ben.address)
    assert talks.decide(case).event("Decided")["slashed"] == near(PENALTY)
    assert before > 0


# --- short delays, and a ServiceManager of which this account is the only caller ---


@pytest.fixture(scope="module")
def short(chain, node, keys):
    """EigenLayer that holds what leaves for 50 blocks; ``dan`` is restaked by ``cleo``."""
    from types import SimpleNamespace

    from support.rounds_world import Person

    from twopm_zk.chain.deployer import deploy_all
    from twopm_zk.chain.development.eigenlayer import Delays

    snapshot = node.snapshot()
    deployed = deploy_all(chain, delays=Delays(withdrawal=50, deallocation=60))
    there = deployed.eigenlayer
    staking, reth = (deployed.contract(chain, name) for name in ("StakingContract", "RETHDouble"))
    restaking = (there.allocation_manager, there.rewards_coordinator, there.weth, 12)
    stakes = chain.deploy(compile_contract("ServiceManager"), chain.address, staking.address, restaking)
    for slasher in (stakes.address, chain.address):
        staking.transact("authorise", slasher)
    stakes.transact("begin", [chain.address], "")
    world = SimpleNamespace(chain=chain, node=node, staking=staking, stakes=stakes, reth=reth, deployment=deployed)
    world.people = SimpleNamespace(**{name: Person(world, name, key) for name, key in vars(keys).items()})
    world.eigen = EigenWorld(world).restaked(world.people.dan, world.people.cleo)
    yield world
    node.revert(snapshot)
    chain.forget_nonces()


@pytest.mark.slow
@pytest.mark.parametrize(("blocks", "there"), [(48, True), (51, False)])
@pytest.mark.parametrize("way", ["is left", "takes away", "leaves"])
def test_what_leaves_can_be_slashed_for_as_many_blocks_as_eigenlayer_says(short, way, blocks, there):
    """Withdrawals for 50, the rest for 60; a promise is for the least of them."""
    dan, eigen = short.people.dan, short.eigen
    assert short.stakes.call("heldFor") == 50 * 12
    stake = eigen.stake(dan)
    if way == "is left":
        eigen.queues(short.people.cleo)
    elif way == "takes away":
        eigen.allocates(dan, 0)
    else:
        eigen.deregisters(dan)
    eigen.mine(blocks if way == "is left" else blocks + 10)
    event = short.stakes.transact("slash", dan.address, ETH, b"\1" * 32).event("OperatorPenalised")
    assert event["restaked"] == (near(ETH) if there else 0)
    assert stake > 0


def test_a_slash_takes_at_most_what_there_is(short):
    dan, eigen = short.people.dan, short.eigen
    all_of_it = eigen.stake(dan)
    event = short.stakes.transact("slash", dan.address, 100 * ETH, b"\1" * 32).event("OperatorPenalised")
    assert event["value"] == event["restaked"] == near(all_of_it)
    assert (eigen.stake(dan), eigen.reach(dan)) == (0, 0)
    event = short.stakes.transact("slash", dan.address, ETH, b"\1" * 32).event("OperatorPenalised")
    assert event["value"] == 0


def test_free_answers_cannot_be_challenged_where_eigenlayer_holds_stake_too_short(short):
    assert short.deployment.contract(short.chain, "ConversationContract").call("FREE_WINDOW") == 0
    assert short.stakes.call("unlockedFor", 0) == 50 * 12
    assert short.stakes.call("unlockedFor", 599) == 1
    assert short.stakes.call("unlockedFor", 600) == 0


def test_a_lock_beyond_what_eigenlayer_holds_is_refused(short, refused):
    now = short.chain.time
    with refused("LockTooLong"):
        short.stakes.transact("lock", short.people.dan.address, now + 700)
    short.stakes.transact("lock", short.people.dan.address, now + 590)
    short.stakes.transact("lock", short.people.ben.address, now + 29 * DAY)


def test_an_operator_set_without_strategies_backs_nobody(short):
    there, nobody = short.deployment.eigenlayer, ZERO
    token = short.reth.address
    staking = short.chain.deploy(
        compile_contract("StakingContract"),
        *(short.chain.address, short.chain.address, DAY, [(token, 2, nobody, nobody)]),
        *(there.strategy_manager, there.delegation_manager),
    )
    restaking = (there.allocation_manager, there.rewards_coordinator, there.weth, 12)
    stakes = short.chain.deploy(compile_contract("ServiceManager"), short.chain.address, staking.address, restaking)
    for slasher in (stakes.address, short.chain.address):
        staking.transact("authorise", slasher)
    stakes.transact("begin", [short.chain.address], "")
    assert stakes.call("strategies") == []
    eve = short.people.eve
    short.eigen.becomes_operator(eve)
    eve.use(short.eigen.allocation).transact("registerForOperatorSets", eve.address, (stakes.address, [SET], b""))
    assert stakes.call("isRestaked", eve.address)
    assert stakes.call("stakeOf", eve.address) == stakes.call("reachOf", eve.address) == 0
    assert stakes.transact("slash", eve.address, ETH, b"\1" * 32).event("OperatorPenalised")["value"] == 0


def test_without_eigenlayer_all_of_it_is_stakingcontracts(short, refused):
    staking = short.chain.deploy(
        compile_contract("StakingContract"),
        *(short.chain.address, short.people.eve.address, DAY, [(short.reth.address, 2, ZERO, ZERO)], ZERO, ZERO),
    )
    none = (ZERO, ZERO, ZERO, 12)
    stakes = short.chain.deploy(compile_contract("ServiceManager"), short.chain.address, staking.address, none)
    for slasher in (stakes.address, short.chain.address):
        staking.transact("authorise", slasher)
    stakes.transact("begin", [short.chain.address], "")
    ada = short.people.ada
    reth = ada.use(short.reth)
    reth.transact("deposit", value=ETH)
    reth.transact("approve", staking.address, 10**30)
    ada.use(staking).transact("stake", 0, reth.call("balanceOf", ada.address))
    assert stakes.call("stakeOf", ada.address) == staking.call("stakeOf", ada.address) > 0
    assert not stakes.call("isRestaked", ada.address)
    assert stakes.call("unlockedFor", 10 * DAY) == DAY
    stakes.transact("lock", ada.address, short.chain.time + 29 * DAY)
    assert staking.call("lockedUntil", ada.address) > short.chain.time + 28 * DAY
    event = stakes.transact("slash", ada.address, ETH // 2, b"\1" * 32).event("OperatorPenalised")
    assert (event["value"], event["restaked"]) == (near(ETH // 2), 0)
