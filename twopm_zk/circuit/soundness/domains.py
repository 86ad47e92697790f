"""The values that constraints leave a signal: by propagation, without a search.

A signal has one value, a set of up to `MANY` values, or a range of integers modulo FIELD_ORDER; at first any value.
Rules, each of which only drops values that no solution has:

* a constraint in one unknown signal: the roots of a polynomial of degree 2
* one in two, of which one has a set: the same for each of its values
* two in the same two, where one says what t is in terms of x: the roots of a polynomial of degree up to 4
* linear ones in two unknown signals: each says of one what it is in terms of the other, and a circle of them has one
  solution, such as the signals of a line through two points
* a linear one, in integers where ranges keep it from reaching FIELD_ORDER: each signal between the ends that others
  leave

The last one takes apart every sum whose digits have their ranges. What no value is left for contradicts the
constraints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import gcd

from twopm_zk.circuit.soundness.equations import Combination, Equation, mentions, signed
from twopm_zk.circuit.soundness.polynomials import Polynomial, plus, roots, times, trimmed
from twopm_zk.numbers.field import FIELD_ORDER

MANY = 16
"""Values in a set; more become a range."""
_VISITS = 64  # of one constraint: ranges may go on shrinking by 1 for ever

Range = tuple[int, int]


class ContradictionError(Exception):
    """No value is left for a signal. ``row`` is the index of the constraint that showed it."""

    def __init__(self, row: int) -> None:
        super().__init__(f"constraint {row} cannot hold")
        self.row = row


class Domains:
    """What is known of the values of signals, each named by its wire."""

    def __init__(self, rows: Sequence[Equation]) -> None:
        self.rows = rows
        self.rows_of = mentions(rows)
        self.values: dict[int, int] = {0: 1}
        self.sets: dict[int, frozenset[int]] = {}
        self.ranges: dict[int, Range] = {}
        self.pairs: dict[frozenset[int], list[int]] = {}
        for index, row in enumerate(rows):
            if len(wires := row.wires) == 2 and row.A and row.B:
                self.pairs.setdefault(frozenset(wires), []).append(index)
        self.multiples: dict[int, tuple[int, int, int]] = {}
        """A signal as a factor times another one, and a constant."""
        self._visits: dict[int, int] = {}
        self._queue: dict[int, None] = dict.fromkeys(range(len(rows)))
        self._at = 0

    def copy(self) -> Domains:
        """What is known, to go on from with an assumption."""
        other = object.__new__(Domains)
        other.__dict__ = dict(self.__dict__)
        for name in ("values", "sets", "ranges", "multiples", "_queue"):
            setattr(other, name, dict(getattr(self, name)))
        other._visits = {}
        return other

    def assume(self, values: Mapping[int, int]) -> None:
        """Give wires these values. Raises ContradictionError where what is known forbids them."""
        for wire, value in values.items():
            self._keep(wire, {value % FIELD_ORDER})

    def propagate(self) -> None:
        """Apply the rules until nothing changes. Raises ContradictionError."""
        while self._queue:
            index = next(iter(self._queue))
            del self._queue[index]
            if (visits := self._visits.get(index, 0)) < _VISITS:
                self._visits[index] = visits + 1
                self._at = index
                self._apply(self.rows[index])

    def allows(self, wire: int, value: int) -> bool:
        """Whether a value is left for a wire."""
        if wire in self.values:
            return self.values[wire] == value % FIELD_ORDER
        if wire in self.sets:
            return value % FIELD_ORDER in self.sets[wire]
        low, high = self.ranges.get(wire, (0, FIELD_ORDER - 1))
        return (value - low) % FIELD_ORDER <= high - low

    def range_of(self, wire: int) -> Range | None:
        """The least and the largest value that are left, in integers that stand for field elements; None for any."""
        if wire in self.values:
            value = signed(self.values[wire])
            return value, value
        if wire in self.sets:
            kept = [signed(value) for value in self.sets[wire]]
            return min(kept), max(kept)
        return self.ranges.get(wire)

    def range_of_sum(self, part: Combination) -> Range | None:
        """Range of a sum of signals: of its parts, or of a signal that a linear constraint makes a multiple of it."""
        constant, unknown = self._reduced(part)
        if not unknown:
            return signed(constant), signed(constant)
        found = self._between(unknown, constant)
        first = min(unknown)
        for index in self.rows_of.get(first, []):
            row = self.rows[index]
            if row.A and row.B:
                continue
            k, terms = self._reduced(row.C)
            rest = {w: terms[w] for w in terms if w not in unknown}
            factor = terms.get(first, 0) * pow(unknown[first], -1, FIELD_ORDER)
            if len(rest) == 1 and all((terms.get(w, 0) - factor * c) % FIELD_ORDER == 0 for w, c in unknown.items()):
                # factor (sum - constant) + rest + k = 0
                scale = -pow(factor, -1, FIELD_ORDER)
                other = self._between({w: signed(c * scale) for w, c in rest.items()}, signed(constant + k * scale))
                if other and (found is None or other[1] - other[0] < found[1] - found[0]):
                    found = other
        return found

    def _between(self, terms: Mapping[int, int], constant: int) -> Range | None:
        low = high = signed(constant)
        for wire, factor in terms.items():
            if (ends := self.range_of(wire)) is None:
                return None
            low += min(factor * ends[0], factor * ends[1])
            high += max(factor * ends[0], factor * ends[1])
        return (low, high) if high - low < FIELD_ORDER else None

    def _reduced(self, part: Combination) -> tuple[int, dict[int, int]]:
        """The constant of a sum under known values, and its other terms."""
        constant, unknown = 0, {}
        for wire, factor in part.items():
            if (value := self.values.get(wire)) is None:
                unknown[wire] = factor
            else:
                constant += factor * value
        return constant % FIELD_ORDER, unknown

    # --- what is left ---

    def _keep(self, wire: int, kept: Iterable[int]) -> None:
        """Keep these values of a wire only."""
        left = frozenset(value for value in kept if self.allows(wire, value))
        if not left:
            raise ContradictionError(self._at)
        if wire in self.values or left == self.sets.get(wire):
            return
        if len(left) == 1:
            (self.values[wire],) = left
            self.sets.pop(wire, None)
        elif len(left) <= MANY:
            self.sets[wire] = left
        else:
            return
        self.ranges.pop(wire, None)
        self._touch(wire)

    def _between_only(self, wire: int, low: int, high: int) -> None:
        """Keep what is congruent to an integer from ``low`` to ``high``."""
        if high < low:
            raise ContradictionError(self._at)
        if wire in self.values or wire in self.sets or high - low < MANY:
            known = self.sets.get(wire) or ({self.values[wire]} if wire in self.values else None)
            inside = {value for value in known if (value - low) % FIELD_ORDER <= high - low} if known else None
            self._keep(wire, (v % FIELD_ORDER for v in range(low, high + 1)) if inside is None else inside)
            return
        if known_range := self.ranges.get(wire):
            shifts = range((known_range[0] - high) // FIELD_ORDER, (known_range[1] - low) // FIELD_ORDER + 1)
            meets = [
                (max(known_range[0], low + shift * FIELD_ORDER), min(known_range[1], high + shift * FIELD_ORDER))
                for shift in shifts
            ]
            meets = [ends for ends in meets if ends[0] <= ends[1]]
            if len(meets) > 1 or meets == [known_range]:
                return
            if not meets:
                raise ContradictionError(self._at)
            ((low, high),) = meets
        self.ranges[wire] = (low, high)
        self._touch(wire)
        if high - low < MANY:
            self._between_only(wire, low, high)

    def _touch(self, wire: int) -> None:
        self._queue.update(dict.fromkeys(self.rows_of.get(wire, ())))

    # --- rules ---

    def _apply(self, row: Equation) -> None:
        (a, A), (b, B), (c, C) = (self._reduced(part) for part in row)
        if not A or not B:
            scaled, factor = (B, a) if not A else (A, b)
            terms = {wire: -value for wire, value in C.items()}
            for wire, value in scaled.items():
                terms[wire] = terms.get(wire, 0) + factor * value
            terms = {wire: made for wire, value in terms.items() if (made := signed(value))}
            self._linear(terms, (a * b - c) % FIELD_ORDER)
            return
        unknown = {*A, *B, *C}
        if len(unknown) == 1:
            (wire,) = unknown
            self._roots(wire, [_in_one(row, wire, self.values)])
        elif len(unknown) == 2:
            one, other = sorted(unknown)
            self._from_a_set(row, one, other)
            self._from_a_set(row, other, one)
            for x, t in ((one, other), (other, one)):
                if row.wires == unknown and x not in self.sets and x not in self.values:
                    self._from_a_pair(row, x, t)

    def _roots(self, wire: int, polynomials: Sequence[Polynomial]) -> None:
        """The wire is a root of one of these."""
        if all(polynomials):
            self._keep(wire, {root for f in polynomials for root in roots(f)})

    def _from_a_set(self, row: Equation, wire: int, other: int) -> None:
        """``wire`` from the values that ``other`` may have, and those that leave it none."""
        if other not in self.sets or wire in self.values or other in self.values:
            return
        cases = {value: _in_one(row, wire, {**self._some(row), other: value}) for value in self.sets[other]}
        self._keep(other, {value for value, f in cases.items() if not f or roots(f)})
        self._roots(wire, [f for value, f in cases.items() if self.allows(other, value)])

    def _some(self, row: Equation) -> dict[int, int]:
        return {wire: self.values[wire] for part in row for wire in part if wire in self.values}

    def _from_a_pair(self, row: Equation, x: int, t: int) -> None:
        """Another constraint in the same two signals, which says what t is."""
        for index in self.pairs.get(frozenset({x, t}), ()):
            definition = self.rows[index]
            if definition is row or t in definition.A or t in definition.B or t not in definition.C:
                continue
            made = _in_one(Equation(definition.A, definition.B, _without(definition.C, t)), x, {0: 1})
            t_of_x = times(made, (pow(definition.C[t], -1, FIELD_ORDER),))
            a, b, c = (
                plus(trimmed((part.get(0, 0), part.get(x, 0))), times(t_of_x, trimmed((part.get(t, 0),))))
                for part in row
            )
            self._roots(x, [plus(times(a, b), c, -1)])
            return

    def _linear(self, terms: dict[int, int], constant: int) -> None:
        """Sum of factor times wire, plus a constant, is 0."""
        if not terms:
            if constant:
                raise ContradictionError(self._at)
            return
        if len(terms) == 1:
            ((wire, factor),) = terms.items()
            self._keep(wire, {-constant * pow(factor, -1, FIELD_ORDER) % FIELD_ORDER})
            return
        if len(terms) == 2:
            self._in_terms_of_another(terms, constant)
        ends = {wire: self.range_of(wire) for wire in terms}
        loose = [wire for wire in terms if ends[wire] is None]
        if len(loose) == 1:
            (wire,) = loose
            scale = -pow(terms[wire], -1, FIELD_ORDER)
            others = {w: signed(factor * scale) for w, factor in terms.items() if w != wire}
            if found := self._between(others, constant * scale):
                self._between_only(wire, *found)
        elif not loose:
            self._in_integers(terms, constant, {wire: found for wire, found in ends.items() if found})

    def _in_terms_of_another(self, terms: Mapping[int, int], constant: int) -> None:
        """Two signals are multiples of one another, but for a constant; or of a third one, which then has one value."""
        (root, factor, rest), (other, by, more) = (self._multiple_of(wire) for wire in terms)
        one, two = terms.values()
        factor, by, rest = one * factor, two * by, one * rest + two * more + constant
        if root != other:
            scale = -pow(factor, -1, FIELD_ORDER)
            self.multiples[root] = (other, by * scale % FIELD_ORDER, rest * scale % FIELD_ORDER)
        elif (factor + by) % FIELD_ORDER:
            self._keep(root, {-rest * pow(factor + by, -1, FIELD_ORDER) % FIELD_ORDER})
        elif rest % FIELD_ORDER:
            raise ContradictionError(self._at)

    def _multiple_of(self, wire: int) -> tuple[int, int, int]:
        """The signal that a signal is known to be a multiple of: itself, the factor 1 and the constant 0 at first."""
        factor, constant = 1, 0
        while wire in self.multiples:
            wire, by, more = self.multiples[wire]
            factor, constant = factor * by % FIELD_ORDER, (constant + factor * more) % FIELD_ORDER
        return wire, factor, constant

    def _in_integers(self, terms: Mapping[int, int], constant: int, ends: Mapping[int, Range]) -> None:
        """Tighten all ranges, the one with the largest factor first, where the sum cannot reach FIELD_ORDER."""
        scale = pow(shared := gcd(*terms.values()), -1, FIELD_ORDER)
        order = sorted(((factor // shared, wire) for wire, factor in terms.items()), key=lambda t: -abs(t[0]))
        lows = [min(factor * ends[wire][0], factor * ends[wire][1]) for factor, wire in order]
        highs = [max(factor * ends[wire][0], factor * ends[wire][1]) for factor, wire in order]
        low, high = sum(lows), sum(highs)
        if high - low >= FIELD_ORDER:
            return
        target = low + (-constant * scale - low) % FIELD_ORDER  # the only value that the sum can have
        if target > high:
            raise ContradictionError(self._at)
        for (factor, wire), least, most in zip(order, lows, highs, strict=True):
            # factor * wire is between what the others leave
            left, right = target - (high - most), target - (low - least)
            lowest, highest = (left, right) if factor > 0 else (-right, -left)
            size = abs(factor)
            lowest, highest = max(-(-lowest // size), ends[wire][0]), min(highest // size, ends[wire][1])
            self._between_only(wire, lowest, highest)
            new = (factor * lowest, factor * highest) if factor > 0 else (factor * highest, factor * lowest)
            low += new[0] - least
            high += new[1] - most


def _without(part: Combination, wire: int) -> dict[int, int]:
    return {w: factor for w, factor in part.items() if w != wire}


def _in_one(row: Equation, wire: int, values: Mapping[int, int]) -> Polynomial:
    """A B - C as a polynomial in ``wire``, of which all others have values."""
    a, b, c = (trimmed((sum(f * values[w] for w, f in part.items() if w != wire), part.get(wire, 0))) for part in row)
    return plus(times(a, b), c, -1)
