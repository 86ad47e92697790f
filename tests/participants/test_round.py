"""A coordinator and three nodes on a chain, with proofs that are hashes: the course of a task, and its audit."""

import pytest
from support.people_world import DoubleKeys, Running, replace

from twopm_zk.auditor.audit import audit
from twopm_zk.task.instances import TaskInstances
from twopm_zk.training.in_process import train

pytestmark = pytest.mark.slow


def run_to_the_end(party):
    nodes = [party.node(number) for number in range(len(party.sizes))]
    coordinator = party.coordinator()
    with coordinator, Running(coordinator, *nodes) as running:
        running.wait()
    return party.news["coordinator"][-1].values


def test_three_nodes_and_a_coordinator_train_to_the_certificate(party):
    result = run_to_the_end(party)
    assert result["certified"]
    expected = train(party.tables, party.spec)
    assert (result["coefficients"], result["rounds"]) == (expected.coefficients, expected.moves)
    assert (result["rows"], len(result["nodes"])) == (32, 3)
    for number in range(3):
        assert party.news[number][-1].values["coefficients"] == expected.coefficients
    report = audit(party.world.view(8), result["task"], keyring=DoubleKeys(), spec=party.spec)
    assert report.sound, report.failed
    assert report.certified
    assert report.coefficients == expected.coefficients
    assert report.counts["step proofs"] == 3 * (expected.moves + 1)
    assert report.counts["aggregate proofs"] == expected.moves
    assert report.proofs == 4 * (expected.moves + 1)


@pytest.mark.parametrize("rule", ["bfgs", "newton"])
def test_rules_that_replace_the_step_matrix(party, rule):
    party.spec = replace(party.spec, step=type(party.spec.step)(rule), gradient_bound=2.5e-3)
    result = run_to_the_end(party)
    expected = train(party.tables, party.spec)
    assert (result["coefficients"], result["rounds"]) == (expected.coefficients, expected.moves)
    assert audit(party.world.view(8), result["task"], keyring=DoubleKeys()).certified


def test_ranges_instead_of_moments(party):
    columns = tuple(
        replace(column, low=low, high=high)
        for column, low, high in zip(party.spec.columns, (0, 0, 0), (4, 40, 1), strict=True)
    )
    step = type(party.spec.step)(curvature="ranges")
    party.spec = replace(party.spec, columns=columns, step=step, gradient_bound=0.2)
    result = run_to_the_end(party)
    expected = train(party.tables, party.spec)
    assert (result["coefficients"], result["rounds"]) == (expected.coefficients, expected.moves)


def test_many_batches_are_folded(world, tmp_path):
    from support.people_world import SPEC, Party, np, tables

    from twopm_zk.rows.tables import Table

    instances = TaskInstances(("step-32x3",), "aggregate-16x3", "certify-16x3", "fold-16x3", segments=2)
    party = Party(world, tmp_path, spec=replace(SPEC, instances=instances, gradient_bound=0.1))
    (whole,) = tables([32])
    # 17 updates: the last node has fifteen batches
    party.tables[2] = Table(whole.names, np.tile(whole.features, (15, 1)), np.tile(whole.labels, 15))
    result = run_to_the_end(party)
    expected = train(party.tables, party.spec)
    assert (result["coefficients"], result["rounds"]) == (expected.coefficients, expected.moves)
    report = audit(world.view(8), result["task"], keyring=DoubleKeys())
    assert report.certified
    assert report.counts["fold proofs"] == expected.moves + 1
