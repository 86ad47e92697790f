"""The evaluation circuit of both families: equal to its twin, and refusing what a liar would try.

What a row counts as is tested in test_row_score.py; here are the sums, their lanes and their digits.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drawn_rows import DRAWN, draw_statement
from support.liar import all_violated, check_in, committed, mended, with_signals
from support.row_circuits import SHAPES, about, random_statement, row_circuit, small_x, widths
from support.soundness import free_wires, undetected_changes

from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import RangeError, WitnessError
from twopm_zk.numbers import scores, sigmoid
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS
from twopm_zk.numbers.pedersen import EVALUATION, SQUARES, Opening, pack
from twopm_zk.statements import EvaluateShape, EvaluateStatement, Family, StepShape, StepStatement

pytestmark = pytest.mark.circuit

HALF = scores.BINS // 2


@pytest.fixture(scope="module", params=list(Family), ids=lambda family: family.name.lower())
def family(request):
    return request.param


@pytest.fixture(scope="module")
def small(family):
    return row_circuit("evaluate", 4, 2, family=family)


@pytest.fixture(scope="module")
def logistic():
    return row_circuit("evaluate", 2, 1)


@pytest.fixture(scope="module")
def gaussian():
    return row_circuit("evaluate", 2, 1, family=Family.GAUSSIAN)


def statement(shape, **choices):
    return random_statement("evaluate", shape, **choices)


def agree(circuit, said):
    return calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [*SHAPES, (2, 1, 24, 22)])
@DRAWN
@given(data=st.data())
def test_circuit_equals_twin(family, sizes, data):
    circuit, shape = row_circuit("evaluate", *sizes, family=family)
    assert agree(circuit, draw_statement(data, EvaluateStatement, shape))


def log_odds_weight(T):
    """An intercept whose z has this T."""
    return round(T * WEIGHTS.one / (sigmoid.UNIT_DIVISOR << -sigmoid.UNIT_LOG2))


@pytest.mark.slow
@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("edge", [0, 2699, 5640, 9227, 14625, 19598, 25904, 30585, 35232, 45971, 1 << 16])
def test_circuit_equals_twin_at_the_edge_of_every_bin(edge, label):
    """Five rows around the edge in each witness, whose z are 80 units of a weight apart."""
    circuit, shape = row_circuit("evaluate", 5, 1)
    middle, places, found = log_odds_weight(edge), (-2, -1, 0, 1, 2), set()
    for sign in (1, -1):
        rows = [[FEATURES.one * place] for place in places]
        assert agree(circuit, about("evaluate", shape, rows, [label] * 5, (sign * 80, sign * middle)))
    for place in places:
        z = (middle + 80 * place) << FEATURES.frac_bits
        found.add(sigmoid.rounded_input(z, z_frac_bits=shape.z_frac_bits) >= edge)
    assert found == {True, False} or edge == 0


@pytest.mark.slow
@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [1, 1, 1, 1], [0], [1]])
@pytest.mark.parametrize("weights", [(0, 0, 0), (1, -1, 1), (0, 0, -1), (1 << 20, 3 << 20, -7), (1 << 30, 0, -5)])
def test_rows_of_one_class_and_padding_but_for_one_row(labels, weights):
    circuit, shape = row_circuit("evaluate", 4, 2)
    features = [[5000, -3000], [1, 1], [0, 0], [-32768, 32767]][: len(labels)]
    said = about("evaluate", shape, features, labels, weights)
    assert agree(circuit, said)
    counts = np.array(said.tally().items[2:]).reshape(2, scores.BINS)
    assert counts.sum(axis=1).tolist() == [labels.count(0), labels.count(1)]


@pytest.mark.parametrize("labels", [[-32768] * 4, [32767] * 4, [0], [-1, 1]])
def test_gaussian_labels_at_the_ends_of_their_format(labels):
    circuit, shape = row_circuit("evaluate", 4, 2, family=Family.GAUSSIAN)
    said = about("evaluate", shape, [[0, 0]] * len(labels), labels, (0, 0, 0))
    assert agree(circuit, said)
    y = np.array(labels) / FEATURES.one
    np.testing.assert_array_equal(said.tally().real, [y.sum(), (y**2).sum(), (y**2).sum()])


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_squared_deviations_have_digits(sign):
    """Four rows, each as far from what the weights expect as a proof takes."""
    circuit, shape = row_circuit("evaluate", 4, 2, family=Family.GAUSSIAN)
    far = (
        (1 << 26) - 1 if sign > 0 else -(1 << 26)
    )  # of a weight: the deviation is within one unit of it, or at the end
    said = about("evaluate", shape, [[0, 0]] * 4, [0] * 4, (0, 0, far))
    assert agree(circuit, said)
    assert said.tally().real[2] == pytest.approx(4 * 64**2, rel=1e-7)


def test_twin_is_near_the_scores_of_floating_point():
    shape = EvaluateShape(256, 3, FEATURES)
    rng = np.random.default_rng(7)
    features, weights = rng.normal(size=(250, 3)).clip(-4, 4), np.array([1.2, -0.8, 0.4, 0.2])
    labels = rng.integers(0, 2, 250)
    quantised, integers = FEATURES.quantize(features), WEIGHTS.quantize(weights)
    said = about("evaluate", shape, quantised, labels.tolist(), integers.tolist())
    z = np.hstack([quantised / FEATURES.one, np.ones((250, 1))]) @ (integers / WEIGHTS.one)
    p, items = 1 / (1 + np.exp(-z)), said.tally().items
    unit = 1 << EVALUATION.frac_bits
    log_loss = np.where(labels, np.log1p(np.exp(-z)), np.log1p(np.exp(z))).sum()
    assert abs(items[0] / scores.LOSS_DIVISOR / unit - log_loss) <= 250 * scores.LOSS_ERROR + 1 / unit
    assert abs(items[1] / unit - ((p - labels) ** 2).sum()) <= 250 * scores.SQUARED_ERROR_ERROR + 1 / unit
    # no z is so near to an edge that its rounding, or that of the edge, could tell
    edges = np.array(scores.PROBABILITY_EDGES)
    away = np.abs(z[:, None] - np.log(edges[1:-1] / (1 - edges[1:-1]))).min(axis=1) > 3e-4
    assert away.all()
    for label in (0, 1):
        counts = items[2 + label * scores.BINS : 2 + (label + 1) * scores.BINS]
        assert list(counts) == np.histogram(p[labels == label], edges)[0].tolist()


def test_gaussian_twin_is_the_sums_of_floating_point():
    shape = EvaluateShape(256, 3, FEATURES, Family.GAUSSIAN)
    said = statement(shape, rows=250)
    features, labels = said.data.used()
    z = np.hstack([features / FEATURES.one, np.ones((250, 1))]) @ (np.array(said.weights) / WEIGHTS.one)
    y = labels / FEATURES.one
    np.testing.assert_allclose(said.tally().real, [y.sum(), (y**2).sum(), ((z - y) ** 2).sum()], rtol=1e-12)


def test_the_rows_are_those_of_the_step_with_the_same_salt(small):
    """One data commitment for all statements: a node registers its rows once."""
    _, shape = small
    said = statement(shape)
    step = StepShape(shape.rows, shape.features, shape.format, shape.family)
    both = StepStatement(step, said.context, said.weights, said.data, said.salt)
    assert both.public[:2] == said.public[:2]
    assert both.public[2] != said.public[2]


@pytest.mark.slow
def test_every_wire_is_determined_by_the_inputs(small):
    circuit, shape = small
    witness = calculate_witness(circuit, statement(shape).circuit_inputs())
    assert undetected_changes(circuit, witness) == []
    assert free_wires(circuit, witness) == []


@pytest.mark.slow
def test_every_wire_is_determined_where_z_rounds_to_zero(logistic):
    circuit, shape = logistic
    for weight in (0, 1, -1):
        said = about("evaluate", shape, [[1]], [1], (weight, 0))
        witness = calculate_witness(circuit, said.circuit_inputs())
        assert undetected_changes(circuit, witness) == []
        missed = free_wires(circuit, witness)
        # in the row of padding z is 0, and nothing but sign^2 = 0 says that the sign is 0: no linear equation
        assert [name for name in missed if not name.endswith("row[1].sign")] == []


def test_a_log_loss_that_has_no_digits_is_refused_with_words():
    circuit, shape = row_circuit("evaluate", 4, 2)
    most = (1 << 31) - 1
    large = EvaluateShape(1023, 3, FEATURES)
    said = about("evaluate", large, [[32767] * 3] * 1023, [0] * 1023, (most,) * 4)
    with pytest.raises(RangeError, match="log-loss of these rows"):
        said.public  # noqa: B018
    # no four rows of two features come so far: the largest of them are proven
    assert agree(circuit, about("evaluate", shape, [[32767, 32767]] * 4, [0] * 4, (most,) * 3))


# A liar's side


def sums_component(circuit):
    return {
        n.split(".")[1] for n in circuit.load_symbols().wire_of if n.startswith(("main.ScoreSums", "main.SquareSums"))
    }


def roundings(circuit):
    """The components that round, in the order of the sums."""
    names = circuit.load_symbols().wire_of
    found = {n.rsplit(".", 1)[0] for n in names if ".RoundHalfUp_" in n and n.count(".") == 3 and "RangeCheck" not in n}
    return sorted(found, key=lambda name: int(name.rsplit("_", 1)[1]))


def told(circuit, shape, said, items, *, rows=None):
    """A witness in which these sums are committed to: their lowest digits, the point of those, the rest of each."""
    witness = calculate_witness(circuit, said.circuit_inputs())
    every, rows = widths(shape, len(items)), said.opening.rows if rows is None else rows
    halves = [4**width // 2 for width in every]
    by_digits = tuple((item + half) % (2 * half) - half for item, half in zip(items, halves, strict=False))
    blinding = small_x(said.opening.unit, by_digits, rows).blinding
    forged = Opening(said.opening.unit, tuple(items), rows, blinding)
    made = committed(circuit, forged.unit, forged, every) | {"main.blinding": blinding}
    made |= {f"main.sums[{k}]": item for k, item in enumerate(items)}
    return mended(circuit, with_signals(circuit, witness.values, made))


@pytest.fixture(scope="module")
def said(logistic):
    return about("evaluate", logistic[1], [[4096], [-9000]], [1, 0], (1 << 20, 1 << 18))


def changed(said, changes):
    items = list(said.opening.items)
    for index, change in changes.items():
        items[index] += change
    return items


@pytest.mark.slow
def test_the_liars_side_is_the_honest_one_where_it_tells_the_truth(logistic, gaussian, said):
    assert all_violated(logistic[0], told(*logistic, said, said.opening.items)) == []
    other = about("evaluate", gaussian[1], [[4096], [-900]], [3000, -2], (1 << 20, 1 << 18))
    assert all_violated(gaussian[0], told(*gaussian, other, other.opening.items)) == []


@pytest.mark.slow
@pytest.mark.parametrize("change", [1, -1, 1 << 15])
@pytest.mark.parametrize("index", [0, 1])
def test_a_rounded_score_that_is_off_is_refused_by_the_rest_alone(logistic, said, index, change):
    circuit, shape = logistic
    (failed,) = all_violated(circuit, told(circuit, shape, said, changed(said, {index: change})))
    dropped = (scores.LOSS_SCALE_BITS, scores.ERROR_SCALE_BITS)[index] - EVALUATION.frac_bits
    check = check_in(circuit, roundings(circuit)[index], dropped)
    assert any(name.startswith(f"{check}.") for name in failed)


@pytest.mark.slow
@pytest.mark.parametrize("change", [1, -1, 1 << 40])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_sum_of_squares_that_is_off_is_refused(gaussian, index, change):
    """The first two are not rounded at this format: their own equation refuses them; the third by its rest alone."""
    circuit, shape = gaussian
    said = about("evaluate", shape, [[4096], [-900]], [3000, -2], (1 << 20, 1 << 18))
    (failed,) = all_violated(circuit, told(circuit, shape, said, changed(said, {index: change})))
    if index == 2:
        dropped = 2 * shape.z_frac_bits - SQUARES.frac_bits
        assert any(n.startswith(f"{check_in(circuit, roundings(circuit)[index], dropped)}.") for n in failed)
    else:
        assert f"main.sums[{index}]" in failed


@pytest.mark.slow
@pytest.mark.parametrize("index", range(3))
def test_a_sum_of_squares_follows_from_its_signals(gaussian, index):
    """A square of another number, with everything after it adjusted, is refused by its own product alone."""
    circuit, shape = gaussian
    said = about("evaluate", shape, [[4096], [-900]], [3000, -2], (1 << 20, 1 << 18))
    (component,) = sums_component(circuit)
    witness = calculate_witness(circuit, said.circuit_inputs())
    name = f"main.{component}.{('deviation', 'labelSquare', 'deviationSquare')[index]}[0]"
    failed = all_violated(circuit, witness.replace(name, witness.signal(name) + 1))
    assert any(name in names for names in failed)


def bin_of(said, label):
    """The index of the only sum that counts rows of a class."""
    (found,) = (k for k, item in enumerate(said.opening.items) if item and k >= 2 and (k - 2) // scores.BINS == label)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("step", [1, -1])
def test_a_count_moved_to_a_neighbouring_bin_is_refused_by_the_lanes_of_its_class(logistic, said, label, step):
    circuit, shape = logistic
    place = bin_of(said, label)
    (failed,) = all_violated(circuit, told(circuit, shape, said, changed(said, {place: -1, place + step: 1})))
    assert {f"main.sums[{place}]", f"main.sums[{place + step}]"} <= failed


@pytest.mark.slow
def test_a_count_moved_to_the_other_class_or_across_one_half_is_refused(logistic, said):
    circuit, shape = logistic
    zero, one = bin_of(said, 0), bin_of(said, 1)
    mirrored = 2 + scores.BINS + (scores.BINS - 1 - (one - 2 - scores.BINS))
    for changes in ({one: -1, one - scores.BINS: 1}, {one: -1, mirrored: 1}, {zero: 1}, {one: -1}):
        failed = all_violated(circuit, told(circuit, shape, said, changed(said, changes)))
        assert failed
        assert all(any(name.startswith("main.sums[") for name in names) for names in failed)


@pytest.mark.slow
@pytest.mark.parametrize("lane", [1 << scores.BIN_LANE, -(1 << scores.BIN_LANE)])
@pytest.mark.parametrize(("label", "above"), [(0, True), (0, False), (1, True), (1, False)])
def test_what_one_lane_gains_and_the_next_one_loses_is_refused_by_its_digits_alone(logistic, said, label, above, lane):
    """Four times the number of all lanes is the same: only the digits of a count keep it in its own."""
    circuit, shape = logistic
    first = 2 + label * scores.BINS + (HALF if above else HALF - 1)  # the lowest lane, bin 0 of |z|
    after = first + (1 if above else -1)
    items = changed(said, {first: lane, after: -1 if lane > 0 else 1})
    (failed,) = all_violated(circuit, told(circuit, shape, said, items))
    assert f"main.sums[{first}]" in failed
    assert any(".digit[" in name for name in failed)


@pytest.mark.slow
@pytest.mark.parametrize("index", [2, 2 + HALF, 1 + scores.BINS, 2 + scores.BINS, 1 + 2 * scores.BINS])
@pytest.mark.parametrize("count", [2048, -2049, 4096])
def test_a_count_outside_its_digits_is_refused_by_them(logistic, said, index, count):
    circuit, shape = logistic
    items = list(said.opening.items)
    items[index] = count
    failed = all_violated(circuit, told(circuit, shape, said, items))
    assert any(f"main.sums[{index}]" in names and any("digit[" in name for name in names) for names in failed)


@pytest.mark.slow
def test_what_lanes_of_one_scalar_could_trade_has_no_digits(logistic, said):
    """The same point opens to a count of 2^31 more and one less in the next lane: for the group both are one."""
    circuit, shape = logistic
    lane = 1 << EVALUATION.lane_bits
    places = EVALUATION.places(scores.SCORES)
    for index in (2, 6, 7, 20):
        if places[index].scalar != places[index + 1].scalar:
            continue
        items = changed(said, {index: lane, index + 1: -1})
        assert pack(EVALUATION, items) == pack(EVALUATION, said.opening.items)
        assert Opening(EVALUATION, tuple(items), 2, 5).point == Opening(EVALUATION, said.opening.items, 2, 5).point
        failed = all_violated(circuit, told(circuit, shape, said, items))
        assert any(f"main.sums[{index}]" in names and any("digit[" in name for name in names) for names in failed)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_another_row_count_in_the_commitment_is_refused(logistic, gaussian, said, rows):
    assert all_violated(logistic[0], told(*logistic, said, said.opening.items, rows=rows)) != []
    other = about("evaluate", gaussian[1], [[4096], [-900]], [3000, -2], (1 << 20, 1 << 18))
    assert all_violated(gaussian[0], told(*gaussian, other, other.opening.items, rows=rows)) != []


def test_inputs_that_no_row_has_are_refused(small):
    circuit, shape = small
    honest = statement(shape).circuit_inputs()
    for mark in (2, -2 % FIELD_ORDER, *([-1 % FIELD_ORDER] if shape.family is Family.GAUSSIAN else [])):
        with pytest.raises(WitnessError, match="Rows"):
            calculate_witness(circuit, honest | {"marks": [mark, *honest["marks"][1:]]})
    for column in range(shape.columns):
        inputs = statement(shape).circuit_inputs()
        inputs["cells"][shape.rows - 1][column] += 1
        with pytest.raises(WitnessError, match="Rows"):
            calculate_witness(circuit, inputs)


def test_private_values_do_not_appear_in_a_repr(family):
    said = statement(EvaluateShape(4, 2, FEATURES, family))
    shown = repr(said) + repr(said.data) + repr(said.opening) + repr(said.tally())
    assert "salt" not in shown
    assert "cells=((" not in shown
    for item in said.opening.items[: 2 if family is Family.LOGISTIC else 3]:
        assert str(item) not in shown
