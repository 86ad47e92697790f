"""One node's update: the change of the parameters, bounded, in integers, and what is summed beside it.

    change  = trained - before, shortened to a norm of clip (1 - 2^-20)
    q       = round(change 2^frac_bits), half to even, plus noise where there is privacy
    update  = weight q, then weight, and where losses are summed: round(loss 2^16) evaluated, evaluated

Rounding moves each coordinate by at most 2^-(frac_bits + 1). The margin is far above what a norm in doubles can be off
by, so that the bound on the norm, which noise is made for and every result is checked against, is exact.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import InputError, RangeError
from twopm_zk.federated.encoding import UPDATE
from twopm_zk.federated.model import Trained
from twopm_zk.federated.results import RoundResult
from twopm_zk.federated.specification import LOSS_FRAC_BITS, FederatedSpec

Words = npt.NDArray[np.int64]
CLIP_MARGIN = 2.0**-20
SALT_BYTES = 32
_COMMITMENT = b"twopm-zk federated update 1"


@dataclass(frozen=True, eq=False)
class Update:
    """The integers of one node: secret, and masked before they leave it."""

    words: Words

    def __post_init__(self) -> None:
        self.words.flags.writeable = False

    def __repr__(self) -> str:
        return f"Update({self.words.size} words)"

    def encode(self, spec: FederatedSpec) -> bytes:
        """The bytes that a node keeps for itself."""
        return UPDATE.encode(spec.layout, self.words)

    def commitment(self, salt: bytes) -> bytes:
        """The salted SHA-256 that the contract keeps before anybody shares: it hides the update as long as the salt is
        secret, and nothing ever opens it. InputError for a salt that is not of 32 bytes."""
        if len(salt) != SALT_BYTES:
            raise InputError(f"a salt has {SALT_BYTES} bytes; this one {len(salt)}")
        return hashlib.sha256(_COMMITMENT + salt + self.words.astype("<i8").tobytes()).digest()


def parse_update(spec: FederatedSpec, content: bytes) -> Update:
    """What a node has kept. FileFormatError where it is of another specification, or damaged."""
    _, words = UPDATE.parse(spec.layout, spec.words, content)
    return Update(words)


def update_of(spec: FederatedSpec, before: RoundResult, trained: Trained) -> Update:
    """What a node hands in after it has trained from the result ``before``, with fresh noise where there is privacy.

    Call it once for a round at these weights, keep what it gives, and hand in the same again in every further attempt:
    fresh noise each time would average out.
    """
    change = trained.parameters - before.values
    words = quantised(clipped(change, spec.clip), spec.frac_bits)
    if spec.noise is not None:
        words += np.array(spec.noise.draw(), dtype=np.int64)
    weight = min(trained.examples, spec.maximum_examples) if spec.weighting == "examples" else 1
    tail = [weight]
    if spec.evaluate:
        evaluated = min(trained.evaluated, spec.maximum_examples)
        tail += [round(trained.loss * (1 << LOSS_FRAC_BITS)) * evaluated, evaluated]
    return Update(np.concatenate([words * weight, np.array(tail, dtype=np.int64)]))


def clipped(change: npt.NDArray[np.float64], clip: float) -> npt.NDArray[np.float64]:
    """A change whose L2 norm is at most ``clip``, shortened where it is longer. RangeError where it is not finite."""
    largest = float(np.max(np.abs(change), initial=0.0))
    if not math.isfinite(largest):
        raise RangeError("the change of a node's parameters is not finite")
    if not largest:
        return change
    norm = largest * float(np.linalg.norm(change / largest))  # squares of large numbers stay finite
    limit = clip * (1 - CLIP_MARGIN)
    return change if norm <= limit else change * (limit / norm)


def quantised(change: npt.NDArray[np.float64], frac_bits: int) -> Words:
    """Integers in units of 2^-frac_bits, half to even. RangeError where one is not below 2^62."""
    scaled = np.rint(change * 2.0**frac_bits)
    if not (np.abs(scaled) < 2.0**62).all():
        raise RangeError(f"the change of a node's parameters does not fit 62 bits with {frac_bits} fractional")
    return scaled.astype(np.int64)
