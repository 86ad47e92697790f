"""What a node commits to as its data, in DataHub, before a round opens: one salted hash for all of it.

Nothing is proven of it. It says later whether a node has trained on the data that it had then, if its owner ever shows
them with the salt, and by it a node's ledger knows its rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from twopm_zk.errors import DataError, InputError, TransactionError
from twopm_zk.federated import FederatedSpec
from twopm_zk.hfl.store import FederatedStore
from twopm_zk.hfl.view import FederatedView
from twopm_zk.participants.rounds.attested import open_dataset

_DOMAIN = b"twopm-zk federated data 1"
_BITS = 253
"""A commitment is an element of BN254's scalar field, whose order is above 2^253."""


def digest_of_files(paths: Sequence[Path]) -> bytes:
    """SHA-256 over the SHA-256 of each file, in the order given. InputError where one cannot be read."""
    total = hashlib.sha256(_DOMAIN + b" files")
    for path in paths:
        try:
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise InputError(f"data file {str(path)!r} cannot be read: {error.strerror}") from error
    return total.digest()


def digest_of_number(number: int) -> bytes:
    """The same for a number by which an owner knows its data. InputError where it is negative or has over 256 bits."""
    if not 0 <= number < 1 << 256:
        raise InputError("a number that stands for data is from 0 to 2^256 - 1")
    return hashlib.sha256(_DOMAIN + b" number" + number.to_bytes(32, "big")).digest()


def commitment_of(salt: bytes, digest: bytes) -> int:
    """The number that DataHub has of data, never 0."""
    found = int.from_bytes(hashlib.sha256(_DOMAIN + salt + digest).digest(), "big") >> (256 - _BITS)
    return found or 1


def register_data(
    view: FederatedView, spec: FederatedSpec, store: FederatedStore, digest: bytes | None
) -> tuple[int, int]:
    """The commitment to this node's data and its index in DataHub, registered where it is not yet.

    Raises DataError for other data than this node has committed to as this data set, InputError where it has none.
    """
    terms = spec.data_terms
    known = store.data(terms.id)
    if known is None:
        if digest is None:
            raise InputError("this node has no data for the specification yet", hint="Give its data.", kind="no-data")
        known = commitment_of(store.data_salt(terms.id), digest), digest
        store.set_data(terms.id, *known)
    elif digest not in (None, known[1]):
        raise DataError(
            "the data are others than those this node has committed to as this data set",
            hint="Give the data that were registered, or none; for other data, agree on another `data.name`.",
        )
    while True:
        places = view.places(terms.id)
        if known[0] in places:
            return known[0], places[known[0]]
        open_dataset(view, terms)
        try:
            view.data_hub.register(terms.id, max(places.values(), default=-1) + 1, [known[0]])
        except TransactionError as error:
            if error.error not in ("AlreadyRegistered", "PlaceTaken"):  # our own of before a restart may just be mined
                raise
