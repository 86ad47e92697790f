"""The Poseidon permutation over BN254's scalar field, with circomlib's parameters.

Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon" (ePrint 2019/458): S-box x^5, 8 full rounds,
R_P partial rounds, for 128-bit security. Round constants and the Cauchy matrix are derived here from the
Grain LFSR of the paper's appendix F, so nothing has to be trusted but the algorithm; the tests compare with
circomlib. Twin of circuits/lib/poseidon.circom, which computes the same function in fewer operations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count, islice

from twopm_zk.numbers.field import FIELD_ORDER

FULL_ROUNDS = 8
PARTIAL_ROUNDS = (56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68)  # width 2 to 17
_FIELD_BITS = 254
_STATE_MASK = (1 << 80) - 1


def _grain_bits(width: int) -> Iterator[int]:
    """Self-shrinking output of the 80-bit LFSR, seeded with the instance's own parameters.

    Sixteen steps are one: none of the taps 17, 28, 41, 56, 66 and 79 is among the sixteen newest bits.
    """
    fields = ((1, 2), (0, 4), (_FIELD_BITS, 12), (width, 12), (FULL_ROUNDS, 10), (PARTIAL_ROUNDS[width - 2], 10))
    state = 0
    for value, bits in fields:
        state = state << bits | value
    state = state << 30 | (1 << 30) - 1
    for words in count():
        word = (state >> 2 ^ state >> 13 ^ state >> 26 ^ state >> 41 ^ state >> 51 ^ state >> 64) & 0xFFFF
        state = (state << 16 | word) & _STATE_MASK
        if words >= 10:  # the first 160 bits are dropped
            for shift in range(14, -2, -2):
                pair = word >> shift & 3
                if pair >= 2:  # the first of two bits says whether the second one counts
                    yield pair & 1


def _grain_integers(bits: Iterator[int]) -> Iterator[int]:
    while True:
        value = 0
        for bit in islice(bits, _FIELD_BITS):
            value = value << 1 | bit
        yield value


@cache
def parameters(width: int) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Round constants, in the order they are added, and the rows of the mixing matrix, for ``width`` 2 to 17."""
    integers = _grain_integers(_grain_bits(width))
    wanted = width * (FULL_ROUNDS + PARTIAL_ROUNDS[width - 2])
    constants: list[int] = []
    while len(constants) < wanted:
        value = next(integers)
        if value < FIELD_ORDER:
            constants.append(value)
    points = [next(integers) % FIELD_ORDER for _ in range(2 * width)]
    matrix = tuple(tuple(pow(x + y, -1, FIELD_ORDER) for y in points[width:]) for x in points[:width])
    return tuple(constants), matrix


def permutation(state: Sequence[int]) -> list[int]:
    """Permute ``state``, 2 to 17 field elements."""
    width = len(state)
    constants, matrix = parameters(width)
    partial = range(FULL_ROUNDS // 2, FULL_ROUNDS // 2 + PARTIAL_ROUNDS[width - 2])
    current = list(state)
    for r in range(FULL_ROUNDS + PARTIAL_ROUNDS[width - 2]):
        current = [value + constants[r * width + i] for i, value in enumerate(current)]
        boxes = 1 if r in partial else width
        current[:boxes] = [pow(value, 5, FIELD_ORDER) for value in current[:boxes]]
        current = [sum(m * v for m, v in zip(row, current, strict=True)) % FIELD_ORDER for row in matrix]
    return current


def poseidon(inputs: Sequence[int]) -> int:
    """circomlib's ``Poseidon(n)`` of 1 to 16 field elements, the one that Solidity libraries compute."""
    return permutation([0, *inputs])[0]
