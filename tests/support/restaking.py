"""An operator that is backed by others' stake at EigenLayer, on EigenLayer's own bytecode."""

from functools import cached_property

from support.rounds_world import ETH, ZERO

from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.development.eigenlayer import published

RETH = 2
UNIT = 10**18
SET = 1
DAY = 86_400


class EigenWorld:
    """EigenLayer's managers of a world, and its ServiceManager."""

    def __init__(self, world):
        self.world, self.stakes = world, world.stakes
        self.set = (world.stakes.address, SET)
        self.strategy = world.staking.call("assetAt", RETH)["strategy"]

    @cached_property
    def _artifacts(self):
        return published()

    def manager(self, name):
        """Allocation, Delegation, or RewardsCoordinator, with EigenLayer's own ABI."""
        getter = {
            "AllocationManager": "ALLOCATION_MANAGER",
            "DelegationManager": "DELEGATION_MANAGER",
            "RewardsCoordinator": "REWARDS_COORDINATOR",
        }.get(name)
        holder = self.stakes if getter else self.world.staking
        address = holder.call(getter or "STRATEGY_MANAGER")
        return Contract(self.world.chain, self._artifacts[name], address)

    @cached_property
    def allocation(self):
        return self.manager("AllocationManager")

    @cached_property
    def delegation(self):
        return self.manager("DelegationManager")

    @cached_property
    def strategies(self):
        return self.manager("StrategyManager")

    @cached_property
    def rewards(self):
        return self.manager("RewardsCoordinator")

    def mine(self, blocks):
        self.world.node.rpc("anvil_mine", hex(blocks))

    # --- an operator ---

    def becomes_operator(self, person, *, delay=0):
        """One whose allocations hold after so many blocks."""
        person.use(self.delegation).transact("registerAsOperator", ZERO, delay, "")
        self.mine(3)  # its choice of an allocation delay takes a block to hold

    def registers(self, person):
        return person.use(self.allocation).transact(
            "registerForOperatorSets", person.address, (self.stakes.address, [SET], b"")
        )

    def deregisters(self, person):
        return person.use(self.allocation).transact(
            "deregisterFromOperatorSets", (person.address, self.stakes.address, [SET])
        )

    def allocates(self, person, percent):
        magnitude = percent * UNIT // 100
        return person.use(self.allocation).transact(
            "modifyAllocations", person.address, [(self.set, [self.strategy], [magnitude])]
        )

    # --- who restakes ---

    def deposits(self, person, amount):
        """rETH worth ``amount``, into EigenLayer's strategy."""
        reth = person.use(self.world.reth)
        reth.transact("deposit", value=amount)
        units = reth.call("balanceOf", person.address)
        reth.transact("approve", self.strategies.address, units)
        person.use(self.strategies).transact("depositIntoStrategy", self.strategy, reth.address, units)

    def delegates(self, person, operator):
        person.use(self.delegation).transact("delegateTo", operator.address, (b"", 0), b"\0" * 32)

    def queues(self, person, percent=100):
        """Start to take out."""
        shares = self.strategies.call("stakerDepositShares", person.address, self.strategy) * percent // 100
        return person.use(self.delegation).transact("queueWithdrawals", [([self.strategy], [shares], ZERO)])

    # --- all at once ---

    def restaked(self, operator, staker, *, amount=4 * ETH, percent=100):
        """``operator`` in the set, with so much delegated by ``staker`` and such a part of it allocated."""
        self.becomes_operator(operator)
        self.deposits(staker, amount)
        self.delegates(staker, operator)
        self.registers(operator)
        self.allocates(operator, percent)
        self.mine(1)
        return self

    def stake(self, person):
        return self.stakes.call("stakeOf", person.address)

    def reach(self, person):
        return self.stakes.call("reachOf", person.address)

    def burnable(self):
        return self.strategies.call("getBurnableShares", self.strategy)
