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
from twopm_zk.node.registration import load_batches, register
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.news import News
from twopm_zk.provenance.issuing import Issuer
from twopm_zk.provenance.showing import show
from twopm_zk.task.parts.data import Provenance
from twopm_zk.task.specification import TaskSpec


def attested(stage: Stage, spec: TaskSpec) -> TaskSpec:
    """The specification, with the stage's registry authority as the issuer that has to attest to all data."""
    return replace(spec, provenance=Provenance((stage.view(ISSUER).address,)))


def attest_all(stage: Stage, spec: TaskSpec, parties: Sequence[Path], folder: Path, *, tell: Tell) -> None:
    """Have the owners' rows registered, shown, compared, attested and bound; ``folder`` keeps the owners' stores.

    ``parties`` are the owners' own files of rows, in the order of the stage's owners.
    """
    view = stage.view(ISSUER)
    issuer = Issuer(view, spec.data_terms)
    for name, rows in zip(stage.owners, parties, strict=True):
        owner = stage.view(name)
        with NodeStore(store_of(folder, name)) as store:
            load_batches(store, spec, rows)
            register(owner, store, spec)
            package = package_of(owner, spec, store, rows, folder)
        (shown,) = show(view, spec, owner.address, [package])
        (made,) = issuer.attest(issuer.compare(owner.address, shown.commitments))
        tell(ISSUER, News("attested", f"attested to {shown.rows} rows of the {name}: 0x{made.uid.hex()}"))
