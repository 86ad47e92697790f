"""Batches on their way into DataHub: one place each, found again after a restart from the chain's own events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from twopm_zk.errors import DataError, InputError, TransactionError
from twopm_zk.node.store import NodeStore, StoredBatch
from twopm_zk.numbers.commitments import random_scalar
from twopm_zk.participants.preflight import require_verifiers
from twopm_zk.participants.task_view import ChainView, dataset_of, held_out_dataset_of
from twopm_zk.rows.batches import NodeData, prepare, same_rows, too_many
from twopm_zk.rows.check import require_held_out
from twopm_zk.rows.sources import RowData
from twopm_zk.task.specification import TaskSpec

_AT_ONCE = 100
"""Commitments in one transaction."""


def load_batches(
    store: NodeStore, spec: TaskSpec, table: RowData | None, *, held_out: RowData | None = None
) -> list[StoredBatch]:
    """The batches of a specification: those of the store, or of tables (unscaled rows), kept in the store first.

    ``held_out`` are rows that the trained weights are evaluated on, and that take no part in training.

    Raises DataError for other rows than the store has, for more batches than the specification takes of one node, and
    for held-out rows that are those of training; InputError where neither has any, and for rows that are held out where
    the specification evaluates nothing on such.
    """
    if held_out is not None:
        require_held_out(spec)
    if table is not None:
        _keep(store, spec, _prepared(table, spec, "node"), held_out=False)
    if held_out is not None:
        prepared = _prepared(held_out, spec, "held-out data")
        if _same_rows(_known(store, spec, held_out=False), prepared):
            raise DataError("the held-out rows are those that this node trains on", hint="Give rows of their own.")
        _keep(store, spec, prepared, held_out=True)
    known = store.batches(spec.spec_hash)
    if all(entry.held_out for entry in known):
        raise InputError("this node has no data for the specification yet", hint="Give its rows.", kind="no-data")
    return known


def _prepared(table: RowData, spec: TaskSpec, name: str) -> NodeData:
    """The batches of rows. Raises DataError also for more of them than a node can hand in in one round."""
    found = prepare(table, spec, name=name)
    if many := too_many(len(found.batches), spec):
        raise DataError(f"{name}: {many}")
    return found


def _known(store: NodeStore, spec: TaskSpec, *, held_out: bool) -> list[StoredBatch]:
    return [entry for entry in store.batches(spec.spec_hash) if entry.held_out is held_out]


def _keep(store: NodeStore, spec: TaskSpec, prepared: NodeData, *, held_out: bool) -> None:
    known = _known(store, spec, held_out=held_out)
    if not known:
        store.add_batches(spec.spec_hash, prepared.batches, held_out=held_out)
    elif not _same_rows(known, prepared):
        raise DataError(
            "the rows are others than those this node has committed to for this specification",
            hint="Give the rows that were registered, or none; a task cannot change its data.",
        )


def _same_rows(known: Sequence[StoredBatch], prepared: NodeData) -> bool:
    return same_rows([entry.batch for entry in known], prepared.batches)


def register(view: ChainView, store: NodeStore, spec: TaskSpec) -> list[StoredBatch]:
    """Register what is not registered, held-out batches first; all batches with their places.

    A coordinator opens the first round once the rows of training are there, and no held-out batch that comes later
    counts.

    A commitment that somebody else has registered (copied out of the queue of pending transactions) is of no use to
    them, and is replaced by one with a new salt.
    """
    for held_out, dataset in ((True, held_out_dataset_of(spec)), (False, dataset_of(spec))):
        while not _registered(view, store, spec, dataset, held_out=held_out):
            pass
    return store.batches(spec.spec_hash)


def _registered(view: ChainView, store: NodeStore, spec: TaskSpec, dataset: bytes, *, held_out: bool) -> bool:
    """Whether all batches of a data set are registered; if not, some more of them are now."""
    batches = _known(store, spec, held_out=held_out)
    if not batches:
        return True
    places = view.places(dataset)
    waiting = [entry for entry in batches if entry.batch.commitment not in places]
    for entry in batches:
        place = places.get(entry.batch.commitment)
        if place is not None and place != entry.place:
            store.set_place(spec.spec_hash, entry.number, place)
    if not waiting:
        return True
    if view.withdrawals(dataset, owner=view.address):
        raise InputError(
            f"{view.address} has withdrawn its data of this data set, so that none can be registered any more",
            kind="data-withdrawn",
        )
    require_verifiers(view, spec)
    first = max(places.values(), default=-1) + 1
    part = waiting[:_AT_ONCE]
    try:
        view.data_hub.register(dataset, first, [entry.batch.commitment for entry in part])
    except TransactionError as error:
        if error.error == "AlreadyRegistered":
            _replace_copied(view, store, spec, part)
        elif error.error != "PlaceTaken":  # our own transaction of before a restart may just have been mined
            raise
    return False


def _replace_copied(view: ChainView, store: NodeStore, spec: TaskSpec, part: Sequence[StoredBatch]) -> None:
    for entry in part:
        owner = view.data_hub.owner_of(entry.batch.commitment)
        if int(owner, 16) not in (0, int(view.address, 16)):
            store.replace_batch(spec.spec_hash, entry.number, replace(entry.batch, salt=random_scalar()))
