"""All contracts on one node, with a model beside each, and two tasks that are over, whose networks take fees."""

import copy
from collections import Counter
from unittest import mock

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from soundness.contracts.caller import Caller, View
from soundness.contracts.checks import Checks
from soundness.contracts.model.attested import Attestation
from soundness.contracts.model.data import Data
from soundness.contracts.model.eigen_calls import EigenLayer
from soundness.contracts.model.eigenlayer import BLOCK_SECONDS, DEALLOCATION, WITHDRAWAL
from soundness.contracts.model.federated import Federated
from soundness.contracts.model.market import Market
from soundness.contracts.model.regression import Regression
from soundness.contracts.model.restaked import Restaked
from soundness.contracts.model.rounds import Surroundings
from soundness.contracts.model.stakes import RETH, STETH, WSTETH, Plain, Position, Stakes, StETH
from support.attestations import Eas, data_of
from support.conversing import CREDITS as VOTERS
from support.conversing import MODEL, Conversing, finished_task
from support.federated_task import federated_config
from support.market import CREDITS, certified_task
from support.market import Market as Predictions
from support.restaking import EigenWorld
from support.rounds_world import (
    DATASET,
    ETH,
    EVALUATIONS,
    HELD_OUT,
    LOGISTIC,
    SPEC,
    ZERO,
    World,
    task_config,
    training_config,
)
from support.sharing import Key, generators_hash

from twopm_zk.chain import compile_contract, deployer
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.development.eigenlayer import Delays, published
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.task.parts.data import DataTerms, Provenance

ALLOCATION = 30
"""Blocks that what ``ben`` allocates at EigenLayer takes to hold."""
FEE = 10**6 + 7
SHARE = 7_001
"""Of the data owners, in 10,000: neither divides a fee, nor does what is left by their updates."""
INDICES = (0, 1, 2, 9)


class Member:
    """An account that shares, with its keys."""

    def __init__(self, person):
        self.name, self.address, self.lasting, self.round_key = person.name, person.address, person.lasting, Key()

    def keys_to_share(self, *, right=True):
        lasting = self.lasting if right else self.round_key
        return list(lasting.posted), *self.round_key.posted

    def keys(self):
        return (list(self.lasting.posted), *self.round_key.posted)

    def reveal(self, other):
        shown = [self.lasting.prove_shared(other.lasting.posted), self.round_key.prove_shared(other.round_key.posted)]
        return self.keys(), other.keys(), shown


class Stranger:
    name = "mallory"

    def __init__(self, address):
        self.address, self.lasting, self.round_key = address, Key(), Key()

    keys_to_share, keys, reveal = Member.keys_to_share, Member.keys, Member.reveal


class State:
    """Everything that a history changes: the models, which are copied for each."""

    def __init__(self, surroundings, markets, restaked):
        self.around, self.markets, self.restaked, self.tasks = surroundings, markets, restaked, []

    @property
    def stakes(self):
        return self.around.stakes


