"""Messages between participants: what they carry, and what is refused under which name."""

import json
from dataclasses import replace

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from twopm_zk.errors import MessageError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.participants import wire
from twopm_zk.participants.envelope import Envelope, Header, Receipt, seal
from twopm_zk.participants.messages import Enrolment, Opening, PredictionInput
from twopm_zk.rows.moments import Moments
from twopm_zk.statements import PredictShape, RoundShape, Update

SHAPE = RoundShape(slots=4, features=3, x_frac_bits=12)
NODE, OTHER, COORDINATOR = (Account.from_key(bytes([n] * 32)) for n in (1, 2, 3))
SECRET = X25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = SECRET.public_key().public_bytes_raw()
UPDATE = Update(11, (5 << 180, -7, 0, -(3 << 170)), 12)
OPENING = Opening(UPDATE, 123456789)
COMMITMENT = OPENING.opened.commitment
HEADER = Header(
    kind="opening",
    chain_id=31337,
    contract="0x5FbDB2315678afecb367f032d93F642f64180aa3",
    task=7,
    round=2,
    attempt=1,
    sender=NODE.address,
    recipient=COORDINATOR.address,
    subject=COMMITMENT,
)


def refused(reason):
    return pytest.raises(MessageError, check=lambda error: error.reason == reason)


@pytest.fixture
def envelope():
    return seal(HEADER, OPENING.encode(), PUBLIC, NODE)


def test_an_opening_arrives_as_it_was_sent(envelope):
    arrived = Envelope.parse(envelope.encode())
    arrived.require_signature()
    assert arrived.header == HEADER
    assert Opening.parse(arrived.open(SECRET), SHAPE, commitment=COMMITMENT) == OPENING


def test_nothing_private_is_in_a_repr_or_in_the_envelope(envelope):
    text = repr(envelope) + repr(OPENING) + envelope.encode().decode()
    for secret in (str(UPDATE.gradient[0]), str(OPENING.blinding), OPENING.encode().hex()[:64]):
        assert secret not in text


def test_the_length_does_not_tell_how_large_the_numbers_are():
    small = Opening(Update(1, (0, 0, 0, 0), 12), 0)
    assert len(small.encode()) == len(OPENING.encode())


@pytest.mark.parametrize(
    "change",
    [
        {"task": 8},
        {"round": 3},
        {"attempt": 0},
        {"chain_id": 1},
        {"contract": "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"},
        {"subject": COMMITMENT + 1},
        {"sender": OTHER.address},
        {"recipient": OTHER.address},
        {"kind": "input"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_message_cannot_be_moved_elsewhere(envelope, change):
    moved = replace(envelope, header=replace(HEADER, **change))
    with refused("bad_signature"):
        moved.require_signature()
    with refused("undecipherable"):
        moved.open(SECRET)


def test_another_account_cannot_sign_in_ones_name():
    with refused("bad_signature"):
        seal(HEADER, OPENING.encode(), PUBLIC, OTHER).require_signature()


@pytest.mark.parametrize("signature", [bytes(65), b"\xff" * 65, bytes(64) + b"\x1b"])
def test_a_signature_that_is_none(envelope, signature):
    with refused("bad_signature"):
        replace(envelope, signature=signature).require_signature()


def test_only_the_recipient_can_read(envelope):
    with refused("undecipherable"):
        envelope.open(X25519PrivateKey.generate())
    flipped = bytes([envelope.ciphertext[0] ^ 1]) + envelope.ciphertext[1:]
    with refused("undecipherable"):
        replace(envelope, ciphertext=flipped).open(SECRET)


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31)])
def test_keys_of_low_order_are_refused_on_both_sides(envelope, point):
    with refused("undecipherable"):
        replace(envelope, ephemeral=point).open(SECRET)
    with refused("no_key"):
        seal(HEADER, b"x", point, NODE)


def test_a_recipient_without_a_key_gets_no_message():
    with refused("no_key"):
        seal(HEADER, b"x", b"\x07" * 31, NODE)


def test_the_same_content_is_never_encrypted_alike(envelope):
    again = seal(HEADER, OPENING.encode(), PUBLIC, NODE)
    assert again.ciphertext != envelope.ciphertext
    assert again.ephemeral != envelope.ephemeral


def test_an_opening_of_another_update_is_refused():
    lie = replace(OPENING, update=Update(11, (5 << 180, -7, 1, -(3 << 170)), 12))
    for wrong in (lie, replace(OPENING, blinding=1), replace(OPENING, update=replace(UPDATE, rows=12))):
        with refused("does_not_open"):
            Opening.parse(wrong.encode(), SHAPE, commitment=COMMITMENT)


