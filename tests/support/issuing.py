"""An owner with registered batches, and what it shows an issuer: a true package, or one that lies consistently."""

import hashlib
import random
from dataclasses import replace

from support.people_world import SPEC

from twopm_zk.datasets.openings import BatchOpening, Openings
from twopm_zk.datasets.package import write_package
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.cells import CsvOptions
from twopm_zk.task.parts.data import Provenance

ISSUER, OTHER = 8, 7
"""Accounts: the issuer that specifications here name, and one that they do not."""


def attested_spec(world, spec=SPEC, *, issuers=(ISSUER,)):
    return replace(spec, provenance=Provenance(tuple(world.view(number).address for number in issuers)))


def written_rows(path, count, *, seed=1):
    """A file of rows as the specification reads them; its lines, header first."""
    draw = random.Random(seed)
    rows = (
        (draw.randrange(200, 400) / 100, draw.randrange(10, 30), draw.randrange(2), draw.randrange(2))
        for _ in range(count)
    )
    path.write_text("\n".join(["GPA,TUCE,PSI,GRADE", *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


class Owner:
    """A data owner with a file of rows, three batches at 100 of them, registered in order unless told otherwise."""

    def __init__(self, world, number, folder, spec, *, rows=100, held_out=False, registered=None):
        self.world, self.view, self.spec, self.held_out = world, world.view(number), spec, held_out
        self.address = self.view.address
        self.folder = folder / f"owner{number}"
        self.folder.mkdir(exist_ok=True)
        self.rows = written_rows(self.folder / "rows.csv", rows, seed=number)
        self.batches = prepare(self.rows, spec).batches
        self.terms = spec.held_out_terms if held_out else spec.data_terms
        if not self.view.data_hub.is_open(self.terms.id):
            self.view.data_hub.open(self.terms)
        self.view.data_hub.register(self.terms.id, 0, [one.commitment for one in self.batches[:registered]])

    def package(self, *, rows=None, batches=None, places=None, name="data.package", **openings):
        """A package of rows and batches (default: those that are true), whose header agrees with them."""
        rows, batches = rows or self.rows, batches or self.batches
        places = range(len(batches)) if places is None else places
        content = rows.read_bytes()
        fields = {
            "chain_id": self.view.chain.chain_id,
            "contract": self.view.data_hub.address,
            "owner": self.address,
            "dataset": self.terms.id,
            "held_out": self.held_out,
            "spec_hash": self.spec.spec_hash,
            "kind": "csv",
            "size": len(content),
            "sha256": hashlib.sha256(content).digest(),
            "csv": CsvOptions(),
            "batches": tuple(
                BatchOpening(place, len(one.labels), one.salt, one.commitment)
                for place, one in zip(places, batches, strict=True)
            ),
        }
        target = self.folder / name
        target.touch()
        write_package(Openings(**fields | openings), rows, target)
        return target

    def altered(self, line):
        """A package in which one row is another, and which says so consistently: file, hash and commitments."""
        lines = self.rows.read_text().splitlines()
        first, rest = lines[line].split(",", 1)
        lines[line] = f"{2.5 if first != '2.5' else 2.6},{rest}"
        path = self.folder / "altered.csv"
        path.write_text("\n".join(lines) + "\n")
        made = prepare(path, self.spec).batches
        batches = [replace(one, salt=known.salt) for one, known in zip(made, self.batches, strict=True)]
        return self.package(rows=path, batches=batches)
