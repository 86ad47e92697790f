"""All contracts on one node, with a model beside each, and two tasks that are over, whose networks take fees."""

import copy
from collections import Counter

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from soundness.contracts.caller import Caller, View
from soundness.contracts.federated import Federated
from soundness.contracts.market import Market
from soundness.contracts.regression import Regression
from soundness.contracts.rounds import COLLECTING, CREATED, FINISHED, NONE, SHARING, Surroundings
from soundness.contracts.stakes import RETH, STETH, WSTETH, Plain, Position, Stakes, StETH
from support.conversing import CREDITS as VOTERS
from support.conversing import Conversing, finished_task
from support.federated_task import federated_config
from support.market import CREDITS, certified_task
from support.market import Market as Predictions
from support.rounds_world import (
    DATASET,
    ETH,
    EVALUATIONS,
    LOGISTIC,
    SPEC,
    ZERO,
    World,
    task_config,
    training_config,
)
from support.sharing import Key, generators_hash

from twopm_zk.numbers.baby_jubjub import IDENTITY
from twopm_zk.numbers.field import FIELD_ORDER

FEE = 10**6 + 7
SHARE = 7_001
"""Of the data owners, in 10,000: neither divides a fee, nor does what is left by their updates."""
INDICES = (0, 1, 2, 9)
GAS = {
    "submitUpdate": 480_000,
    "commitUpdate": 170_000,
    "ready": 150_000,
    "share": 150_000,
    "confirm": 160_000,
    "claim": 700_000,
    "reveal": 2_300_000,
    "acceptWeights": 800_000,
    "certify": 800_000,
    "proceed": 900_000,
    "ask": 330_000,
    "accept": 330_000,
    "slashLate": 420_000,
    "decide": 420_000,
    "stake": 160_000,
    "createTask": 2_000_000,
}
"""What a call takes at most, here, where proofs are hashes and a slash looks at three pools; all others 400,000."""


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

    def __init__(self, surroundings, markets):
        self.around, self.markets, self.tasks = surroundings, markets, []

    @property
    def stakes(self):
        return self.around.stakes


