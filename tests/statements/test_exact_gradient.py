"""The vectorised updates equal their definitions, row by row in Python's integers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.drawn_rows import draw_labels, draw_weights, edge_or_any, provable_weights

from twopm_zk.errors import DataError, InputError, RangeError
from twopm_zk.numbers import scores, sigmoid, variance
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS, Format, round_half_up
from twopm_zk.numbers.pedersen import EVALUATION, GRADIENT, INFORMATION, SQUARES, Opening, Tally
from twopm_zk.statements import (
    AggregateStatement,
    CertifyStatement,
    EvaluateShape,
    Family,
    InformationShape,
    Policy,
    Rows,
    StepMatrix,
    StepShape,
    StepStatement,
    evaluation_tally,
    gradient_tally,
    information_tally,
)


def inner(row, weights):
    return sum(x * w for x, w in zip(row, weights, strict=True))


def rounded(value, scale, unit):
    """The nearest integer, half up, of ``value`` over 2^scale in units of 2^-unit."""
    return (value * 2 ** (unit + 1) + 2**scale) // 2 ** (scale + 1)


def gradient_by_definition(shape, weights, features, labels):
    gradient, scale = [0] * (shape.features + 1), 0
    for values, label in zip(features.tolist(), labels.tolist(), strict=True):
        row = (*values, shape.format.one)
        z = inner(row, weights)
        if shape.family is Family.GAUSSIAN:
            residual, scale = z - label * WEIGHTS.one, shape.z_frac_bits + 6  # the residual is a 64th of z - y
        else:
            numerator = sigmoid.sigmoid_numerator(z, z_frac_bits=shape.z_frac_bits)
            residual, scale = (1 - 2 * label) * 2**sigmoid.SCALE_BITS + numerator, sigmoid.SCALE_BITS + 1
        gradient = [g + x * residual for g, x in zip(gradient, row, strict=True)]
    return Tally(GRADIENT, tuple(rounded(g, scale + shape.format.frac_bits, 48) for g in gradient), len(labels))


def information_by_definition(shape, weights, features):
    sums = dict.fromkeys(shape.pairs, 0)
    for values in features.tolist():
        z = inner((*values, shape.format.one), weights)
        v = 1 if shape.family is Family.GAUSSIAN else variance.variance_numerator(z, z_frac_bits=shape.z_frac_bits)
        row = (*values, 1)
        for j, k in sums:
            sums[j, k] += row[j] * row[k] * v
    items, scale = [], 6 if shape.family is Family.GAUSSIAN else variance.SCALE_BITS
    for (j, k), value in sums.items():
        places = shape.format.frac_bits * ((j < shape.features) + (k < shape.features))
        items.append(rounded(value, scale + places, 20))
    return Tally(INFORMATION, tuple(items), len(features))


def evaluation_by_definition(shape, weights, features, labels):
    z = [inner((*values, shape.format.one), weights) for values in features.tolist()]
    y, frac = labels.tolist(), shape.format.frac_bits
    if shape.family is Family.GAUSSIAN:
        off = sum((a - b * WEIGHTS.one) ** 2 for a, b in zip(z, y, strict=True))
        sums = (sum(y), frac), (sum(v * v for v in y), 2 * frac), (off, 2 * shape.z_frac_bits)
        return Tally(SQUARES, tuple(rounded(value, scale, 32) for value, scale in sums), len(y))
    loss, error, counts = 0, 0, [0] * (2 * scores.BINS)
    for value, label in zip(z, y, strict=True):
        T = sigmoid.rounded_input(value, z_frac_bits=shape.z_frac_bits)
        wrong = (value < 0) == (label == 1)
        inside = min(T, 1 << sigmoid.INPUT_BITS)
        loss += scores.loss_table()[inside] + (T << scores.CROSSED_SHIFT if wrong else 0)
        tanh = abs(sigmoid.sigmoid_numerator(value, z_frac_bits=shape.z_frac_bits))
        error += scores.square_table()[inside] + (2 * tanh if wrong else -2 * tanh)
        counts[label * scores.BINS + int(scores.bins(np.array([inside]), np.array([value < 0]))[0])] += 1
    sums = rounded(loss, scores.LOSS_SCALE_BITS, 20), rounded(error, scores.ERROR_SCALE_BITS, 20)
    return Tally(EVALUATION, (*sums, *counts), len(y))


@pytest.mark.slow
@pytest.mark.parametrize("family", list(Family))
@settings(max_examples=60)
@given(data=st.data())
def test_equals_the_definition_over_the_whole_range(family, data):
    formats = [FEATURES, Format(20, 16), Format(24, 20), Format(24, 22)]
    sizes = 128, data.draw(st.integers(1, 4)), data.draw(st.sampled_from(formats)), family
    shape, same, evaluated = StepShape(*sizes), InformationShape(*sizes), EvaluateShape(*sizes)
    rows = data.draw(st.integers(0, 12))
    size, bias = rows * shape.features, shape.format.bias
    values = data.draw(st.lists(edge_or_any(-bias, bias - 1), min_size=size, max_size=size))
    features = np.array(values, dtype=np.int64).reshape(rows, shape.features)
    labels = np.array(draw_labels(data, shape, rows), dtype=np.int64)
    weights = provable_weights(shape, draw_weights(data, shape.features + 1), features, labels)
    assert gradient_tally(shape, weights, features, labels) == gradient_by_definition(shape, weights, features, labels)
    found = evaluation_tally(evaluated, weights, features, labels)
    assert found == evaluation_by_definition(evaluated, weights, features, labels)
    assert information_tally(same, weights, features) == information_by_definition(same, weights, features)


@pytest.mark.parametrize("family", list(Family))
def test_rows_past_one_chunk_still_add_up(monkeypatch, family):
    rng = np.random.default_rng(5)
    features, labels = rng.integers(-FEATURES.bias, FEATURES.bias, (50, 3)), rng.integers(0, 2, 50)
    rows = (1 << 20, -7, 3, 1 << 19), features, labels

    def both():
        sizes = 128, 3, FEATURES, family
        return gradient_tally(StepShape(*sizes), *rows), evaluation_tally(EvaluateShape(*sizes), *rows)

    whole = both()
    for module in ("step", "evaluate"):
        monkeypatch.setattr(f"twopm_zk.statements.{module}.ROWS_AT_ONCE", 7)
    assert both() == whole


@pytest.mark.parametrize("family", list(Family))
def test_very_many_rows_at_their_largest_do_not_overflow(family):
    """More than are summed at once, each as large as it may be; with 24 bits 13 |z| of many features leaves 64 bits."""
    sizes = 1023, 24, Format(24, 20), family
    features = np.full((20_000, 24), -sizes[2].bias)
    labels = np.full(20_000, 0 if family is Family.LOGISTIC else -sizes[2].bias)
    weight = WEIGHTS.bias - 1 if family is Family.LOGISTIC else (55 << 20) // (24 * 8)
    weights = (-weight,) * 24 + (0,)
    one = features[:1], labels[:1]
    for kind, tally, definition in (
        (StepShape, gradient_tally, gradient_by_definition),
        (EvaluateShape, evaluation_tally, evaluation_by_definition),
    ):
        shape = kind(*sizes)
        of_one = definition(shape, weights, *one)
        of_all = tally(shape, weights, features, labels)
        assert all(abs(a - 20_000 * b) <= 20_000 for a, b in zip(of_all.items, of_one.items, strict=True))
        assert tally(shape, weights, *one) == of_one


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
