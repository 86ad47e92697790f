"""Batches on their way into DataHub: one place each, found again after a restart from the chain's own events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from twopm_zk.chain.rpc import reading
from twopm_zk.errors import DataError, InputError, TransactionError
from twopm_zk.node.store import NodeStore, StoredBatch
from twopm_zk.numbers.commitments import random_scalar
from twopm_zk.participants.preflight import require_verifiers
from twopm_zk.participants.task_view import ChainView, dataset_of
from twopm_zk.rows.batches import NodeData, prepare
from twopm_zk.rows.sources import RowData
from twopm_zk.sharing import KeyOwner
from twopm_zk.task.specification import TaskSpec

_AT_ONCE = 100
"""Commitments in one transaction."""


def load_batches(store: NodeStore, spec: TaskSpec, table: RowData | None) -> list[StoredBatch]:
    """The batches of a specification: those of the store, or ``table`` (unscaled rows), kept in the store first.

    Raises DataError for other rows than the store has, InputError where neither has any.
    """
    known = store.batches(spec.spec_hash)
    if table is None and not known:
        raise InputError("this node has no data for the specification yet", hint="Give its rows.", kind="no-data")
    if table is not None:
        prepared = prepare(table, spec)
        if not known:
            store.add_batches(spec.spec_hash, prepared.batches)
            known = store.batches(spec.spec_hash)
        elif not _same_rows(known, prepared):
            raise DataError(
                "the rows are others than those this node has committed to for this specification",
                hint="Give the rows that were registered, or none; a task cannot change its data.",
            )
    return known


def _same_rows(known: Sequence[StoredBatch], prepared: NodeData) -> bool:
    return len(known) == len(prepared.batches) and all(
        np.array_equal(entry.batch.features, batch.features) and np.array_equal(entry.batch.labels, batch.labels)
        for entry, batch in zip(known, prepared.batches, strict=True)
    )


def register(view: ChainView, store: NodeStore, spec: TaskSpec) -> list[StoredBatch]:
    """Register what is not registered; all batches with their places.

    A commitment that somebody else has registered (copied out of the queue of pending transactions) is of no use to
    them, and is replaced by one with a new salt.
    """
    while True:
        places = _places(view, spec)
        batches = store.batches(spec.spec_hash)
        waiting = [entry for entry in batches if entry.batch.commitment not in places]
        for entry in batches:
            place = places.get(entry.batch.commitment)
            if place is not None and place != entry.place:
                store.set_place(spec.spec_hash, entry.number, place)
        if not waiting:
            return store.batches(spec.spec_hash)
        require_verifiers(view, spec)
        first = max(places.values(), default=-1) + 1
        part = waiting[:_AT_ONCE]
        try:
            view.data_hub.register(dataset_of(spec), first, [entry.batch.commitment for entry in part])
        except TransactionError as error:
            if error.error == "AlreadyRegistered":
                _replace_copied(view, store, spec, part)
            elif error.error != "PlaceTaken":  # our own transaction of before a restart may just have been mined
                raise


def register_key(view: ChainView, store: NodeStore) -> None:
    """Register the key that this node shares with, where another one or none is registered."""
    owner = KeyOwner(view.identity.address, view.chain.chain_id, view.address)
    key = store.lasting_key.aggregation_key(owner)
    if view.identity.aggregation_key_of(view.address) != key.hash:
        view.identity.set_aggregation_key(key.numbers)


def _places(view: ChainView, spec: TaskSpec) -> dict[int, int]:
    """Index by commitment, of all that this account has registered under the specification's name."""
    events = reading(
        "registered data",
        lambda: view.data_hub.contract.events(
            "Registered", from_block=view.deployment.block, owner=view.address, dataset=dataset_of(spec)
        ),
    )
    return {event["commitment"]: event["index"] for event in events}


def _replace_copied(view: ChainView, store: NodeStore, spec: TaskSpec, part: Sequence[StoredBatch]) -> None:
    for entry in part:
        owner = view.data_hub.owner_of(entry.batch.commitment)
        if int(owner, 16) not in (0, int(view.address, 16)):
            store.replace_batch(spec.spec_hash, entry.number, replace(entry.batch, salt=random_scalar()))
