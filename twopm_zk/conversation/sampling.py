"""Which token comes next: the likeliest, or one drawn with exact probabilities from a seed that everybody can repeat.

A draw for a position is ``floor(h total / 2^256)``, where h is the number that SHA-256 makes of the model (its digest,
then its adapter's where it has one), the seed and the position, big-endian, and ``total`` the sum of all weights. The
token is the first whose weight, added to those before it, exceeds the draw. Weights are exp(-(largest logit - logit) /
temperature) in units of 2^-26, integers by the table of `tables`; a token below 2^-27 of the likeliest is never drawn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from twopm_zk.conversation.arithmetic import exp_of_minus
from twopm_zk.conversation.tables import EXP_STEPS
from twopm_zk.errors import InputError

Reals = npt.NDArray[np.float64]

SEED_BYTES = 32
MAX_TEMPERATURE = 10_000
_LOGIT_FRAC = 20
_DOMAIN = b"twopm-zk conversation draw 1"


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen. Two executions with the same model, prompt and sampling have the same answer."""

    seed: bytes = field(repr=False)
    """32 bytes. Draws follow from them; the digests of a transcript hide what was said while they are secret."""
    temperature: int = 0
    """Thousandths by which logits are divided; 0 takes the likeliest token."""

    def __post_init__(self) -> None:
        """Raise InputError for a seed of another length, or a temperature that is negative or above 10."""
        if len(self.seed) != SEED_BYTES:
            raise InputError(f"a seed has {SEED_BYTES} bytes, not {len(self.seed)}")
        if not 0 <= self.temperature <= MAX_TEMPERATURE:
            raise InputError("a temperature is from 0 to 10")

    def choose(self, logits: Reals, frac_bits: int, *, model: bytes, position: int) -> int:
        """The token at a position, from integer logits of ``frac_bits``; the first of several that are equal."""
        if self.temperature == 0:
            return int(logits.argmax())
        sums = np.cumsum(self._weights(logits, frac_bits))
        drawn = self._hash(model, position) * int(sums[-1]) >> 256
        return int(np.searchsorted(sums, drawn, side="right"))

    def _weights(self, logits: Reals, frac_bits: int) -> npt.NDArray[np.int64]:
        below = (logits.max() - logits) * 2.0 ** (_LOGIT_FRAC - frac_bits)
        below = np.rint(np.minimum(below, 2.0**28))  # 256, of which nothing is left at any temperature
        below *= 1000.0
        scaled = np.floor(below / self.temperature)  # exact: the quotient of integers below 2^53
        scaled *= EXP_STEPS * 2.0**-_LOGIT_FRAC
        return exp_of_minus(scaled).astype(np.int64)

    def _hash(self, model: bytes, position: int) -> int:
        drawn = hashlib.sha256(_DOMAIN + model + self.seed + position.to_bytes(8, "big"))
        return int.from_bytes(drawn.digest(), "big")


def thousandths(temperature: float) -> int:
    """A temperature in thousandths. InputError for one that is no number from 0 to 10 with three decimals at most."""
    if not 0 <= temperature <= MAX_TEMPERATURE / 1000:
        raise InputError("a temperature is from 0 to 10")
    found = round(temperature * 1000)
    if abs(temperature * 1000 - found) > 1e-6:
        raise InputError("a temperature has three decimals at most")
    return found
