"""Products with a matrix of blocks: those of Python's integers at the ends of every range, however they are cut."""

import numpy as np
import pytest

from twopm_zk.conversation import weights
from twopm_zk.conversation.crew import Crew
from twopm_zk.conversation.weights import ACTIVATION_BITS, BLOCK, Matrix
from twopm_zk.errors import FileFormatError

ROWS, BLOCKS = 7, 3


def parts(*, codes, factor, offset, seed=0):
    """Codes between two numbers, and factors and offsets up to a size, the largest among them."""
    random = np.random.default_rng(seed)
    found = random.integers(codes[0], codes[1] + 1, (ROWS, BLOCKS * BLOCK)).astype(np.int8)
    found[0] = codes[0]
    found[1] = codes[1]
    factors = random.integers(-factor, factor + 1, (ROWS, BLOCKS))
    factors[:2] = factor
    offsets = random.integers(-offset, offset + 1, (ROWS, BLOCKS))
    return found, factors, offsets


def activations(count):
    found = np.random.default_rng(9).integers(
        -(1 << ACTIVATION_BITS), (1 << ACTIVATION_BITS) + 1, (count, BLOCKS * BLOCK)
    )
    found[0] = 1 << ACTIVATION_BITS
    return found


def expected(codes, factors, offsets, rows):
    whole = [
        [int(factors[r, j // BLOCK]) * int(codes[r, j]) + int(offsets[r, j // BLOCK]) for j in range(codes.shape[1])]
        for r in range(ROWS)
    ]
    return [[sum(a * w for a, w in zip(row, column, strict=True)) for column in whole] for row in rows.tolist()]


@pytest.mark.parametrize("chunk", [1 << 18, 3 * BLOCKS * BLOCK])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("codes", "factor", "offset"),
    [((0, 15), (1 << 16) - 1, 1 << 24), ((-128, 127), (1 << 16) - 1, 0), ((-128, 127), 3, 1 << 26)],
)
def test_products_are_those_of_integers(monkeypatch, chunk, threads, codes, factor, offset):
    monkeypatch.setattr(weights, "_CHUNK", chunk)
    given = parts(codes=codes, factor=factor, offset=offset)
    matrix, crew = Matrix(*given), Crew(threads)
    for count in (1, 2, 5):
        rows = activations(count)
        found = matrix.product(rows.astype(float), crew, np.empty(ROWS * (BLOCKS * BLOCK + BLOCKS)))
        unit = 2 ** (weights.WEIGHT_FRAC - matrix.frac_bits)
        assert [[int(value) * unit for value in row] for row in found] == expected(*given, rows)


def test_factors_that_float32_cannot_hold_with_their_codes_are_refused():
    codes, factors, offsets = parts(codes=(-128, 127), factor=5, offset=5)
    factors[3, 1] = (1 << 16) + 1
    with pytest.raises(FileFormatError, match="too fine"):
        Matrix(codes, factors, offsets)
    factors[3, 1] = (1 << 15) + 1 << 8
    assert Matrix(codes, factors, offsets).rows == ROWS
