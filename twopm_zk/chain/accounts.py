"""Accounts of a chain: transactions and digests signed with a private key, and who has signed a digest.

eth_account does the same and more, and takes half a second to import; here it opens keystores only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rlp
from eth_keys.constants import SECPK1_N
from eth_keys.exceptions import BadSignature
from eth_keys.main import KeyAPI
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from twopm_zk.errors import InputError

_KEYS = KeyAPI()
_DYNAMIC_FEE = b"\x02"
"""Type of a transaction with a base fee and a tip (EIP-1559)."""
_V = 27
"""What Ethereum adds to the parity in a signature's last byte."""


@dataclass(frozen=True)
class SignedTransaction:
    """A transaction as it is sent, and the hash that names it."""

    raw: bytes
    hash: bytes


class Account:
    """An account that can sign. InputError, without the key, where it is none."""

    def __init__(self, private_key: str) -> None:
        try:
            secret = bytes.fromhex(private_key.removeprefix("0x"))
            in_range = len(secret) == 32 and 0 < int.from_bytes(secret, "big") < SECPK1_N
        except (ValueError, TypeError, AttributeError):
            in_range = False
        if not in_range:
            raise InputError("the private key is not 32 bytes in hexadecimal", kind="no-private-key")
        self._key = _KEYS.PrivateKey(secret)
        self.address: str = self._key.public_key.to_checksum_address()

    def __repr__(self) -> str:
        return f"Account({self.address})"

    def sign(self, digest: bytes) -> bytes:
        """Signature of a digest of 32 bytes: r, s, and 27 or 28."""
        signature = self._key.sign_msg_hash(digest)
        v, r, s = signature.vrs
        return b"".join(int(number).to_bytes(32, "big") for number in (r, s)) + bytes([_V + v])

    def sign_transaction(self, fields: Mapping[str, Any]) -> SignedTransaction:
        """A transaction with ``nonce``, ``gas``, ``value``, ``data``, ``chainId``, ``to`` where it has a recipient,
        and either ``gasPrice`` or ``maxFeePerGas`` and ``maxPriorityFeePerGas``.
        """
        to = bytes.fromhex(fields["to"][2:]) if "to" in fields else b""
        what = [fields["gas"], to, fields["value"], fields["data"]]
        if "gasPrice" in fields:
            raw = self._legacy([fields["nonce"], fields["gasPrice"], *what], fields["chainId"])
        else:
            price = [fields["maxPriorityFeePerGas"], fields["maxFeePerGas"]]
            content: list[Any] = [fields["chainId"], fields["nonce"], *price, *what, []]
            signature = self._key.sign_msg_hash(keccak(_DYNAMIC_FEE + rlp.encode(content)))
            raw = _DYNAMIC_FEE + rlp.encode([*content, signature.v, signature.r, signature.s])
        return SignedTransaction(raw, keccak(raw))

    def _legacy(self, content: list[Any], chain_id: int) -> bytes:
        """With one price for gas, bound to a chain as EIP-155 has it."""
        signature = self._key.sign_msg_hash(keccak(rlp.encode([*content, chain_id, 0, 0])))
        return bytes(rlp.encode([*content, 2 * chain_id + 35 + signature.v, signature.r, signature.s]))


def signer_of(digest: bytes, signature: bytes) -> str | None:
    """The address that has signed a digest; None for bytes that are no signature."""
    if len(signature) != 65 or signature[64] - _V not in (0, 1):
        return None
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    try:
        signed = _KEYS.Signature(vrs=(signature[64] - _V, r, s))
        return str(signed.recover_public_key_from_msg_hash(digest).to_checksum_address())
    except (BadSignature, ValidationError, ValueError):
        return None
