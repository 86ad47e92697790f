"""The vectorised updates equal their definitions, row by row in Python's integers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.drawn_rows import draw_weights, edge_or_any

from twopm_zk.errors import DataError, InputError, RangeError
from twopm_zk.numbers import sigmoid, variance
from twopm_zk.numbers.fixed_point import FEATURES, Format, round_half_up
from twopm_zk.numbers.pedersen import GRADIENT, INFORMATION, Opening, Tally
from twopm_zk.statements import (
    AggregateStatement,
    CertifyStatement,
    InformationShape,
    Policy,
    Rows,
    StepMatrix,
    StepShape,
    StepStatement,
    gradient_tally,
    information_tally,
)


def inner(row, weights):
    return sum(x * w for x, w in zip(row, weights, strict=True))


def gradient_by_definition(shape, weights, features, marks):
    gradient = [0] * (shape.features + 1)
    for values, mark in zip(features.tolist(), marks.tolist(), strict=True):
        row = (*values, shape.format.one)
        numerator = sigmoid.sigmoid_numerator(inner(row, weights), z_frac_bits=shape.z_frac_bits)
        residual = (mark << sigmoid.SCALE_BITS) + numerator
        gradient = [g + x * residual for g, x in zip(gradient, row, strict=True)]
    unit = 1 << shape.dropped_bits
    return Tally(GRADIENT, tuple((g + unit // 2) // unit for g in gradient), len(marks))


def information_by_definition(shape, weights, features):
    sums = dict.fromkeys(shape.pairs, 0)
    for values in features.tolist():
        z = inner((*values, shape.format.one), weights)
        v = variance.variance_numerator(z, z_frac_bits=shape.z_frac_bits)
        row = (*values, 1)
        for j, k in sums:
            sums[j, k] += row[j] * row[k] * v
    items = []
    for (j, k), value in sums.items():
        places = shape.format.frac_bits * ((j < shape.features) + (k < shape.features))
        unit = 1 << (variance.SCALE_BITS + places - 20)
        items.append((value + unit // 2) // unit)
    return Tally(INFORMATION, tuple(items), len(features))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_equals_the_definition_over_the_whole_range(data):
    sizes = 128, data.draw(st.integers(1, 4)), data.draw(st.sampled_from([FEATURES, Format(20, 16), Format(24, 20)]))
    shape, same = StepShape(*sizes), InformationShape(*sizes)
    rows = data.draw(st.integers(0, 12))
    weights = draw_weights(data, shape.features + 1)
    size, bias = rows * shape.features, shape.format.bias
    values = data.draw(st.lists(edge_or_any(-bias, bias - 1), min_size=size, max_size=size))
    features = np.array(values, dtype=np.int64).reshape(rows, shape.features)
    marks = np.array(data.draw(st.lists(st.sampled_from([1, -1]), min_size=rows, max_size=rows)), dtype=np.int64)
    found = gradient_tally(shape, weights, features, (1 - marks) // 2)
    assert found == gradient_by_definition(shape, weights, features, marks)
    assert information_tally(same, weights, features) == information_by_definition(same, weights, features)


def test_rows_past_one_chunk_still_add_up(monkeypatch):
    shape = StepShape(128, 3, FEATURES)
    rng = np.random.default_rng(5)
    features = rng.integers(-FEATURES.bias, FEATURES.bias, (50, 3))
    marks = rng.choice([1, -1], 50)
    whole = gradient_tally(shape, (1 << 20, -7, 3, 1 << 19), features, (1 - marks) // 2)
    monkeypatch.setattr("twopm_zk.statements.step.ROWS_AT_ONCE", 7)
    assert gradient_tally(shape, (1 << 20, -7, 3, 1 << 19), features, (1 - marks) // 2) == whole


def test_information_of_many_rows_at_their_largest_does_not_overflow():
    shape = InformationShape(1023, 1, Format(24, 20))
    features = np.full((3000, 1), -shape.format.bias)
    exact = 3000 * shape.format.bias**2 * variance.table()[0]
    expected = round_half_up(exact, dropped=shape.dropped_bits((0, 0)))
    assert information_tally(shape, (0, 0), features).items[0] == expected


@pytest.mark.parametrize("z_frac_bits", [20, 32, 43])
def test_rounding_of_many_inputs_is_the_rounding_of_each_up_to_saturation(z_frac_bits):
    dropped = sigmoid.dropped_bits(z_frac_bits)
    end = (1 << (sigmoid.INPUT_BITS + dropped)) // sigmoid.UNIT_DIVISOR
    z = [0, 1, -1, 1 << (dropped - 4), end - 2, end - 1, end, end + 1, -end, (1 << 62), -(1 << 62)]
    rounded = sigmoid.rounded_inputs(np.array(z, dtype=np.int64), z_frac_bits=z_frac_bits)
    expected = [min(sigmoid.rounded_input(v, z_frac_bits=z_frac_bits), 1 << sigmoid.INPUT_BITS) for v in z]
    assert rounded.tolist() == expected


def test_limbs_put_together_are_the_polynomial():
    limbs = sigmoid.polynomial_limbs()
    assert limbs.min() >= 0
    assert limbs.max() < 1 << sigmoid.LIMB_BITS
    for T in (0, 1, 17, 40_000, (1 << sigmoid.INPUT_BITS) - 1):
        total = sum(int(limb) << (sigmoid.LIMB_BITS * i) for i, limb in enumerate(limbs[T]))
        assert total == sigmoid.polynomial_table()[T]


@pytest.mark.parametrize(
    ("weights", "feature", "error"),
    [
        ((1 << 31, 0), 0, RangeError),
        ((0, 0), 1 << 15, RangeError),
        ((0, 0), -(1 << 15) - 1, RangeError),
        ((0,), 0, InputError),
    ],
)
def test_integers_that_the_circuit_refuses_are_refused(weights, feature, error):
    with pytest.raises(error):
        gradient_tally(StepShape(1, 1, FEATURES), weights, np.array([[feature]]), np.array([1]))
    with pytest.raises(error):
        information_tally(InformationShape(1, 1, FEATURES), weights, np.array([[feature]]))


def test_statements_of_another_size_than_their_shape_are_refused():
    shape = StepShape(4, 2, FEATURES)
    rows = Rows.padded(shape, np.zeros((3, 2), dtype=np.int64), [0, 1, 0])
    with pytest.raises(InputError, match="2 weights for 2 features and an intercept"):
        StepStatement(shape, 0, (1, 2), rows)
    with pytest.raises(InputError, match="not padded to the 5 x 2"):
        StepStatement(replace(shape, rows=5), 0, (1, 2, 3), rows)
    with pytest.raises(DataError, match="features of 1 dimensions"):
        Rows.padded(shape, np.zeros(3, dtype=np.int64), [0, 1, 0])
    with pytest.raises(InputError, match=r"square; this array has the shape \(2, 3\)"):
        StepMatrix.quantized(np.zeros((2, 3)))
    policy = Policy(1, 0, 0, 0, 1 << 20, 1, 0)
    total = Opening(GRADIENT, (0, 0, 0), 3, 1)
    for mixed in (Opening(INFORMATION, (0, 0, 0), 3, 1), Opening(GRADIENT, (0, 0), 3, 1)):
        with pytest.raises(InputError, match="the sum is not a gradient of 3 weights"):
            CertifyStatement(mixed, policy, (0, 0, 0))
    with pytest.raises(InputError, match="a step matrix of size 2 for 3 weights"):
        AggregateStatement(total, policy, StepMatrix(2, (0, 0, 0)), (0, 0, 0))
