"""The openings of one data set of one owner: for each batch its place in DataHub, its salt, and its commitment.

They are the header of a package (`twopm_zk.datasets.package`), JSON of its own format, in columns. Whoever has the
original rows and the openings recomputes the commitments, and nobody else can.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from twopm_zk.errors import DataError, FileFormatError, MessageError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.participants import wire
from twopm_zk.rows.cells import MAX_BYTES, CsvOptions

FORMAT = "twopm-zk package 1"
KINDS = ("csv", "parquet")
MAX_BATCHES = 1 << 16
MAX_HEADER = 1 << 24
"""Bytes of openings as they are written; a batch takes up to about 180."""
_UINT256 = (1 << 256) - 1
_FIELDS = (
    *("format", "chain_id", "contract", "owner", "dataset", "held_out", "spec_hash", "kind", "size", "sha256", "csv"),
    *("count", "places", "rows", "salts", "commitments"),
)
_CSV = ("delimiter", "quote", "encoding", "decimal")


@dataclass(frozen=True)
class BatchOpening:
    """What opens one commitment: with these rows of the file, in order, and the salt anybody recomputes it."""

    place: int
    """Index of the batch in DataHub."""
    rows: int
    """Rows of the batch, a row of weight k counted k times."""
    salt: int = field(repr=False)
    commitment: int


@dataclass(frozen=True)
class Openings:
    """What a package says of its data set, before anything of it is believed."""

    chain_id: int
    contract: str
    """The DataHub in which the data set is registered."""
    owner: str
    dataset: bytes
    """32 bytes."""
    held_out: bool
    """Whether the rows are kept out of training."""
    spec_hash: bytes
    """Of the specification that the data were first registered for; others may ask for the same data set."""
    kind: str
    """Of the owner's file, one of `KINDS`."""
    size: int
    """Bytes of the owner's file."""
    sha256: bytes = field(repr=False)
    """Of the owner's file."""
    csv: CsvOptions = field(repr=False)
    """What the owner said of its CSV file; the rest is detected again as it was then."""
    batches: tuple[BatchOpening, ...]
    """In the order of the rows."""

    def encode(self) -> bytes:
        """The openings as the JSON bytes that `parse` reads. DataError for more than a package takes."""
        document: dict[str, Any] = {
            "format": FORMAT,
            "chain_id": str(self.chain_id),
            "contract": self.contract,
            "owner": self.owner,
            "dataset": self.dataset.hex(),
            "held_out": int(self.held_out),
            "spec_hash": self.spec_hash.hex(),
            "kind": self.kind,
            "size": self.size,
            "sha256": self.sha256.hex(),
            "csv": {name: getattr(self.csv, name) or "" for name in _CSV},
            "count": len(self.batches),
            "places": [str(batch.place) for batch in self.batches],
            "rows": [str(batch.rows) for batch in self.batches],
            "salts": [str(batch.salt) for batch in self.batches],
            "commitments": [str(batch.commitment) for batch in self.batches],
        }
        encoded = wire.encode(document)
        if len(self.batches) > MAX_BATCHES or len(encoded) > MAX_HEADER or self.size > MAX_BYTES:
            raise DataError(
                f"a package takes {MAX_BATCHES} batches and {MAX_BYTES >> 20} MiB of rows; "
                f"these are {len(self.batches)} and {self.size >> 20}"
            )
        return encoded

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read untrusted bytes. FileFormatError names what is wrong, and shows no value."""
        try:
            return cls._parse(content)
        except (MessageError, DataError) as error:
            reason = error.message.removeprefix("the message is malformed: ")
            raise FileFormatError(f"the header of the package is none: {reason}", kind="not-a-package") from None

    @classmethod
    def _parse(cls, content: bytes) -> Self:
        fields = wire.Fields(wire.parse(content, limit=MAX_HEADER), "the header", _FIELDS)
        fields.choice("format", (FORMAT,))
        csv = wire.Fields(fields.any("csv"), "csv", _CSV)
        count = fields.integer("count", low=1, high=MAX_BATCHES)
        columns = zip(
            fields.decimals("places", count=count, low=0, high=_UINT256),
            fields.decimals("rows", count=count, low=1, high=1 << 32),
            fields.decimals("salts", count=count, low=0, high=FIELD_ORDER - 1),
            fields.decimals("commitments", count=count, low=1, high=FIELD_ORDER - 1),
            strict=True,
        )
        batches = tuple(BatchOpening(*columns_of_one) for columns_of_one in columns)
        for name in ("place", "commitment"):
            if len({getattr(batch, name) for batch in batches}) != count:
                raise wire.malformed(f"a {name} appears twice")
        return cls(
            chain_id=fields.decimal("chain_id", high=_UINT256),
            contract=fields.address("contract"),
            owner=fields.address("owner"),
            dataset=fields.hexadecimal("dataset", length=32),
            held_out=bool(fields.integer("held_out", high=1)),
            spec_hash=fields.hexadecimal("spec_hash", length=32),
            kind=fields.choice("kind", KINDS),
            size=fields.integer("size", low=1, high=MAX_BYTES),
            sha256=fields.hexadecimal("sha256", length=32),
            csv=CsvOptions(*(_sign(csv, name) for name in _CSV)),
            batches=batches,
        )


def _sign(csv: wire.Fields, name: str) -> str | None:
    """What an owner said of its file, where it did; a tab cannot be printed, and may separate cells."""
    return "\t" if csv.any(name) == "\t" else csv.text(name, limit=40) or None
