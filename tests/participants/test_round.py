"""A coordinator and three nodes on a chain, with proofs that are hashes: the course of a task."""

import pytest
from support.people_world import Running, replace

from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.training.in_process import train

pytestmark = pytest.mark.slow


def run_to_the_end(party):
    nodes = [party.node(number) for number in range(len(party.sizes))]
    coordinator = party.coordinator()
    with Running(coordinator, *nodes) as running:
        running.wait()
    return party.news["coordinator"][-1].values


def test_three_nodes_and_a_coordinator_train_to_the_certificate(party):
    result = run_to_the_end(party)
    assert result["certified"]
    expected = train(party.tables, party.spec)
    assert result["coefficients"] == expected.coefficients
    assert (result["rows"], len(result["nodes"])) == (32, 3)
    for number in range(3):
        assert party.news[number][-1].values["coefficients"] == expected.coefficients


@pytest.mark.parametrize("rule", ["bfgs", "newton"])
def test_rules_that_learn_from_public_sums(party, rule):
    party.spec = replace(party.spec, step=StepRule(rule), gradient_bound=2.5e-3)
    result = run_to_the_end(party)
    expected = train(party.tables, party.spec)
    assert result["coefficients"] == expected.coefficients
