"""Masks of an update that cancel in the sum of a set, modulo 2^64.

    seed     of a pair, as in logistic regression: `sharing.pair_seed`
    stretch  k of a mask: SHAKE-256("twopm-zk federated mask 1", seed, k as 8 bytes), 2^16 integers of 64 bits
    masked   update + sum of masks with higher addresses - sum of masks with lower ones, modulo 2^64

What adds up is known to everybody; without the masks of a pair nothing else is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import InputError
from twopm_zk.federated.encoding import MASKED
from twopm_zk.federated.specification import FederatedSpec
from twopm_zk.federated.updates import Update
from twopm_zk.sharing import PairSecrets
from twopm_zk.sharing.masks import sign
from twopm_zk.system.content_store import content_hash

Masks = npt.NDArray[np.uint64]
STRETCH = 1 << 16
"""Integers that one hash makes."""
_MASK = b"twopm-zk federated mask 1"


@dataclass(frozen=True, eq=False)
class MaskedUpdate:
    """What a node shares: integers modulo 2^64."""

    layout: bytes
    words: Masks

    def __post_init__(self) -> None:
        self.words.flags.writeable = False

    @cached_property
    def encoded(self) -> bytes:
        """The bytes that are stored."""
        return MASKED.encode(self.layout, self.words)

    @cached_property
    def hash(self) -> bytes:
        """SHA-256 of `encoded`: what the contract is told."""
        return content_hash(self.encoded)


def masked_size(spec: FederatedSpec) -> int:
    """How many bytes a masked update has."""
    return MASKED.size(spec.words)


def parse_masked(spec: FederatedSpec, content: bytes) -> MaskedUpdate:
    """A masked update from untrusted bytes. FileFormatError where they are none of this specification's."""
    _, words = MASKED.parse(spec.layout, spec.words, content)
    return MaskedUpdate(spec.layout, words)


def masked_update(spec: FederatedSpec, secrets: PairSecrets, update: Update) -> MaskedUpdate:
    """What a member of a set shares of its update. InputError for one of another length."""
    if update.words.size != spec.words:
        raise InputError(f"an update has {update.words.size} integers; of this specification it has {spec.words}")
    return MaskedUpdate(spec.layout, masked_words(secrets.address, update.words.view(np.uint64), secrets.seeds))


def masked_words(address: str, words: Masks, seeds: Mapping[str, bytes]) -> Masks:
    """Integers with the masks of all pairs, by the other one's address, stretch after stretch."""
    found = words.copy()
    for other, seed in seeds.items():
        adds = sign(address, other) > 0
        for first in range(0, found.size, STRETCH):
            part = found[first : first + STRETCH]
            mask = mask_stretch(seed, first // STRETCH, part.size)
            if adds:
                part += mask
            else:
                part -= mask
    return found


def mask_stretch(seed: bytes, index: int, size: int) -> Masks:
    """The first ``size`` integers of one stretch of the mask of a pair."""
    made = hashlib.shake_256(_MASK + seed + index.to_bytes(8, "little")).digest(8 * size)
    return np.frombuffer(made, dtype="<u8").astype(np.uint64)
