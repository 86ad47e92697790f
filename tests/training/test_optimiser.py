"""Step matrices: what they are made of, and that they go downhill."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.small_tasks import make_spec, make_table

from twopm_zk.errors import DataError
from twopm_zk.numbers.fixed_point import FEATURES, Format
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.moments import Moments
from twopm_zk.rows.tables import Table
from twopm_zk.statements.policy import MATRIX
from twopm_zk.task.columns import Column
from twopm_zk.task.instances import TaskInstances
from twopm_zk.task.specification import StepRule, TaskSpec
from twopm_zk.training.optimiser import Optimiser, hessian, moment_curvature, range_curvature


def real(matrix):
    return np.array(matrix.rows()) / MATRIX.one


@given(data=st.data())
def test_moments_of_any_split_add_up_exactly(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    format = data.draw(st.sampled_from([FEATURES, Format(24, 12)]))
    features = rng.integers(-format.bias, format.bias, (40, 3))
    weights = rng.integers(0, 1 << 14, 40) if data.draw(st.booleans()) else None
    cut = data.draw(st.integers(1, 39))
    parts = [
        Moments.of(features[part], format, row_weights=None if weights is None else weights[part])
        for part in (slice(0, cut), slice(cut, 40))
    ]
    whole = Moments.of(features, format, row_weights=weights)
    assert parts[0] + parts[1] == whole
    design = np.hstack([features, np.full((40, 1), format.one)]) / format.one
    scale = 1.0 if weights is None else weights[:, None] / (1 << 16)
    assert np.allclose(whole.real(format), (design * scale).T @ design, rtol=1e-12)


def test_moments_of_many_rows_at_their_largest_do_not_overflow():
    format = Format(24, 12)
    features = np.full((3000, 2), -format.bias)
    largest = Moments.of(features, format, row_weights=np.full(3000, 1 << 14))
    assert largest.sums[0][0] == 3000 * (1 << 14) * format.bias**2
    assert Moments.of(features, format).sums[0][1] == 3000 * (1 << 16) * format.bias**2


def test_boehning_lindsay_is_the_inverse_of_the_bound():
    data, rules = make_table(50), make_spec(penalty=2.0)
    design = np.hstack([np.rint(data.features * 4096) / 4096, np.ones((50, 1))])
    bound = design.T @ design / 4 + np.diag([2.0, 2.0, 0.0])
    node = prepare(data, rules)
    matrix = Optimiser(rules, moment_curvature(rules, node.moments)).matrix
    assert np.allclose(real(matrix), 1.9 * np.linalg.inv(bound), atol=1 / MATRIX.one)


def test_gradient_rule_takes_one_length_for_all_weights():
    rules = make_spec(step=StepRule("gradient"))
    curvature = moment_curvature(rules, prepare(make_table(50), rules).moments)
    matrix = real(Optimiser(rules, curvature).matrix)
    assert np.allclose(matrix, np.eye(3) * 1.9 / np.linalg.eigvalsh(curvature)[-1], atol=1 / MATRIX.one)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 40))
def test_the_bound_from_ranges_is_above_the_one_from_any_rows_within_them(seed, rows):
    rng = np.random.default_rng(seed)
    ends = np.sort(rng.uniform(-7, 7, (3, 2)), axis=1)
    columns = tuple(Column(f"x{k}", low=float(low), high=float(high)) for k, (low, high) in enumerate(ends))
    rules = TaskSpec(columns=columns, label="y", penalty=0.5, step=StepRule(curvature="ranges"))
    data = np.hstack([rng.uniform(ends[:, 0], ends[:, 1], (rows, 3)), np.ones((rows, 1))])
    exact = data.T @ data / 4 + np.diag([0.5, 0.5, 0.5, 0.0])
    assert np.linalg.eigvalsh(range_curvature(rules, rows) - exact)[0] >= -1e-9 * rows


def test_newton_takes_the_hessian_of_the_last_weights():
    rules = make_spec(step=StepRule("newton"))
    data = make_table(60)
    node = prepare(data, rules)
    optimiser = Optimiser(rules, moment_curvature(rules, node.moments))
    weights = (1 << 20, -(1 << 19), 1 << 18)
    moments = node.batches[0].weighted_moments(weights)
    design = np.hstack([np.rint(data.features * 4096) / 4096, np.ones((60, 1))])
    p = 1 / (1 + np.exp(-design @ (np.array(weights) / 2**20)))
    exact = (design.T * (p * (1 - p))) @ design + np.diag([1.0, 1.0, 0.0])
    assert np.allclose(hessian(rules, moments), exact, atol=60 * 16 * 2.0**-16)
    optimiser.observe(weights, (1, 2, 3), moments)
    assert np.allclose(real(optimiser.matrix), np.linalg.inv(hessian(rules, moments)), atol=1 / MATRIX.one)


def bfgs():
    rules = make_spec(step=StepRule("bfgs"))
    return Optimiser(rules, moment_curvature(rules, prepare(make_table(60), rules).moments)), rules.sizes.round


def test_bfgs_matrix_maps_the_last_change_of_the_gradient_to_the_last_move():
    optimiser, shape = bfgs()
    unit = 1 << shape.gradient_frac_bits
    optimiser.observe((0, 0, 0), (4 * unit, -2 * unit, unit))
    first = optimiser.matrix
    move, change = np.array([3e5, -1e5, 2e5]) / 2**20, np.array([2.0, -1.5, 0.5])
    optimiser.observe((300_000, -100_000, 200_000), tuple(int(v * unit) for v in (6.0, -3.5, 1.5)))
    assert optimiser.matrix != first
    assert np.allclose(real(optimiser.matrix) @ change, move, atol=1e-8)


@pytest.mark.parametrize(("move", "learns"), [(64, True), (63, False)])
def test_bfgs_learns_nothing_from_a_move_of_less_than_64_units(move, learns):
    optimiser, shape = bfgs()
    unit = 1 << shape.gradient_frac_bits
    optimiser.observe((0, 0, 0), (unit, unit, unit))
    before = optimiser.matrix
    optimiser.observe((move, 0, 0), (unit + (unit >> 10), unit, unit))
    assert (optimiser.matrix != before) is learns


def test_bfgs_goes_back_to_the_bound_after_a_leap_uphill():
    optimiser, shape = bfgs()
    start = optimiser.matrix
    unit = 1 << shape.gradient_frac_bits
    optimiser.observe((0, 0, 0), (unit, unit, unit))
    optimiser.observe((1 << 18, 0, 0), (unit * 11 // 10, unit, unit))
    assert optimiser.matrix != start
    optimiser.observe((1 << 20, 0, 0), (9 * unit, 9 * unit, 9 * unit))
    assert optimiser.matrix == start


def test_bfgs_ignores_a_pair_without_curvature():
    optimiser, shape = bfgs()
    unit = 1 << shape.gradient_frac_bits
    optimiser.observe((0, 0, 0), (unit, unit, unit))
    before = optimiser.matrix
    optimiser.observe((1 << 18, 0, 0), (unit // 2, unit, unit))
    assert optimiser.matrix == before


def test_padding_never_moves():
    rules = make_spec(instances=TaskInstances(("step-128x3",), "aggregate-4x3", "certify-4x3"))
    matrix = Optimiser(rules, moment_curvature(rules, prepare(make_table(50), rules).moments)).matrix
    rows = np.array(matrix.rows())
    assert not rows[2].any()
    assert not rows[:, 2].any()
    assert rows[3, 3] > 0


def test_flat_directions_are_walked_slowly_instead_of_leaving_the_format():
    # lambda = 2^-12 alone would ask for entries of 1.9 * 4096
    rules = make_spec(penalty=2.0**-12)
    flat = Table(("x0", "x1"), make_table(30).features * np.array([1.0, 0.001]), make_table(30).labels)
    matrix = real(Optimiser(rules, moment_curvature(rules, prepare(flat, rules).moments)).matrix)
    assert np.linalg.eigvalsh(matrix)[-1] <= 127.001
    assert np.linalg.eigvalsh(matrix)[0] > 0


def test_columns_that_lambda_would_have_to_decide_are_named():
    data = make_table(30, 3)
    constant = Table(data.names, np.column_stack([data.features[:, :2], np.full(30, 1.37)]), data.labels)
    double = Table(data.names, np.column_stack([data.features[:, :2], data.features[:, 0] / 2]), data.labels)
    rules = make_spec(3, penalty=0.0)
    with pytest.raises(DataError, match="column 'x2' has one value in all rows"):
        moment_curvature(rules, prepare(constant, rules).moments)
    exact = Table(double.names, np.rint(double.features * 512) / 512 * np.array([1, 1, 1]), double.labels)
    exact.features[:, 2] = exact.features[:, 0] / 2
    with pytest.raises(DataError, match="'x0', 'x2' depend on each other"):
        moment_curvature(rules, prepare(exact, rules).moments)
    for regular in (constant, exact):
        rules = make_spec(3, penalty=1.0)
        assert np.linalg.eigvalsh(moment_curvature(rules, prepare(regular, rules).moments))[0] > 0