def damaged(**changes):
    document = json.loads(OPENING.encode())
    document.update(changes)
    return json.dumps({key: value for key, value in document.items() if value != "REMOVE"}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04garbage",
        b"null",
        b"[]",
        b"{" * 3000,
        b"[" * 100000,
        b'{"rows":1,"rows":2}',
        damaged(extra=1),
        damaged(blinding="REMOVE"),
        damaged(rows=0),
        damaged(rows=-1),
        damaged(rows=True),
        damaged(rows=1.0),
        damaged(rows="11"),
        damaged(rows=2**32),
        damaged(rows=float("nan")),
        damaged(blinding=str(FIELD_ORDER)),
        damaged(blinding="-1"),
        damaged(blinding="0x5"),
        damaged(blinding="007"),
        damaged(blinding="9" * 5000),
        damaged(blinding=5),
        damaged(gradient=["1", "2", "3"]),
        damaged(gradient=["1", "2", "3", str(2**252 + 1)]),
        damaged(gradient=["1", "2", "3", "4 "]),
        damaged(gradient={"0": "1"}),
        damaged(hessian=[]),
        damaged(hessian={"rows": 11, "upper": ["1"] * 9}),
        damaged(hessian={"rows": 12, "upper": ["1"] * 10}),
        damaged(hessian={"rows": 11, "upper": ["-1"] * 10}),
    ],
)
def test_malformed_contents_are_refused(content):
    with refused("malformed"):
        Opening.parse(content, SHAPE, commitment=COMMITMENT)


def test_a_content_that_is_too_large_is_not_parsed():
    with refused("too_large"):
        Opening.parse(b" " * (1 << 19), SHAPE, commitment=COMMITMENT)


@given(st.binary(max_size=300))
def test_garbage_is_never_an_envelope(data):
    with pytest.raises(MessageError):
        Envelope.parse(data)


def receive(data):
    arrived = Envelope.parse(data)
    arrived.require_signature()
    return arrived.open(SECRET)


@given(st.data())
def test_an_envelope_with_one_byte_changed_is_refused(data):
    original = seal(HEADER, b"content", PUBLIC, NODE)
    encoded = bytearray(original.encode())
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(MessageError):
        receive(bytes(encoded))


def test_an_address_needs_its_checksum(envelope):
    document = json.loads(envelope.encode())
    document["header"]["sender"] = document["header"]["sender"].lower()
    with refused("malformed"):
        Envelope.parse(json.dumps(document).encode())


def test_no_value_of_a_refused_message_is_shown():
    with pytest.raises(MessageError) as caught:
        Opening.parse(damaged(blinding="-987654321"), SHAPE, commitment=COMMITMENT)
    assert "987654321" not in str(caught.value)


def test_enrolment_with_and_without_moments():
    features = np.array([[1, -2, 3], [400, 5, -6]], dtype=np.int64)
    full = Enrolment(2, 1, Moments.of(features, FEATURES))
    assert Enrolment.parse(full.encode(), SHAPE) == full
    assert Enrolment.parse(Enrolment(2, 1).encode(), SHAPE) == Enrolment(2, 1)
    assert "400" not in repr(full)


def test_moments_that_contradict_the_rows_are_refused():
    features = np.zeros((2, 3), dtype=np.int64)
    with refused("malformed"):
        Enrolment.parse(Enrolment(3, 1, Moments.of(features, FEATURES)).encode(), SHAPE)
    inflated = Moments(2, tuple((1, 0, 0, 0) for _ in range(4)))
    with refused("malformed"):
        Enrolment.parse(Enrolment(2, 1, inflated).encode(), SHAPE)


def test_input_of_a_prediction():
    shape = PredictShape(3, FEATURES)
    sent = PredictionInput((1, -2, 32767), 99)
    commitment = sent.commitment(FEATURES)
    assert PredictionInput.parse(sent.encode(), shape, commitment=commitment) == sent
    with refused("does_not_open"):
        PredictionInput.parse(sent.encode(), shape, commitment=commitment + 1)
    with refused("malformed"):
        PredictionInput.parse(PredictionInput((1, -2, 32768), 99).encode(), shape, commitment=commitment)


def test_a_receipt_is_the_recipients_and_of_that_message():
    receipt = Receipt.sign(HEADER, COORDINATOR)
    data = wire.encode(receipt.to_json())
    assert Receipt.parse(data, header=HEADER) == receipt
    with refused("wrong_receipt"):
        Receipt.parse(data, header=replace(HEADER, attempt=2))
    with refused("bad_signature"):
        Receipt.parse(wire.encode(Receipt.sign(HEADER, OTHER).to_json()), header=HEADER)
    with refused("malformed"):
        Receipt.parse(b"{}", header=HEADER)
