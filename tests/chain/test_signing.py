"""Transactions as eth-account signs them."""

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from twopm_zk.chain.abi import checksummed
from twopm_zk.chain.rpc.signing import Signer

SIGNERS = [Signer(Account.from_key("0x" + part * 32)) for part in ("11", "a7")]
TO = "0x" + "00" * 20
NUMBERS = st.integers(0, 2**64 - 1)
TRANSACTIONS = st.fixed_dictionaries(
    {
        "chainId": st.integers(1, 2**32),
        "nonce": NUMBERS,
        "gas": NUMBERS,
        "maxPriorityFeePerGas": NUMBERS,
        "maxFeePerGas": NUMBERS,
        "value": st.integers(0, 2**128),
        "data": st.binary(max_size=300),
    },
    optional={"to": st.binary(min_size=20, max_size=20).map(lambda raw: checksummed("0x" + raw.hex()))},
)


@given(signer=st.sampled_from(SIGNERS), transaction=TRANSACTIONS)
@settings(max_examples=60, deadline=None)
def test_transactions_are_those_that_eth_account_signs(signer, transaction):
    signed = signer.account.sign_transaction({"type": 2, **transaction})
    assert signer.sign(transaction) == (bytes(signed.raw_transaction), bytes(signed.hash))


def test_a_chain_without_a_base_fee_has_transactions_with_one_price():
    transaction = {
        "chainId": 7,
        "nonce": 1,
        "gas": 21000,
        "gasPrice": 5,
        "value": 3,
        "data": b"",
        "to": "0x" + "00" * 20,
    }
    signer = SIGNERS[0]
    signed = signer.account.sign_transaction(transaction)
    assert signer.sign(transaction) == (bytes(signed.raw_transaction), bytes(signed.hash))


@pytest.mark.parametrize("missing", ["nonce", "chainId", "gas", "value", "data", "maxFeePerGas"])
def test_nothing_is_signed_without_a_field(missing):
    transaction = {"chainId": 7, "nonce": 1, "gas": 21000, "maxPriorityFeePerGas": 1, "maxFeePerGas": 5, "value": 3}
    transaction |= {"data": b"", "to": TO}
    del transaction[missing]
    with pytest.raises(KeyError):
        SIGNERS[0].sign(transaction)
