"""Tokens, EigenLayer's own contracts where they are installed, a staking contract, and users of it."""

from types import SimpleNamespace

from twopm_zk.chain import compile_contract
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.deployment_steps import DeploymentSteps, Journal
from twopm_zk.chain.development.eigenlayer import Delays
from twopm_zk.chain.development.others import Others

ETH = 10**18
DAY = 86_400
EXIT_DELAY = 7 * DAY
WITHDRAWAL, DEALLOCATION = 20, 25
"""EigenLayer's delays in blocks: anvil takes minutes for those of Ethereum."""
ZERO = "0x" + "00" * 20
STETH, WSTETH, RETH = 0, 1, 2
REASON = b"late".ljust(32, b"\0")
AGREES = "0x600160005260206000f3"
"""Code that answers 1 to everything: the registrar of an AVS."""


def deploy(chain, name, *arguments):
    return chain.deploy(compile_contract(name), *arguments)


def deploy_others(chain):
    """What a development chain gets: assets, EigenLayer's addresses, and its contracts by name."""
    others = Others.of_development(Delays(withdrawal=WITHDRAWAL, deallocation=DEALLOCATION), lambda line: None)
    steps = DeploymentSteps(chain, Journal(chain, None), lambda line: None, others.names, published=others.published)
    assets, eigenlayer, _ = others.deploy(steps)
    managers = {
        name: Contract(chain, others.published[name], address)
        for name, address in (
            ("StrategyManager", eigenlayer.strategy_manager),
            ("DelegationManager", eigenlayer.delegation_manager),
            ("AllocationManager", eigenlayer.allocation_manager),
        )
        if eigenlayer.present
    }
    return assets, eigenlayer, managers


def staking_world(chain, node, keys):
    """The chain's first account owns all of it, ``eve`` is EigenLayer's operator, ``dan`` an AVS."""
    assets, eigenlayer, managers = deploy_others(chain)
    names = ("StETHDouble", "WstETHDouble", "RETHDouble")
    tokens = tuple(Contract(chain, compile_contract(n), a.token) for n, a in zip(names, assets, strict=True))
    steth, wsteth, reth = tokens
    treasury = chain.web3.to_checksum_address(node.accounts[9])
    settings = (
        EXIT_DELAY,
        [(asset.token, asset.kind_number, asset.strategy, asset.rate) for asset in assets],
        eigenlayer.strategy_manager,
        eigenlayer.delegation_manager,
    )
    staking = deploy(chain, "StakingContract", chain.address, treasury, *settings)
    chain.registry.add(compile_contract("IEigenLayerErrors").abi)
    operator = chain.signing_as(keys.eve)
    world = SimpleNamespace(
        chain=chain,
        node=node,
        staking=staking,
        tokens=tokens,
        steth=steth,
        wsteth=wsteth,
        reth=reth,
        eigenlayer=eigenlayer,
        manager=managers.get("StrategyManager"),
        delegation=managers.get("DelegationManager"),
        allocation=managers.get("AllocationManager"),
        strategies=[asset.strategy for asset in assets],
        treasury=treasury,
        operator=operator.address,
        keys=keys,
    )
    if managers:
        world.delegation.signing_as(keys.eve).transact("registerAsOperator", ZERO, 0, "")
        staking.transact("setOperator", operator.address)
    steth.transact("submit", ZERO, value=1000 * ETH)  # somebody else's, so that there is a pool to rebase
    staking.transact("authorise", chain.address)  # nobody is staked yet: at once
    for key in (keys.ada, keys.ben, keys.cleo):
        steth.signing_as(key).transact("submit", ZERO, value=100 * ETH)
        steth.signing_as(key).transact("approve", wsteth.address, 10**30)
        wsteth.signing_as(key).transact("wrap", 40 * ETH)
        reth.signing_as(key).transact("deposit", value=50 * ETH)
        for token in tokens:
            token.signing_as(key).transact("approve", staking.address, 10**30)
    return world


def other_staking(world, assets, keys):
    """A further staking contract of the same world, for other assets and two users."""
    settings = (EXIT_DELAY, assets, world.eigenlayer.strategy_manager, world.eigenlayer.delegation_manager)
    staking = deploy(world.chain, "StakingContract", world.chain.address, world.treasury, *settings)
    staking.transact("authorise", world.chain.address)
    for token, *_ in assets:
        contract = Contract(world.chain, compile_contract("IERC20"), token)
        for key in keys:
            contract.signing_as(key).transact("approve", staking.address, 10**30)
    return staking


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

    def delegate(self, asset, shares, operator=None):
        return self.staking.transact("delegate", asset, shares, operator or self.world.operator)

    @property
    def vault(self):
        return self.staking.call("vaultOf", self.address)

    def deposit_shares(self, asset):
        return self.world.manager.call("stakerDepositShares", self.vault, self.world.strategies[asset])

    def undelegate(self, asset, shares):
        return self.staking.transact("undelegate", self.address, asset, shares)

    def queued(self):
        return self.world.delegation.call("getQueuedWithdrawals", self.vault)[0]

    def complete(self, asset, *, by=None, withdrawal=None):
        withdrawal = withdrawal or tuple(self.queued()[0].values())
        return (by or self).staking.transact("completeUndelegation", self.address, asset, withdrawal)

    def wait_and_complete(self, asset, **options):
        pass_withdrawal_delay(self.world)
        return self.complete(asset, **options)


def pass_withdrawal_delay(world):
    world.node.advance(600, blocks=WITHDRAWAL + 2)


def allocate(world, asset, magnitude):
    """The operator joins an operator set of ``dan``, and allocates a part of what is delegated to it, times 10^18."""
    strategy, avs = world.strategies[asset], world.chain.signing_as(world.keys.dan).address
    registrar = "0x" + "a5" * 20
    world.node.rpc("anvil_setCode", registrar, AGREES)
    of_avs, of_operator = world.allocation.signing_as(world.keys.dan), world.allocation.signing_as(world.keys.eve)
    of_avs.transact("updateAVSMetadataURI", avs, "https://avs.example")
    of_avs.transact("setAVSRegistrar", avs, registrar)
    of_avs.transact("createOperatorSets", avs, [(1, [strategy])])
    of_operator.transact("registerForOperatorSets", world.operator, (avs, [1], b""))
    of_operator.transact("modifyAllocations", world.operator, [((avs, 1), [strategy], [magnitude])])


def eigenlayer_slash(world, asset, part):
    """EigenLayer's own slash, by ``dan``, of a part of what is allocated, times 10^18."""
    of_avs = world.allocation.signing_as(world.keys.dan)
    slashed = (world.operator, 1, [world.strategies[asset]], [part], "late")
    return of_avs.transact("slashOperator", of_avs.chain.address, slashed)
