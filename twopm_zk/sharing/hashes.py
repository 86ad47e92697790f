"""What contracts hash, and scalars made of hashes.

    hash      keccak256(abi.encode(values)), a text first where a proof is meant
    scalar_i  (keccak256(abi.encode(seed, 2 i)) 2^256 + keccak256(abi.encode(seed, 2 i + 1))) mod SUBGROUP_ORDER

A scalar takes 512 bits: 256 would favour some residues by one in 42.
"""

from __future__ import annotations

from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER


def abi_hash(*typed: tuple[str, Any]) -> bytes:
    """keccak256 of the ABI encoding of values, each with its Solidity type."""
    return keccak(encode([kind for kind, _ in typed], [value for _, value in typed]))


def numbers_hash(name: str, *numbers: int) -> bytes:
    """The hash of a text and unsigned integers."""
    return abi_hash(("string", name), *(("uint256", number) for number in numbers))


def challenge_of(digest: bytes) -> int:
    """A hash as the challenge of a proof."""
    return int.from_bytes(digest, "big") % SUBGROUP_ORDER


def scalar_of(seed: bytes, index: int) -> int:
    """The scalar with this index of a seed."""
    high, low = (keccak(seed + (2 * index + part).to_bytes(32)) for part in range(2))  # abi.encode of two words
    return int.from_bytes(high + low, "big") % SUBGROUP_ORDER


def nonce_of(secret: int, statement: bytes) -> int:
    """A proof's nonce from the secret and the hash of all that is proven: one statement never gets two nonces, two
    statements never one, whatever the machine's source of randomness."""
    seed = abi_hash(("string", "twopm-zk nonce"), ("uint256", secret), ("bytes32", statement))
    return scalar_of(seed, 0)
