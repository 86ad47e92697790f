"""What bound tables count on, in plain arithmetic: digits, lanes of many updates, and the field.

The tables themselves are asserted whenever an instance is used; here their limits are derived once more from what a row
may hold, for the largest and the smallest of all instances, of both families.
"""

from itertools import product

import pytest

from twopm_zk.numbers import scores, sigmoid, variance
from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import WEIGHTS, Format
from twopm_zk.numbers.pedersen import BLINDING_DIGITS, EVALUATION, GRADIENT, INFORMATION, SQUARES, digits_for
from twopm_zk.statements import (
    DISPERSION,
    Collection,
    EvaluateShape,
    Family,
    InformationShape,
    RoundShape,
    StepShape,
)
from twopm_zk.statements.policy import MATRIX
from twopm_zk.statements.rounds import COUNT_DIGITS, MAX_UPDATES, SUM_DIGITS
from twopm_zk.statements.rows import MAX_ROWS

FORMATS = [Format(4, 0), Format(4, 3), Format(12, 8), Format(16, 12), Format(20, 16), Format(24, 20), Format(24, 23)]
"""Up to four bits before the point, and none but the sign."""
SIZES = list(product((1, MAX_ROWS), (1, 64), FORMATS))
FAMILIES = list(Family)
ROUND_HALF_UP = 1 << 252
"""Below it, in magnitude, RoundHalfUp has one solution."""


def bounds_of(shape):
    return {bound.name: bound for bound in shape.bounds()}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("rows", "features", "format"), SIZES)
@pytest.mark.parametrize("kind", [StepShape, InformationShape, EvaluateShape])
def test_every_instance_keeps_its_bounds(kind, rows, features, format, family):
    assert all(b.magnitude < b.limit for b in kind(rows, features, format, family).bounds())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", [StepShape, InformationShape, EvaluateShape])
def test_larger_instances_do_not(kind, family):
    for rows, format in ((MAX_ROWS + 1, Format(16, 12)), (1, Format(17, 12))):
        assert [b.name for b in kind(rows, 3, format, family).bounds() if b.magnitude >= b.limit] != []


@pytest.mark.parametrize(("rows", "features", "format"), SIZES)
def test_a_gaussian_gradient_is_at_most_what_its_rows_can_sum_to(rows, features, format):
    """|z - y| is at most DISPERSION, so that the residual is at most 1, and x at most 8."""
    shape = StepShape(rows, features, format, Family.GAUSSIAN)
    residual = DISPERSION << shape.z_frac_bits
    exact = rows * format.bias * residual
    bounds = bounds_of(shape)
    assert bounds["gradient component"].magnitude == exact
    assert exact + (1 << max(shape.dropped_bits - 1, 0)) < ROUND_HALF_UP
    unit = 2**shape.gradient_frac_bits / 2**GRADIENT.frac_bits
    assert bounds["rounded gradient"].magnitude == pytest.approx(exact / unit, rel=1e-9, abs=1)
    assert exact / unit <= rows * (format.bias / format.one) * 2**GRADIENT.frac_bits
    assert 2 * shape.digits[0] + max(shape.dropped_bits, 0) <= 253


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("rows", "features", "format"), SIZES)
def test_rounded_information_has_its_digits_in_every_pair(rows, features, format, family):
    shape = InformationShape(rows, features, format, family)
    largest = 1 if family is Family.GAUSSIAN else max(variance.table())
    for pair in {(0, 0), (0, features), (features, features)}:
        magnitude = 1
        for column in pair:
            magnitude *= format.bias if column < features else 1
        exact, dropped = rows * magnitude * largest, shape.dropped_bits(pair)
        rounded = (exact << -dropped) if dropped <= 0 else (exact >> dropped) + 1
        assert rounded < 4 ** shape.digits[0] // 2
        assert exact + (1 << max(dropped - 1, 0)) < ROUND_HALF_UP
        assert 2 * shape.digits[0] + max(dropped, 0) <= 253
    assert 4 ** shape.digits[0] // 2 * MAX_UPDATES <= 1 << (INFORMATION.lane_bits - 1)


@pytest.mark.parametrize(("rows", "features", "format"), SIZES)
def test_a_gaussian_evaluation_has_its_digits(rows, features, format):
    """y is at most 8 in magnitude, z - y at most DISPERSION; each square is at most that of these."""
    shape = EvaluateShape(rows, features, format, Family.GAUSSIAN)
    label = format.bias / format.one
    assert label <= 8
    bounds = bounds_of(shape)
    expected = {"labels": label, "squares of labels": label**2, "squares of deviations": DISPERSION**2}
    for (name, largest), frac, width in zip(expected.items(), (1, 2, 2), shape.digits, strict=True):
        rounded = bounds[f"rounded sum of {name}"]
        assert rounded.magnitude == pytest.approx(rows * largest * 2**SQUARES.frac_bits, rel=1e-9, abs=1)
        assert rounded.magnitude < 4**width // 2
        bits = frac * (shape.z_frac_bits if "deviations" in name else format.frac_bits)
        assert 2 * width + max(bits - SQUARES.frac_bits, 0) <= 253
        assert bounds[f"sum of {name}"].magnitude + (1 << max(bits - SQUARES.frac_bits - 1, 0)) < ROUND_HALF_UP
        assert 4**width // 2 * MAX_UPDATES <= 1 << (SQUARES.lane_bits - 1)


