"""Bytes of updates and results: one encoding for each value, and nothing malformed is read."""

import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.federated import closed_set, secrets_of, small_spec, update

from twopm_zk.errors import FileFormatError, InputError, RangeError, SpecError
from twopm_zk.federated import (
    RoundResult,
    first_result,
    masked_size,
    masked_update,
    parse_masked,
    parse_result,
    parse_update,
    result_size,
    with_initial,
)
from twopm_zk.federated.results import NOWHERE, PARAMETER_BOUND
from twopm_zk.system.content_store import content_hash

SPEC = small_spec(update={"clip": 4.0, "evaluate": True}, rule={"momentum": 0.5})
PLAIN = small_spec()
LAYOUT, COUNT, HEAD = 16, 48, 56
ARRAYS = [np.arange(6.0).reshape(2, 3), np.full(4, -0.5)]
FIRST = first_result(SPEC, ARRAYS)


def integers(*values):
    return np.array(values, dtype=np.int64)


def later(spec=SPEC, **changes):
    fields = {
        "layout": spec.layout,
        "round": 3,
        "previous": b"\7" * 32,
        "parameters": integers(*range(-5, 5)),
        "velocity": integers(*range(10)) if spec.has_velocity else integers(),
        "weight": 12,
        "loss": 70000 if spec.evaluate else 0,
        "evaluated": 9 if spec.evaluate else 0,
    }
    return RoundResult(**(fields | changes))


def shared(spec=SPEC):
    updates = [update(spec, range(10), tail=(5, 2) if spec.evaluate else ())] * 2
    part, _ = secrets_of(closed_set(updates))
    return masked_update(spec, part, updates[0])


@pytest.mark.parametrize("spec", [SPEC, PLAIN])
def test_what_is_encoded_is_read_back(spec):
    for result in (first_result(spec, ARRAYS), later(spec)):
        again = parse_result(spec, result.encoded)
        assert again.encoded == result.encoded
        assert len(result.encoded) == result_size(spec)
        assert again.hash == result.hash == content_hash(result.encoded)
        for name in ("round", "previous", "weight", "loss", "evaluated"):
            assert getattr(again, name) == getattr(result, name)
        assert (again.parameters == result.parameters).all()
        assert (again.velocity == result.velocity).all()
    made = shared(spec)
    assert parse_masked(spec, made.encoded).hash == made.hash
    assert (parse_masked(spec, made.encoded).words == made.words).all()
    assert len(made.encoded) == masked_size(spec)
    mine = update(spec, range(10), tail=(5, 2) if spec.evaluate else ())
    assert (parse_update(spec, mine.encode(spec)).words == mine.words).all()


def test_the_bytes_are_those_of_the_description():
    content = later().encoded
    assert content[:LAYOUT] == b"2PM result 1\0\0\0\0"
    assert content[LAYOUT:COUNT] == SPEC.layout
    assert struct.unpack("<QQ32sQQQ", content[COUNT : COUNT + 72]) == (20, 3, b"\7" * 32, 12, 70000, 9)
    assert content[COUNT + 72 :] == struct.pack("<20q", *range(-5, 5), *range(10))
    assert shared().encoded[:LAYOUT] == b"2PM masked 1\0\0\0\0"


def test_every_byte_changes_the_hash_or_is_refused():
    content, found = later().encoded, set()
    for place in range(len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        try:
            result = parse_result(SPEC, changed)
        except FileFormatError:
            continue
        assert result.encoded == changed  # nothing is read that is not written again
        found.add(result.hash)
    assert later().hash not in found
    assert len(found) > 8 * 20


def parsers():
    return [
        pytest.param(parse_result, later, id="result"),
        pytest.param(parse_masked, shared, id="masked"),
        pytest.param(parse_update, None, id="update"),
    ]


def content_of(made):
    return update(SPEC, range(10), tail=(5, 2)).encode(SPEC) if made is None else made().encoded


@pytest.mark.parametrize(("parse", "made"), parsers())
def test_bytes_of_another_length_kind_layout_or_count_are_refused(parse, made):
    content = content_of(made)
    parse(SPEC, content)
    refused = [
        (b"", "has 0 bytes"),
        (content[:-1], "bytes; of this specification it has"),
        (content + b"\0", "bytes; of this specification it has"),
        (content[:-8], "bytes; of this specification it has"),
        (b"2PM update 2" + content[12:], "begins with other bytes"),
        (content[:12] + b"\0\0\0\1" + content[16:], "begins with other bytes"),
        (content[:LAYOUT] + bytes(32) + content[COUNT:], "is of another model"),
        (content[:COUNT] + bytes(8) + content[HEAD:], "claims 0 integers"),
        (content[:COUNT] + b"\xff" * 8 + content[HEAD:], "claims 18446744073709551615 integers"),
    ]
    for changed, message in refused:
        with pytest.raises(FileFormatError, match=message):
            parse(SPEC, changed)


@given(st.binary(max_size=400), st.sampled_from([parse_result, parse_masked, parse_update]), st.booleans())
def test_random_bytes_are_refused_and_nothing_else_happens(content, parse, long):
    content = content + bytes(result_size(SPEC) - len(content)) if long else content
    with pytest.raises(FileFormatError):
        parse(SPEC, content)


def test_one_kind_is_not_read_as_another():
    """A node that stores its own update instead of the masked one shares what nobody reads."""
    plain = update(SPEC, range(10), tail=(5, 2)).encode(SPEC)
    with pytest.raises(FileFormatError, match="begins with other bytes"):
        parse_masked(SPEC, plain)
    with pytest.raises(FileFormatError, match="begins with other bytes"):
        parse_update(SPEC, shared().encoded)


@pytest.mark.parametrize(
    "changes",
    [
        {"update": {"clip": 4.0, "evaluate": True, "frac_bits": 17}},
        {"model": {"arrays": [[3, 2], [4]]}},
        {"model": {"arrays": [[2, 3], [2, 2]]}},
        {"update": {"clip": 4.0}},
        {"rule": {}},
    ],
)
def test_files_of_another_layout_are_refused(changes):
    base = {"update": {"clip": 4.0, "evaluate": True}, "rule": {"momentum": 0.5}}
    other = small_spec(**(base | changes))
    assert other.layout != SPEC.layout
    with pytest.raises(FileFormatError):
        parse_result(other, later().encoded)
    if "rule" not in changes:
        with pytest.raises(FileFormatError):
            parse_masked(other, shared().encoded)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"round": 0}, "a round that does not go with its weight"),
        ({"weight": 0}, "a round that does not go with its weight"),
        ({"round": 0, "weight": 0, "loss": 0, "evaluated": 0}, "what it follows from"),
        ({"round": 0, "weight": 0, "loss": 0, "evaluated": 0, "previous": NOWHERE}, "what it follows from"),
        ({"evaluated": 0}, "losses that nobody has evaluated"),
        ({"round": 31}, "is of round 31; the specification has 30"),
    ],
)
def test_a_result_that_no_round_has_is_refused(changes, message):
    with pytest.raises(FileFormatError, match=message):
        parse_result(SPEC, later(**changes).encoded)
    parse_result(SPEC, later(evaluated=0, loss=0).encoded)


