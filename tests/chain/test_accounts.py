"""Signatures and transactions byte for byte as eth_account makes them, which is another implementation."""

import pytest
from eth_account import Account as KnownAccount
from eth_account.messages import encode_defunct
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from twopm_zk.chain.accounts import Account, signer_of
from twopm_zk.errors import InputError

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEY = "0x" + "5a" * 32
RECIPIENT = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
DYNAMIC = {"maxFeePerGas": 3 * 10**9, "maxPriorityFeePerGas": 10**9}
UINT64 = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize("price", [DYNAMIC, {"gasPrice": 10**9}], ids=["base fee", "one price"])
@pytest.mark.parametrize("to", [{"to": RECIPIENT}, {}], ids=["call", "creation"])
@settings(max_examples=20, deadline=None)
@given(nonce=UINT64, gas=UINT64, value=st.integers(0, 2**128), data=st.binary(max_size=80), chain=st.integers(1, 2**31))
def test_transactions_are_those_of_eth_account(price, to, nonce, gas, value, data, chain):
    fields = {"nonce": nonce, "gas": gas, "value": value, "data": data, "chainId": chain, **price, **to}
    signed, known = Account(KEY).sign_transaction(fields), KnownAccount.from_key(KEY).sign_transaction(fields)
    assert (signed.raw, signed.hash) == (bytes(known.raw_transaction), bytes(known.hash))


@settings(max_examples=20, deadline=None)
@given(message=st.binary(max_size=50), secret=st.integers(1, N - 1))
def test_signatures_and_addresses_are_those_of_eth_account(message, secret):
    key = secret.to_bytes(32, "big").hex()
    account, known = Account(key), KnownAccount.from_key(key)
    signable = encode_defunct(message)
    digest = keccak(b"\x19E" + signable.header + signable.body)
    assert account.address == known.address
    assert account.sign(digest) == bytes(known.sign_message(signable).signature)
    assert signer_of(digest, account.sign(digest)) == account.address
    assert signer_of(keccak(digest), account.sign(digest)) != account.address


@pytest.mark.parametrize("last", [0, 1, 26, 29, 37, 255])
def test_a_signature_ends_with_27_or_28(last):
    digest = keccak(b"x")
    assert signer_of(digest, Account(KEY).sign(digest)[:64] + bytes([last])) is None


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(64) + b"\x1b", b"\xff" * 64 + b"\x1b", bytes(66)])
def test_bytes_that_are_no_signature_have_no_signer(signature):
    assert signer_of(keccak(b"x"), signature) is None


def test_the_smallest_and_the_largest_key_sign():
    for secret in (1, N - 1):
        key = secret.to_bytes(32, "big").hex()
        assert Account(key).address == KnownAccount.from_key(key).address


@pytest.mark.parametrize(
    "key", ["", "0x12", "zz" * 32, "5a" * 31, "5a" * 33, "00" * 32, N.to_bytes(32, "big").hex(), "f" * 64, None]
)
def test_a_key_that_is_none_is_refused_and_not_shown(key):
    with pytest.raises(InputError, match="is not 32 bytes in hexadecimal") as caught:
        Account(key)
    assert not key or key not in str(caught.value)


def test_an_account_shows_its_address_and_not_its_key():
    shown = repr(Account(KEY)) + str(Account(KEY))
    assert Account(KEY).address in shown
    assert "5a5a" not in shown.lower()
