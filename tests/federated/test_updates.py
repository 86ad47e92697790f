"""An update: bounded in its norm, rounded within half a unit, and what is summed beside it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as drawn
from support.federated import SALT, private_spec, small_spec

from twopm_zk.errors import InputError, RangeError
from twopm_zk.federated import Trained, Update, first_result, update_of
from twopm_zk.federated.updates import CLIP_MARGIN, clipped, quantised

SPEC = small_spec()
FIRST = first_result(SPEC, [np.ones((2, 3)), np.zeros(4)])
finite = st.floats(-1e6, 1e6, width=64)
changes = drawn.arrays(np.float64, st.integers(1, 40), elements=st.one_of(finite, st.floats(-1e-3, 1e-3)))


def trained(change, *, examples=1, spec=SPEC, before=FIRST, **evaluation):
    return Trained(before.values + change, examples, **evaluation)


def squares(words):
    return sum(int(word) ** 2 for word in words)


@given(changes, st.floats(1e-3, 1e3), st.integers(4, 28))
def test_rounding_moves_each_coordinate_by_half_a_unit_at_most(change, clip, frac_bits):
    short = clipped(change, clip)
    words = quantised(short, frac_bits)
    assert words.dtype == np.int64
    error = np.abs(np.ldexp(words.astype(float), -frac_bits) - short)
    assert (error <= 2.0 ** -(frac_bits + 1)).all()


@given(changes, st.floats(1e-3, 1e3))
def test_a_long_change_is_shortened_to_clip_and_keeps_its_direction(change, clip):
    norm, short = float(np.linalg.norm(change)), clipped(change, clip)
    assert float(np.linalg.norm(short)) <= clip
    if norm <= clip * (1 - CLIP_MARGIN):
        assert (short == change).all()
    else:
        assert math.isclose(np.linalg.norm(short), clip, rel_tol=3e-6)
        assert np.allclose(short / np.linalg.norm(short), change / norm, atol=1e-9)


@given(drawn.arrays(np.float64, 10, elements=st.floats(-1e300, 1e300)))
def test_the_bound_of_the_norm_holds_exactly_in_integers(change):
    """Noise is made for it, and every sum is checked against it."""
    words = update_of(SPEC, FIRST, Trained(change, 1)).words[:-1]
    assert squares(words) <= SPEC.norm_bound**2


def test_the_bound_is_not_much_larger_than_what_is_reached():
    words = update_of(SPEC, FIRST, trained(np.full(10, 1e6))).words[:-1]
    assert squares(words) >= (0.9999 * SPEC.norm_bound) ** 2


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_and_not_shown(value):
    with pytest.raises(RangeError, match="is not finite"):
        clipped(np.array([1.0, value]), 1.0)


@pytest.mark.parametrize("value", [2.0**46, -(2.0**46), math.nan])
def test_a_number_that_does_not_fit_is_refused(value):
    quantised(np.array([2.0**45]), 16)
    with pytest.raises(RangeError, match="does not fit 62 bits"):
        quantised(np.array([0.0, value]), 16)


def test_halves_go_to_the_even_neighbour():
    assert list(quantised(np.array([0.5, 1.5, 2.5, -0.5, -1.5]) / 16, 4)) == [0, 2, 2, 0, -2]


@pytest.mark.parametrize(("examples", "weight"), [(1, 1), (7, 7), (65536, 65536), (10**9, 65536)])
def test_a_node_counts_with_its_examples_up_to_the_maximum(examples, weight):
    change = np.arange(10) / 8
    words = update_of(SPEC, FIRST, trained(change, examples=examples)).words
    assert list(words) == [*(index * 8192 * weight for index in range(10)), weight]


def test_with_equal_weights_the_number_of_examples_is_not_in_the_update():
    spec = small_spec(update={"clip": 4.0, "weighting": "equal"})
    one, other = (update_of(spec, FIRST, trained(np.ones(10), examples=count)) for count in (3, 3000))
    assert (one.words == other.words).all()
    assert one.words[-1] == 1


def test_losses_are_summed_with_their_number_of_examples():
    spec = small_spec(update={"clip": 4.0, "evaluate": True, "maximum_examples": 50})
    before = first_result(spec, [np.zeros((2, 3)), np.zeros(4)])
    for evaluated, counted in ((20, 20), (0, 0), (70, 50)):
        made = Trained(before.values, 5, loss=0.7 if evaluated else 0.0, evaluated=evaluated)
        words = update_of(spec, before, made).words
        assert list(words[-3:]) == [5, round(0.7 * 65536) * counted, counted]


def test_noise_is_added_once_to_every_parameter_and_to_nothing_else():
    spec = private_spec(epsilon=20.0)
    before = first_result(spec, [np.zeros((2, 3)), np.zeros(4)])
    one, other = (update_of(spec, before, Trained(before.values, 9)) for _ in range(2))
    assert one.words[-1] == other.words[-1] == 1
    assert all(one.words[:-1])
    assert (one.words[:-1] != other.words[:-1]).all()
    assert (np.abs(one.words[:-1]) < spec.noise.below).all()


def test_a_commitment_is_of_the_update_and_its_salt():
    one = Update(np.arange(5, dtype=np.int64))
    found = {one.commitment(SALT), one.commitment(bytes(32)), Update(np.arange(1, 6, dtype=np.int64)).commitment(SALT)}
    assert len(found) == 3
    assert one.commitment(SALT) == Update(np.arange(5, dtype=np.int64)).commitment(SALT)
    for salt in (b"", bytes(31), bytes(33)):
        with pytest.raises(InputError, match="a salt has 32 bytes"):
            one.commitment(salt)


def test_an_update_cannot_be_changed_and_is_not_shown():
    one = Update(np.array([123456789, -7], dtype=np.int64))
    with pytest.raises(ValueError, match="read-only"):
        one.words[0] = 1
    assert "1234" not in f"{one!r} {Trained(np.array([123456789.0]), 1234567)!r}"
