"""What has to hold after each call: contracts and models say the same, and everything adds up."""

from collections import Counter

from soundness.contracts.caller import View
from soundness.contracts.model.data import PLACES, Access
from soundness.contracts.model.federated import Federated
from soundness.contracts.model.rules import COLLECTING, CREATED, FINISHED, NONE, SHARING

from twopm_zk.numbers.baby_jubjub import IDENTITY

GAS = {
    "submitUpdate": 520_000,
    "commitUpdate": 210_000,
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
    "attest": 470_000,
}
"""What a call takes at most, here, where proofs are hashes and a slash looks at three pools; all others 400,000."""


class Checks:
    """Over contracts, accounts and their models, which `Arena` has."""

    def check_gas(self, function, outcome, limits):
        self.most_gas[function] = max(self.most_gas[function], outcome.gas)
        limit = limits.get(function) or GAS.get(function, 400_000)
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
            "heldOut": task.held_out,
            "firstOpenedAt": task.first_opened_at,
        }
        if task.phase not in (NONE, CREATED):
            expected["modelCommitment"] = task.model if task.phase != FINISHED else training["modelCommitment"]
        for name, value in expected.items():
            assert training[name] == value, f"{name} is {training[name]}, and has to be {value}"
        for account, point in zip(self.accounts, points, strict=True):
            if task.records[account].participated == task.key:
                assert tuple(point.values()) == tuple(task.points[account])
        if task.shared and task.phase >= SHARING and task.phase != FINISHED:
            assert tuple(total.values()) == tuple(task.total or IDENTITY)

    def check_data(self, data, owners):
        """Batches, attestations, withdrawals and grants of these owners, and the certificates that were attested to."""
        hub, expected, now = self.world.hub, [], (0, self.caller.now())
        for owner, dataset in ((owner, dataset) for owner in owners for dataset in data.issuers):
            since, retraining = data.withdrawn.get((owner, dataset), (0, False))
            expected += [(View(hub, "withdrawnAt", owner, dataset), since)]
            expected += [(View(hub, "mayRetrainWithout", owner, dataset), retraining)]
            for index in PLACES:
                commitment = data.places.get((owner, dataset, index), 0)
                bound = int.from_bytes(data.bound.get((owner, dataset, commitment), b""), "big")
                expected += [(View(hub, "commitmentOf", owner, dataset, index), commitment)]
                expected += [(View(hub, "attestationOf", owner, dataset, commitment), bound)]
            for member in self.accounts:
                access = data.access.get((owner, dataset, member), Access())
                expected += [(View(self.access, "accessOf", owner, dataset, member), vars(access))]
                may = data.may_read(now, owner, dataset, member)
                expected += [(View(self.access, "mayRead", owner, dataset, member), may)]
        for task, uid in data.certificates.items():
            expected += [(View(self.resolver, "attestationOf", task), int.from_bytes(uid, "big"))]
        for (view, value), found in zip(expected, self.caller.ask([view for view, _ in expected]), strict=True):
            assert found == value, f"{view.what} is {found}, and has to be {value}"

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
        earning = [(operator, token) for operator in market.operators for token in (False, True)]
        views += [View(contract, "restakedFees", *place) for place in earning]
        views += [View(contract, "obligationsOf", operator) for operator in market.operators]
        views += [View(contract, "earningsOf", market.network)]
        views += [View(contract, "requestOf", number) for number in market.requests]
        views += [View(self.world.token, "balanceOf", contract.address), View(contract, "requestCount")]
        found = self.caller.ask(views)
        count = len(self.accounts)
        owed, claims, found = found[: 2 * count], found[2 * count : 3 * count], found[3 * count :]
        restaked, found = found[: len(earning)], found[len(earning) :]
        obligations, found = found[: len(market.operators)], found[len(market.operators) :]
        earnings, *requests, tokens, total = found
        assert owed == [market.owed[account, token] for account in self.accounts for token in (False, True)]
        assert claims == [market.claimable(account) for account in self.accounts]
        assert earnings == {"perUpdate": market.per_update, "carried": market.carried}
        assert obligations == [market.obligations[operator] for operator in market.operators]
        assert restaked == [market.restaked[place] for place in earning]
        assert total == len(market.requests)
        assert [request["state"] for request in requests] == [one.state for one in market.requests.values()]
        (ether,) = self.caller.balances([contract.address])
        holds = {True: tokens, False: ether}
        for token in (False, True):
            due = sum(owed[int(token) :: 2]) + sum(restaked[int(token) :: 2])
            if token == market.token:
                due += sum(claims) + earnings["carried"] + market.escrow()
            if not token:
                due += market.bonds()
            assert holds[token] == due, f"the contract has {holds[token]} and owes {due}"
        assert market.came == sum(holds.values()) + market.paid
