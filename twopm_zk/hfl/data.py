"""What a node commits to as its data, in DataHub, before a round opens: one salted hash for all of it.

Nothing is proven of it. It says later whether a node has trained on the data that it had then, if its owner ever shows
them with the salt, and by it a node's ledger knows its rows.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twopm_zk.errors import DataError, InputError
from twopm_zk.federated import FederatedSpec
from twopm_zk.federated.updates import SALT_BYTES
from twopm_zk.hfl.store import FederatedStore
from twopm_zk.hfl.view import FederatedView
from twopm_zk.participants.rounds.registering import register_commitments
from twopm_zk.participants.rounds.view import RoundsView
from twopm_zk.system.files import write_text
from twopm_zk.system.parsing import read_json
from twopm_zk.task.parts.data import DataTerms

_DOMAIN = b"twopm-zk federated data 1"
OPENING = "twopm-zk federated opening 1"
_SALT = re.compile(f"[0-9a-f]{{{2 * SALT_BYTES}}}")
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


def write_opening(salt: bytes, path: Path) -> None:
    """Write what opens a commitment beside the data, for an issuer. It is as private as the data."""
    write_text(path, json.dumps({"format": OPENING, "salt": salt.hex()}) + "\n", private=True)


def read_opening(path: Path) -> bytes:
    """The salt in a file of `write_opening`. InputError for anything else."""
    found = read_json(path, what="opening")
    salt = found.get("salt") if isinstance(found, dict) and found.get("format") == OPENING else None
    if not isinstance(salt, str) or not _SALT.fullmatch(salt):
        raise InputError(f"{str(path)!r} is no opening of federated data", kind="no-opening")
    return bytes.fromhex(salt)


def shown_at(view: RoundsView[Any], terms: DataTerms, owner: str, salt: bytes, digest: bytes) -> dict[int, int]:
    """Place and commitment of the data that an owner shows, computed anew from their digest and the salt.

    DataError where the owner has registered no such commitment: the data or the salt are others.
    """
    commitment = commitment_of(salt, digest)
    place = view.places(terms.id, owner=owner).get(commitment)
    if place is None:
        raise DataError(f"{owner} has registered no commitment to these data with this salt", kind="other-opening")
    return {place: commitment}


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
        register_commitments(view, terms, places, [known[0]])
