"""What is promised to the people in the rows, beside what was released."""

import math

import pytest
from support.privacy import private_spec

from twopm_zk.privacy.spent import Spent
from twopm_zk.privacy.terms import Privacy
from twopm_zk.statements import Collection
from twopm_zk.task.parts.statistics import Statistics

PLAN = private_spec(statistics=Statistics(evaluation=True)).noise
"""Six gradients and an evaluation, epsilon 1, and 2 honest of 3 nodes."""


def test_what_was_released_counts_and_not_what_may_be():
    releases = [Collection.GRADIENT] * 2 + [Collection.EVALUATION]
    found = Spent.of(PLAN, releases, nodes=4)
    assert found.spent == pytest.approx(PLAN.epsilon(releases))
    assert 0 < found.spent < 0.8
    assert found.sentence == (
        "differentially private: epsilon 1 at delta 1e-06 for each row, as long as 2 of the 4 nodes added their noise "
        f"and keep it secret; 3 of 7 releases used: epsilon {found.spent:.3g}"
    )
    assert found.kept
    assert found.to_json()["epsilon_spent"] == found.spent


def test_all_that_is_planned_spends_no_more_than_was_promised():
    found = Spent.of(PLAN, PLAN.releases, nodes=3)
    assert found.spent == pytest.approx(1.0, abs=0.01)
    assert found.spent <= 1.0
    assert found.kept


@pytest.mark.parametrize("extra", [Collection.GRADIENT, Collection.EVALUATION, Collection.INFORMATION])
def test_a_release_more_than_planned_is_beyond_the_promise(extra):
    found = Spent.of(PLAN, [*PLAN.releases, extra], nodes=3)
    assert found.beyond == (extra,)
    assert not found.kept
    assert found.spent > 1.0
    if extra is Collection.INFORMATION:  # no noise was planned for it
        assert found.spent == math.inf
        assert found.sentence.endswith("8 of 7 releases used: more than was planned")
        assert found.to_json()["epsilon_spent"] is None


def test_a_set_of_fewer_nodes_than_are_counted_on_keeps_no_promise():
    assert not Spent.of(PLAN, PLAN.releases, nodes=1).kept


def test_a_node_is_named_where_it_is_the_unit():
    spec = private_spec(privacy=Privacy(2.0, 1e-6, unit="node", clip=1.0), maximum_node_updates=1, minimum_nodes=9)
    assert "for each node, as long as 8 of the 9 nodes" in Spent.of(spec.noise, [], nodes=9).sentence
