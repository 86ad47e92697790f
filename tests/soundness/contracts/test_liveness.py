"""How long strangers and a minority can hold a round up: every schedule of theirs on small sets, counted in deadlines.

Those who follow the protocol act at once, and wait for a deadline where they have to. The others do whatever makes them
wait: they join and vanish, come late, share rubbish or what nobody can fetch, leave in the last second, accuse without
cause, stay silent in any phase. Each schedule runs on the model; the slowest ones, and some by chance, on the
contracts, with the model beside them. The bounds are those of docs/protocol.md, section 9.
"""

import random
from collections import Counter

import pytest
from soundness.contracts.model.rules import FINISHED
from soundness.contracts.schedules import OnChain, OnModel, Round, Schedule, every_schedule


def bound(kind, hostile, *, coordinator):
    """Deadlines until a round has its sum used or its result, by phase, as docs/protocol.md has them."""
    limits = {"collect": 0 if coordinator else 1, "ready": min(1, hostile), "share": hostile}
    if kind == "hlr":
        limits["dispute"] = hostile + 1 if hostile else 0
    limits["aggregate"] = 0 if coordinator or kind == "hfl" else 1
    return limits


CASES = [
    ("hlr", 3, 1, 0),
    ("hlr", 3, 2, 0),
    ("hfl", 3, 1, 67),
    ("hfl", 4, 1, 80),
    ("hfl", 3, 0, 100),
    ("hfl", 4, 2, 51),
]


@pytest.mark.slow
@pytest.mark.parametrize("coordinator", [True, False], ids=["with a coordinator", "without one"])
@pytest.mark.parametrize(("kind", "honest", "hostile", "quorum"), CASES)
def test_no_schedule_of_a_minority_holds_a_round_up_for_longer_than_is_said(
    kind, honest, hostile, quorum, coordinator, tally
):
    limits, tried, ended, longest = bound(kind, hostile, coordinator=coordinator), 0, 0, Counter()
    for schedule, played in every_schedule(kind, honest, hostile, quorum, coordinator):
        tried += 1
        over = {phase: n for phase, n in played.waited.items() if n > limits.get(phase, 0)}
        assert not over, f"{over} deadlines, {limits} at most: {schedule.taken}"
        longest |= played.waited
        failed = played.task.phase == FINISHED and not (played.task.moves or getattr(played.task, "certified", 0))
        ended += failed
        if failed:
            assert played.waited["dispute"] >= 2, "only a dispute that silence leaves undecided ends a task"
    tally.attacks(f"contracts: schedules that hold up a round of {kind.upper()}", tried=tried, refused=tried)
    assert kind == "hlr" or not ended
    assert longest == Counter(limits), "the bound is reached in each phase, so no lower one holds"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "honest", "hostile", "quorum"), [("hlr", 3, 2, 0), ("hfl", 3, 1, 67), ("hfl", 4, 1, 80)]
)
def test_the_slowest_schedules_take_as_long_on_the_contracts(arena, kind, honest, hostile, quorum, amount, tally):
    coordinator = kind == "hfl"
    slowest = sorted(
        every_schedule(kind, honest, hostile, quorum, coordinator, lies=False),
        key=lambda found: sum(found[1].waited.values()),
        reverse=True,
    )[: amount(1, 10)]
    chosen = [(schedule.taken, played.waited) for schedule, played in slowest]
    draw = random.Random(honest)
    for _ in range(amount(1, 40)):
        schedule = Schedule(draw=draw)
        played = Round(OnModel(kind, honest + hostile, quorum), schedule, honest, coordinator=coordinator, lies=False)
        chosen.append((schedule.taken, played.play().waited))
    arena.caller.begin()
    for taken, waited in chosen:
        snapshot = arena.caller.snapshot()
        place = OnChain(arena, kind, honest + hostile, quorum)
        played = Round(place, Schedule(taken), honest, coordinator=coordinator, lies=False).play()
        assert played.waited == waited
        arena.caller.revert(snapshot)
    arena.caller.end()
    tally.attacks("contracts: schedules that hold up a round, on the chain", tried=len(chosen), refused=len(chosen))


def test_where_the_quorum_does_not_hold_without_them_a_minority_can_hold_results_up_for_ever():
    """docs/protocol.md says so: ask for a quorum that those who are trusted reach."""
    held = Round(OnModel("hfl", 4, 80), Schedule(), 3, coordinator=True)
    held.summed_hfl = lambda: (held.wait("aggregate"), held.act(held.honest[0], "reopen"))
    with pytest.raises(AssertionError, match="does not end"):
        held.play()
    assert held.waited["aggregate"] > 10
