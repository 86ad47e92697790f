"""A transaction of EIP-1559, encoded by rlp and signed by eth-keys: bytes, and the hash that it will go by.

eth-account makes the account from its key again for each transaction, and takes three times as long for the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import rlp
from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

_TYPE = b"\x02"
_NUMBERS = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas")


class Signer:
    """Signs the transactions of one account."""

    def __init__(self, account: LocalAccount) -> None:
        self.account = account
        self._key = PrivateKey(bytes(account.key))

    def sign(self, transaction: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """The transaction as it is sent, and its hash.

        ``transaction`` has web3's names, numbers that are int, ``data`` that is bytes, and ``to`` unless it creates a
        contract; one with ``gasPrice``, of a chain without a base fee, is eth-account's to sign. KeyError where a field
        is missing.
        """
        if "gasPrice" in transaction:
            signed = self.account.sign_transaction(cast(Any, dict(transaction)))
            return bytes(signed.raw_transaction), bytes(signed.hash)
        fields: list[Any] = [transaction[name] for name in _NUMBERS]
        fields += [bytes.fromhex(transaction.get("to", "0x")[2:]), transaction["value"], transaction["data"], []]
        unsigned = _TYPE + rlp.encode(fields, infer_serializer=True)
        signature = self._key.sign_msg_hash(keccak(unsigned))
        encoded = _TYPE + rlp.encode([*fields, signature.v, signature.r, signature.s])
        return encoded, keccak(encoded)