def test_losses_are_refused_where_the_specification_asks_for_none():
    with pytest.raises(FileFormatError, match="losses that nobody has evaluated"):
        parse_result(PLAIN, later(PLAIN, loss=1, evaluated=1).encoded)


@pytest.mark.parametrize("value", [PARAMETER_BOUND + 1, -PARAMETER_BOUND - 1, 2**63 - 1, -(2**63)])
def test_parameters_and_velocities_have_a_bound(value):
    for name in ("parameters", "velocity"):
        fits = integers(*range(9), PARAMETER_BOUND if value > 0 else -PARAMETER_BOUND)
        content = later(**{name: fits}).encoded
        with pytest.raises(RangeError, match=r"beyond 2\^28"):
            later(**{name: integers(*range(9), value)})
        place = -8 if name == "velocity" else -88
        changed = bytearray(content)
        changed[place : place + 8 or None] = struct.pack("<q", value)
        with pytest.raises(FileFormatError, match=r"beyond 2\^28"):
            parse_result(SPEC, bytes(changed))


def test_what_training_starts_from_is_rounded_and_the_same_for_everybody():
    arrays = [np.full((2, 3), 0.1), np.array([1e6, -1e-10, 2.0**-33, 3 * 2.0**-33])]
    first = first_result(SPEC, arrays)
    assert list(first.parameters[6:]) == [10**6 << 32, 0, 0, 2]
    for one, other in zip(first.arrays(SPEC), arrays, strict=True):
        assert one.shape == other.shape
        assert (np.abs(one - other) <= 2.0**-33).all()
    assert first.is_first
    assert first.mean_loss is None
    assert not first.velocity.any()
    assert first.hash == first_result(SPEC, [array.astype(np.float64) for array in arrays]).hash
    named = with_initial(SPEC, first.hash)
    assert first_result(named, arrays).hash == first.hash
    with pytest.raises(SpecError, match=f"these parameters are {FIRST.hash.hex()}") as raised:
        first_result(named, ARRAYS)
    assert raised.value.kind == "other-initial"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ([np.zeros((2, 3))], r"have the shapes \[2, 3\]; the specification has \[2, 3\], \[4\]"),
        ([np.zeros((3, 2)), np.zeros(4)], "have the shapes"),
        ([np.zeros((2, 3)), np.full(4, np.nan)], "a number that is not finite"),
        ([np.zeros((2, 3)), np.full(4, 2.0**28 + 1)], r"beyond 2\^28"),
        ([np.zeros((2, 3)), np.zeros(4, dtype=complex)], "no arrays of real numbers"),
        ([np.zeros((2, 3)), np.array(["1"] * 4)], "no arrays of real numbers"),
        ([np.zeros((2, 3)), np.array([None] * 4)], "no arrays of real numbers"),
        ([np.zeros((2, 3)), 5.0], "have the shapes"),
    ],
)
def test_training_starts_from_nothing_that_does_not_fit(arrays, message):
    with pytest.raises(InputError, match=message):
        first_result(SPEC, arrays)


def test_two_results_with_one_point_to_train_from_have_one_name_for_it():
    """What a node remembers of what it has shared: a quorum could else have it share anew at the same weights."""
    one, other = later(), later(round=4, weight=99, velocity=integers(*[0] * 10))
    assert one.hash != other.hash
    assert one.parameters_hash == other.parameters_hash
    assert one.parameters_hash != later(parameters=integers(*range(10))).parameters_hash


def test_a_result_is_a_value_that_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        later().parameters[0] = 5
    assert replace(later(), round=4).hash != later().hash
