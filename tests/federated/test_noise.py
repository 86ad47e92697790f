"""Noise: as much as the accountant asks for, over all rounds, and bounds that no accountant changes."""

import math

import numpy as np
import pytest
from support.federated import private_spec, small_spec

from twopm_zk.federated import MaskedUpdate, Trained, first_result, next_result, update_of
from twopm_zk.federated.noise import REACH
from twopm_zk.privacy import accounting

ARRAYS = [np.zeros((2, 3)), np.zeros(4)]


@pytest.mark.parametrize("epsilon", [1 / 64, 1.0, 20.0])
@pytest.mark.parametrize("rounds", [1, 30])
def test_all_rounds_together_keep_epsilon_and_waste_nothing(epsilon, rounds):
    plan = private_spec(epsilon, rounds={"maximum": rounds}).noise
    assert plan.epsilon(rounds) <= epsilon
    assert accounting.epsilon([plan.multiplier * 0.999] * rounds, plan.privacy.delta) > epsilon
    assert plan.epsilon(rounds + 1) > epsilon
    # half of two honest nodes' noise each, and rounded up to a variance of whole units
    needed = plan.multiplier * plan.sensitivity / math.sqrt(plan.honest)
    assert needed <= plan.sigma <= needed * 1.001
    # what draws that are drawn anew take of delta is nothing beside it
    assert 0 <= plan.privacy.delta - plan.delta_of_noise < 1e-30


@pytest.mark.parametrize("epsilon", [1 / 64, 1.0, 3.0, 20.0])
@pytest.mark.parametrize("rounds", [1, 30, 10000])
def test_the_bound_of_draws_is_known_without_an_accountant_and_far_beyond_them(epsilon, rounds):
    plan = private_spec(epsilon, rounds={"maximum": rounds}).noise
    assert REACH <= plan.below / math.sqrt(plan.sigma_squared) <= 1.75 * REACH


def test_the_sensitivity_is_that_of_any_two_updates_of_a_node():
    """Opposite ones, each as long as clip and rounded away from the other, are apart by nearly as much."""
    spec = private_spec()
    exact = small_spec(update={"clip": 4.0, "weighting": "equal"})
    before = first_result(exact, ARRAYS)
    row = np.full(10, 100.0)
    one, other = (update_of(exact, before, Trained(sign * row, 1)).words[:-1] for sign in (1, -1))
    apart = math.sqrt(sum(int(word) ** 2 for word in one - other)) / 2**16
    assert 0.999 * spec.noise.sensitivity < apart <= spec.noise.sensitivity
    # and where nothing but rounding is left of it
    small = private_spec(parameters := 10).noise
    assert small.sensitivity == 2 * 4.0 + math.sqrt(parameters) * 2**-16


def test_noise_is_never_so_small_that_the_sum_of_several_is_no_discrete_gaussian():
    spec = small_spec(
        update={"clip": 2.0**-16, "weighting": "equal", "frac_bits": 4}, privacy={"epsilon": 20, "delta": 1e-2}
    )
    assert spec.noise.sigma_squared == accounting.LEAST_SIGMA**2
    assert accounting.log2_of_difference(spec.noise.sigma_squared, 65535, 1 << 27) < -100


def test_fewer_honest_nodes_add_more_each():
    terms = {"epsilon": 3.0, "delta": 1e-5}
    plans = [
        small_spec(update={"clip": 4.0, "weighting": "equal"}, privacy=terms | {"honest": honest}).noise
        for honest in (1, 2, 3)
    ]
    sums = [plan.sigma * math.sqrt(plan.honest) for plan in plans]
    assert sums == pytest.approx([sums[0]] * 3, rel=1e-6)


def test_draws_have_the_variance_of_the_plan():
    spec = small_spec(
        model={"arrays": [[3000]]},
        update={"clip": 4.0, "weighting": "equal"},
        privacy={"epsilon": 3.0, "delta": 1e-5},
    )
    drawn = np.array(spec.noise.draw(), dtype=float)
    assert drawn.std() == pytest.approx(math.sqrt(spec.noise.sigma_squared), rel=0.1)
    assert abs(drawn.mean()) < 0.1 * drawn.std()
    assert (np.abs(drawn) < spec.noise.below).all()


def test_a_round_with_noise_has_a_result_and_its_noise_is_that_of_all_nodes():
    spec = small_spec(
        model={"arrays": [[1000]]},
        update={"clip": 1.0, "weighting": "equal"},
        privacy={"epsilon": 3.0, "delta": 1e-5},
    )
    first = first_result(spec, [np.zeros(1000)])
    rows = [update_of(spec, first, Trained(first.values, 1)).words for _ in range(3)]
    found = next_result(spec, first, [MaskedUpdate(spec.layout, row.view(np.uint64)) for row in rows])
    assert found.values.std() == pytest.approx(spec.noise.sigma / math.sqrt(3), rel=0.15)


def test_what_was_spent_counts_every_sum_that_was_shared():
    plan = private_spec(rounds={"maximum": 10}).noise
    assert plan.spent(0, nodes=3).spent == 0
    ten = plan.spent(10, nodes=3)
    assert ten.kept
    assert ten.spent <= 3.0
    assert "10 of 10 releases used" in ten.sentence
    eleven = plan.spent(11, nodes=3)
    assert not eleven.kept
    assert eleven.spent > 3.0
    assert not plan.spent(10, nodes=1).kept
    assert ten.unit == "node"
