"""Pedersen commitments: they add up, open in one range, and formats do not mix."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tools import load_tool

from twopm_zk.errors import InputError, RangeError
from twopm_zk.numbers.baby_jubjub import IDENTITY, SUBGROUP_ORDER, add, in_subgroup, multiply, negate
from twopm_zk.numbers.pedersen import (
    BLINDING_DIGITS,
    EVALUATION,
    GRADIENT,
    INFORMATION,
    SQUARES,
    X_BITS,
    Opening,
    Unit,
    blinding_generator,
    centred,
    commit,
    digits_for,
    generators,
    pack,
    rows_generator,
    signed_digits,
    start_point,
    unpack,
)

UNITS = (GRADIENT, INFORMATION, EVALUATION, SQUARES)
LANES_BITS = SUBGROUP_ORDER.bit_length() - 2
"""That sums of one scalar share."""
scalars = st.one_of(st.integers(-(1 << 80), 1 << 80), st.integers(-SUBGROUP_ORDER, SUBGROUP_ORDER))
openings = st.builds(
    Opening, st.just(GRADIENT), st.tuples(scalars, scalars), st.integers(1, 1 << 30), st.integers(0, SUBGROUP_ORDER - 1)
)


def test_a_commitment_is_the_sum_of_multiples_of_its_generators():
    first, second = generators(GRADIENT, 2)
    wanted = add(multiply(first, 7), negate(multiply(second, 5)))
    wanted = add(wanted, add(multiply(rows_generator(GRADIENT, 2), 3), multiply(blinding_generator(), 11)))
    assert commit(GRADIENT, [7, -5], 3, 11) == wanted


@settings(max_examples=20)
@given(openings, openings)
def test_the_sum_of_two_commitments_opens_as_the_sum_of_both(one, other):
    total = one + other
    assert total.point == add(one.point, other.point)
    assert in_subgroup(total.point)
    for scalar in (*total.items, total.rows, total.blinding):
        assert -SUBGROUP_ORDER // 2 <= scalar <= SUBGROUP_ORDER // 2


def test_small_openings_add_up_as_integers():
    parts = [Opening(GRADIENT, (k - 5, -(2**70) * k), k, SUBGROUP_ORDER - k) for k in range(1, 11)]
    total = sum(parts[1:], parts[0])
    assert (total.items, total.rows, total.blinding) == ((5, -(2**70) * 55), 55, -55)


def test_blindings_of_a_sum_that_cancel_leave_the_items_alone():
    one, other = Opening(GRADIENT, (1,), 1, 5), Opening(GRADIENT, (2,), 1, SUBGROUP_ORDER - 5)
    assert (one + other).blinding == 0
    assert (one + other).point == commit(GRADIENT, [3], 2, 0)
    assert commit(GRADIENT, [0], 0, 0) == IDENTITY


@settings(max_examples=20)
@given(unit=st.sampled_from(UNITS), count=st.integers(1, 42), data=st.data())
def test_packed_sums_unpack_over_the_whole_range_of_their_lanes(unit, count, data):
    items = []
    for place in unit.places(count):
        half = 1 << (place.bits - 1)
        edges = st.sampled_from([-half, -half + 1, -1, 0, 1, half - 1])
        items.append(data.draw(st.one_of(edges, st.integers(-half, half - 1))))
    scalars = pack(unit, items)
    assert len(scalars) == unit.scalars(count)
    assert all(abs(scalar) < SUBGROUP_ORDER // 2 for scalar in scalars)
    assert unpack(unit, [scalar % SUBGROUP_ORDER for scalar in scalars], count) == tuple(items)


@pytest.mark.parametrize("unit", UNITS, ids=str)
def test_lanes_follow_each_other_and_never_meet(unit):
    places = unit.places(500)
    assert [place.bits for place in places[:3]] == [unit.lane_bits * (2 if k < unit.wide else 1) for k in range(3)]
    for before, after in pairwise(places):
        if after.scalar == before.scalar:
            assert after.offset == before.offset + before.bits
        else:  # the next lane would not have fitted
            assert (after.scalar, after.offset) == (before.scalar + 1, 0)
            assert before.offset + before.bits + after.bits > LANES_BITS
    assert all(place.offset + place.bits <= LANES_BITS for place in places)


def test_all_lanes_of_a_scalar_together_stay_below_half_of_the_order():
    """Whatever they hold: so a scalar is known from what it is modulo the order."""
    lowest = -(1 << (LANES_BITS - 1))  # of the highest lane alone; what is below it adds less than as much again
    assert 2 * abs(2 * lowest) < SUBGROUP_ORDER


@pytest.mark.parametrize(("unit", "counts"), [(EVALUATION, [42]), (SQUARES, [3]), (GRADIENT, [4, 31])])
def test_known_numbers_of_scalars(unit, counts):
    expected = {EVALUATION: [6], SQUARES: [1], GRADIENT: [2, 11]}
    assert [unit.scalars(count) for count in counts] == expected[unit]
    assert unit.scalars(0) == 0


@pytest.mark.parametrize("unit", UNITS, ids=str)
@pytest.mark.parametrize("outside", [1, -1])
def test_a_scalar_that_holds_no_sums_is_refused(unit, outside):
    """One step outside of the last lane, where no other one takes what is too much."""
    (place,) = unit.places(1)
    half = 1 << (place.bits - 1)
    edge = half - 1 if outside > 0 else -half
    assert unpack(unit, [edge % SUBGROUP_ORDER], 1) == (edge,)
    with pytest.raises(RangeError, match="more than the sums of its lanes"):
        unpack(unit, [(edge + outside) % SUBGROUP_ORDER], 1)
    with pytest.raises(RangeError, match="more than the sums of its lanes"):
        unpack(unit, [SUBGROUP_ORDER // 2], 1)


def test_another_number_of_scalars_is_refused():
    with pytest.raises(InputError, match="2 scalars for 3 sums"):
        unpack(GRADIENT, [1, 2], 3)


def test_a_sum_in_a_lane_multiplies_that_lanes_generator():
    for unit, count in ((GRADIENT, 5), (INFORMATION, 6), (EVALUATION, 16), (SQUARES, 3)):
        for index, point in enumerate(generators(unit, count)):
            items = [0] * count
            items[index] = 1
            assert commit(unit, items, 0, 0) == point


def test_generators_depend_on_statement_unit_index_and_number():
    for one, other in combinations(UNITS, 2):
        assert not {*generators(one, 3), rows_generator(one, 3)} & {*generators(other, 3), rows_generator(other, 3)}
    other_unit, other_statement = Unit("gradient", 49, 82), Unit("information", 48, 82)
    points = [
        *generators(GRADIENT, 12),
        *generators(other_unit, 2),
        *generators(other_statement, 2),
        *(rows_generator(unit, count) for unit in (GRADIENT, other_unit, other_statement) for count in (1, 2, 12)),
        blinding_generator(),
        start_point(),
    ]
    assert len({point.y for point in points}) == len(points)
    assert all(map(in_subgroup, points))


@pytest.mark.parametrize("other", [Opening(Unit("gradient", 49, 82), (1, 2), 1, 1), Opening(GRADIENT, (1, 2, 0), 1, 1)])
def test_openings_of_other_units_or_lengths_do_not_add_up(other):
    mine = Opening(GRADIENT, (1, 2), 1, 1)
    with pytest.raises(InputError, match="do not add up"):
        mine + other
    # nor do their points: the sum is no commitment of either kind to the sums that one would expect
    mixed = add(mine.point, other.point)
    for unit, items in ((GRADIENT, [2, 4]), (GRADIENT, [2, 4, 0]), (other.unit, [2, 4])):
        assert commit(unit, items, 2, 2) != mixed


def test_a_drawn_blinding_leaves_a_small_x_and_is_never_the_same():
    drawn = [Opening.drawn(GRADIENT, [1, -2], 5) for _ in range(8)]
    assert all(opening.point.x < 1 << X_BITS for opening in drawn)
    assert len({opening.blinding for opening in drawn}) == len({opening.point for opening in drawn}) == 8
    for opening in drawn:
        signed_digits(opening.blinding, BLINDING_DIGITS)  # raises where it does not fit


def test_every_centred_blinding_has_its_digits():
    for edge in (SUBGROUP_ORDER // 2, -(SUBGROUP_ORDER // 2)):
        assert centred(edge) == edge
        signed_digits(edge, BLINDING_DIGITS)


@given(st.integers(1, 126), st.data())
def test_signed_digits_are_odd_and_stand_for_their_value(count, data):
    half = 4**count // 2
    value = data.draw(st.one_of(st.sampled_from([-half, -1, 0, half - 1]), st.integers(-half, half - 1)))
    digits = signed_digits(value, count)
    assert len(digits) == count
    assert set(digits) <= {-3, -1, 1, 3}
    assert 2 * value + 1 == sum(digit * 4**place for place, digit in enumerate(digits))


@pytest.mark.parametrize("count", [1, 2, 31, 126])
def test_values_one_step_outside_have_no_digits(count):
    for outside in (4**count // 2, -(4**count) // 2 - 1):
        with pytest.raises(RangeError, match="does not fit"):
            signed_digits(outside, count)


@given(st.integers(1, 1 << 250))
def test_digits_for_a_magnitude_are_enough_and_not_one_more(magnitude):
    count = digits_for(magnitude)
    signed_digits(magnitude, count)
    signed_digits(-magnitude, count)
    if count > 1:
        with pytest.raises(RangeError):
            signed_digits(magnitude, count - 1)


def test_private_values_do_not_appear_in_a_repr():
    shown = repr(Opening(GRADIENT, (123456789, 1), 987654321, 55555555))
    assert not any(secret in shown for secret in ("123456789", "987654321", "55555555"))


@pytest.mark.slow
def test_generated_circom_points_equal_those_of_the_twin():
    tool = load_tool("pedersen_generators")
    assert {unit for unit, _ in tool.UNITS.values()} == set(UNITS)
    assert tool.FILE.read_text() == tool.circom_source()
