"""Messages between participants: what they carry, and what is refused under which name."""

import json
from dataclasses import replace

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
from twopm_zk.participants.messages import MAX_PAYLOAD, PredictionInput
from twopm_zk.statements import PredictShape

SHAPE = PredictShape(3, FEATURES)
NODE, OTHER, COORDINATOR = (Account.from_key(bytes([n] * 32)) for n in (1, 2, 3))
SECRET = X25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = SECRET.public_key().public_bytes_raw()
INPUT = PredictionInput((1, -2, 32767), 123456789 << 200)
COMMITMENT = INPUT.commitment(SHAPE)
HEADER = Header(
    kind="input",
    chain_id=31337,
    contract="0x5FbDB2315678afecb367f032d93F642f64180aa3",
    task=7,
    sender=NODE.address,
    recipient=COORDINATOR.address,
    subject=COMMITMENT,
)


def refused(reason):
    return pytest.raises(MessageError, check=lambda error: error.reason == reason)


@pytest.fixture
def envelope():
    return seal(HEADER, INPUT.encode(), PUBLIC, NODE)


def test_an_input_arrives_as_it_was_sent(envelope):
    arrived = Envelope.parse(envelope.encode())
    arrived.require_signature()
    assert arrived.header == HEADER
    assert PredictionInput.parse(arrived.open(SECRET), SHAPE, commitment=COMMITMENT) == INPUT


def test_nothing_private_is_in_a_repr_or_in_the_envelope(envelope):
    text = repr(envelope) + repr(INPUT) + envelope.encode().decode()
    for secret in (str(INPUT.features[2]), str(INPUT.salt), INPUT.encode().hex()[:64]):
        assert secret not in text


def test_the_length_does_not_tell_how_large_the_numbers_are():
    assert len(PredictionInput((0, 0, 0), 0).encode()) == len(INPUT.encode())


@pytest.mark.parametrize(
    "change",
    [
        {"task": 8},
        {"chain_id": 1},
        {"contract": "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"},
        {"subject": COMMITMENT + 1},
        {"sender": OTHER.address},
        {"recipient": OTHER.address},
        {"kind": "opening"},
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
        seal(HEADER, INPUT.encode(), PUBLIC, OTHER).require_signature()


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
    again = seal(HEADER, INPUT.encode(), PUBLIC, NODE)
    assert again.ciphertext != envelope.ciphertext
    assert again.ephemeral != envelope.ephemeral


def test_another_input_than_the_committed_one_is_refused():
    for wrong in (replace(INPUT, features=(1, -2, 32766)), replace(INPUT, salt=1)):
        with refused("does_not_open"):
            PredictionInput.parse(wrong.encode(), SHAPE, commitment=COMMITMENT)


def damaged(**changes):
    document = json.loads(INPUT.encode())
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
        b'{"salt":"1","salt":"2"}',
        damaged(extra=1),
        damaged(salt="REMOVE"),
        damaged(salt=str(FIELD_ORDER)),
        damaged(salt="-1"),
        damaged(salt="0x5"),
        damaged(salt="007"),
        damaged(salt="9" * 5000),
        damaged(salt=5),
        damaged(salt=True),
        damaged(salt=float("nan")),
        damaged(features=["1", "2"]),
        damaged(features=["1", "2", "3", "4"]),
        damaged(features=["1", "2", "32768"]),
        damaged(features=["1", "2", "-32769"]),
        damaged(features=["1", "2", "3 "]),
        damaged(features=[1, 2, 3]),
        damaged(features={"0": "1"}),
    ],
)
def test_malformed_contents_are_refused(content):
    with refused("malformed"):
        PredictionInput.parse(content, SHAPE, commitment=COMMITMENT)


def test_a_content_that_is_too_large_is_not_parsed():
    with refused("too_large"):
        PredictionInput.parse(b" " * (MAX_PAYLOAD + 1), SHAPE, commitment=COMMITMENT)


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
        PredictionInput.parse(damaged(salt="-987654321"), SHAPE, commitment=COMMITMENT)
    assert "987654321" not in str(caught.value)


@pytest.mark.parametrize("kind", ["update", "inputs", "INPUT", ""])
def test_messages_of_training_are_no_messages(kind):
    document = json.loads(seal(HEADER, INPUT.encode(), PUBLIC, NODE).encode())
    document["header"]["kind"] = kind
    with refused("malformed"):
        Envelope.parse(json.dumps(document).encode())


def test_a_receipt_is_the_recipients_and_of_that_message():
    receipt = Receipt.sign(HEADER, COORDINATOR)
    data = wire.encode(receipt.to_json())
    assert Receipt.parse(data, header=HEADER) == receipt
    with refused("wrong_receipt"):
        Receipt.parse(data, header=replace(HEADER, task=8))
    with refused("bad_signature"):
        Receipt.parse(wire.encode(Receipt.sign(HEADER, OTHER).to_json()), header=HEADER)
    with refused("malformed"):
        Receipt.parse(b"{}", header=HEADER)
