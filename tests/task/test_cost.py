"""What a task will cost, from figures that were measured and are in the documentation."""

from dataclasses import replace

import pytest
from support.small_tasks import make_spec, spector_spec

from twopm_zk.circuit.instances import instances
from twopm_zk.statements import Collection
from twopm_zk.system import paths
from twopm_zk.task import cost
from twopm_zk.task.cost import cost_of, rows_cost
from twopm_zk.task.parts.step_rule import StepRule

SPEC = spector_spec()


def test_every_instance_of_a_task_has_its_domain_and_time():
    found = cost_of(SPEC)
    assert {one.role for one in found.instances} == {
        "step",
        "information",
        "evaluate",
        "aggregate",
        "certify",
        "predict",
    }
    assert all(one.power and one.seconds for one in found.instances)
    assert all(cost._powers().get(name) for name in instances())
    by_power = {one.power: one.seconds for one in found.instances}
    assert sorted(by_power.values()) == [by_power[power] for power in sorted(by_power)]


def test_rows_cost_as_many_proofs_as_they_make_batches():
    chosen = replace(make_spec(3), instances=None).provable(rows=119)
    whole, more = rows_cost(chosen, 119), rows_cost(chosen, 119 * 2 + 30)
    assert (whole.proofs, more.proofs) == (1, 3)
    assert more.gas - whole.gas == 2 * cost.SUBMIT_GAS
    assert whole.seconds == pytest.approx(cost.STEP_SECONDS)
    (information,) = [one for one in whole.rounds if one.collects is Collection.INFORMATION]
    assert information.seconds > whole.seconds  # its domain is 2^16
    without = replace(chosen, step=StepRule(curvature="ranges"), instances=replace(chosen.instances, information=()))
    assert [one.collects for one in rows_cost(without, 119).rounds] == [Collection.GRADIENT]
    assert more.seconds < 3 * whole.seconds  # the rest takes the smaller instance


def test_a_task_wider_than_all_circuits_has_no_cost():
    assert cost_of(make_spec(31)) is None


def test_the_figures_are_those_of_the_documentation():
    contracts = (paths.source_root() / "docs" / "contracts.md").read_text()
    a_node = (cost.SUBMIT_GAS, cost.SHARE_GAS, cost.READY_GAS)
    for gas in (*a_node, cost.INFORMATION_GAS, cost.EVALUATION_GAS, cost.ACCEPT_GAS, cost.CERTIFY_GAS):
        assert f"{gas:,}" in contracts, gas
    measured = (paths.source_root() / "bench" / "results" / "sums.md").read_text()
    assert f"| {cost.STEP_SECONDS - 0.002:.3f} s |" in measured
