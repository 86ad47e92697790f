"""Rows, labels and weights for hypothesis, the edges of their formats among them."""

import numpy as np
from hypothesis import strategies as st

from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import WEIGHTS
from twopm_zk.statements import Rows


def edge_or_any(low, high):
    return st.one_of(st.sampled_from([low, low + 1, -1, 0, 1, high - 1, high]), st.integers(low, high))


def draw_weights(data, count):
    """Half of them of the size that training has."""
    weight = st.one_of(edge_or_any(-WEIGHTS.bias, WEIGHTS.bias - 1), st.integers(-(1 << 21), 1 << 21))
    return tuple(data.draw(st.lists(weight, min_size=count, max_size=count)))


def draw_statement(data, kind, shape):
    """A statement about rows, with everything in it drawn."""
    count = data.draw(st.integers(1, shape.rows))
    feature = edge_or_any(-shape.format.bias, shape.format.bias - 1)
    row = st.lists(feature, min_size=shape.features, max_size=shape.features)
    rows = data.draw(st.lists(row, min_size=count, max_size=count))
    labels = data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    weights = draw_weights(data, shape.features + 1)
    context, salt = (data.draw(st.integers(0, FIELD_ORDER - 1)) for _ in range(2))
    return kind(shape, context, weights, Rows.padded(shape, np.array(rows), labels), salt=salt)
