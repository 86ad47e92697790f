"""Histories of restaked operators, by whoever may call and by who may not: see history_of_restaking.py."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from soundness.contracts.history_of_restaking import RestakedHistories

from twopm_zk.chain.development.eigenlayer import published

pytestmark = pytest.mark.skipif(published() is None, reason="EigenLayer's contracts are not installed (PyPI eigensdk)")


def played(arena, *, histories, steps, fixed, machine=RestakedHistories):
    machine.arena, machine.counts = arena, Counter()
    arena.caller.begin()
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=histories,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                derandomize=fixed,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate, Phase.shrink],
                print_blob=False,
                report_multiple_bugs=False,
            ),
        )
    finally:
        arena.caller.end()
    return machine.counts


@pytest.mark.timeout(3600)
def test_no_history_of_restaked_operators_breaks_what_is_promised(arena, amount, tally):
    counts = played(arena, histories=amount(5, 150), steps=amount(40, 120), fixed=amount(True, False))
    print(sorted(counts.items()))
    refused, calls = counts["refused"], counts["calls"]
    tally.attacks("contracts: calls that break a rule, in histories of restaking", tried=refused, refused=refused)
    tally.inputs("contracts: calls of histories of restaking, compared with the model", tried=calls, handled=calls)
