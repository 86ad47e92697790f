"""Batches on their way into DataHub: one place each, found again after a restart from the chain's own events.

A node knows its batches by their data set, so that a task which asks for the same data as one before takes what is
registered, with its salts.
"""

from __future__ import annotations

from collections.abc import Sequence

from twopm_zk.errors import DataError, InputError
from twopm_zk.node.store import NodeStore, StoredBatch
from twopm_zk.participants.preflight import require_verifiers
from twopm_zk.participants.rounds.registering import register_commitments
from twopm_zk.participants.task_view import ChainView
from twopm_zk.rows.batches import NodeData, prepare, same_rows, too_many
from twopm_zk.rows.check import require_held_out
from twopm_zk.rows.sources import RowData
from twopm_zk.task.parts.data import DataTerms
from twopm_zk.task.specification import TaskSpec

_AT_ONCE = 100
"""Commitments in one transaction."""


def batches_of(store: NodeStore, spec: TaskSpec) -> list[StoredBatch]:
    """A store's batches for a task of the specification: of training, and those held out where it evaluates on such."""
    held_out = store.batches(spec.held_out_terms.id) if spec.statistics.held_out else []
    return [*store.batches(spec.data_terms.id), *held_out]


def load_batches(
    store: NodeStore, spec: TaskSpec, table: RowData | None, *, held_out: RowData | None = None
) -> list[StoredBatch]:
    """The batches of a specification: those of the store, or of tables (unscaled rows), kept in the store first.

    ``held_out`` are rows that the trained weights are evaluated on, and that take no part in training.

    Raises DataError for other rows than the store has of the data set, for fewer rows or more batches than the
    specification takes of one node, and for held-out rows that are those of training; InputError where neither has any,
    and for rows that are held out where the specification evaluates nothing on such.
    """
    if held_out is not None:
        require_held_out(spec)
    if table is not None:
        _keep(store, spec.data_terms, _prepared(table, spec, "node"))
    if held_out is not None:
        prepared = _prepared(held_out, spec, "held-out data")
        if _same_rows(store.batches(spec.data_terms.id), prepared):
            raise DataError("the held-out rows are those that this node trains on", hint="Give rows of their own.")
        _keep(store, spec.held_out_terms, prepared)
    known = batches_of(store, spec)
    if all(entry.held_out for entry in known):
        raise InputError("this node has no data for the specification yet", hint="Give its rows.", kind="no-data")
    for kept in (False, True):  # rows of another task with the same data may be too few or too many for this one
        _require_as_many([entry for entry in known if entry.held_out is kept], spec)
    return known


def _prepared(table: RowData, spec: TaskSpec, name: str) -> NodeData:
    """The batches of rows. Raises DataError also for more of them than a node can hand in in one round."""
    found = prepare(table, spec, name=name)
    if many := too_many(len(found.batches), spec):
        raise DataError(f"{name}: {many}")
    return found


def _require_as_many(known: Sequence[StoredBatch], spec: TaskSpec) -> None:
    """DataError where batches of the store are too few or too many for a task, a row of weight k counted k times."""
    rows = sum(len(entry.batch.labels) for entry in known)
    if known and rows < spec.minimum_node_rows:
        raise DataError(f"this node has {rows} rows; `minimum.rows_per_node` is {spec.minimum_node_rows}")
    if many := too_many(len(known), spec):
        raise DataError(f"this node: {many}")


def _keep(store: NodeStore, terms: DataTerms, prepared: NodeData) -> None:
    known = store.batches(terms.id)
    if not known:
        store.add_batches(terms.id, prepared.batches, held_out=terms.held_out)
    elif not _same_rows(known, prepared):
        raise DataError(
            "the rows are others than those this node has committed to as this data set",
            hint="Give the rows that were registered, or none; for other rows, agree on another `data.name`.",
        )


def _same_rows(known: Sequence[StoredBatch], prepared: NodeData) -> bool:
    return same_rows([entry.batch for entry in known], prepared.batches)


def register(view: ChainView, store: NodeStore, spec: TaskSpec) -> list[StoredBatch]:
    """Register what is not registered, held-out batches first, in data sets that are opened where they are not yet; all
    batches with their places.

    A coordinator opens the first round once the rows of training are there, and no held-out batch that comes later
    counts.
    """
    for terms in (spec.held_out_terms, spec.data_terms):
        if terms.held_out and not spec.statistics.held_out:
            continue
        while not _registered(view, store, spec, terms):
            pass
    return batches_of(store, spec)


def _registered(view: ChainView, store: NodeStore, spec: TaskSpec, terms: DataTerms) -> bool:
    """Whether all batches of a data set are registered; if not, some more of them are now."""
    batches = store.batches(terms.id)
    if not batches:
        return True
    places = view.places(terms.id)
    waiting = [entry for entry in batches if entry.batch.commitment not in places]
    for entry in batches:
        place = places.get(entry.batch.commitment)
        if place is not None and place != entry.place:
            store.set_place(terms.id, entry.number, place)
    if not waiting:
        return True
    require_verifiers(view, spec)
    register_commitments(view, terms, places, [entry.batch.commitment for entry in waiting[:_AT_ONCE]])
    return False
