"""The vectorised update equals its definition, row by row in Python's integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twopm_zk.errors import InputError, RangeError
from twopm_zk.numbers import sigmoid
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS, Format
from twopm_zk.statements import StepShape, Update, exact_update


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
    assert exact_update(shape, weights, features, marks) == by_definition(shape, weights, features, marks)


def test_rows_past_one_chunk_still_add_up(monkeypatch):
    shape = StepShape(128, 3, FEATURES)
    rng = np.random.default_rng(5)
    features = rng.integers(-FEATURES.bias, FEATURES.bias, (50, 3))
    marks = rng.choice([1, -1], 50)
    whole = exact_update(shape, (1 << 20, -7, 3, 1 << 19), features, marks)
    monkeypatch.setattr("twopm_zk.statements.step._ROWS_AT_ONCE", 7)
    assert exact_update(shape, (1 << 20, -7, 3, 1 << 19), features, marks) == whole


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
