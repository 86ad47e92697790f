"""A small data set as its owner has it: a file, a specification, openings, and keys, on no chain."""

import hashlib
from dataclasses import replace as replace

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from eth_account import Account
from support.people_world import SPEC, tables

from twopm_zk.datasets.keys import DataKey, OwnKey, Version
from twopm_zk.datasets.manifest import Manifest
from twopm_zk.datasets.openings import BatchOpening, Openings
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.cells import CsvOptions
from twopm_zk.rows.tables import load_spector

OWNER = Account.from_key("0x" + "11" * 32)
MEMBER = Account.from_key("0x" + "22" * 32)
STRANGER = Account.from_key("0x" + "33" * 32)
MEMBERS_KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
VERSION = Version(31337, CONTRACT, OWNER.address, SPEC.data_terms.id, 1)
KEY = DataKey(VERSION, b"\x5a" * 32)


NOTE = "what nobody may read. "


def csv_text(part):
    """A part of the table as an owner's export."""
    lines = [",".join((*part.names, "GRADE"))]
    lines += [
        ",".join(map(str, (*row, label)))
        for row, label in zip(part.features.tolist(), part.labels.tolist(), strict=True)
    ]
    return "\n".join(lines) + "\n"


def write_part(path, number=0):
    path.write_text(csv_text(tables((11, 11, 10))[number]))
    return path


def write_all(path, *, times=1, notes=0):
    """The whole table, as often as is asked for, so that there are several batches; each row with notes of so many
    characters, which are in no column of the specification and make several chunks."""
    header, *lines = csv_text(load_spector()).splitlines()
    if notes:
        header, lines = f"{header},NOTES", [f"{line},{NOTE * (notes // len(NOTE))}" for line in lines]
    path.write_text("\n".join([header, *lines * times]) + "\n")
    return path


def openings_of(path, *, spec=SPEC, **changes):
    """The openings of a file's batches, with salts of their own, at places from 0."""
    content = path.read_bytes()
    batches = prepare(path, spec).batches
    fields = {
        "chain_id": VERSION.chain_id,
        "contract": CONTRACT,
        "owner": OWNER.address,
        "dataset": spec.data_terms.id,
        "held_out": False,
        "spec_hash": spec.spec_hash,
        "kind": "csv",
        "size": len(content),
        "sha256": hashlib.sha256(content).digest(),
        "csv": CsvOptions(),
        "batches": tuple(
            BatchOpening(place, len(batch.labels), batch.salt, batch.commitment) for place, batch in enumerate(batches)
        ),
    }
    return Openings(**fields | changes)


def manifest_of(size=5, chunks=(b"\x01" * 32,)):
    return Manifest.of(OwnKey(KEY, b"\2" * 32, b"\3" * 80), size, chunks)
