"""One signal of a valid witness takes another value: which values do the constraints alone let pass?

With A, B, C a constraint's sums and α, β, γ the coefficients of a wire in them, a change by δ keeps it where

    (A + α δ) (B + β δ) = C + γ δ,   that is   δ = 0   or   α β δ = γ - α B - β A.

So a constraint lets every change pass, none, or one; a wire's are what all its constraints let pass. This answers for
all FIELD_ORDER - 1 other values of every signal at once, and takes about as long as reading the constraints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twopm_zk.circuit.compilation import Circuit
from twopm_zk.circuit.soundness.equations import equations, names, value_of
from twopm_zk.circuit.witness import Witness
from twopm_zk.numbers.field import FIELD_ORDER


@dataclass(frozen=True)
class Changes:
    """What single changes of a witness found. Names are those of `Symbols.name_of`."""

    signals: int
    """Signals that were changed: every wire but the constant, inputs among them."""
    free: tuple[str, ...]
    """Signals for which every value passes, although constraints mention them."""
    twofold: tuple[str, ...]
    """Signals for which one other value passes."""
    unmentioned: tuple[str, ...]
    """Signals in no constraint: every value passes."""
    inputs: tuple[str, ...]
    """Inputs that circom left out, which no witness has: in no constraint, or another name of an output."""
    eliminated: tuple[str, ...]
    """Other signals that circom left out: other names, multiples, constants, or used nowhere."""

    @property
    def accepted(self) -> tuple[str, ...]:
        """Signals of which another value passes."""
        return (*self.free, *self.twofold, *self.unmentioned, *self.inputs)


ANY: None = None
"""Every change passes."""


def single_changes(circuit: Circuit, witness: Witness) -> Changes:
    """Change every signal of a valid ``witness`` to every other value. Raises ValueError where it is not valid."""
    passing = _passing(circuit, witness.values)
    wires = range(1, len(witness.values))
    r1cs, symbols = circuit.load_r1cs(), circuit.load_symbols()
    first, last = r1cs.public_outputs, r1cs.public + r1cs.private_inputs
    lost = [(at, label) for at, label in enumerate(symbols.labels) if symbols.wires[at] < 0]
    return Changes(
        signals=len(wires),
        free=tuple(names(circuit, (wire for wire in wires if passing.get(wire, 0) is ANY))),
        twofold=tuple(names(circuit, (wire for wire in wires if passing.get(wire, 0)))),
        unmentioned=tuple(names(circuit, (wire for wire in wires if wire not in passing))),
        inputs=tuple(label for at, label in lost if first <= at < last),
        eliminated=tuple(label for at, label in lost if not first <= at < last),
    )


def _passing(circuit: Circuit, values: Sequence[int]) -> dict[int, int | None]:
    """The change that passes, 0 for none or ANY, of every wire that a constraint mentions."""
    found: dict[int, int | None] = {}
    for A, B, C in equations(circuit.load_r1cs()):
        a, b = value_of(A, values), value_of(B, values)
        if (a * b - value_of(C, values)) % FIELD_ORDER:
            raise ValueError(f"the witness of {circuit.name!r} is not valid")
        for wire in {*A, *B, *C}:
            before = found.get(wire, ANY)
            if before == 0:
                continue
            alpha, beta = A.get(wire, 0), B.get(wire, 0)
            square = alpha * beta % FIELD_ORDER
            line = (C.get(wire, 0) - alpha * b - beta * a) % FIELD_ORDER
            if square:
                passes = line * pow(square, -1, FIELD_ORDER) % FIELD_ORDER
                found[wire] = passes if before in (ANY, passes) else 0
            else:
                found[wire] = 0 if line else before
    return found
