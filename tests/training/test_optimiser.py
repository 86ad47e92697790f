"""Step matrices: what they are made of, and that they go downhill."""

from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.privacy import private_spec
from support.small_tasks import curvature_of, make_spec, make_split, make_table, spector_spec, total_of

from twopm_zk.errors import DataError
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS, Format
from twopm_zk.numbers.pedersen import GRADIENT
from twopm_zk.privacy.terms import Privacy
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.tables import Table, load_spector
from twopm_zk.statements import Collection, InformationShape, information_tally
from twopm_zk.statements.policy import MATRIX
from twopm_zk.task.columns import Column
from twopm_zk.task.instances import TaskInstances
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.optimiser import Optimiser, hessian, information_curvature, range_curvature

THREE = TaskInstances(("step-119x3",), "aggregate-3", "certify-3", ("information-119x3",))


def real(matrix):
    return np.array(matrix.rows()) / MATRIX.one


@pytest.mark.slow
@given(data=st.data())
def test_information_of_any_split_differs_by_one_rounding_for_each_part(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    shape = InformationShape(40, 3, data.draw(st.sampled_from([FEATURES, Format(20, 16)])))
    features = rng.integers(-shape.format.bias, shape.format.bias, (40, 3))
    weights = tuple(int(w) for w in rng.integers(-(1 << 21), 1 << 21, 4)) if data.draw(st.booleans()) else (0,) * 4
    owner = np.array(data.draw(st.lists(st.integers(0, 2), min_size=40, max_size=40)))
    parts = [features[owner == k] for k in range(3) if (owner == k).any()]
    whole = information_tally(shape, weights, features)
    total = reduce(add, (information_tally(shape, weights, part) for part in parts))
    assert total.rows == whole.rows
    assert all(abs(a - b) <= len(parts) for a, b in zip(total.items, whole.items, strict=True))


def test_boehning_lindsay_is_the_inverse_of_the_bound():
    data, rules = make_table(50), make_spec(penalty=2.0)
    design = np.hstack([np.rint(data.features * 4096) / 4096, np.ones((50, 1))])
    bound = design.T @ design / 4 + np.diag([2.0, 2.0, 0.0])
    matrix = Optimiser(rules, curvature_of(data, rules)).matrix
    # sigma' of the circuits is 1/4 but for a relative error of 2^-10, and a hundredth makes sure that the bound is one
    assert np.allclose(real(matrix) @ bound, 1.9 * np.eye(3), atol=1.9 * 0.012)
    assert np.linalg.eigvalsh(1.9 * np.linalg.inv(bound) - real(matrix))[0] > -1e-6


def test_gradient_rule_takes_one_length_for_all_weights():
    rules = make_spec(step=StepRule("gradient"))
    curvature = curvature_of(make_table(50), rules)
    matrix = real(Optimiser(rules, curvature).matrix)
    assert np.allclose(matrix, np.eye(3) * 1.9 / np.linalg.eigvalsh(curvature)[-1], atol=1 / MATRIX.one)


@settings(max_examples=50)
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
    optimiser = Optimiser(rules, curvature_of(data, rules))
    weights = (1 << 20, -(1 << 19), 1 << 18)
    information = total_of(Collection.INFORMATION, prepare(data, rules), weights)
    design = np.hstack([np.rint(data.features * 4096) / 4096, np.ones((60, 1))])
    p = 1 / (1 + np.exp(-design @ (np.array(weights) / 2**20)))
    exact = (design.T * (p * (1 - p))) @ design + np.diag([1.0, 1.0, 0.0])
    assert np.allclose(hessian(rules, information), exact, rtol=2e-3, atol=60 * 2.5e-4)
    optimiser.observe(weights, (1, 2, 3), information)
    assert np.allclose(real(optimiser.matrix), np.linalg.inv(hessian(rules, information)), atol=1 / MATRIX.one)


@pytest.mark.parametrize("columns", [1, 3])
def test_padding_is_no_part_of_the_information(columns):
    data, plain = make_table(40, columns), make_spec(columns)
    padded = make_spec(columns, instances=THREE)
    assert plain.sizes.width == columns
    assert padded.sizes.width == 3
    for weights in (0, 1 << 19):
        tallies = [
            total_of(Collection.INFORMATION, prepare(data, rules), (weights,) * (rules.sizes.width + 1))
            for rules in (plain, padded)
        ]
        assert np.array_equal(hessian(plain, tallies[0]), hessian(padded, tallies[1]))


def bfgs():
    rules = make_spec(step=StepRule("bfgs"))
    return Optimiser(rules, curvature_of(make_table(60), rules))


def test_bfgs_matrix_maps_the_last_change_of_the_gradient_to_the_last_move():
    optimiser = bfgs()
    unit = 1 << GRADIENT.frac_bits
    optimiser.observe((0, 0, 0), (4 * unit, -2 * unit, unit))
    first = optimiser.matrix
    move, change = np.array([3e5, -1e5, 2e5]) / 2**20, np.array([2.0, -1.5, 0.5])
    optimiser.observe((300_000, -100_000, 200_000), tuple(int(v * unit) for v in (6.0, -3.5, 1.5)))
    assert optimiser.matrix != first
    assert np.allclose(real(optimiser.matrix) @ change, move, atol=1e-8)


@pytest.mark.parametrize(("move", "learns"), [(64, True), (63, False)])
def test_bfgs_learns_nothing_from_a_move_of_less_than_64_units(move, learns):
    optimiser = bfgs()
    unit = 1 << GRADIENT.frac_bits
    optimiser.observe((0, 0, 0), (unit, unit, unit))
    before = optimiser.matrix
    optimiser.observe((move, 0, 0), (unit + (unit >> 10), unit, unit))
    assert (optimiser.matrix != before) is learns


def test_bfgs_goes_back_to_the_bound_after_a_leap_uphill():
    optimiser = bfgs()
    start = optimiser.matrix
    unit = 1 << GRADIENT.frac_bits
    optimiser.observe((0, 0, 0), (unit, unit, unit))
    optimiser.observe((1 << 18, 0, 0), (unit * 11 // 10, unit, unit))
    assert optimiser.matrix != start
    optimiser.observe((1 << 20, 0, 0), (9 * unit, 9 * unit, 9 * unit))
    assert optimiser.matrix == start


def test_bfgs_ignores_a_pair_without_curvature():
    optimiser = bfgs()
    unit = 1 << GRADIENT.frac_bits
    optimiser.observe((0, 0, 0), (unit, unit, unit))
    before = optimiser.matrix
    optimiser.observe((1 << 18, 0, 0), (unit // 2, unit, unit))
    assert optimiser.matrix == before


def test_padding_never_moves():
    rules = make_spec(instances=THREE)
    matrix = Optimiser(rules, curvature_of(make_table(50), rules)).matrix
    rows = np.array(matrix.rows())
    assert not rows[2].any()
    assert not rows[:, 2].any()
    assert rows[3, 3] > 0


def test_flat_directions_are_walked_slowly_instead_of_leaving_the_format():
    # next to nothing is known of the second column
    rules = make_spec(penalty=2.0**-12)
    flat = Table(("x0", "x1"), make_table(30).features * np.array([1.0, 0.0]), make_table(30).labels)
    curvature = curvature_of(flat, rules)
    curvature[1, 1] /= 100
    matrix = real(Optimiser(rules, curvature).matrix)
    assert np.linalg.eigvalsh(matrix)[-1] == pytest.approx(32767)
    assert np.linalg.eigvalsh(matrix)[0] > 0


def with_columns(data, *columns):
    features = np.column_stack([data.features, *columns])
    return Table(tuple(f"x{k}" for k in range(features.shape[1])), features, data.labels)


def dependent(rows=30):
    """The third column is half of the first one, in whole units of the format."""
    data = make_table(rows)
    data.features[:, 0] = np.rint(data.features[:, 0] * 512) / 512
    return with_columns(data, data.features[:, 0] / 2)


CONSTANTS = [0.0, 1.37, -7.99, 7.99, 2**-12]


def information_of(data, nodes):
    rules = make_spec(3)
    parts = [prepare(part, rules) for part in make_split(data, nodes)]
    return total_of(Collection.INFORMATION, parts, (0,) * 4)


SIZES = [(8, 1), (30, 3), (5000, 1), (5000, 625)]
"""Rows and nodes; where all nodes have as many rows, what rounding adds to their sums is the same for all of them."""


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "nodes"), SIZES)
@pytest.mark.parametrize("value", CONSTANTS)
def test_a_constant_column_is_named_where_lambda_is_0(value, rows, nodes):
    total = information_of(with_columns(make_table(rows), np.full(rows, value)), nodes)
    with pytest.raises(DataError, match="column 'x2' has one value in all rows"):
        information_curvature(make_spec(3, penalty=0.0), total)
    assert np.linalg.eigvalsh(information_curvature(make_spec(3), total))[0] > 0


def test_a_column_that_varies_by_less_than_its_scale_resolves_is_not_said_to_have_one_value():
    values = np.random.default_rng(0).normal(0, 1e-5, 30)
    total = information_of(with_columns(make_table(30), values), 1)
    with pytest.raises(DataError, match=r"'x2' .* or varies by less than its scale resolves") as caught:
        information_curvature(make_spec(3, penalty=0.0), total)
    assert "a narrower range" in caught.value.hint


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "nodes"), SIZES)
def test_columns_that_depend_on_each_other_are_named_where_lambda_is_0(rows, nodes):
    total, rules = information_of(dependent(rows), nodes), make_spec(3, penalty=0.0)
    with pytest.raises(DataError, match="'x0', 'x2' depend on each other"):
        information_curvature(rules, total)
    assert np.linalg.eigvalsh(information_curvature(make_spec(3), total))[0] > 0


def test_a_sum_of_columns_is_named_with_all_of_them():
    """Dummies of all levels of a factor, with an intercept."""
    rng = np.random.default_rng(2)
    level = rng.integers(0, 3, 60)
    data = Table(("x0", "x1", "x2"), np.eye(3)[level], (rng.random(60) < 0.5).astype(np.int64))
    with pytest.raises(DataError, match="'x0', 'x1', 'x2', the intercept depend on each other"):
        curvature_of(data, make_spec(3, penalty=0.0))


@pytest.mark.parametrize("rows", [30, 1000, 20_000])
@pytest.mark.parametrize(
    "third",
    [
        pytest.param(lambda d, noise: 7.5 + 0.02 * noise, id="far from 0 and hardly spread"),
        pytest.param(lambda d, noise: d.features[:, 0] / 2 + 0.02 * noise, id="nearly half of another one"),
        pytest.param(lambda d, noise: (noise > 1.5) * 1.0, id="a rare mark"),
        pytest.param(lambda d, noise: 0.02 * noise, id="small"),
    ],
)
def test_columns_that_are_hard_and_no_more_pass(rows, third):
    """The information that is found is near the true one, too: its inverse gives weights and errors."""
    data = make_table(rows, seed=4)
    noise = np.random.default_rng(1).normal(size=rows).clip(-3, 3)
    noise[:2] = 2.0, -2.0
    data, rules = with_columns(data, third(data, noise)), make_spec(3, penalty=0.0)
    design = np.hstack([np.rint(data.features * 4096) / 4096, np.ones((rows, 1))])
    inverse = np.linalg.inv(curvature_of(data, rules) / 1.01)
    assert np.diag(inverse) == pytest.approx(np.diag(np.linalg.inv(design.T @ design / 4)), rel=0.02)


def test_standard_errors_from_the_information_are_those_that_are_published():
    """Spector and Mazzeo's table in Greene: 1.263, 0.142, 1.065, 4.931."""
    from statsmodels.discrete.discrete_model import Logit

    table, rules = load_spector(), spector_spec()
    fitted = Logit(table.labels, np.hstack([table.features, np.ones((32, 1))])).fit(method="newton", tol=1e-14, disp=0)
    slopes = dict(zip(table.names, fitted.params[:-1], strict=True))
    weights = [slopes[c.name] * c.scale for c in rules.columns]
    weights.append(fitted.params[-1] + sum(slopes[c.name] * c.centre for c in rules.columns))
    integers = tuple(round(w * WEIGHTS.one) for w in weights)
    nodes = [prepare(part, rules) for part in make_split(table, 3)]
    covariance = np.linalg.inv(hessian(rules, total_of(Collection.INFORMATION, nodes, integers)))
    back = np.array([[*(float(i == j) for j in range(3)), 0.0] for i in range(3)])  # to unscaled columns
    back = np.vstack([back, [*(-c.centre / c.scale for c in rules.columns), 1.0]])
    back[:3] /= np.array([c.scale for c in rules.columns])[:, None]
    errors = np.sqrt(np.diag(back @ covariance @ back.T))
    assert errors == pytest.approx(fitted.bse, rel=5e-4)
    assert errors == pytest.approx([1.263, 0.142, 1.065, 4.931], rel=5e-3)


def test_the_bound_by_ranges_uses_a_clip_where_it_is_tighter():
    spec = private_spec(30, privacy=Privacy(1.0, 1e-6, clip=2.0), penalty=1.0)
    clipped, whole = (range_curvature(one, 100) for one in (spec, replace(spec, privacy=None)))
    assert np.diag(clipped)[:-1] == pytest.approx(100 / 4 * 5 + 1)
    assert np.diag(clipped).max() < np.diag(whole).max()
    loose = replace(spec, privacy=Privacy(1.0, 1e-6, clip=1000.0))
    assert np.diag(range_curvature(loose, 100)).max() <= np.diag(whole).max()
