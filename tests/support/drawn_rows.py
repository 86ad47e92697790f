"""Rows, labels and weights for hypothesis, the edges of their formats among them."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from twopm_zk.errors import RangeError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import WEIGHTS
from twopm_zk.statements import Family, Rows

DRAWN = settings(max_examples=12)
"""Of a circuit against its twin, for each of up to ten shapes: a witness takes a tenth of a second of a core.

Each example has several rows, with edges of their formats; every run draws others. What a row alone adds is compared in
many more examples (test_row_score.py, test_exact_gradient.py), the ends of ranges and bins in tests of their own.
"""


def edge_or_any(low, high):
    return st.one_of(st.sampled_from([low, low + 1, -1, 0, 1, high - 1, high]), st.integers(low, high))


def draw_weights(data, count):
    """Half of them of the size that training has."""
    weight = st.one_of(edge_or_any(-WEIGHTS.bias, WEIGHTS.bias - 1), st.integers(-(1 << 21), 1 << 21))
    return tuple(data.draw(st.lists(weight, min_size=count, max_size=count)))


def draw_labels(data, shape, count):
    """Labels as the family has them."""
    of_family = {
        Family.LOGISTIC: st.integers(0, 1),
        Family.GAUSSIAN: edge_or_any(-shape.format.bias, shape.format.bias - 1),
    }
    return data.draw(st.lists(of_family[shape.family], min_size=count, max_size=count))


def provable_weights(shape, weights, features, labels):
    """Weights small enough that no label is too far from what they expect, where it is a number."""
    while shape.family is Family.GAUSSIAN:
        try:
            shape.deviations(weights, features, np.array(labels, dtype=np.int64))
            return weights
        except RangeError:
            weights = tuple(weight // 4 for weight in weights)
    return weights


def draw_statement(data, kind, shape):
    """A statement about rows, with everything in it drawn."""
    count = data.draw(st.integers(1, shape.rows))
    feature = edge_or_any(-shape.format.bias, shape.format.bias - 1)
    row = st.lists(feature, min_size=shape.features, max_size=shape.features)
    rows = np.array(data.draw(st.lists(row, min_size=count, max_size=count)), dtype=np.int64)
    labels = draw_labels(data, shape, count)
    weights = provable_weights(shape, draw_weights(data, shape.features + 1), rows, labels)
    context, salt = (data.draw(st.integers(0, FIELD_ORDER - 1)) for _ in range(2))
    return kind(shape, context, weights, Rows.padded(shape, rows, labels), salt=salt)
