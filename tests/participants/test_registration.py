"""Rows that are held out of training: kept apart in the store and in DataHub, and refused where they make no sense."""

import numpy as np
import pytest
from support.people_world import SPEC, replace, tables

from twopm_zk.errors import DataError, InputError, RangeError
from twopm_zk.node.registration import batches_of, load_batches, register
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.task_view import dataset_of, held_out_dataset_of
from twopm_zk.rows.tables import Table
from twopm_zk.task.parts.statistics import Statistics

HELD_OUT = replace(
    SPEC,
    statistics=Statistics(held_out=True),
    instances=replace(SPEC.instances, evaluate=("evaluate-48x3",)),
)
TRAINING, OTHERS, THIRD = tables((11, 11, 10))


@pytest.fixture
def store(tmp_path):
    with NodeStore(tmp_path / "node.db") as opened:
        yield opened


def test_held_out_rows_are_kept_beside_those_of_training(store):
    load_batches(store, HELD_OUT, TRAINING)
    found = load_batches(store, HELD_OUT, None, held_out=OTHERS)
    assert [(entry.number, entry.held_out, entry.place) for entry in found] == [(0, False, None), (0, True, None)]
    assert [len(entry.batch.labels) for entry in found] == [11, 11]
    again = load_batches(store, HELD_OUT, TRAINING, held_out=OTHERS)
    assert [entry.batch.salt for entry in again] == [entry.batch.salt for entry in found]


def test_they_are_refused_where_the_specification_evaluates_nothing_on_such(store):
    with pytest.raises(InputError, match="evaluates nothing on held-out rows"):
        load_batches(store, SPEC, TRAINING, held_out=OTHERS)
    assert batches_of(store, SPEC) == []


def test_other_held_out_rows_than_those_committed_to_are_refused(store):
    load_batches(store, HELD_OUT, TRAINING, held_out=OTHERS)
    with pytest.raises(DataError, match="others than those this node has committed to"):
        load_batches(store, HELD_OUT, TRAINING, held_out=THIRD)
    with pytest.raises(DataError, match="others than those this node has committed to"):
        load_batches(store, HELD_OUT, OTHERS)


def test_the_rows_of_training_are_refused_as_held_out_ones(store):
    with pytest.raises(DataError, match="are those that this node trains on"):
        load_batches(store, HELD_OUT, TRAINING, held_out=TRAINING)
    assert not any(entry.held_out for entry in batches_of(store, HELD_OUT))


def test_held_out_rows_alone_are_no_data_to_train_on(store):
    with pytest.raises(InputError, match="no data") as caught:
        load_batches(store, HELD_OUT, None, held_out=OTHERS)
    assert caught.value.kind == "no-data"


def test_what_is_wrong_with_held_out_rows_is_said_of_them_and_shows_no_value(store):
    wrong = Table(OTHERS.names, np.where(OTHERS.features > 20, 98765.0, OTHERS.features), OTHERS.labels)
    with pytest.raises(RangeError) as caught:
        load_batches(store, HELD_OUT, TRAINING, held_out=wrong)
    assert caught.value.message.startswith("held-out data")
    assert "98765" not in str(caught.value)
    few = Table(OTHERS.names, OTHERS.features[:2], OTHERS.labels[:2])
    with pytest.raises(DataError, match=r"held-out data has 2 rows; `minimum.rows_per_node` is"):
        load_batches(store, HELD_OUT, TRAINING, held_out=few)


def test_more_batches_than_the_specification_takes_of_a_node_are_refused(store):
    """Those beyond the limit would be registered, and the contract would take none of them."""
    few = replace(HELD_OUT, maximum_node_updates=1)
    many = Table(TRAINING.names, np.tile(TRAINING.features, (5, 1)), np.tile(TRAINING.labels, 5))
    said = "the rows take 2 batches of up to 48; `maximum.updates_per_node` is 1"
    with pytest.raises(DataError, match=f"node: {said}"):
        load_batches(store, few, many)
    assert batches_of(store, few) == []
    with pytest.raises(DataError, match=f"held-out data: {said}"):
        load_batches(store, few, TRAINING, held_out=many)
    assert len(load_batches(store, few, TRAINING, held_out=OTHERS)) == 2


def test_a_second_task_with_the_same_data_takes_the_batches_of_the_first_with_their_salts(store):
    first = load_batches(store, HELD_OUT, TRAINING, held_out=OTHERS)
    asks = {"penalty": 2.0, "maximum_rounds": 3, "minimum_rows": 12}
    other = replace(HELD_OUT, name="another task", data_name=HELD_OUT.name, **asks)
    assert other.spec_hash != HELD_OUT.spec_hash
    assert load_batches(store, other, None) == first
    assert load_batches(store, other, TRAINING, held_out=OTHERS) == first
    assert load_batches(store, SPEC, None) == first[:1], "it evaluates nothing on held-out rows"
    apart = replace(other, data_name="other data")
    with pytest.raises(InputError, match="no data"):
        load_batches(store, apart, None)


def test_batches_of_another_task_may_be_too_few_or_too_many_for_this_one(store):
    many = Table(TRAINING.names, np.tile(TRAINING.features, (5, 1)), np.tile(TRAINING.labels, 5))
    load_batches(store, SPEC, many)
    assert len(load_batches(store, replace(SPEC, minimum_node_rows=55), None)) == 2
    with pytest.raises(DataError, match=r"this node has 55 rows; `minimum\.rows_per_node` is 56"):
        load_batches(store, replace(SPEC, minimum_node_rows=56), None)
    with pytest.raises(DataError, match="this node: the rows take 2 batches"):
        load_batches(store, replace(SPEC, maximum_node_updates=1), None)


@pytest.mark.chain
def test_each_data_set_numbers_its_batches_by_itself_and_nothing_is_registered_twice(world, store):
    view = world.view(2)
    load_batches(store, HELD_OUT, TRAINING, held_out=OTHERS)
    found = register(view, store, HELD_OUT)
    assert [(entry.held_out, entry.place) for entry in found] == [(False, 0), (True, 0)]
    before = view.block() + 1
    for dataset, entry in zip((dataset_of(HELD_OUT), held_out_dataset_of(HELD_OUT)), found, strict=True):
        assert view.registrations(dataset, before=before) == {view.address: [entry.batch.commitment]}
    assert register(view, store, HELD_OUT) == found
    assert register(view, store, replace(HELD_OUT, penalty=2.0)) == found, "a second task registers nothing anew"
    assert view.block() + 1 == before
    assert view.terms_of(dataset_of(HELD_OUT)) == HELD_OUT.data_terms


@pytest.mark.chain
def test_held_out_rows_are_registered_before_those_of_training_for_which_a_task_opens(world, store, monkeypatch):
    view = world.view(3)
    load_batches(store, HELD_OUT, TRAINING, held_out=OTHERS)
    registered, send = [], view.data_hub.register
    monkeypatch.setattr(
        view.data_hub, "register", lambda dataset, *rest: (registered.append(dataset), send(dataset, *rest))
    )
    register(view, store, HELD_OUT)
    assert registered == [held_out_dataset_of(HELD_OUT), dataset_of(HELD_OUT)]
