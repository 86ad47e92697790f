"""What each collection's noise is, and that all of it together is what the specification promises."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support.privacy import private_spec

from twopm_zk.errors import SpecError
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS
from twopm_zk.privacy import accounting
from twopm_zk.privacy.plan import EVALUATION_SHARE, INFORMATION_SHARE, MOST_BITS, REACH
from twopm_zk.privacy.terms import Privacy
from twopm_zk.statements import Collection, EvaluateShape, Family, InformationShape, StepShape
from twopm_zk.task.columns import Column
from twopm_zk.task.outcome import Outcome
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.parts.step_rule import NEWTON, StepRule

GRADIENT, INFORMATION, EVALUATION = Collection
SHAPES = {GRADIENT: StepShape, INFORMATION: InformationShape, EVALUATION: EvaluateShape}
TERMS = Privacy(1.0, 1e-6, clip=2.0)
ALL = Statistics(information=True, evaluation=True, held_out=True)


@pytest.mark.parametrize(
    ("changes", "releases"),
    [
        ({}, (6, 0, 0)),
        ({"maximum_rounds": 1}, (2, 0, 0)),
        ({"statistics": ALL}, (6, 1, 2)),
        ({"step": StepRule(NEWTON)}, (6, 6, 0)),
        ({"step": StepRule("boehning-lindsay"), "statistics": ALL}, (6, 2, 2)),
    ],
)
def test_all_that_a_task_may_publish_spends_its_epsilon_and_no_more(changes, releases):
    plan = private_spec(**changes).noise
    assert tuple(plan.schedule.times(kind) for kind in Collection) == releases
    assert len(plan.releases) == sum(releases)
    assert 0.999 < plan.epsilon() <= 1.0
    spent = [plan.epsilon(plan.releases[:count]) for count in range(len(plan.releases) + 1)]
    assert spent[0] == 0
    assert spent == sorted(set(spent))


def test_shares_of_the_cost_are_the_documented_ones():
    plan = private_spec(statistics=ALL).noise
    cost = {kind: plan.schedule.times(kind) / plan.multiplier(kind) ** 2 for kind in Collection}
    whole = sum(cost.values())
    assert cost[INFORMATION] / whole == pytest.approx(INFORMATION_SHARE)
    assert cost[EVALUATION] / whole == pytest.approx(2 * EVALUATION_SHARE)


def test_noise_of_the_honest_nodes_alone_is_the_multiplier_times_the_sensitivity():
    plan = private_spec(minimum_nodes=5).noise
    assert plan.honest == 4
    noise = plan.noise(GRADIENT, [0, 0, 0])
    (block,) = plan.limits.gradient(0.0)
    assert noise.sigmas == pytest.approx([plan.multiplier(GRADIENT) * block.sensitivity() / 2] * 3)
    assert plan.sigma_of_sum(GRADIENT, [0, 0, 0], 9) == pytest.approx([3 * noise.sigmas[0]] * 3)


def test_sums_of_an_evaluation_have_noise_in_proportion_to_their_sensitivities():
    """Together they cost what the multiplier says."""
    plan = private_spec(statistics=ALL).noise
    weights = [WEIGHTS.one, 0, 0]
    noise = plan.noise(EVALUATION, weights)
    assert [len(block.places) for block in noise.blocks] == [1, 1, 40]
    cost = sum((block.sensitivity / (block.sigma * math.sqrt(plan.honest))) ** 2 for block in noise.blocks)
    assert cost == pytest.approx(1 / plan.multiplier(EVALUATION) ** 2, rel=1e-3)
    assert cost <= 1 / plan.multiplier(EVALUATION) ** 2  # counts have a variance that is a whole number
    assert len(set(noise.sigmas)) == 3


def test_noise_on_evaluations_is_for_the_weights_that_are_evaluated():
    plan = private_spec(statistics=ALL).noise
    small, large = (plan.noise(EVALUATION, [w * WEIGHTS.one, 0, 0]).sigmas for w in (0, 4))
    assert small[0] < large[0]
    assert small[1:] == large[1:]
    with pytest.raises(SpecError, match="log-odds of 2e\\+03"):
        plan.noise(EVALUATION, [1000 * WEIGHTS.one, 0, 0])


@pytest.mark.parametrize("kind", list(Collection))
@pytest.mark.parametrize("family", list(Family))
def test_bits_are_the_fewest_with_room_for_eight_standard_deviations(kind, family):
    outcome = Outcome(scale=Column("y", low=-2.0, high=2.0)) if family is Family.GAUSSIAN else Outcome()
    plan = private_spec(family=family, outcome=outcome, statistics=ALL, step=StepRule("newton")).noise
    bits = plan.bits(kind)
    assert 2 <= bits <= MOST_BITS
    weights = [2 * WEIGHTS.one, WEIGHTS.one, WEIGHTS.one]
    noise = plan.noise(kind, weights)
    shape = SHAPES[kind](8, 2, FEATURES, family, bits)
    assert len(noise.sigmas) == kind.sums(3, family)
    for block in noise.blocks:
        assert {shape.noise_bound(place) for place in block.places} == {block.below}
        assert block.sigma * REACH * (1 << block.frac_bits) <= block.below
        assert block.sigma_squared >= (block.sigma * (1 << block.frac_bits)) ** 2 * (1 - 1e-15)


def test_bits_fit_the_gradient_at_any_weights_tightly():
    plan = private_spec().noise
    most = max(plan.noise(GRADIENT, [2047 * WEIGHTS.one] * 3).sigmas)
    assert 1 << (plan.bits(GRADIENT) - 1) < REACH * most <= 1 << plan.bits(GRADIENT)


def test_a_linear_regression_stops_where_any_row_could_be_without_a_proof():
    """Whoever has such a row would be the one that stays away: weights decide, and no rows."""
    outcome = Outcome(scale=Column("y", low=-2.0, high=2.0))
    plan = private_spec(family=Family.GAUSSIAN, outcome=outcome).noise
    assert plan.noise(GRADIENT, [0, 0, 61 * WEIGHTS.one]).sigmas[0] > plan.noise(GRADIENT, [0, 0, 0]).sigmas[0]
    with pytest.raises(SpecError, match="64 or more from what they expect"):
        plan.noise(GRADIENT, [0, 0, 62 * WEIGHTS.one])


def test_noise_that_no_circuit_has_room_for_is_refused_with_what_to_change():
    plan = private_spec(privacy=replace(TERMS, unit="node"), maximum_node_updates=1000).noise
    with pytest.raises(SpecError, match=r"noise of up to 2\^2\d whole units.*\n.*updates_per_node") as caught:
        plan.bits(GRADIENT)
    assert caught.value.kind == "too-much-noise"


def test_a_node_as_the_unit_takes_noise_for_all_of_its_rows():
    row, node = (
        private_spec(privacy=replace(TERMS, unit=unit, epsilon=3.0), maximum_node_updates=2).noise
        for unit in ("row", "node")
    )
    rows = 2 * private_spec().sizes.largest.rows
    ratio = node.noise(GRADIENT, [0] * 3).sigmas[0] / row.noise(GRADIENT, [0] * 3).sigmas[0]
    assert ratio == pytest.approx(rows)


def test_draws_are_of_the_size_of_their_sums_and_below_the_bound():
    noise = private_spec(statistics=ALL).noise.noise(EVALUATION, [0, 0, 0])
    drawn = noise.draw()
    assert len(drawn) == 42
    for block in noise.blocks:
        values = [drawn[place] for place in block.places]
        assert all(abs(value) < block.below for value in values)
    counts = np.array([drawn[place] for place in noise.blocks[2].places])
    assert 0.3 < counts.std() / noise.blocks[2].sigma < 3


def test_sums_of_padding_have_no_noise():
    """They are 0 for everybody: a weight that no column has stays 0."""
    spec = private_spec(2).provable(rows=48)
    assert spec.sizes.width == 3
    drawn = spec.noise.noise(GRADIENT, [0] * 4).draw()
    assert [value != 0 for value in drawn] == [True, True, False, True]
    other = replace(spec, step=StepRule("boehning-lindsay"), instances=None).provable(rows=48)
    drawn = other.noise.noise(INFORMATION, [0] * 4).draw()
    # pairs of columns 0, 1, padding, intercept by rows
    assert [value != 0 for value in drawn] == [True, True, False, True, True, False, True, False, False, True]


def test_a_delta_smaller_than_what_cutting_noise_off_takes_is_refused():
    plan = private_spec(privacy=Privacy(10.0, 1e-10, clip=2.0)).noise
    with pytest.raises(SpecError, match=r"`privacy.delta` is 1e-10; noise that is cut off takes"):
        plan.multiplier(GRADIENT)


def test_delta_has_room_for_noise_that_is_cut_off():
    """The probability that the honest nodes' noise is drawn anew, as the sampler itself bounds it."""
    from twopm_zk.numbers.discrete_gaussian import tail

    plan = private_spec(statistics=ALL).noise
    for kind in Collection:
        noise = plan.noise(kind, [2000 * WEIGHTS.one if kind is GRADIENT else 0, 0, 0])
        cut = plan.honest * sum(tail(b.sigma_squared, len(b.places), b.below) for b in noise.blocks)
        assert cut <= plan.redrawn(kind) * (1 + 1e-9)
    assert plan.delta_of_noise < plan.privacy.delta
    assert plan.delta_of_noise == pytest.approx(plan.privacy.delta, rel=1e-4)


def test_the_rough_noise_of_a_gradient_is_a_little_above_the_planned_one():
    plan = private_spec().noise
    planned = max(plan.sigma_of_sum(GRADIENT, [2047 * WEIGHTS.one] * 3, 5))
    assert 1 < plan.rough_gradient_noise(5) / planned < 1.3


def test_multipliers_have_a_margin_for_the_difference_between_a_sum_of_draws_and_one_draw():
    plan = private_spec().noise
    exact = accounting.calibrate(1.0, plan.delta_of_noise, 6)
    assert plan.multiplier(GRADIENT) == pytest.approx(exact, rel=1e-6)
