"""A proof, by rules, that the constraints leave every signal one value once the inputs are given.

Take two witnesses with the same inputs. A signal is determined where both must have it alike. Rules:

* a constraint whose products are of determined signals and that is linear in one other: that one is determined
* likewise in several whose ranges (`Domains`) and factors leave a difference of 0 only for the largest, the next,
  ...: a number has one decomposition into digits, and one quotient and rest
* A * B = C with A determined: where A is not 0, B is; where A is 0, C is. What both cases determine is determined

What these leave may be determined under an assumption, which is reported: that A is not 0, or that a few constraints
that are linear in a few signals have one solution (they have at the witness at hand). What is then left is
undetermined as far as the rules can see: a signal that has two values is among those, or an assumption is false. The
idea is that of Picus (Pailoor and others, 2023), with the rules that our gadgets need.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from math import gcd
from typing import TypeAlias

from twopm_zk.circuit.compilation import Circuit
from twopm_zk.circuit.soundness.domains import Domains
from twopm_zk.circuit.soundness.equations import (
    Combination,
    Equation,
    equations,
    input_wires,
    mentions,
    names,
    signed,
    value_of,
)
from twopm_zk.circuit.soundness.jacobian import pivots
from twopm_zk.circuit.witness import Witness
from twopm_zk.numbers.field import FIELD_ORDER

_SYSTEM = 6  # signals in a system of equations

_Factor: TypeAlias = tuple[tuple[int, int], ...]
"""A sum of signals up to a constant, as a key."""


@dataclass(frozen=True)
class Assumption:
    """What a rule could not show."""

    kind: str
    """``nonzero``: ``about`` is not 0; ``solvable``: the equations in ``about`` have one solution."""
    about: str
    """A sum of signals, or the names of some."""
    determines: tuple[str, ...]
    """Names of the signals that it determines."""


@dataclass(frozen=True)
class Determination:
    """What the rules found."""

    proven: int
    """Signals that are determined by the given ones, whatever their values."""
    assumptions: tuple[Assumption, ...]
    undetermined: tuple[str, ...]


def determine(
    witness: Witness,
    *,
    given: Collection[str] = (),
    unknown: Collection[str] = (),
) -> Determination:
    """What the inputs of ``witness``'s circuit determine.

    A signal that is ``given`` may have two values, the roots of a constraint that squares it: either is taken as
    given once all other signals of that constraint are determined. ``unknown`` inputs are to be determined as other
    signals are. The witness serves systems of equations alone. Raises KeyError for a signal that the circuit does not
    have, ContradictionError where nothing satisfies the constraints.
    """
    circuit = witness.circuit
    wire_of = circuit.load_symbols().wire_of
    known = {0, *input_wires(circuit)} - {wire_of[name] for name in unknown}
    given_wires = {wire_of[name] for name in given}
    search = _Search(equations(circuit.load_r1cs()), known, given_wires, witness.values)
    search.run()
    left = [wire for wire in range(1, circuit.wires) if wire not in search.known]
    assumed = [
        Assumption(kind, _shown(circuit, about), tuple(names(circuit, sorted(made))))
        for kind, about, made in search.assumptions
    ]
    return Determination(search.proven, tuple(assumed), tuple(names(circuit, left)))


def _shown(circuit: Circuit, about: Combination) -> str:
    """A sum as text, or the names of signals where all factors are 0."""
    wires = sorted(wire for wire in about if wire)
    if not any(about.values()):
        return ", ".join(names(circuit, wires))
    terms = [
        f"{about[w]} {name}" if about[w] != 1 else name for w, name in zip(wires, names(circuit, wires), strict=True)
    ]
    return " + ".join(terms + ([str(about[0])] if 0 in about else []))


class _Search:
    """The signals that are determined so far, and the constraints that may say more."""

    def __init__(self, rows: Sequence[Equation], known: set[int], given: set[int], values: Sequence[int]) -> None:
        self.rows, self.given, self.values = rows, given, values
        self.rows_of = mentions(rows)
        self.domains = Domains(rows)
        self.domains.propagate()
        self.known = known | set(self.domains.values)
        self.assumptions: list[tuple[str, Combination, set[int]]] = []
        self.proven = 0
        self._queue = dict.fromkeys(range(len(rows)))
        self._groups: dict[_Factor, dict[int, None]] = {}

    def run(self) -> None:
        """Rules first, then one assumption at a time, in the order of the constraints."""
        self._close()
        self.proven = len(self.known) - 1
        progress = True
        while progress:
            progress = False
            for index in range(len(self.rows)):
                if self._assume_nonzero(index) or self._assume_solvable(index):
                    progress = True
                    self._close()

    def _close(self) -> None:
        while self._queue:
            touched: dict[_Factor, None] = {}
            while self._queue:
                index = next(iter(self._queue))
                del self._queue[index]
                self._learn(self._linear(self.rows[index], self.known))
                self._learn(self._root(self.rows[index]))
                if split := self._factored(self.rows[index], self.known):
                    factor = _up_to_a_constant(split[0])
                    self._groups.setdefault(factor, {})[index] = None
                    touched[factor] = None
            for factor in touched:
                self._learn(self._in_both_cases(dict(factor), list(self._groups[factor])))

    def _learn(self, wires: Collection[int]) -> None:
        for wire in wires:
            self.known.add(wire)
            self._queue.update(dict.fromkeys(self.rows_of.get(wire, ())))

    # --- rules ---

    def _linear(self, row: Equation, known: Set[int]) -> set[int]:
        """What a constraint determines whose products are of known signals."""
        A, B, C = row
        for one, other in ((A, B), (B, A)):
            if all(wire in self.domains.values for wire in one):
                factor = value_of(one, self.domains.values)
                terms = {w: -c for w, c in C.items() if w not in known}
                for wire, value in other.items():
                    if wire not in known:
                        terms[wire] = terms.get(wire, 0) + factor * value
                return self._equal({w: made for w, c in terms.items() if (made := signed(c))})
        if A.keys() <= known and B.keys() <= known:
            return self._equal({w: c for w, c in C.items() if w not in known})
        return set()

    def _root(self, row: Equation) -> set[int]:
        """A given signal of which a constraint leaves one of two values."""
        unknown = self._unknown(row)
        squared = unknown & row.A.keys() & row.B.keys() & self.given
        return squared if squared == unknown else set()

    def _equal(self, terms: Mapping[int, int]) -> set[int]:
        """Signals that are alike in two witnesses where the sum of factor times signal is."""
        if len(terms) <= 1:
            return set(terms)
        shared = gcd(*terms.values())
        reach = []
        for wire, factor in terms.items():
            if (ends := self.domains.range_of(wire)) is None:
                return set()
            reach.append((abs(factor) // shared, ends[1] - ends[0], wire))
        left = sum(factor * span for factor, span, _ in reach)
        if left >= FIELD_ORDER:
            return set()
        alike: set[int] = set()
        for factor, span, wire in sorted(reach, reverse=True):
            left -= factor * span
            if factor <= left:
                break
            alike.add(wire)
        return alike

    def _factored(self, row: Equation, known: Collection[int]) -> tuple[Combination, Combination] | None:
        """A and B of a product in which A is known, and B is not."""
        for one, other in ((row.A, row.B), (row.B, row.A)):
            if one and all(w in known for w in one) and any(w not in known for w in other):
                return one, other
        return None

    def _in_both_cases(self, factor: Combination, group: Sequence[int]) -> set[int]:
        """What these constraints determine whether their factor is 0 or not."""
        if self._never_zero(factor, group):
            return self._where(group, zero=False)
        return self._where(group, zero=False) & self._where(group, zero=True)

    def _never_zero(self, factor: Combination, group: Sequence[int]) -> bool:
        ends = self.domains.range_of_sum(factor)
        if ends and (ends[0] > 0 or ends[1] < 0) and max(map(abs, ends)) < FIELD_ORDER:
            return True
        values = self.domains.values
        parts = (self.rows[index].C for index in group)
        return any(all(wire in values for wire in C) and value_of(C, values) for C in parts)

    def _where(self, group: Sequence[int], *, zero: bool) -> set[int]:
        """What constraints with one known factor determine where it is 0, or where it is not."""
        known = set(self.known)
        before = -1
        while before != len(known):
            before = len(known)
            for index in group:
                row = self.rows[index]
                split = self._factored(row, known)
                rest = {w: c for w, c in row.C.items() if w not in known}
                if zero or split is None:
                    known |= self._equal(rest)
                elif not rest:
                    known |= self._equal({w: c for w, c in split[1].items() if w not in known})
        return known - self.known

    # --- assumptions ---

    def _assume_nonzero(self, index: int) -> bool:
        split = self._factored(self.rows[index], self.known)
        if split is None or not (made := self._where([index], zero=False)):
            return False
        if value_of(split[0], self.values) == 0:
            return False  # the witness at hand says otherwise
        self.assumptions.append(("nonzero", split[0], made))
        self._learn(made)
        return True

    def _assume_solvable(self, index: int) -> bool:
        for signals in self._systems(index):
            touched = dict.fromkeys(i for wire in sorted(signals) for i in self.rows_of[wire])
            chosen = [row for i in touched if (row := self._coefficients(self.rows[i], signals)) is not None]
            if len(chosen) >= len(signals) and _rank(chosen) == len(signals):
                self.assumptions.append(("solvable", dict.fromkeys(signals, 0), set(signals)))
                self._learn(signals)
                return True
        return False

    def _systems(self, index: int) -> Iterator[set[int]]:
        """Sets of unknown signals that a constraint and a neighbour are about."""
        own = self._unknown(self.rows[index])
        if not 1 < len(own) <= _SYSTEM:
            return
        yield own
        for neighbour in dict.fromkeys(i for wire in sorted(own) for i in self.rows_of[wire]):
            both = own | self._unknown(self.rows[neighbour])
            if len(own) < len(both) <= _SYSTEM:
                yield both

    def _unknown(self, row: Equation) -> set[int]:
        return {wire for wire in row.wires if wire not in self.known}

    def _coefficients(self, row: Equation, signals: Collection[int]) -> dict[int, int] | None:
        """Of a constraint that is linear in these signals, and in no other unknown one; at the witness."""
        A, B, C = row
        unknown = self._unknown(row)
        if not unknown or not unknown <= set(signals) or (unknown & A.keys() and unknown & B.keys()):
            return None
        a, b = value_of(A, self.values), value_of(B, self.values)
        made = {w: (A.get(w, 0) * b + B.get(w, 0) * a - C.get(w, 0)) % FIELD_ORDER for w in unknown}
        return {w: value for w, value in made.items() if value}


def _up_to_a_constant(part: Combination) -> _Factor:
    first = pow(part[min(part)], -1, FIELD_ORDER)
    return tuple((wire, factor * first % FIELD_ORDER) for wire, factor in sorted(part.items()))


def _rank(rows: list[dict[int, int]]) -> int:
    return len(pivots(rows))
