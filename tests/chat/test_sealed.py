"""Sealed answers: what is left out, repeated, moved, changed or cut off on its way is noticed by whoever reads."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from twopm_zk.chat.sealed import AnswerOpener, AnswerSealer, SealedPiece, answer_key, salt_of
from twopm_zk.errors import MessageError
from twopm_zk.participants.envelope import Header, seal_question

USER, OPERATOR = Account.from_key(b"\x02" * 32), Account.from_key(b"\x01" * 32)
KEY = X25519PrivateKey.from_private_bytes(b"\x03" * 32)
HEADER = Header("conversation", 31337, OPERATOR.address, 0, USER.address, OPERATOR.address, 5)
SECRET, SALT = b"\x04" * 32, b"\x05" * 32
TEXTS = ["The", " capital", " of", " France"]


def pieces():
    sealer = AnswerSealer(answer_key(SECRET, HEADER, SALT))
    return [*(sealer.seal({"text": text}) for text in TEXTS), sealer.seal({"finish": "stop"}, last=True)]


def opener(secret=SECRET, header=HEADER, salt=SALT):
    return AnswerOpener(answer_key(secret, header, salt))


def test_both_sides_of_an_envelope_have_the_same_secret_and_nobody_else_has_it():
    public = KEY.public_key().public_bytes_raw()
    envelope, secret = seal_question(HEADER, b"content", public, USER)
    assert envelope.open(KEY) == b"content"
    assert envelope.answer_secret(KEY) == secret
    assert envelope.answer_secret(X25519PrivateKey.generate()) != secret
    assert seal_question(HEADER, b"content", public, USER)[1] != secret


def test_an_answer_is_read_as_it_was_sealed():
    found = opener()
    said = [found.open(one) for one in pieces()]
    assert said == [*({"text": text} for text in TEXTS), {"finish": "stop"}]
    assert found.ended


@pytest.mark.parametrize(
    "other",
    [
        {"secret": b"\x06" * 32},
        {"salt": b"\x06" * 32},
        {"header": replace(HEADER, subject=6)},
        {"header": replace(HEADER, sender=OPERATOR.address)},
    ],
)
def test_under_another_key_nothing_is_read(other):
    with pytest.raises(MessageError, match="missing, or was changed"):
        opener(**other).open(pieces()[0])


@pytest.mark.parametrize(
    "changed",
    [
        lambda found: found[1:],
        lambda found: [found[0], *found[2:]],
        lambda found: [found[0], found[0], *found[1:]],
        lambda found: [found[1], found[0], *found[2:]],
        lambda found: [*found[:3], replace(found[3], last=True)],
        lambda found: [*found[:4], replace(found[4], last=False)],
        lambda found: [replace(found[0], ciphertext=found[0].ciphertext[:-1])],
        lambda found: [replace(found[0], ciphertext=bytes(16))],
        lambda found: [replace(found[0], ciphertext=b"x")],
        lambda found: [*found, found[-1]],
    ],
)
def test_whatever_is_done_to_pieces_on_their_way_is_noticed(changed):
    found = opener()
    with pytest.raises(MessageError) as refused:
        [found.open(one) for one in changed(pieces())]
    assert refused.value.reason == "undecipherable"


def test_an_answer_that_was_cut_off_has_not_ended():
    found = opener()
    for one in pieces()[:-1]:
        found.open(one)
    assert not found.ended


@pytest.mark.slow
@given(st.integers(0, 64 + 15), st.integers(0, 7))
def test_a_changed_bit_is_noticed(byte, bit):
    piece = pieces()[0]
    changed = bytearray(piece.ciphertext)
    changed[byte] ^= 1 << bit
    with pytest.raises(MessageError):
        opener().open(replace(piece, ciphertext=bytes(changed)))


def test_lengths_of_pieces_do_not_tell_lengths_of_words():
    assert len({len(one.ciphertext) for one in pieces()[:-1]}) == 1


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"sealed": "00"},
        {"sealed": "0", "last": False},
        {"sealed": "00", "last": 1},
        {"sealed": 5, "last": True},
    ],
)
def test_what_is_no_piece_is_malformed(document):
    with pytest.raises(MessageError) as refused:
        SealedPiece.from_document(document)
    assert refused.value.reason == "malformed"


@pytest.mark.parametrize("document", [None, {}, {"salt": "00"}, {"salt": "zz" * 32}, {"salt": "00" * 33}, {"salt": 5}])
def test_what_is_no_salt_is_malformed(document):
    with pytest.raises(MessageError) as refused:
        salt_of(document)
    assert refused.value.reason == "malformed"


def test_no_secret_is_in_a_repr():
    shown = f"{pieces()[0]!r} {opener()!r}"
    assert pieces()[0].ciphertext.hex() not in shown
    assert repr(pieces()[0].ciphertext) not in shown
