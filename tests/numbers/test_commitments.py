"""Commitments bind all that they say, and hide it behind randomness of the operating system."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twopm_zk.errors import RangeError
from twopm_zk.numbers import commitments
from twopm_zk.numbers.commitments import MARK_LANES, PACKED_BITS, Tag, domain, pack, pack_rows
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import FEATURES, Format


def test_domains_tell_apart_kinds_lengths_and_shapes():
    seen = {domain(tag, length, shape) for tag in Tag for length in (1, 2, 300) for shape in (0, 1, 70_000)}
    assert len(seen) == len(Tag) * 9


@given(st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=40))
def test_packing_can_be_undone(values):
    packed = pack(values, bits=16, per=15)
    lanes = [element >> (16 * i) & 0xFFFF for element in packed for i in range(15)]
    assert lanes[: len(values)] == values
    assert not any(lanes[len(values) :])
    assert all(element < FIELD_ORDER for element in packed)


def test_packing_refuses_a_value_that_would_reach_into_the_next_lane():
    pack([2**16 - 1], bits=16, per=15)
    with pytest.raises(RangeError):
        pack([2**16], bits=16, per=15)
    with pytest.raises(RangeError):
        pack([-1], bits=16, per=15)


@pytest.mark.parametrize(("rows", "features"), [(1, 1), (7, 1), (13, 3), (128, 3), (3, 30)])
@pytest.mark.parametrize("format", [FEATURES, Format(20, 16)])
def test_packed_rows_fit_the_field_even_when_every_lane_is_full(rows, features, format):
    packed = pack_rows([[format.bias - 1] * features] * rows, [1] * rows, format=format)
    assert max(packed) < 1 << (PACKED_BITS + 2 * MARK_LANES) < FIELD_ORDER


ROWS = [[1, -2, 3], [4, 5, -6], [0, 0, 0]]
LABELS = [1, -1, 0]


def test_data_commitment_changes_with_salt_rows_labels_order_format_and_family():
    def commit(salt=5, rows=ROWS, labels=LABELS, format=FEATURES, family=0):
        shape = commitments.rows_shape(len(rows), len(rows[0]), format, family=family)
        return commitments.data_commitment(salt, rows, labels, format=format, shape=shape)

    others = [
        commit(salt=6),
        commit(rows=[[1, -2, 4], *ROWS[1:]]),
        commit(labels=[-1, -1, 0]),
        commit(rows=ROWS[::-1], labels=LABELS[::-1]),
        commit(format=Format(16, 11)),
        commit(format=Format(17, 12)),
        commit(family=1),
        commit(rows=[*ROWS, [0, 0, 0]], labels=[*LABELS, 0]),
    ]
    assert len({commit(), *others}) == len(others) + 1


def test_a_public_hash_depends_on_kind_length_shape_and_order():
    def hashed(tag=Tag.POINT, items=(1, 2), shape=0):
        return commitments.public_hash(tag, list(items), shape=shape)

    changes = ({"tag": Tag.MODEL}, {"items": (2, 1)}, {"items": (1, 2, 0)}, {"items": (1,)}, {"shape": 1})
    assert len({hashed(), *(hashed(**change) for change in changes)}) == 6


def test_random_scalars_are_field_elements_of_full_length():
    drawn = {commitments.random_scalar() for _ in range(64)}
    assert len(drawn) == 64
    assert all(0 <= s < FIELD_ORDER for s in drawn)
    assert max(drawn).bit_length() > 245
