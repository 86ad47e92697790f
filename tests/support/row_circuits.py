"""Small circuits about rows, and statements for them: ``step``, ``information`` and ``evaluate`` of either family."""

import numpy as np

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import Instance
from twopm_zk.numbers import pedersen
from twopm_zk.numbers.pedersen import BLINDING_DIGITS, X_BITS, Opening
from twopm_zk.statements import (
    EvaluateShape,
    EvaluateStatement,
    Family,
    InformationShape,
    InformationStatement,
    Rows,
    StepShape,
    StepStatement,
)

KINDS = {
    "step": ("Step", StepShape, StepStatement),
    "information": ("Information", InformationShape, InformationStatement),
    "evaluate": ("Evaluate", EvaluateShape, EvaluateStatement),
}
SHAPES = ((1, 1, 16, 12), (4, 2, 16, 12), (3, 2, 20, 16))
"""Rows, features, bits of a cell, fractional ones: as few as show everything."""


def row_circuit(kind, rows, features, bits=16, frac_bits=12, *, family=Family.LOGISTIC, noise=0):
    """The circuit of these sizes, and their shape."""
    template, shape, _ = KINDS[kind]
    sizes = {"ROWS": rows, "FEATURES": features, "X_BITS": bits, "X_FRAC": frac_bits}
    sizes |= {"FAMILY": family.number, "NOISE": noise}
    instance = Instance(f"{kind}-test-{rows}x{features}-{bits}-{family}-{noise}", f"{kind}.circom", template, sizes)
    return compile_circuit(instance), shape.from_parameters(sizes)


def random_labels(rng, shape, count):
    """Labels of any size that the family has."""
    if shape.family is Family.GAUSSIAN:
        return rng.integers(-shape.format.bias, shape.format.bias, count).tolist()
    return rng.integers(0, 2, count).tolist()


def random_statement(kind, shape, *, rows=None, weights=None, seed=0):
    """A statement about random rows, a row of padding among them where there is room, at weights up to 2."""
    rng = np.random.default_rng(seed)
    count = max(1, shape.rows - 1) if rows is None else rows
    features = rng.integers(-shape.format.bias, shape.format.bias, (count, shape.features))
    labels = random_labels(rng, shape, count)
    if weights is None:
        weights = tuple(int(w) for w in rng.integers(-(1 << 21), 1 << 21, shape.features + 1))
    return KINDS[kind][2](shape, 77, weights, Rows.padded(shape, features, labels), salt=5)


def about(kind, shape, features, labels, weights):
    """A statement about these rows."""
    rows = Rows.padded(shape, np.array(features, dtype=np.int64).reshape(len(labels), -1), labels)
    return KINDS[kind][2](shape, 0, tuple(weights), rows, salt=5)


def widths(shape, sums):
    """Base-4 digits of everything that an update of so many ``sums`` commits to."""
    assert len(shape.digits) == sums
    return [*shape.digits, pedersen.digits_for(shape.rows), BLINDING_DIGITS]


def small_x(unit, items, rows):
    """An opening whose point a single commitment may have."""
    blinding = 1
    while Opening(unit, items, rows, blinding).point.x >= 1 << X_BITS:
        blinding += 1
    return Opening(unit, items, rows, blinding)
