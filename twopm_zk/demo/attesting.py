"""The registry authority attests to the data owners' rows before anybody trains on them, as any issuer would.

Each owner registers its batches and gives the authority a package of them; the authority reads it, computes every
commitment anew, compares it with DataHub, attests and binds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from twopm_zk.demo.stage import ISSUER, Stage
from twopm_zk.demo.training_run import Tell, store_of
from twopm_zk.node.backup import packaged
from twopm_zk.node.registration import load_batches, register
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.news import News
from twopm_zk.provenance.issuing import Issuer
from twopm_zk.provenance.showing import show
from twopm_zk.rows.cells import CsvOptions
from twopm_zk.rows.tables import Table
from twopm_zk.system.files import write_text
from twopm_zk.task.parts.data import Provenance
from twopm_zk.task.specification import TaskSpec


def attested(stage: Stage, spec: TaskSpec) -> TaskSpec:
    """The specification, with the stage's registry authority as the issuer that has to attest to all data."""
    return replace(spec, provenance=Provenance((stage.view(ISSUER).address,)))


def written(parties: Sequence[Table], spec: TaskSpec, folder: Path) -> list[Path]:
    """Each owner's rows in a file of its own, as owners have them."""
    files = [folder / f"rows-{number}.csv" for number in range(1, len(parties) + 1)]
    for path, table in zip(files, parties, strict=True):
        lines = [[*table.names, spec.label], *zip(*table.features.T.tolist(), table.labels.tolist(), strict=True)]
        write_text(path, "".join(",".join(map(str, line)) + "\n" for line in lines), private=True)
    return files


def attest_all(
    stage: Stage, spec: TaskSpec, parties: Sequence[Path], folder: Path, *, tell: Tell
) -> list[tuple[str, str, str]]:
    """Have the owners' rows registered, shown, compared, attested and bound; ``folder`` keeps the owners' stores.

    ``parties`` are the owners' own files of rows, in the order of the stage's owners. Returns who attested to the rows
    of whom, with the attestation's number.
    """
    view = stage.view(ISSUER)
    issuer, found = Issuer(view, spec.data_terms), []
    for name, rows in zip(stage.owners, parties, strict=True):
        owner = stage.view(name)
        with NodeStore(store_of(folder, name)) as store:
            load_batches(store, spec, rows)
            register(owner, store, spec)
            with packaged(owner, store, spec, rows, CsvOptions()) as package:
                (shown,) = show(view, spec, owner.address, [package])
        (made,) = issuer.attest(issuer.compare(owner.address, shown.commitments))
        tell(ISSUER, News("attested", f"attested to {shown.rows} rows of the {name}: 0x{made.uid.hex()}"))
        found.append((ISSUER, name, "0x" + made.uid.hex()))
    return found