@pytest.mark.parametrize(("rows", "features", "format"), SIZES)
def test_a_logistic_evaluation_has_its_digits(rows, features, format):
    shape = EvaluateShape(rows, features, format)
    loss, error, *counts = shape.digits
    bounds = bounds_of(shape)
    # the squared error of a row is at most 1; the log-loss has as many digits as its lane has room for
    assert bounds["rounded squared error"].magnitude <= rows * (1 + 1e-3) * 2**EVALUATION.frac_bits
    assert bounds["rounded squared error"].magnitude < 4**error // 2
    assert shape.largest_sums()[0] == (1 << 41) - 1
    assert len(counts) == 2 * scores.BINS
    assert set(counts) == {digits_for(MAX_ROWS)}
    lanes = [place.bits for place in EVALUATION.places(scores.SCORES)]
    for width, bits in zip(shape.digits, lanes, strict=True):
        assert 4**width // 2 * MAX_UPDATES <= 1 << (bits - 1) or width == counts[0]
    # digits of a count have more room than a lane of 2^20 updates, but a count is none but the true one
    assert 1 << (lanes[-1] - 1) > MAX_ROWS * MAX_UPDATES
    for width, dropped, name in (
        (loss, scores.LOSS_SCALE_BITS - EVALUATION.frac_bits, "log-loss"),
        (error, scores.ERROR_SCALE_BITS - EVALUATION.frac_bits, "squared error"),
    ):
        assert 2 * width + dropped <= 253
        assert bounds[name].magnitude + (1 << (dropped - 1)) < ROUND_HALF_UP


@pytest.mark.parametrize(("rows", "features", "format"), SIZES)
def test_the_log_loss_of_all_rows_is_below_its_bound(rows, features, format):
    """13 (log 2 + |z|) of the largest |z| that weights and features have, in each row."""
    shape = EvaluateShape(rows, features, format)
    z = WEIGHTS.bias * (features * format.bias + format.one) / 2**shape.z_frac_bits
    real = rows * scores.LOSS_DIVISOR * (0.6932 + z + 1e-3)
    found = bounds_of(shape)["log-loss"].magnitude / 2**scores.LOSS_SCALE_BITS
    assert real * 0.99 - 1 <= found <= real * 1.01 + rows


def test_lanes_of_counts_say_every_count_once():
    """Each lane holds the digits of a count, and no more: a balanced number has its lanes in one way."""
    half = 4 ** digits_for(MAX_ROWS) // 2
    assert 2 * half == 1 << scores.BIN_LANE
    assert half > MAX_ROWS
    total = half * sum(1 << (scores.BIN_LANE * k) for k in range(scores.BINS // 2))
    assert 2 * 4 * total < FIELD_ORDER // 2


@pytest.mark.parametrize("features", [1, 64])
def test_a_rounds_sum_holds_every_update_of_either_family(features):
    bounds = bounds_of(RoundShape(features))
    widest = [StepShape(MAX_ROWS, features, format, family).max_rounded() for format in FORMATS for family in Family]
    assert max(widest) * MAX_UPDATES <= bounds["sum of updates"].magnitude < 4**SUM_DIGITS // 2
    assert 1 << (GRADIENT.lane_bits - 1) >= 4**SUM_DIGITS // 2
    assert MAX_ROWS * MAX_UPDATES < 4**COUNT_DIGITS // 2
    # a matrix of 48 bits times the largest gradient, regularised, in every entry of a row
    gradient = 4**SUM_DIGITS // 2 + (WEIGHTS.bias << 24) * RoundShape(features).penalty_unit
    assert (features + 1) * MATRIX.bias * gradient + (1 << RoundShape(features).shift) < 1 << 200
    assert MATRIX.bits == 48


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("collection", list(Collection))
def test_the_digits_of_an_update_keep_to_their_lanes(collection, family):
    """And blinding and rows below the order: nothing else is what the circuit's own asserts want."""
    unit, sums = collection.unit(family), collection.sums(4, family)
    kind = {
        Collection.GRADIENT: StepShape,
        Collection.INFORMATION: InformationShape,
        Collection.EVALUATION: EvaluateShape,
    }[collection]
    digits = kind(MAX_ROWS, 3, Format(16, 12), family).digits
    assert len(digits) == sums
    assert all(2 * width <= place.bits for width, place in zip(digits, unit.places(sums), strict=True))
    assert 4 ** digits_for(MAX_ROWS) < SUBGROUP_ORDER < 4**BLINDING_DIGITS


def test_a_sigmoid_and_a_deviation_stay_far_from_the_field():
    for family in Family:
        for _, features, format in SIZES:
            bounds = bounds_of(StepShape(1, features, format, family))
            assert bounds["z less a label"].magnitude < FIELD_ORDER >> 100
            assert bounds["magnitude of z"].magnitude < 1 << 200
            dropped = sigmoid.dropped_bits(format.frac_bits + WEIGHTS.frac_bits)
            assert bounds["magnitude of z"].magnitude.bit_length() > dropped + sigmoid.INPUT_BITS
