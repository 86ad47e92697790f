"""Every call whose fate a deadline decides, in the last second before it and in the first one after."""

import pytest
from soundness.contracts.arena import INDICES
from soundness.contracts.history import Histories, bring
from soundness.contracts.model.rules import DISPUTED
from support.rounds_world import ETH

THREE, FOUR = slice(0, 3), slice(0, 4)
UPDATE = {"hlr": ("submitUpdate", 0, ""), "hfl": ("commitUpdate", 0)}
SHARE = {"hlr": ("share", ""), "hfl": ("share", True)}


def stages(kind):
    """Where a task can be, by the calls that lead there: (who, function, arguments); None is the coordinator."""
    opened = [(None, "openRound")]
    collected = [*opened, (FOUR, *UPDATE[kind])]
    closed = [*collected, (None, "close")]
    ready = [*closed, (FOUR, "ready", True)]
    summed = [*ready, (FOUR, *SHARE[kind])]
    yield "too few updates", [*opened, (slice(0, 2), *UPDATE[kind])]
    yield "enough updates", [*opened, (THREE, *UPDATE[kind])]
    yield "too few are ready", [*closed, (slice(0, 2), "ready", True)]
    yield "enough are ready", [*closed, (THREE, "ready", True)]
    yield "nobody has shared", ready
    yield "some have shared", [*ready, (THREE, *SHARE[kind])]
    yield "all have shared", summed
    if kind == "hfl":
        yield "one has confirmed", [*summed, (slice(0, 1), "confirm", 0)]
        return
    disputed = [*summed, (slice(1, 2), "dispute")]
    yield "disputed", disputed
    yield "some have claimed", [*disputed, (THREE, "claim", "")]
    yield "all have claimed", [*disputed, (FOUR, "claim", "")]
    yield "a contradiction", [*disputed, (slice(0, 1), "claim", "crossed"), (slice(1, 4), "claim", "")]


def decided(judge, calls, edge, block):
    """Calls of each kind that one second decides, with what is broken at the deadline and after it."""
    found = {}
    for call in calls:
        last, first = (judge((block, time), *call) for time in (edge, edge + 1))
        if last != first and bool(last) != bool(first):
            found.setdefault((call[1], frozenset(last), frozenset(first)), (call, last, first))
    return found.values()


def try_both_seconds(history, send, calls, edge):
    """Each call, in the last second and in the first one after; all of it is undone. Returns how many were tried."""
    caller, tried = history.caller, 0
    for call, last, first in calls:
        for time, broken in ((edge, last), (edge + 1, first)):
            snapshot = caller.snapshot()
            caller.wait_until(time - 1)
            send(history.next(), *call, broken)
            caller.revert(snapshot)
            tried += 1
    return tried


@pytest.fixture
def history(arena):
    arena.caller.begin()
    Histories.arena = arena
    made = Histories()
    yield made
    made.caller.revert(made.snapshot)
    arena.caller.end()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "stage", "steps"),
    [
        pytest.param(kind, stage, steps, id=f"{kind}, {stage}")
        for kind in ("hlr", "hfl")
        for stage, steps in stages(kind)
    ],
)
def test_deadlines_of_rounds_hold_to_the_second(arena, history, kind, stage, steps, tally):
    chosen = {"minimumNodes": 3, "penalty": ETH // 10, "maximumRounds": 2, "quorum": 67}
    history.create(kind, {**chosen, "information": 0, "final": False, "evaluation": False}, 0)
    (task,) = history.state.tasks
    for who, function, *arguments in steps:
        bring(history, task, function, *arguments, who=None if who is None else arena.accounts[who])

    def send(now, actor, function, arguments, broken):
        given = task.real(history, history.person(actor), function, arguments)
        history.send(now, actor, arena.contract_of(task), function, given, broken)

    calls = [(actor, *call) for actor in arena.accounts for call in task.choices(arena.accounts, INDICES)]
    edges = [task.deadline, *([task.deadline + task.disputeSeconds] if kind == "hlr" else [])]
    tried = 0
    for edge in edges:
        chosen = decided(task.refusals, calls, edge, history.next()[0] + 1)
        tried += try_both_seconds(history, send, chosen, edge)
    assert tried >= (2 if task.phase != DISPUTED else 4)
    tally.attacks("contracts: calls in the seconds about a deadline", tried=tried, refused=tried)


@pytest.mark.parametrize("number", [0, 1], ids=["inference", "conversations"])
def test_deadlines_of_requests_hold_to_the_second(arena, history, number, tally):
    market, stakes = history.state.markets[number], history.state.stakes
    user, operator, voter = arena.accounts[4], market.operator, arena.accounts[0]

    def send(now, actor, function, arguments, broken):
        given, value = market.real(actor, function, arguments)
        history.send(now, actor, arena.contract_of(market), function, given, broken, value)

    def go(actor, function, *arguments):
        now = history.next()
        send(now, actor, function, arguments, set())
        market.apply(now, actor, function, arguments, stakes)

    def judge(now, actor, function, arguments):
        return market.refusals(now, actor, function, arguments, stakes)

    steps = [(user, "ask", ""), (operator, "accept", 1)]
    if market.conversations:
        steps += [(operator, "answer", 1, ""), (user, "challenge", 1), (voter, "vote", 1, True)]
    tried = 0
    for actor, function, *arguments in steps:
        go(actor, function, *arguments)
        ends = {market.requests[1].deadline, *(case.deadline for case in market.cases.values())}
        for edge in ends:
            calls = [(account, *call) for account in arena.accounts for call in market.choices(arena.accounts)]
            tried += try_both_seconds(history, send, decided(judge, calls, edge, history.next()[0] + 1), edge)
    assert tried >= 2 * len(steps)
    tally.attacks("contracts: calls in the seconds about a deadline", tried=tried, refused=tried)


@pytest.mark.parametrize("locked", [False, True])
def test_exits_and_locks_of_stakes_hold_to_the_second(arena, history, locked, tally):
    stakes, market = history.state.stakes, history.state.markets[1]
    user = market.operator
    asset = next(asset for asset in stakes.tokens if stakes.positions[user, asset].active)

    def send(now, actor, function, arguments, broken):
        history.send(now, actor, arena.world.staking, function, arguments, broken)

    now = history.next()
    send(now, user, "unstake", (asset, 1000), set())
    stakes.apply(now[1], user, "unstake", (asset, 1000))
    if locked:
        for actor, function, *arguments in ((arena.accounts[4], "ask", ""), (user, "accept", 1)):
            now, (given, value) = history.next(), market.real(actor, function, arguments)
            history.send(now, actor, arena.contract_of(market), function, given, set(), value)
            market.apply(now, actor, function, arguments, stakes)
    edge = max(stakes.positions[user, asset].available_at, stakes.locked[user]) - 1
    assert (edge + 1 == stakes.locked[user]) == locked
    call = (user, "withdraw", (asset, user))
    chosen = decided(lambda now, *call: stakes.refusals(now[1], *call), [call], edge, 0)
    tried = try_both_seconds(history, send, chosen, edge)
    assert tried == 2
    tally.attacks("contracts: calls in the seconds about a deadline", tried=tried, refused=tried)
