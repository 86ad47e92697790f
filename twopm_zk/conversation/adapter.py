"""A low-rank adapter of a language model: what several owners trained together, in exact integers.

It changes the last hidden state h, from which logits follow, to h + B (A h), with A of rank x width and B of
width x rank. Both are integers in units of 2^-frac_bits. The product with A is rounded to the bits of activations, as
before every product of the model; the product with B is rounded to 2^-30 of a unit of h, saturated at 2^21 units,
added, and the sum rounded to activations again. All sums are of integers below 2^53, so that an adapter's answers are
the same everywhere, as the model's own are. An adapter of zeros gives h within 2^-19 of its largest component.

The twin in Python's integers is `tests/support/plain_language_model.py`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from twopm_zk.conversation.arithmetic import Activations, power_of_two, to_activations
from twopm_zk.conversation.weights import ACTIVATION_BITS, EXACT_BITS
from twopm_zk.errors import InputError

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

MAX_RANK = 64
MAX_FRAC_BITS = 48
FRAC_BITS = 20
"""Fractional bits of an adapter that was trained together: magnitudes of a row may add up to 16,384."""
PARAMETER_FRAC_BITS = 32
"""Fractional bits of the parameters that owners agree on, as in `federated.specification`."""
_FINER = 30
"""Bits that the sum of hidden state and change has beyond those of the hidden state."""
_SUM_BITS = 51


class Adapter:
    """The two matrices, and what they do to hidden states."""

    def __init__(self, down: Integers, up: Integers, *, frac_bits: int, digest: str) -> None:
        """Take A (rank x width) and B (width x rank) in units of 2^-frac_bits, and the digest of both, 64 hex digits.

        Raises InputError for shapes that do not fit each other, or weights so large that a product might not be exact.
        """
        rank, width = down.shape
        if up.shape != (width, rank) or not 1 <= rank <= MAX_RANK or not 0 <= frac_bits <= MAX_FRAC_BITS:
            raise InputError(
                f"an adapter has matrices of rank x width and width x rank, of a rank from 1 to {MAX_RANK} and "
                f"at most {MAX_FRAC_BITS} fractional bits"
            )
        most = 1 << EXACT_BITS - ACTIVATION_BITS
        for matrix in (down, up):
            too_large = int(matrix.max()) >= most or int(matrix.min()) <= -most
            if too_large or int(np.abs(matrix).sum(1).max()) >= most:
                raise InputError(
                    f"an adapter's weights are too large for products that are exact: the magnitudes of a row add up "
                    f"to less than 2^{EXACT_BITS - ACTIVATION_BITS - frac_bits}",
                    kind="adapter-too-large",
                )
        self.digest = digest
        self.rank, self.width = rank, width
        self._frac_bits = frac_bits
        self._down: Reals = down.T.astype(np.float64)
        self._up: Reals = up.T.astype(np.float64)

    @classmethod
    def from_parameters(cls, parameters: Integers, *, width: int, digest: str) -> Adapter:
        """The adapter of a model of ``width`` that a result of federated learning stands for.

        ``parameters`` are A and then B in one row, in units of 2^-PARAMETER_FRAC_BITS, and are rounded to FRAC_BITS,
        ties up; ``digest`` is the hash of the accepted result, 64 hex digits. Raises InputError as the constructor.
        """
        rank, rest = divmod(parameters.size, 2 * width)
        if rest or not 1 <= rank <= MAX_RANK:
            raise InputError(f"{parameters.size} parameters make no adapter of a model of width {width}")
        shift = PARAMETER_FRAC_BITS - FRAC_BITS
        rounded = (parameters >> shift) + (parameters >> shift - 1 & 1)
        down, up = rounded[: rank * width].reshape(rank, width), rounded[rank * width :].reshape(width, rank)
        return cls(down, up, frac_bits=FRAC_BITS, digest=digest)

    def apply(self, hidden: Activations) -> Activations:
        """The hidden states (n x width) that logits follow from, instead of the model's own."""
        n = len(hidden.values)
        inner = Activations(np.empty((n, self.rank)), np.empty((n, 1), np.int64))
        to_activations(np.matmul(hidden.values, self._down), 0, inner)
        change: Reals = np.matmul(inner.values, self._up)
        change *= power_of_two(inner.exponents + (_FINER - 2 * self._frac_bits))
        np.rint(change, out=change)
        np.clip(change, -(2.0**_SUM_BITS), 2.0**_SUM_BITS, out=change)
        change += hidden.values * 2.0**_FINER  # below 2^52
        found = Activations(np.empty_like(change), np.empty_like(hidden.exponents))
        to_activations(change, _FINER - hidden.exponents, found)
        return found
