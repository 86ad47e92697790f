"""Histories of operators that are restaked at EigenLayer, on its own bytecode.

A block takes an hour, so that delays of EigenLayer, which are counted in blocks, pass. What counts as stake, what a
slash takes of whom, and what fees come to, the models say (eigenlayer.py, restaked.py); contracts have to agree to the
share, and no promise to a user may get out of reach.
"""

from hypothesis import strategies as st
from hypothesis.stateful import rule
from soundness.contracts.caller import View
from soundness.contracts.history import WHO, Histories
from soundness.contracts.history_of_data import PICK, mixed
from soundness.contracts.model.eigenlayer import BLOCK_SECONDS, WAD, WITHDRAWAL
from soundness.contracts.model.market import ACCEPTED
from soundness.contracts.model.stakes import RETH, STETH
from support.market import DAY, TERMS
from support.restaking import SET
from support.rounds_world import ETH, ZERO

REASON = b"for nothing".ljust(32, b"\0")
OFTEN = {"accept": 10, "ask": 8, "slashLate": 8, "decide": 8, "vote": 8, "answer": 3, "refund": 1}
OFTEN |= {"modifyAllocations": 6, "completeQueuedWithdrawal": 5, "registerForOperatorSets": 6, "undelegate": 1}
MOST_GAS = {"slashLate": 1_400_000, "decide": 1_400_000, "accept": 800_000, "undelegate": 900_000}
MOST_GAS |= {"queueWithdrawals": 600_000, "completeQueuedWithdrawal": 500_000, "modifyAllocations": 500_000}
MOST_GAS |= {"reward": 500_000}


