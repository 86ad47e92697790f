"""Histories of all contracts together, by whoever may call them and by who may not, in any order.

Hypothesis draws who calls what, with good and bad arguments, how time passes, and how the worth of stakes changes.
Beside the chain there is a model of each contract in plain Python (rounds.py, stakes.py, market.py). Each call has to
go through where it breaks no rule of the model, and has to be refused with the error of a rule that it breaks;
afterwards contract and model say the same of everything, sums of money agree to the wei, and points add up.
"""

from collections import Counter
from types import MappingProxyType

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from soundness.contracts.arena import INDICES
from soundness.contracts.history_of_data import PICK, DataHistories, mixed
from soundness.contracts.model.rules import FINISHED
from soundness.contracts.model.stakes import RETH, STETH
from support.market import TERMS
from support.rounds_world import ETH, ZERO

WHO = st.integers(0, 5)
CHOSEN = st.fixed_dictionaries(
    {
        "minimumNodes": st.integers(1, 3),
        "penalty": st.sampled_from([0, ETH // 10, ETH]),
        "maximumRounds": st.integers(1, 2),
        "quorum": st.sampled_from([51, 67, 100]),
        "information": st.integers(0, 2),
        "final": st.booleans(),
        "evaluation": st.booleans(),
        "heldOut": st.booleans(),
        "attested": st.booleans(),
    }
)
LIKELY = {"openRound": 8, "submitUpdate": 9, "commitUpdate": 9, "close": 6, "ready": 12, "share": 14, "confirm": 8}
LIKELY |= {"proceed": 10, "acceptWeights": 8, "certify": 6, "claim": 5, "answer": 8, "accept": 6, "ask": 4}
LIKELY |= {"finish": 1, "withdraw": 1, "reopen": 2, "takeOver": 1}
"""How likely calls are that lead somewhere, and those that lead nowhere; all others have 3."""


class Histories(DataHistories, RuleBasedStateMachine):
    arena, counts, likely, gas = None, Counter(), LIKELY, MappingProxyType({})
    """``gas``: what calls take at most, where that is not what `GAS` says."""

    def __init__(self):
        super().__init__()
        arena = self.arena
        self.snapshot = arena.caller.snapshot()
        self.state = arena.copy()
        self.caller, self.world = arena.caller, arena.world
        self.begun = False

    def teardown(self):
        try:
            for task in self.state.tasks:
                self.arena.check_task(task)
            self.check_money()
        finally:
            self.arena.caller.revert(self.snapshot)
            self.counts["histories"] += 1

    # --- helpers ---

    def next(self):
        """Block and time of the next transaction."""
        block = self.caller.rpc("eth_getBlockByNumber", "latest", False)
        return int(block["number"], 16) + 1, int(block["timestamp"], 16) + 1

    def send(self, now, actor, contract, function, arguments, refusals, value=0):
        """Whether the call went through, as it has to."""
        outcome = self.caller.send(actor, contract, function, *arguments, value=value)
        assert (outcome.block, outcome.time) == now
        self.counts["calls"] += 1
        what = f"{function}{arguments} by {self.arena.person(actor).name if actor in self.arena.accounts else actor}"
        if not refusals:
            assert outcome.error is None, f"{what} was refused: {outcome.error}"
            self.arena.check_gas(function, outcome, self.gas)
            return outcome
        assert outcome.error is not None, f"{what} went through, and breaks {sorted(refusals)}"
        assert outcome.error in refusals or "*" in refusals, f"{what}: {outcome.error}, not {sorted(refusals)}"
        self.counts["refused"] += 1
        return None

    def weighted(self, calls, pick):
        """One of the calls: first which function, then which of its calls."""
        pick = mixed(pick)
        functions = sorted({function for _, function, _ in calls})
        names = [name for name in functions for _ in range(self.likely.get(name, 3))]
        name = names[pick % len(names)]
        chosen = [call for call in calls if call[1] == name]
        return chosen[pick // len(names) % len(chosen)]

    def digest(self):
        task = self.task
        contract = self.arena.contract_of(task)
        return bytes.fromhex(contract.call("setDigestOf", task.id).removeprefix("0x"))

    def person(self, address):
        return self.arena.person(address)

    # --- rounds ---

    @initialize(regression=CHOSEN, federated=CHOSEN, who=WHO)
    def begin(self, regression, federated, who):
        self.create("hlr", regression, who)
        self.create("hfl", federated, who)

    @precondition(lambda self: len(self.state.tasks) < 4 and all(t.phase == FINISHED for t in self.state.tasks[-2:]))
    @rule(kind=st.sampled_from(["hfl", "hlr"]), chosen=CHOSEN, who=WHO)
    def create(self, kind, chosen, who):
        contract, actor = getattr(self.world, kind), self.arena.accounts[who]
        config, extra = self.arena.settings(kind, chosen)
        now = self.next()
        unable = config["penalty"] and not self.state.stakes.may_slash(kind, now[1])
        refusals = {"InvalidConfig"} if unable else set()
        outcome = self.send(now, actor, contract, "createTask", (config, extra), refusals)
        if outcome is None:
            return
        number = outcome.named("TaskCreated")[0]["taskId"]
        self.state.tasks.append(self.arena.model(self.state, kind, actor, number, config, extra))

    def on_task(self, which, pick, enabled):
        task = self.task = self.state.tasks[mixed(which) % len(self.state.tasks)]
        kinds, now = list(task.choices(self.arena.accounts, INDICES)), self.next()
        calls = [(actor, *call) for actor in self.arena.accounts for call in kinds]
        if enabled:
            calls = [call for call in calls if not task.refusals(now, *call)]
        if not calls:
            return
        actor, function, arguments = self.weighted(calls, pick)
        refusals = task.refusals(now, actor, function, arguments)
        given = task.real(self, self.person(actor), function, arguments)
        contract = self.arena.contract_of(task)
        before, penalties = task.copy(), len(self.state.around.penalties)
        if outcome := self.send(now, actor, contract, function, given, refusals):
            task.apply(now, actor, function, arguments)
            self.arena.check_events(task, before, outcome)
            told = [(event["node"], event["value"]) for event in outcome.named("Penalised")]
            assert told == [(who, taken) for who, _, taken in self.state.around.penalties[penalties:]]
            if told:
                self.arena.check_stakes(self.state.stakes)
            self.counts[f"{task.kind} {function}"] += 1
        self.arena.check_task(task)

    @precondition(lambda self: self.state.tasks)
    @rule(which=PICK, pick=PICK)
    def go_on(self, which, pick):
        self.on_task(which, pick, enabled=True)

    @precondition(lambda self: self.state.tasks)
    @rule(which=PICK, pick=PICK)
    def go_on_again(self, which, pick):
        self.on_task(which, pick, enabled=True)

    @precondition(lambda self: self.state.tasks)
    @rule(which=PICK, pick=PICK)
    def go_on_a_third_time(self, which, pick):
        self.on_task(which, pick, enabled=True)

    @precondition(lambda self: self.state.tasks)
    @rule(which=PICK, pick=PICK)
    def go_on_a_fourth_time(self, which, pick):
        self.on_task(which, pick, enabled=True)

    @precondition(lambda self: self.state.tasks)
    @rule(which=PICK, pick=PICK)
    def try_anything(self, which, pick):
        self.on_task(which, pick, enabled=False)

    # --- time ---

    @rule(which=PICK, after=st.sampled_from([-2, -1, 0, 1, 900, 901, 86_400]))
    def wait(self, which, after):
        """Until about a deadline of anything: so that the next call comes just before it, at it, or after it."""
        ends = [task.deadline for task in self.state.tasks]
        ends += [request.deadline for market in self.state.markets for request in market.requests.values()]
        ends += [case.deadline for market in self.state.markets for case in market.cases.values()]
        data = self.state.around.data
        ends += [made.expires for made in data.attestations.values() if made.expires]
        ends += [access.until for access in data.access.values()]
        ends += [p.available_at for p in self.state.stakes.positions.values() if p.exiting]
        ahead = sorted({end + after for end in ends if end + after > self.next()[1]})
        if ahead:
            pick = mixed(which)
            self.caller.wait_until(ahead[0] if pick % 3 else ahead[pick % len(ahead)])

    # --- stakes ---

    def check_money(self):
        self.arena.check_stakes(self.state.stakes)
        for market in self.state.markets:
            self.arena.check_market(market)

    @rule(who=WHO, asset=st.integers(0, 3), act=st.integers(0, 11))
    def stake(self, who, asset, act):
        stakes, actor = self.state.stakes, self.arena.accounts[who]
        position = stakes.positions[actor, asset]
        calls = [("stake", (asset, amount)) for amount in (0, 1, 7, ETH // 3, 10**24)]
        calls += [("unstake", (asset, n)) for n in (0, 1, position.active // 3, position.active, position.active + 1)]
        calls += [("withdraw", (asset, receiver)) for receiver in (actor, ZERO)]
        function, arguments = calls[act % len(calls)]
        now = self.next()
        refusals = stakes.refusals(now[1], actor, function, arguments)
        if self.send(now, actor, self.world.staking, function, arguments, refusals):
            stakes.apply(now[1], actor, function, arguments)
        self.arena.check_stakes(stakes)

    @rule(change=st.integers(-30, 30), kind=st.sampled_from(["rebase", "rate", "gift"]), who=st.integers(0, 4))
    def change_worth(self, change, kind, who):
        """Lido's rebases, up and down; Rocket Pool's rate; tokens that somebody gives to the pool."""
        stakes, actor, steth = self.state.stakes, self.arena.accounts[who], self.arena.tokens[STETH]
        token = stakes.tokens[STETH]
        if kind == "rebase":
            by = token.supply * change // 1000 + change
            self.caller.send(actor, steth, "rebase", by)
            token.supply += by
        elif kind == "rate":
            stakes.reth_rate += stakes.reth_rate * change // 1000
            self.caller.send(actor, self.arena.tokens[RETH], "setExchangeRate", stakes.reth_rate)
        else:
            amount = min(abs(change) * 10**15 + 1, token.balance(actor) // 2)
            self.caller.send(actor, steth, "transfer", self.world.staking.address, amount)
            token.move(actor, self.world.staking.address, amount)
        self.check_money()

    @rule(who=WHO, act=st.integers(0, 5), right=st.booleans())
    def govern(self, who, act, right):
        """What the owner of the stakes may do, by the owner, or by anybody else, who may not."""
        stakes = self.state.stakes
        actor = self.arena.owner if right else self.arena.accounts[who]
        function, arguments = [
            ("pause", ()),
            ("unpause", ()),
            ("setTreasury", (self.arena.treasuries[who % 2],)),
            ("setTreasury", (ZERO,)),
            ("slash", (self.arena.accounts[who], ETH, b"for nothing".ljust(32, b"\0"))),
            ("lock", (self.arena.accounts[who], 2**40)),
        ][act]
        refusals = set() if right else {"OwnableUnauthorizedAccount"}
        if function in ("slash", "lock"):
            refusals = {"NotASlasher"}
        elif right and function == "pause" and stakes.paused:
            refusals = {"EnforcedPause"}
        elif right and function == "unpause" and not stakes.paused:
            refusals = {"ExpectedPause"}
        elif right and arguments == (ZERO,):
            refusals = {"ZeroAddress"}
        if self.send(self.next(), actor, self.world.staking, function, arguments, refusals):
            stakes.paused = {"pause": True, "unpause": False}.get(function, stakes.paused)
            stakes.treasury = arguments[0] if arguments else stakes.treasury
        self.arena.check_stakes(stakes)

    @rule(kind=st.sampled_from(["hlr", "hfl"]), back=st.booleans(), rarely=st.integers(0, 2))
    def change_slashers(self, kind, back, rarely):
        """The owner takes the right to slash from a contract, at once, or gives it back, much later."""
        if rarely == 0:
            stakes, now = self.state.stakes, self.next()
            address, present = getattr(self.world, kind).address, stakes.active_from.get(kind, 0)
            function = "authorise" if back else "revoke"
            self.send(now, self.arena.owner, self.world.staking, function, (address,), set())
            later = now[1] + 2 * stakes.exit_delay
            stakes.active_from[kind] = (later if present is None else present) if back else None

    @rule(rarely=st.integers(0, 9))
    def retire(self, rarely):
        """The verifier of predictions: nobody is late, and fees go back."""
        predictions = self.state.markets[0]
        if rarely == 0 and not predictions.retired:
            registry, chosen = self.world.registry, predictions.verifier
            self.send(self.next(), self.arena.owner, registry, "retire", (chosen,), set())
            predictions.retired = True

    # --- members ---

    @rule(who=WHO, act=st.integers(0, 2))
    def come_and_go(self, who, act):
        around, person, now = self.state.around, self.arena.everybody[who], self.next()
        actor, identity = person.address, self.world.identity
        member = actor in around.since
        if act == 0:
            if self.send(now, actor, identity, "leave", (), set() if member else {"NotAMember"}):
                del around.since[actor]
                around.keys.discard(actor)
        elif act == 1:
            arguments = ("https://node.example", b"\x07" * 32)
            if self.send(now, actor, identity, "join", arguments, {"AlreadyMember"} if member else set()):
                around.since[actor] = now[0]
        else:
            proof = person.lasting.possession(identity.address, self.world.chain.chain_id, actor)
            arguments = (*person.lasting.posted, *proof)
            if self.send(now, actor, identity, "setAggregationKey", arguments, set() if member else {"NotAMember"}):
                around.keys.add(actor)

    # --- fees ---

    def on_market(self, which, pick, enabled):
        market, stakes, now = self.state.markets[which % 2], self.state.stakes, self.next()
        kinds = list(market.choices(self.arena.accounts))
        calls = [(actor, *call) for actor in self.arena.accounts for call in kinds]
        if enabled:
            calls = [call for call in calls if not market.refusals(now, *call, stakes)]
        if not calls:
            return
        actor, function, arguments = self.weighted(calls, pick)
        if actor == self.arena.stranger.address and function == "ask":
            return  # has no tokens
        refusals = market.refusals(now, actor, function, arguments, stakes)
        given, value = market.real(actor, function, arguments)
        if self.send(now, actor, self.arena.contract_of(market), function, given, refusals, value):
            market.apply(now, actor, function, arguments, stakes)
            self.counts[f"{market.kind} {function}"] += 1
            self.arena.check_stakes(stakes)
        self.arena.check_market(market)

    @rule(which=PICK, pick=PICK)
    def trade(self, which, pick):
        self.on_market(which, pick, enabled=True)

    @rule(which=PICK, pick=PICK)
    def try_to_trade(self, which, pick):
        self.on_market(which, pick, enabled=False)

    @rule(which=PICK, fee=st.integers(0, 10**6), who=WHO, closed=st.booleans(), rarely=st.integers(0, 3))
    def change_terms(self, which, fee, who, closed, rarely):
        market, actor = self.state.markets[which % 2], self.arena.accounts[who]
        refusals = set() if actor == market.owner else {"NotTheNetworksOwner"}
        networks, terms = self.world.networks, {**TERMS, "fee": fee}
        if rarely and self.send(self.next(), actor, networks, "setTerms", (market.network, terms), refusals):
            market.terms = terms
        elif not rarely and self.send(self.next(), actor, networks, "setClosed", (market.network, closed), refusals):
            market.closed = closed


def play(machine, *, steps, examples):
    """So many histories of a machine, of so many steps at most, as hypothesis draws them."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
            print_blob=False,
            report_multiple_bugs=False,
        ),
    )


def bring(history, task, function, *arguments, who=None):
    """The coordinator, or each of these, makes a call that goes through."""
    history.task = task
    for account in who or [task.coordinator]:
        given = task.real(history, history.person(account), function, arguments)
        now = history.next()
        history.send(now, account, history.arena.contract_of(task), function, given, set())
        task.apply(now, account, function, arguments)
