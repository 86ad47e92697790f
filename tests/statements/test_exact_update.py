"""The vectorised update equals its definition, row by row in Python's integers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twopm_zk.errors import DataError, InputError, RangeError
from twopm_zk.numbers import sigmoid
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS, Format
from twopm_zk.statements import (
    AggregateStatement,
    CertifyStatement,
    OpenedUpdate,
    Policy,
    RoundShape,
    RoundUpdates,
    Rows,
    StepMatrix,
    StepShape,
    StepStatement,
    Update,
    exact_update,
)


def by_definition(shape, weights, features, marks):
    gradient = [0] * (shape.features + 1)
    for values, mark in zip(features.tolist(), marks.tolist(), strict=True):
        row = (*values, shape.format.one)
        z = sum(x * w for x, w in zip(row, weights, strict=True))
        residual = (mark << sigmoid.SCALE_BITS) + sigmoid.sigmoid_numerator(z, z_frac_bits=shape.z_frac_bits)
        gradient = [g + x * residual for g, x in zip(gradient, row, strict=True)]
    return Update(len(marks), tuple(gradient))


def edge_or_any(bias):
    return st.one_of(st.sampled_from([-bias, -1, 0, 1, bias - 1]), st.integers(-bias, bias - 1))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_equals_the_definition_over_the_whole_range(data):
    shape = StepShape(128, data.draw(st.integers(1, 4)), data.draw(st.sampled_from([FEATURES, Format(24, 12)])))
    rows = data.draw(st.integers(0, 12))
    weight = st.one_of(edge_or_any(WEIGHTS.bias), st.integers(-(1 << 21), 1 << 21))
    weights = data.draw(st.lists(weight, min_size=shape.features + 1, max_size=shape.features + 1))
    size = rows * shape.features
    values = data.draw(st.lists(edge_or_any(shape.format.bias), min_size=size, max_size=size))
    features = np.array(values, dtype=np.int64).reshape(rows, shape.features)
    marks = np.array(data.draw(st.lists(st.sampled_from([1, -1]), min_size=rows, max_size=rows)), dtype=np.int64)
    assert exact_update(shape, weights, features, (1 - marks) // 2) == by_definition(shape, weights, features, marks)


def test_rows_past_one_chunk_still_add_up(monkeypatch):
    shape = StepShape(128, 3, FEATURES)
    rng = np.random.default_rng(5)
    features = rng.integers(-FEATURES.bias, FEATURES.bias, (50, 3))
    marks = rng.choice([1, -1], 50)
    whole = exact_update(shape, (1 << 20, -7, 3, 1 << 19), features, (1 - marks) // 2)
    monkeypatch.setattr("twopm_zk.statements.step._ROWS_AT_ONCE", 7)
    assert exact_update(shape, (1 << 20, -7, 3, 1 << 19), features, (1 - marks) // 2) == whole


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
        exact_update(StepShape(1, 1, FEATURES), weights, np.array([[feature]]), np.array([1]))


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
    update = OpenedUpdate(Update(3, (0, 0, 0)), 1)
    with pytest.raises(InputError, match="not of 3 features and an intercept"):
        RoundUpdates(RoundShape(4, 3, 12), (update,))
    policy = Policy(1, 0, 0, 0, 1 << 20, 1, 0)
    updates = RoundUpdates(RoundShape(4, 2, 12), (update,))
    with pytest.raises(InputError, match="2 weights for 2 features"):
        CertifyStatement(updates, policy, (0, 0))
    with pytest.raises(InputError, match="a step matrix of size 2 for 3 weights"):
        AggregateStatement(updates, policy, StepMatrix(2, (0, 0, 0)), (0, 0, 0))
