"""Histories of all contracts together, by whoever may call them and by who may not: see history.py."""

import random
from collections import Counter

import pytest
from soundness.contracts.history import LIKELY, Histories, bring, play
from support.rounds_world import ETH


def told(tally, counts):
    refused, calls = counts["refused"], counts["calls"]
    tally.attacks("contracts: calls that break a rule, in random histories", tried=refused, refused=refused)
    tally.inputs("contracts: calls of random histories, compared with the model", tried=calls, handled=calls)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_history_of_calls_breaks_what_contracts_promise(arena, amount, tally):
    """Value is conserved to the wei, points add up, nothing moves without its proof, and the rest is refused."""
    Histories.arena, Histories.counts = arena, Counter()
    steps, examples = amount(44, 120), amount(5, 150)
    arena.caller.begin()
    try:
        play(Histories, steps=steps, examples=examples)
    finally:
        arena.caller.end()
    counts = Histories.counts
    told(tally, counts)


LATE = {**LIKELY, "claim": 14, "dispute": 8, "settle": 8, "reveal": 3, "expelPair": 6, "expel": 5, "reportMissing": 5}
LATE |= {"acceptWeights": 1, "certify": 1, "proceed": 3, "confirm": 2, "finish": 1, "withdraw": 2}


def begun_late(arena, kind, draw):
    """A history whose task has a sum, disputed by chance, of three to five nodes."""
    history = Histories()
    history.likely = LATE
    chosen = {
        "minimumNodes": draw.randint(1, 3),
        "penalty": ETH // 10,
        "maximumRounds": 2,
        "quorum": draw.choice([51, 67]),
    }
    chosen |= {"information": draw.choice([0, 0, 1]), "final": draw.random() < 0.5, "evaluation": draw.random() < 0.5}
    history.create(kind, chosen, 0)
    (task,) = history.state.tasks
    nodes = arena.accounts[: draw.randint(3, 5)]
    bring(history, task, "openRound")
    bring(history, task, *(("submitUpdate", 0, "") if kind == "hlr" else ("commitUpdate", 0)), who=nodes)
    bring(history, task, "close")
    bring(history, task, "ready", True, who=nodes)
    bring(history, task, "share", "" if kind == "hlr" else True, who=nodes)
    if kind == "hlr" and draw.random() < 0.8:
        bring(history, task, "dispute", who=[draw.choice(nodes)])
        for node in nodes:
            if draw.random() < 0.6:
                bring(history, task, "claim", draw.choice(["", "", "crossed"]), who=[node])
    return history


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hlr", "hfl"])
@pytest.mark.timeout(3600)
def test_no_end_of_a_round_breaks_what_contracts_promise(arena, kind, amount, tally):
    """Histories that begin where a sum is there, so that disputes, reports and what follows them are reached."""
    Histories.arena, Histories.counts = arena, Counter()
    arena.caller.begin()
    for seed in range(amount(3, 150)):
        draw = random.Random(f"{kind} {seed}")
        history = begun_late(arena, kind, draw)
        try:
            for _ in range(amount(12, 40)):
                act = draw.random()
                if act < 0.65:
                    history.on_task(0, draw.getrandbits(48), enabled=True)
                elif act < 0.8:
                    history.on_task(0, draw.getrandbits(48), enabled=False)
                else:
                    history.wait(draw.getrandbits(48), draw.choice([-2, -1, 0, 1, 901]))
        finally:
            history.teardown()
    arena.caller.end()
    counts = Histories.counts
    print(sorted(counts.items()))
    told(tally, counts)