class RestakedHistories(Histories):
    likely = OFTEN
    gas = MOST_GAS
    begin = create = go_on = go_on_again = go_on_a_third_time = go_on_a_fourth_time = try_anything = None
    handle_data = try_to_handle_data = come_and_go = change_slashers = None

    def __init__(self):
        super().__init__()
        self.eigen, self.backing = self.state.restaked.eigen, self.state.restaked
        self.contracts = self.arena.eigen
        today = self.caller.now() // DAY
        self.caller.wait_until((today + 2) * DAY)
        self.pace(BLOCK_SECONDS)
        self.open_the_set()

    def teardown(self):
        try:
            self.check()
        finally:
            self.pace(1)
            super().teardown()

    def pace(self, seconds):
        self.caller.rpc("anvil_setBlockTimestampInterval", seconds)

    def next(self):
        block = self.caller.rpc("eth_getBlockByNumber", "latest", False)
        return int(block["number"], 16) + 1, int(block["timestamp"], 16) + BLOCK_SECONDS

    def now(self):
        block, time = self.next()
        return block - 1, time - BLOCK_SECONDS

    def open_the_set(self):
        """Both operators are in the set; the first one has allocated a quarter, which is enough for two requests."""
        for operator in self.state.markets[0].operators:
            self.at_eigenlayer(operator, "registerForOperatorSets", ())
        for asset in (STETH, RETH):
            self.at_eigenlayer(self.state.markets[0].operators[0], "modifyAllocations", (asset, WAD // 4))

    # --- calls of EigenLayer ---

    def choices(self):
        eigen = self.eigen
        for operator in self.state.markets[0].operators:
            yield from (("deregisterFromOperatorSets", (operator,)), ("delegateTo", (operator,)))
        yield from (("registerForOperatorSets", ()), ("undelegate", ()), ("delegateTo", (self.arena.accounts[0],)))
        for asset in eigen.strategies:
            yield from (("modifyAllocations", (asset, part)) for part in (0, 1, WAD // 3, WAD // 2, WAD, WAD + 1))
            yield from (("depositIntoStrategy", (asset, amount)) for amount in (0, 1, ETH // 7, 10**24))
            yield ("burnShares", (asset,))
        numbers = range(len(eigen.withdrawals))[-4:]
        yield from (("completeQueuedWithdrawal", (number, tokens)) for number in numbers for tokens in (True, False))

    def calls_of(self, actor):
        yield from ((actor, *call) for call in self.choices())
        for asset in self.eigen.strategies:
            there = self.eigen.deposits[actor, asset]
            yield from ((actor, "queueWithdrawals", (asset, part)) for part in (0, 1, there // 3, there, there + 1))
            current = self.eigen.allocation(self.now()[0], actor, asset).current
            yield (actor, "modifyAllocations", (asset, current // 2 + 1))

    def given(self, actor, function, arguments):
        """(contract, arguments) as EigenLayer takes them."""
        at, eigen = self.contracts, self.eigen
        match function, arguments:
            case "registerForOperatorSets", ():
                return at.allocation, (actor, (at.stakes.address, [SET], b""))
            case "deregisterFromOperatorSets", (operator,):
                return at.allocation, ((operator, at.stakes.address, [SET]),)
            case "modifyAllocations", (asset, magnitude):
                return at.allocation, (actor, [(at.set, [eigen.strategies[asset]], [magnitude])])
            case "depositIntoStrategy", (asset, amount):
                return at.strategies, (eigen.strategies[asset], self.arena.tokens[asset].address, amount)
            case "delegateTo", (operator,):
                return at.delegation, (operator, (b"", 0), bytes(32))
            case "undelegate", ():
                return at.delegation, (actor,)
            case "queueWithdrawals", (asset, deposits):
                return at.delegation, ([([eigen.strategies[asset]], [deposits], ZERO)],)
            case "completeQueuedWithdrawal", (number, as_tokens):
                one = eigen.withdrawals[number]
                parts = ([eigen.strategies[one.asset]], [one.scaled])
                queued = (one.staker, one.operator or ZERO, one.staker, one.nonce, one.start, *parts)
                return at.delegation, (queued, [self.arena.tokens[one.asset].address], as_tokens)
            case "burnShares", (asset,):
                return at.strategies, (eigen.strategies[asset],)

    def at_eigenlayer(self, actor, function, arguments):
        now = self.next()
        contract, given = self.given(actor, function, arguments)
        refusals = self.eigen.refusals(now, actor, function, arguments)
        if self.send(now, actor, contract, function, given, refusals):
            self.eigen.apply(now, actor, function, arguments)
            self.counts[function] += 1
            if function == "registerForOperatorSets":
                self.backing.at(now).joined(actor)
            elif function == "deregisterFromOperatorSets":
                self.backing.at(now).left(arguments[0])
        self.check_eigenlayer()

    def restake(self, who, pick, *, enabled):
        now, actor = self.next(), self.arena.accounts[who]
        calls = list(self.calls_of(actor))
        if enabled:
            calls = [call for call in calls if not self.eigen.refusals(now, *call)]
        self.at_eigenlayer(*self.weighted(calls, pick))

    @rule(who=WHO, pick=PICK)
    def use_eigenlayer(self, who, pick):
        self.restake(who, pick, enabled=True)

    @rule(second=st.booleans(), pick=PICK)
    def operate(self, second, pick):
        operator = self.state.markets[0].operators[second]
        self.restake(self.arena.accounts.index(operator), pick, enabled=True)

    @rule(who=WHO, pick=PICK)
    def try_to_use_eigenlayer(self, who, pick):
        self.restake(who, pick, enabled=False)

    @rule(rarely=st.integers(0, 3))
    def pause(self, rarely):
        """By EigenLayer: operators stay where they are, and nobody is slashed there."""
        if rarely == 0 or self.eigen.paused:
            function, arguments = ("unpause", (0,)) if self.eigen.paused else ("pauseAll", ())
            self.send(self.next(), self.arena.owner, self.contracts.allocation, function, arguments, set())
            self.eigen.paused = not self.eigen.paused

    # --- our contracts ---

    @rule(kind=st.sampled_from(["inference", "conversations"]), second=st.booleans(), token=st.booleans(), who=WHO)
    def reward(self, kind, second, token, who):
        now, operator = self.next(), self.state.markets[0].operators[second]
        refusals = self.backing.reward_refusals(now, kind, operator, token)
        arguments = (getattr(self.world, kind).address, operator, token)
        if outcome := self.send(now, self.arena.accounts[who], self.world.stakes, "reward", arguments, refusals):
            expected = self.backing.reward(now, kind, operator, token)
            (event,) = outcome.named("Rewarded")
            assert {name: event[name] for name in expected} == expected
            self.counts["reward"] += 1
        self.check()

    @rule(who=WHO, second=st.booleans(), act=st.integers(0, 6))
    def intrude(self, who, second, act):
        """What nobody may call but our contracts, EigenLayer, or the owner once."""
        actor, operator = self.arena.accounts[who], self.state.markets[0].operators[second]
        stakes, ours = self.world.stakes, (self.world.stakes.address, [SET])
        contract, function, arguments, refusal = [
            (stakes, "slash", (operator, ETH, REASON), "NotACaller"),
            (stakes, "lock", (operator, 2**40), "NotACaller"),
            (stakes, "slashAllocation", (operator, ETH, REASON), "OnlyItself"),
            (stakes, "registerOperator", (actor, *ours, b""), "OnlyEigenLayer"),
            (stakes, "deregisterOperator", (operator, *ours), "OnlyEigenLayer"),
            (stakes, "begin", ([actor], ""), "OwnableUnauthorizedAccount"),
            (self.world.inference, "collect", (operator, False), "NotTheServiceManager"),
        ][act]
        self.send(self.next(), actor, contract, function, arguments, {refusal})
        self.check()

    @rule(second=st.booleans(), which=PICK, days=st.integers(0, 4))
    def promise(self, second, which, days):
        """A question that its operator accepts, if it can; for `days` more than EigenLayer holds stake at the most."""
        market = self.state.markets[mixed(which) % 2]
        terms = {**market.terms, "answerSeconds": (1 + days) * DAY + (mixed(which) // 2 % 2) * BLOCK_SECONDS}
        if not market.closed and not market.retired:
            self.send(self.next(), market.owner, self.world.networks, "setTerms", (market.network, terms), set())
            market.terms = terms
            self.on(market, self.arena.accounts[4], "ask", ("other" if second else "",))
            self.on(market, market.operators[second], "accept", (len(market.requests),))

    @rule(which=PICK, far=st.booleans())
    def be_late(self, which, far):
        """The end of a promise that was accepted, just when it can be slashed, or as long after as that is promised."""
        open_ones = [
            (market, number)
            for market in self.state.markets
            for number, request in market.requests.items()
            if request.state == ACCEPTED
        ]
        if open_ones:
            market, number = open_ones[mixed(which) % len(open_ones)]
            deadline = market.requests[number].deadline
            self.pass_until(deadline + (7 * DAY - BLOCK_SECONDS if far else 0))
            self.on(market, self.arena.accounts[0], "slashLate", (number,))

    def on(self, market, actor, function, arguments):
        now = self.next()
        refusals = market.refusals(now, actor, function, arguments, self.backing)
        given, value = market.real(actor, function, arguments)
        penalties = len(self.backing.penalties)
        if outcome := self.send(now, actor, self.arena.contract_of(market), function, given, refusals, value):
            market.apply(now, actor, function, arguments, self.backing)
            self.counts[f"{market.kind} {function}"] += 1
            told = [(e["operator"], e["value"], e["restaked"]) for e in outcome.named("OperatorPenalised")]
            assert told == self.backing.penalties[penalties:]
            for _, _, restaked in told:
                self.counts["slashed at EigenLayer" if restaked else "slashed in the pool alone"] += 1
        self.check()

    @rule(kind=st.sampled_from(["inference", "conversations"]), back=st.booleans(), rarely=st.integers(0, 5))
    def change_who_slashes(self, kind, back, rarely):
        if rarely == 0:
            stakes, now = self.state.stakes, self.next()
            present = stakes.active_from.get(kind, 0)
            function, contract = "authorise" if back else "revoke", getattr(self.world, kind)
            self.send(now, self.arena.owner, self.world.staking, function, (contract.address,), set())
            later = now[1] + 2 * stakes.exit_delay
            stakes.active_from[kind] = (later if present is None else present) if back else None

    @rule(which=PICK, fee=st.integers(0, 10**6), rarely=st.integers(0, 3))
    def change_terms(self, which, fee, rarely):
        market = self.state.markets[which % 2]
        penalty = (ETH // 10, ETH // 2)[rarely % 2]
        terms = {**TERMS, "fee": fee, "penalty": penalty}
        self.send(self.next(), market.owner, self.world.networks, "setTerms", (market.network, terms), set())
        market.terms = terms

    # --- time ---

    def pass_until(self, time):
        """Until the next block is at ``time`` or right after; blocks come as fast as they may."""
        blocks = -(-(time - self.next()[1]) // BLOCK_SECONDS)
        if blocks > 0:
            self.caller.rpc("anvil_mine", hex(blocks), hex(BLOCK_SECONDS))

    @rule(which=PICK, after=st.integers(-2, 2), slowly=st.integers(0, 4))
    def wait(self, which, after, slowly):
        """Until about the end of anything, be it at our contracts or at EigenLayer; sometimes blocks are slower."""
        block, time = self.next()
        ends = [request.deadline for market in self.state.markets for request in market.requests.values()]
        ends += [case.deadline for market in self.state.markets for case in market.cases.values()]
        ends += [p.available_at for p in self.state.stakes.positions.values() if p.exiting]
        ends += [promise.until for promise in self.backing.promises]
        held = [one.start + WITHDRAWAL for one in self.eigen.withdrawals if one.open]
        held += [found.effect for found in self.eigen.allocations.values()] + list(self.eigen.until.values())
        ends += [time + (one - block) * BLOCK_SECONDS for one in held]
        ends += [(time // DAY + 1) * DAY]
        ahead = sorted({end + after * BLOCK_SECONDS for end in ends if end + after * BLOCK_SECONDS > time})
        if ahead:
            pick = mixed(which)
            end = ahead[0] if pick % 3 else ahead[pick % len(ahead)]
            if slowly:
                self.pass_until(end)
            else:
                self.caller.wait_until(end - BLOCK_SECONDS)
        self.check_eigenlayer()

    # --- what holds ---

    def on_market(self, which, pick, enabled):
        market, now = self.state.markets[which % 2], self.next()
        calls = [(actor, *call) for actor in self.arena.accounts for call in market.choices(self.arena.accounts)]
        if enabled:
            calls = [call for call in calls if not market.refusals(now, *call, self.backing)]
        if calls:
            actor, function, arguments = self.weighted(calls, pick)
            if actor != self.arena.stranger.address or function != "ask":
                self.on(market, actor, function, arguments)

    def check(self):
        self.check_money()
        self.check_eigenlayer()

    def check_eigenlayer(self):
        """Contracts say what the models say, what there is suffices for all, and promises are kept."""
        at, eigen, now = self.contracts, self.eigen, self.now()
        backing, expected = self.backing.at(now), []
        for operator in eigen.operators():
            since, until = backing.memberships.get(operator, (0, 0))
            expected += [(View(at.stakes, "isRestaked", operator), backing.is_restaked(operator))]
            expected += [(View(at.stakes, "stakeOf", operator), backing.behind(operator))]
            expected += [(View(at.stakes, "reachOf", operator), backing.reach(operator))]
            expected += [(View(at.stakes, "membershipOf", operator), {"since": since, "until": until})]
            for asset, strategy in eigen.strategies.items():
                one = eigen.allocation(now[0], operator, asset)
                said = {"currentMagnitude": one.current, "pendingDiff": one.pending % 2**256, "effectBlock": one.effect}
                expected += [(View(at.allocation, "getAllocation", operator, at.set, strategy), said)]
                expected += [
                    (View(at.allocation, "getMaxMagnitude", operator, strategy), eigen.magnitude(operator, asset))
                ]
                expected += [(View(at.delegation, "operatorShares", operator, strategy), eigen.shares[operator, asset])]
        for asset, strategy in eigen.strategies.items():
            token = self.arena.tokens[asset]
            expected += [(View(token, "balanceOf", strategy), eigen.tokens[asset].balance(strategy))]
            expected += [(View(at.strategies, "getBurnableShares", strategy), eigen.burnable[asset])]
            for staker in self.arena.accounts:
                said = eigen.deposits[staker, asset]
                expected += [(View(at.strategies, "stakerDepositShares", staker, strategy), said)]
                said = eigen.scaling.get((staker, asset), WAD)
                expected += [(View(at.delegation, "depositScalingFactor", staker, strategy), said)]
            self.check_shares(asset)
        for token, amount in backing.handed.items():
            paid = self.world.token if token else self.arena.weth
            expected += [(View(paid, "balanceOf", at.rewards.address), amount)]
        for (view, value), found in zip(expected, self.caller.ask([view for view, _ in expected]), strict=True):
            assert found == value, f"{view.what} is {found}, and has to be {value}"
        backing.check_promises()

    def check_shares(self, asset):
        """Nobody can take out what is another's: all shares together are no more than there are."""
        eigen = self.eigen
        alone = [staker for staker in self.arena.accounts if staker not in eigen.delegated]
        held = sum(eigen.shares[operator, asset] for operator in eigen.operators())
        held += sum(eigen.withdrawable(staker, asset) for staker in alone)
        held += sum(eigen.drawn(one) for one in eigen.withdrawals if one.open and one.asset == asset)
        assert held + eigen.burnable[asset] <= eigen.total[asset]
