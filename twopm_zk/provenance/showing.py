"""What an owner shows an issuer: packages of its data sets, read in memory, and their commitments computed anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from twopm_zk.datasets.package import Package
from twopm_zk.datasets.retrieving import accessible, retrieve
from twopm_zk.errors import DataError, InputError
from twopm_zk.participants.task_view import ChainView
from twopm_zk.rows.batches import Batch, prepare
from twopm_zk.rows.check import require_held_out
from twopm_zk.rows.sources import RowData
from twopm_zk.system.files import StrPath, secret_file, shown
from twopm_zk.system.progress import Progress
from twopm_zk.task.parts.data import DataTerms
from twopm_zk.task.specification import TaskSpec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

NAMES = ("data.package", "held-out.package")
"""Of the packages in a folder."""


@dataclass(frozen=True)
class Shown:
    """One data set of an owner, its batches made anew from rows and salts under the specification."""

    owner: str
    terms: DataTerms
    places: tuple[int, ...]
    """Where the package says that each batch is registered."""
    batches: tuple[Batch, ...]

    @property
    def commitments(self) -> dict[int, int]:
        """By place, as computed here."""
        return {place: batch.commitment for place, batch in zip(self.places, self.batches, strict=True)}

    @property
    def rows(self) -> int:
        """Rows of all batches, a row of weight k counted k times."""
        return sum(len(batch.labels) for batch in self.batches)

    def require_rows(self, records: RowData, spec: TaskSpec) -> None:
        """DataError unless the rows are those of an issuer's own records, in the same order, as the task reads them.

        It names the batches in which they differ, and no value.
        """
        known = prepare(records, spec, name="your records").batches
        if len(known) != len(self.batches):
            raise DataError(
                f"the package has {self.rows} rows, your records have {sum(len(one.labels) for one in known)}",
                kind="other-records",
            )
        pairs = zip(self.places, self.batches, known, strict=True)
        if different := [str(place) for place, one, other in pairs if not _same(one, other)]:
            raise DataError(
                f"batch {', '.join(different)} of the package has other rows than your records", kind="other-records"
            )


def read_packages(path: StrPath) -> list[Package]:
    """The package of that name, or those in that folder. Raises InputError where there is none, FileFormatError."""
    path = Path(path)
    found = [path / name for name in NAMES if (path / name).is_file()] if path.is_dir() else [path]
    if not found:
        raise InputError(f"folder {shown(path)} has no package: {' or '.join(NAMES)}", kind="no-package")
    return [Package.read(one) for one in found]


@contextmanager
def granted(
    view: ChainView,
    spec: TaskSpec,
    owner: str,
    key: Callable[[], X25519PrivateKey],
    *,
    progress: Progress,
) -> Iterator[list[Package]]:
    """The data sets that an owner has stored and granted to this account, in files on no disk that are gone when the
    block ends: that of training, and the one held out where the owner has registered one.

    ``key`` is what this account has published the public part of. Raises PeerError as `accessible` and `retrieve` do.
    """
    wanted = [spec.data_terms]
    if spec.statistics.held_out and view.places(spec.held_out_terms.id, owner=owner):
        wanted.append(spec.held_out_terms)
    with ExitStack() as stack:
        found = []
        for terms in wanted:
            stored, key_for = accessible(view, owner, terms.id, key)
            target = stack.enter_context(secret_file(b""))
            found.append(retrieve(view, stored, key_for, target, progress=progress))
        yield found


def show(view: ChainView, spec: TaskSpec, owner: str, packages: Sequence[Package]) -> list[Shown]:
    """What packages hold that ``owner`` gave an issuer: nothing of what they say of themselves is relied on.

    Raises DataError for a package of another owner, deployment or data set, and where its rows and salts are not those
    of the commitments that it says; InputError for held-out rows where the specification evaluates nothing on such.
    """
    return [_shown(view, spec, owner, package) for package in packages]


def _shown(view: ChainView, spec: TaskSpec, owner: str, package: Package) -> Shown:
    openings = package.openings
    if int(openings.owner, 16) != int(owner, 16):
        raise DataError(f"the package is of {openings.owner}, not of {owner}", kind="other-owner", owner=openings.owner)
    where, here = (openings.chain_id, int(openings.contract, 16)), (view.chain.chain_id, int(view.data_hub.address, 16))
    if where != here:
        raise DataError(
            f"the package is of DataHub {openings.contract} on chain {openings.chain_id}, this is "
            f"{view.data_hub.address} on chain {view.chain.chain_id}",
            kind="other-deployment",
        )
    if openings.held_out:
        require_held_out(spec)
    try:
        batches = package.check(spec)
    except DataError as error:
        if error.kind != "other-commitments":
            raise
        raise DataError(error.message, kind="other-data", owner=owner) from None
    terms = spec.held_out_terms if openings.held_out else spec.data_terms
    return Shown(owner, terms, tuple(one.place for one in openings.batches), batches)


def _same(one: Batch, other: Batch) -> bool:
    return np.array_equal(one.features, other.features) and np.array_equal(one.labels, other.labels)
