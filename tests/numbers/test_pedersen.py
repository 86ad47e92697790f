"""Pedersen commitments: they add up, open in one range, and formats do not mix."""

import importlib.util

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twopm_zk.errors import InputError, RangeError
from twopm_zk.numbers.baby_jubjub import IDENTITY, SUBGROUP_ORDER, add, in_subgroup, multiply, negate
from twopm_zk.numbers.pedersen import (
    BLINDING_DIGITS,
    GRADIENT,
    INFORMATION,
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
from twopm_zk.system import paths

scalars = st.one_of(st.integers(-(1 << 80), 1 << 80), st.integers(-SUBGROUP_ORDER, SUBGROUP_ORDER))
openings = st.builds(
    Opening, st.just(GRADIENT), st.tuples(scalars, scalars), st.integers(1, 1 << 30), st.integers(0, SUBGROUP_ORDER - 1)
)


def test_a_commitment_is_the_sum_of_multiples_of_its_generators():
    first, second = generators(GRADIENT, 2)
    wanted = add(multiply(first, 7), negate(multiply(second, 5)))
    wanted = add(wanted, add(multiply(rows_generator(GRADIENT, 2), 3), multiply(blinding_generator(), 11)))
    assert commit(GRADIENT, [7, -5], 3, 11) == wanted


@settings(deadline=None, max_examples=20)
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


@settings(deadline=None, max_examples=20)
@given(unit=st.sampled_from([GRADIENT, INFORMATION]), data=st.data())
def test_packed_sums_unpack_over_the_whole_range_of_their_lanes(unit, data):
    half = 1 << (unit.lane_bits - 1)
    edges = st.sampled_from([-half, -half + 1, -1, 0, 1, half - 1])
    items = data.draw(st.lists(st.one_of(edges, st.integers(-half, half - 1)), min_size=1, max_size=9))
    scalars = pack(unit, items)
    assert len(scalars) == unit.scalars(len(items)) == -(-len(items) // unit.lanes)
    assert all(abs(scalar) < SUBGROUP_ORDER // 2 for scalar in scalars)
    assert unpack(unit, [scalar % SUBGROUP_ORDER for scalar in scalars], len(items)) == tuple(items)


def test_a_scalar_that_holds_no_sums_is_refused():
    with pytest.raises(RangeError, match="82 bits"):
        unpack(GRADIENT, [1 << 81], 1)
    with pytest.raises(RangeError, match="62 bits"):
        unpack(INFORMATION, [1 << 62], 1)
    with pytest.raises(InputError, match="2 scalars for 3 sums"):
        unpack(GRADIENT, [1, 2], 3)


def test_a_sum_in_a_lane_multiplies_that_lanes_generator():
    for unit, count in ((GRADIENT, 5), (INFORMATION, 6)):
        for index, point in enumerate(generators(unit, count)):
            items = [0] * count
            items[index] = 1
            assert commit(unit, items, 0, 0) == point


def test_generators_depend_on_statement_unit_index_and_number():
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
    spec = importlib.util.spec_from_file_location(
        "pedersen_generators", paths.source_root() / "tools" / "pedersen_generators.py"
    )
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.FILE.read_text() == tool.circom_source()