class Arena:
    def __init__(self, chain, node, keys):
        world = World(chain, node, keys)
        self.world, self.node = world, node
        certified, finished = certified_task(world), finished_task(world)
        people = list(vars(world.people).values())
        self.members = [Member(person) for person in people]
        self.stranger = Stranger(chain.web3.to_checksum_address(node.accounts[6]))
        self.everybody = [*self.members, self.stranger]
        self.accounts = [one.address for one in self.everybody]
        self.owner = chain.address
        self.treasuries = [chain.web3.to_checksum_address(node.accounts[number]) for number in (9, 8)]
        steth = world.deployment.contract(chain, "StETHDouble")
        self.tokens = {STETH: steth, WSTETH: world.deployment.contract(chain, "WstETHDouble"), RETH: world.reth}
        for person in people:
            self._endow(person)
        predictions = Predictions(world, certified, fee=FEE, share=SHARE)
        talks = Conversing(world, finished, token=True, fee=FEE + 4, share=SHARE)
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

    def _models(self, predictions, talks):
        world, staking = self.world, self.world.staking
        steth = self.tokens[STETH]
        holders = [*self.accounts, self.owner, *self.treasuries, staking.address, self.tokens[WSTETH].address]
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
        around = Surroundings(stakes, {})
        for member in self.members:
            around.since[member.address] = world.identity.call("memberSince", member.address)
            around.keys.add(member.address)
            for index in range(8):
                commitment = world.hub.call("commitmentOf", member.address, DATASET, index)
                registered = world.hub.call("registeredAt", member.address, commitment)
                around.data[member.address, index] = (commitment, registered)
        named = {member.name: member.address for member in self.members}
        markets = []
        for kind, seen, credits in (("inference", predictions, CREDITS), ("conversations", talks, VOTERS)):
            paid = {named[name]: count for name, count in credits.items()}
            made = Market(
                kind, world.ids["predict"], seen.id, named["dan"], paid, seen.terms, token=seen.token, share=SHARE
            )
            markets.append(made)
        markets[0].model = world.hlr.call("certificateOf", predictions.task.id)[2]
        return State(around, markets)

    # --- tasks ---

    def settings(self, kind, chosen):
        """The configuration of a task, and what `createTask` is given besides."""
        names = ("minimumNodes", "penalty", "maximumRounds")
        changes = {name: chosen[name] for name in names} | {"minimumStake": ETH, "maximumUpdates": 7}
        if kind == "hfl":
            return federated_config(**changes), chosen["quorum"]
        training = {
            "information": chosen["information"],
            "finalInformation": chosen["final"] and chosen["information"] != 2,
            "evaluation": chosen["evaluation"],
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

    # --- what has to hold ---

    def check_gas(self, function, outcome):
        self.most_gas[function] = max(self.most_gas[function], outcome.gas)
        limit = GAS.get(function, 400_000)
        assert outcome.gas <= limit, f"{function} takes {outcome.gas} gas, {limit} at most"

    def check_events(self, task, before, outcome):
        """A call told of everything that it changed, and of nothing else; ``before`` is the task as it was."""
        now = task.state()
        moved = (now["round"], now["attempt"]) != (before.round, before.attempt)
        opened = now["phase"] == COLLECTING and (moved or before.phase == CREATED)
        again = before.phase != SHARING or before.share_attempt != task.share_attempt
        expected = {
            "RoundOpened": [{"round": task.round, "attempt": task.attempt, "deadline": task.deadline}] * opened,
            "TaskFinished": [{"round": task.round}] * (task.phase == FINISHED != before.phase),
            "CoordinatorChanged": [{"to": task.coordinator}] * (task.coordinator != before.coordinator),
            "NodeBarred": [{"node": account} for account in task.barred[len(before.barred) :]],
        }
        started = {"shareAttempt": task.share_attempt, "nodes": task.ready, "deadline": task.deadline}
        expected["SharingStarted"] = [started] * (task.phase == SHARING and again)
        for name, values in expected.items():
            told = sorted(str({key: event[key] for key in (values or [event])[0]}) for event in outcome.named(name))
            assert told == sorted(map(str, values)), f"{name}: {told}, not {values}"

    def check_task(self, task):
        """Contract and model say the same of a task and of all its nodes, and points add up."""
        contract = self.contract_of(task)
        views = [View(contract, "taskOf", task.id)]
        views += [View(contract, "nodeOf", task.id, account) for account in self.accounts]
        views += [View(contract, "creditOf", task.id, account) for account in self.accounts]
        found, *rest = self.caller.ask(views)
        for name, expected in task.state().items():
            assert found[name] == expected, f"{name} is {found[name]}, and has to be {expected}"
        for account, node in zip(self.accounts, rest, strict=False):
            assert node == task.records[account].said(), account
        credits = rest[len(self.accounts) :]
        if isinstance(task, Federated):
            assert credits == [int(account in task.credits) for account in self.accounts]
            self._check_federated(contract, task)
        else:
            assert credits == [task.credits.get(account, 0) for account in self.accounts]
            self._check_regression(contract, task)

    def _check_federated(self, contract, task):
        views = [View(contract, "latestOf", task.id), View(contract, "participantsOf", task.id)]
        latest, participants = self.caller.ask(views)
        last = task.results[max(task.results)] if task.results else bytes(32)
        assert list(latest.values()) == [task.moves, int.from_bytes(last, "big")]
        assert list(participants.values()) == [task.accepted_key, len(task.credits)]

    def _check_regression(self, contract, task):
        views = [View(contract, "trainingOf", task.id), View(contract, "roundPointOf", task.id)]
        views += [View(contract, "pointOf", task.id, account) for account in self.accounts]
        training, total, *points = self.caller.ask(views)
        expected = {
            "collected": task.collected,
            "certifiedKey": task.certified,
            "certifiedNodes": task.certified_nodes,
            "matrixHash": task.matrix,
        }
        if task.phase not in (NONE, 1):
            expected["modelCommitment"] = task.model if task.phase != FINISHED else training["modelCommitment"]
        for name, value in expected.items():
            assert training[name] == value, f"{name} is {training[name]}, and has to be {value}"
        for account, point in zip(self.accounts, points, strict=True):
            if task.records[account].participated == task.key:
                assert tuple(point.values()) == tuple(task.points[account])
        if task.shared and task.phase >= SHARING and task.phase != FINISHED:
            assert tuple(total.values()) == tuple(task.total or IDENTITY)

    def check_stakes(self, stakes):
        """Shares add up, nobody has more than there is, and everything is what the model says, to the wei."""
        staking, views = self.world.staking, list(self.positions.values())
        views += [View(staking, "totalShares", asset) for asset in self.tokens]
        views += [View(token, "balanceOf", staking.address) for token in self.tokens.values()]
        views += [View(staking, "stakeOf", account) for account in self.accounts]
        views += [View(staking, "slashableOf", account) for account in self.accounts]
        found = self.caller.ask(views)
        places, found = found[: len(self.positions)], found[len(self.positions) :]
        assets = len(self.tokens)
        totals, balances, worth = found[:assets], found[assets : 2 * assets], found[2 * assets :]
        held = Counter()
        for (user, asset), place in zip(self.positions, places, strict=True):
            position = stakes.positions[user, asset]
            assert (place["active"], place["exiting"]) == (position.active, position.exiting), (user, asset)
            held[asset] += place["active"] + place["exiting"]
        for asset, total, balance in zip(self.tokens, totals, balances, strict=True):
            assert held[asset] == total == stakes.total[asset]
            assert balance == stakes.balance(asset)
            owed = sum(stakes.amount(asset, p["active"] + p["exiting"]) for (_, a), p in self._of(places, asset))
            assert owed <= balance
        assert worth[: len(self.accounts)] == [stakes.active_worth(account) for account in self.accounts]
        assert worth[len(self.accounts) :] == [stakes.all_worth(account) for account in self.accounts]

    def _of(self, places, asset):
        return [(place, found) for place, found in zip(self.positions, places, strict=True) if place[1] == asset]

    def check_market(self, market):
        """What the contract holds is what it owes, to the last unit, whoever adds it up: the model or its own views."""
        contract = self.contract_of(market)
        views = [View(contract, "owedTo", account, token) for account in self.accounts for token in (False, True)]
        views += [View(contract, "claimable", market.network, account) for account in self.accounts]
        views += [View(contract, "earningsOf", market.network), View(contract, "obligationsOf", market.operator)]
        views += [View(contract, "requestOf", number) for number in market.requests]
        views += [View(self.world.token, "balanceOf", contract.address), View(contract, "requestCount")]
        found = self.caller.ask(views)
        count = len(self.accounts)
        owed, claims, found = found[: 2 * count], found[2 * count : 3 * count], found[3 * count :]
        earnings, obligations, *requests, tokens, total = found
        assert owed == [market.owed[account, token] for account in self.accounts for token in (False, True)]
        assert claims == [market.claimable(account) for account in self.accounts]
        assert earnings == {"perUpdate": market.per_update, "carried": market.carried}
        assert (obligations, total) == (market.obligations, len(market.requests))
        assert [request["state"] for request in requests] == [one.state for one in market.requests.values()]
        (ether,) = self.caller.balances([contract.address])
        holds = {True: tokens, False: ether}
        for token in (False, True):
            due = sum(owed[int(token) :: 2])
            if token == market.token:
                due += sum(claims) + earnings["carried"] + market.escrow()
            if not token:
                due += market.bonds()
            assert holds[token] == due, f"the contract has {holds[token]} and owes {due}"
        assert market.came == sum(holds.values()) + market.paid

    def contract_of(self, part):
        """The contract of a task's or a network's model."""
        return getattr(self.world, part.kind)

    def copy(self):
        return copy.deepcopy(self.state)