class Arena(Checks):
    def __init__(self, chain, node, keys):
        with mock.patch.object(deployer, "BLOCK_SECONDS", BLOCK_SECONDS):
            world = World(chain, node, keys, Delays(withdrawal=WITHDRAWAL, deallocation=DEALLOCATION))
        self.world, self.node = world, node
        certified, finished = certified_task(world), finished_task(world)
        people = list(vars(world.people).values())
        self.members = [Member(person) for person in people]
        self.stranger = Stranger(chain.web3.to_checksum_address(node.accounts[6]))
        self.everybody = [*self.members, self.stranger]
        self.accounts = [one.address for one in self.everybody]
        self.owner = chain.address
        self.treasuries = [chain.web3.to_checksum_address(node.accounts[number]) for number in (9, 8)]
        self.resolver = world.deployment.contract(chain, "CertificateResolver")
        self.access = world.deployment.contract(chain, "DataAccess")
        steth = world.deployment.contract(chain, "StETHDouble")
        self.tokens = {STETH: steth, WSTETH: world.deployment.contract(chain, "WstETHDouble"), RETH: world.reth}
        for person in people:
            self._endow(person)
        predictions = Predictions(world, certified, fee=FEE, share=SHARE)
        talks = Conversing(world, finished, token=True, fee=FEE + 4, share=SHARE)
        world.people.ben.use(world.inference).transact("offer", predictions.id, world.ids["predict"])
        world.people.ben.use(world.conversations).transact("offer", talks.id, MODEL)
        self.eigen = EigenWorld(world) if published() else None
        if self.eigen:
            self.weth = Contract(chain, compile_contract("WETHDouble"), world.stakes.call("WETH"))
            self._restake()
        self.caller = Caller(node, chain.registry)
        self.state = self._models(predictions, talks)
        self.positions = {
            (user, asset): View(world.staking, "positionOf", user, asset)
            for user in (*self.accounts, self.owner, *self.treasuries)
            for asset in self.tokens
        }
        self.most_gas = Counter()

    def _endow(self, person):
        """Tokens to stake, and the right to spend them."""
        steth, wsteth, reth = (person.use(self.tokens[asset]) for asset in (STETH, WSTETH, RETH))
        steth.transact("submit", ZERO, value=50 * ETH)
        steth.transact("approve", wsteth.address, 10**30)
        wsteth.transact("wrap", 20 * ETH)
        reth.transact("deposit", value=20 * ETH)
        for token in (steth, wsteth, reth):
            token.transact("approve", self.world.staking.address, 10**30)
        self.world.token.transact("mint", person.address, 10**24)
        person.use(self.world.token).transact("approve", self.world.conversations.address, 10**30)

    def _restake(self):
        """``dan`` and ``ben`` become operators at EigenLayer; ``cleo`` and ``eve`` deposit, and delegate to them."""
        people, eigen = self.world.people, self.eigen
        eigen.becomes_operator(people.dan)
        eigen.becomes_operator(people.ben, delay=ALLOCATION)
        for person in vars(people).values():
            for asset in (STETH, RETH):
                person.use(self.tokens[asset]).transact("approve", eigen.strategies.address, 10**30)
        for staker, operator in ((people.cleo, people.dan), (people.eve, people.ben)):
            for asset in (STETH, RETH):
                strategy = self.world.staking.call("assetAt", asset)["strategy"]
                deposited = (strategy, self.tokens[asset].address, 2 * ETH + asset)
                staker.use(eigen.strategies).transact("depositIntoStrategy", *deposited)
            eigen.delegates(staker, operator)

    def _models(self, predictions, talks):
        world, staking = self.world, self.world.staking
        steth = self.tokens[STETH]
        holders = [*self.accounts, self.owner, *self.treasuries, staking.address, self.tokens[WSTETH].address]
        restakable = (STETH, RETH) if self.eigen else ()
        strategies = {asset: staking.call("assetAt", asset)["strategy"] for asset in restakable}
        holders += strategies.values()
        shares = {holder: steth.call("sharesOf", holder) for holder in holders}
        rest = steth.call("getTotalShares") - sum(shares.values())
        tokens = {STETH: StETH(steth.call("totalSupply"), {**shares, "others": rest})}
        for asset in (WSTETH, RETH):
            tokens[asset] = Plain({holder: self.tokens[asset].call("balanceOf", holder) for holder in holders})
        rate = self.tokens[RETH].call("getExchangeRate")
        stakes = Stakes(staking.address, self.treasuries[0], staking.call("EXIT_DELAY"), tokens, rate)
        for asset in tokens:
            stakes.total[asset] = staking.call("totalShares", asset)
            for user in (*self.accounts, self.owner, *self.treasuries):
                found = staking.call("positionOf", user, asset)
                stakes.positions[user, asset] = Position(found["active"], found["exiting"], found["availableAt"])
        for user in self.accounts:
            stakes.locked[user] = staking.call("lockedUntil", user)
        around = Surroundings(stakes, self._data())
        for member in self.members:
            around.since[member.address] = world.identity.call("memberSince", member.address)
            around.keys.add(member.address)
        named = {member.name: member.address for member in self.members}
        markets = []
        for kind, seen, credits in (("inference", predictions, CREDITS), ("conversations", talks, VOTERS)):
            paid = {named[name]: count for name, count in credits.items()}
            operators = (named["dan"], named["ben"])
            made = Market(
                kind, world.ids["predict"], seen.id, operators, paid, seen.terms, token=seen.token, share=SHARE
            )
            markets.append(made)
        for market in markets:
            market.beside = [other for other in markets if other is not market]
        markets[0].model = world.hlr.call("certificateOf", predictions.task.id)[2]
        return State(around, markets, self._restaked(stakes, markets, strategies))

    def _restaked(self, stakes, markets, strategies):
        if not self.eigen:
            return None
        named = {member.name: member.address for member in self.members}
        delegated = {"dan": "dan", "ben": "ben", "cleo": "dan", "eve": "ben"}
        delegated = {named[staker]: named[operator] for staker, operator in delegated.items()}
        eigen = EigenLayer(stakes.tokens, strategies, delegated)
        eigen.delays[named["ben"]] = ALLOCATION
        for (asset, strategy), staker in ((one, who) for one in strategies.items() for who in ("cleo", "eve")):
            shares = self.eigen.strategies.call("stakerDepositShares", named[staker], strategy)
            eigen.credit(named[staker], asset, shares)
            eigen.total[asset] += shares
        return Restaked(stakes, eigen, markets)

    def _data(self):
        """Three batches of each member in each data set; those of the one that asks for it are attested to."""
        world, people = self.world, vars(self.world.people).values()
        issuers, eas = world.people.dan, Eas(world.chain, world.deployment.eas)
        terms = DataTerms.of("attested grades", Provenance((issuers.address, world.people.eve.address)))
        world.hub.transact("open", terms.values)
        words, resolver = self.resolver.call("SCHEMA"), self.resolver.address
        schemas = {"data": eas.register(), "other": eas.register("bytes32 other")}
        schemas["certificate"] = eas.register(words, resolver=resolver, revocable=False)
        schemas["another certificate"] = eas.register("uint256 task", resolver=resolver, revocable=False)
        self.eas = eas.contract
        data = Data({DATASET: (), HELD_OUT: (), terms.id: terms.issuers}, schemas, world.hlr.address)
        for number, person in enumerate(people):
            for dataset, first in ((HELD_OUT, 20_000), (terms.id, 30_000)):
                person.register(0, [first + 10 * number + batch for batch in range(3)], dataset)
            says = [world.hub.call("commitmentOf", person.address, terms.id, index) for index in range(3)]
            uid = eas.attest(issuers.key, schemas["data"], person.address, data_of(terms.id, says))
            person.use(world.hub).transact("bind", terms.id, person.address, uid, says)
            made = Attestation(issuers.address, schemas["data"], person.address, data_of(terms.id, says), True, 0)
            data.attestations[uid] = made
            data.bound |= {(person.address, terms.id, commitment): uid for commitment in says}
            for dataset in data.issuers:
                for index in range(8):
                    if commitment := world.hub.call("commitmentOf", person.address, dataset, index):
                        data.places[person.address, dataset, index] = commitment
                        since = world.hub.call("registeredAt", person.address, commitment)
                        data.registered[person.address, commitment] = since
        self.attested = terms.id
        return data

    # --- tasks ---

    def settings(self, kind, chosen):
        """The configuration of a task, and what `createTask` is given besides."""
        names = ("minimumNodes", "penalty", "maximumRounds")
        changes = {name: chosen[name] for name in names} | {"minimumStake": ETH, "maximumUpdates": 7}
        if chosen.get("attested"):
            changes["dataset"] = self.attested
        if kind == "hfl":
            return federated_config(**changes), chosen["quorum"]
        training = {
            "information": chosen["information"],
            "finalInformation": chosen["final"] and chosen["information"] != 2,
            "evaluation": chosen["evaluation"],
            "heldOutDataset": HELD_OUT if chosen.get("heldOut") else bytes(32),
            "evaluateVerifiers": [self.world.ids["evaluate-32"]],
            "evaluationGenerators": generators_hash(EVALUATIONS[LOGISTIC]),
        }
        return task_config(**changes), training_config(self.world, **training)

    def model(self, state, kind, coordinator, number, config, extra):
        if kind == "hfl":
            return Federated(state.around, coordinator, config, number, extra)
        where = [self.world.chain.chain_id, self.world.hlr.address, number, SPEC]
        key = int.from_bytes(keccak(encode(["uint256", "address", "uint256", "bytes32"], where)), "big")
        return Regression(state.around, coordinator, config, number, extra, key % FIELD_ORDER)

    def person(self, address):
        return next(one for one in self.everybody if one.address == address)

    def contract_of(self, part):
        """The contract of a task's or a network's model."""
        return getattr(self.world, part.kind)

    def contract_named(self, name):
        """DataHub, DataAccess, or EAS, as the model of data calls them."""
        return {"hub": self.world.hub, "access": self.access, "eas": self.eas}[name]

    def copy(self):
        return copy.deepcopy(self.state)
