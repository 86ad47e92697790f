"""A node's rows on the way to its proofs."""

from dataclasses import replace

import numpy as np
import pytest
from support.small_tasks import make_spec, make_table

from twopm_zk.errors import DataError, RangeError
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.tables import Table
from twopm_zk.statements import gradient_step
from twopm_zk.task.columns import Column
from twopm_zk.task.instances import TaskInstances


def test_rows_fill_the_largest_instance_and_the_rest_the_smallest_that_fits():
    chosen = TaskInstances(("step-128x3", "step-32x3"), "aggregate-16x3", "certify-16x3")
    node = prepare(make_table(286), make_spec(instances=chosen))
    assert [batch.shape.rows for batch in node.batches] == [128, 128, 32]
    assert [batch.data.count for batch in node.batches] == [128, 128, 30]
    assert node.rows == 286
    weights = (1 << 20, -(1 << 19), 0, 77)
    for batch in node.batches:
        assert gradient_step(batch.shape, weights, batch.data) == batch.update(weights)
    assert len({batch.commitment for batch in node.batches}) == 3


def test_columns_may_come_in_any_order():
    straight = make_table(20)
    turned = Table(straight.names[::-1], straight.features[:, ::-1], straight.labels)
    weights = (5 << 18, -(1 << 20), 3)
    assert prepare(straight, make_spec()).batches[0].update(weights) == prepare(turned, make_spec()).batches[0].update(
        weights
    )


def changed(original, row, column, value):
    features = original.features.copy()
    features[row, column] = value
    return Table(original.names, features, original.labels)


def test_rows_that_break_the_specification_are_named_without_their_values():
    good = make_table(10)
    ranged = replace(make_spec(), columns=(Column("x0", low=-4.0, high=4.0), Column("x1")))
    cases = [
        (Table(("x0", "z"), good.features, good.labels), make_spec(), DataError, "hospital: there is no column 'x1'"),
        (make_table(10, 3), make_spec(), DataError, "hospital: column 'x2' is not in the specification"),
        (changed(good, 3, 1, np.nan), make_spec(), DataError, "hospital: column 'x1', row 4 is not finite"),
        (changed(good, 3, 0, 4.125), ranged, DataError, "hospital: column 'x0', row 4 is outside the specification"),
        (
            changed(good, 3, 1, 8.125),
            make_spec(),
            RangeError,
            r"hospital: column 'x1', row 4 is outside the specification's range, -8\.\d* to (8|7\.99)",
        ),
        (Table(good.names, good.features, good.labels + 1), make_spec(), DataError, "neither 0 nor 1"),
        (good, make_spec(minimum_node_rows=11), DataError, "hospital has 10 rows; `minimum.rows_per_node` is 11"),
    ]
    for data, rules, error, message in cases:
        with pytest.raises(error, match=message) as caught:
            prepare(data, rules, name="hospital")
        assert "4.125" not in str(caught.value)
        assert "8.125" not in str(caught.value)


def test_private_values_do_not_appear_in_a_repr():
    data = make_table(5)
    node = prepare(data, make_spec())
    shown = repr(node) + repr(node.batches[0].data)
    assert str(node.batches[0].salt) not in shown
    assert str(int(node.batches[0].features[0, 0])) not in shown
    assert str(node.moments.sums[0][0]) not in shown
