"""A node's rows on the way to its proofs."""

from dataclasses import replace

import numpy as np
import pytest
from support.small_tasks import make_spec, make_table

from twopm_zk.circuit.instances import find_instance
from twopm_zk.errors import CircuitTooLargeError, DataError, RangeError
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.step import choose_step, prepare_step
from twopm_zk.rows.tables import Table
from twopm_zk.statements import (
    Collection,
    EvaluateStatement,
    Family,
    InformationStatement,
    StepStatement,
    gradient_tally,
    information_tally,
)
from twopm_zk.task.columns import Column
from twopm_zk.task.instances import TaskInstances


def test_rows_fill_the_largest_instance_and_the_rest_the_smallest_that_fits():
    chosen = TaskInstances(
        ("step-119x3", "step-48x3"), "aggregate-3", "certify-3", ("information-48x3", "information-119x3")
    )
    node = prepare(make_table(270), make_spec(instances=chosen))
    assert [batch.shape.rows for batch in node.batches] == [119, 119, 48]
    assert [batch.data.count for batch in node.batches] == [119, 119, 32]
    assert node.rows == 270
    weights = (1 << 20, -(1 << 19), 0, 77)
    for batch in node.batches:
        features, labels = batch.data.used()
        shape = batch.statement(Collection.INFORMATION, 0, weights).shape
        assert batch.tally(Collection.GRADIENT, weights) == gradient_tally(batch.shape, weights, features, labels)
        assert batch.tally(Collection.INFORMATION, weights) == information_tally(shape, weights, features)
    assert len({batch.commitment for batch in node.batches}) == 3


def test_columns_may_come_in_any_order():
    straight = make_table(20)
    turned = Table(straight.names[::-1], straight.features[:, ::-1], straight.labels)
    weights = (5 << 18, -(1 << 20), 3)
    (one,), (other,) = (prepare(table, make_spec()).batches for table in (straight, turned))
    for collection in Collection:
        assert one.tally(collection, weights) == other.tally(collection, weights)


@pytest.mark.parametrize("collection", Collection)
def test_a_statement_is_of_the_rows_and_weights_of_its_batch_and_opens_as_they_add_up(collection):
    (batch,) = prepare(make_table(20), make_spec()).batches
    weights = (5 << 18, -(1 << 20), 3)
    said = batch.statement(collection, 77, weights)
    kinds = StepStatement, InformationStatement, EvaluateStatement
    assert type(said) is dict(zip(Collection, kinds, strict=True))[collection]
    assert (said.context, said.weights, said.data, said.salt) == (77, weights, batch.data, batch.salt)
    assert said.public[1] == batch.commitment
    assert said.opening.tally == batch.tally(collection, weights)
    assert (said.opening.unit, len(said.opening.items)) == (
        collection.unit(Family.LOGISTIC),
        collection.sums(3, Family.LOGISTIC),
    )


def test_each_statement_has_a_blinding_of_its_own_and_a_chosen_opening_is_kept():
    (batch,) = prepare(make_table(20), make_spec()).batches
    first, second = (batch.statement(Collection.GRADIENT, 77, (0, 0, 0)) for _ in range(2))
    assert first.opening.tally == second.opening.tally
    assert first.opening.blinding != second.opening.blinding
    again = batch.statement(Collection.GRADIENT, 77, (0, 0, 0), first.opening)
    assert again.public == first.public


def changed(original, row, column, value):
    features = original.features.copy()
    features[row, column] = value
    return Table(original.names, features, original.labels)


def test_rows_that_break_the_specification_are_named_without_their_values():
    good = make_table(10)
    ranged = replace(make_spec(), columns=(Column("x0", low=-4.0, high=4.0), Column("x1")))
    cases = [
        (Table(("x0", "z"), good.features, good.labels), make_spec(), DataError, "hospital: there is no column 'x1'"),
        (changed(good, 3, 1, np.nan), make_spec(), DataError, "hospital: column 'x1', row 4 has no value"),
        (changed(good, 3, 1, np.inf), make_spec(), DataError, "hospital: column 'x1', row 4 is not finite"),
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
    for collection in Collection:
        said = node.batches[0].statement(collection, 1, (7, 7, 7))
        shown = repr(said) + repr(said.opening) + repr(said.opening.tally)
        for value in (*said.opening.items, said.opening.blinding, said.salt):
            assert abs(value) < 100 or str(value) not in shown  # counts of a few rows are digits of other numbers


def test_rows_that_fit_no_step_are_told_the_most_for_their_columns():
    with pytest.raises(CircuitTooLargeError, match=r"the largest is 1\d\d x 30\nSplit the rows"):
        choose_step(200, 20)
    with pytest.raises(CircuitTooLargeError, match="5 rows x 31 features fit no step instance"):
        choose_step(5, 31)


@pytest.mark.parametrize("collection", list(Collection))
def test_a_step_of_ones_own_has_no_noise_though_its_instance_may_have_room_for_some(collection):
    table = make_table(5, 3)
    instance, _ = choose_step(5, 3, collection=collection)
    assert instance.parameters["NOISE"] == 0
    noisy = find_instance(instance.name.replace("-48x3", "-45x3-noise8"))
    assert noisy.parameters["NOISE"] == 8
    prepared = prepare_step(table, [0.0] * 4, collection=collection, instance=noisy)
    assert set(prepared.statement.noise) == {0}
    assert len(prepared.statement.circuit_inputs()["noise"]) == len(prepared.statement.opening.items)
