"""The rows of an R1CS as sums of coefficient times wire, and what of them is left under known values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from twopm_zk.circuit.compilation import Circuit
from twopm_zk.circuit.r1cs import R1cs
from twopm_zk.numbers.field import FIELD_ORDER

Combination: TypeAlias = Mapping[int, int]
"""Wire to coefficient, which is not 0 and of least magnitude; wire 0 is the constant 1."""


class Equation(NamedTuple):
    """A constraint: A * B = C."""

    A: Combination
    B: Combination
    C: Combination

    @property
    def wires(self) -> set[int]:
        """Wires that occur in it, without the constant one."""
        return {*self.A, *self.B, *self.C} - {0}

    def holds(self, values: Sequence[int]) -> bool:
        """Whether the values of all wires satisfy it."""
        a, b, c = (value_of(part, values) for part in self)
        return (a * b - c) % FIELD_ORDER == 0


@lru_cache(maxsize=4)
def equations(r1cs: R1cs) -> tuple[Equation, ...]:
    """Every constraint of ``r1cs``; read once for one that is asked for again."""
    bounds, wires = r1cs.bounds.tolist(), r1cs.term_wires.tolist()
    factors = [r1cs.coefficients[index] for index in r1cs.term_coefficients.tolist()]
    parts = [{wires[at]: factors[at] for at in range(start, end) if factors[at]} for start, end in pairwise(bounds)]
    return tuple(Equation(*parts[at : at + 3]) for at in range(0, len(parts), 3))


def mentions(rows: Iterable[Equation]) -> dict[int, list[int]]:
    """Indices of the rows in which each wire occurs."""
    found: dict[int, list[int]] = {}
    for index, row in enumerate(rows):
        for wire in row.wires:
            found.setdefault(wire, []).append(index)
    return found


def value_of(part: Combination, values: Sequence[int] | Mapping[int, int]) -> int:
    """Value of a sum at the values of all wires, reduced."""
    return sum(factor * values[wire] for wire, factor in part.items()) % FIELD_ORDER


def signed(value: int) -> int:
    """The representative of least magnitude."""
    value %= FIELD_ORDER
    return value - FIELD_ORDER if value > FIELD_ORDER // 2 else value


def added(one: Combination, other: Combination, factor: int = 1) -> dict[int, int]:
    """``one`` and ``factor`` times ``other``, without terms that vanish."""
    total = dict(one)
    for wire, value in other.items():
        if made := signed(total.get(wire, 0) + factor * value):
            total[wire] = made
        else:
            total.pop(wire, None)
    return total


def input_wires(circuit: Circuit) -> set[int]:
    """Wires of the inputs of main; what is neither these nor the constant must be determined by them.

    An input that is no more than another name of an output has no wire of its own: circom keeps the output's.
    """
    r1cs, symbols = circuit.load_r1cs(), circuit.load_symbols()
    first = r1cs.public_outputs
    # labels and not the header's counts, which count inputs that have no wire
    return {wire for wire in symbols.wires[first : r1cs.public + r1cs.private_inputs] if wire >= 0}


def names(circuit: Circuit, wires: Iterable[int]) -> list[str]:
    """The first name of each wire."""
    name_of = circuit.load_symbols().name_of
    return [name_of.get(wire, f"wire {wire}") for wire in wires]
