"""A demonstration's network that outlives it: its chain in a file, and what the page and its operator need beside it.

It is a development chain still: the accounts' keys are public knowledge, and its proofs prove nothing to anybody.

::

    chain              everything that is on the chain
    deployment.json    where its contracts are
    documents/         the specification and the network's metadata document
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from twopm_zk.chain import DevelopmentNode
from twopm_zk.chain.deployment import Deployment
from twopm_zk.demo.stage import OPERATOR, AtWork, Stage, make_prover
from twopm_zk.errors import InputError, TrainingError
from twopm_zk.participants.news import Notify
from twopm_zk.participants.service import ServiceSettings
from twopm_zk.prediction.operator import Operator
from twopm_zk.prediction.store import OperatorStore
from twopm_zk.system import files
from twopm_zk.task.metadata import NetworkMetadata
from twopm_zk.task.specification import TaskSpec
from twopm_zk.task.specification_file import read_spec, write_spec

_POLL = 0.2
"""Seconds between the operator's looks at the chain."""
_OFFER_SECONDS = 60.0


@dataclass(frozen=True)
class SavedNetwork:
    """A folder with a saved chain, its deployment, and the documents of its networks."""

    folder: Path

    @property
    def chain(self) -> Path:
        """What `DevelopmentNode.save` wrote."""
        return self.folder / "chain"

    @property
    def deployment(self) -> Path:
        """The deployment file."""
        return self.folder / "deployment.json"

    @property
    def documents(self) -> Path:
        """The folder of the specification and of the metadata document."""
        return self.folder / "documents"

    @property
    def specification(self) -> Path:
        """The specification of the network that its operator answers for."""
        return self.documents / "specification.json"

    def save(self, stage: Stage, spec: TaskSpec, metadata: NetworkMetadata) -> None:
        """Write all of it."""
        self.documents.mkdir(parents=True, exist_ok=True)
        write_spec(spec, self.specification)
        files.write_bytes(self.documents / "network.json", metadata.encoded)
        stage.deployment.write(self.deployment)
        stage.node.save(self.chain)

    @contextmanager
    def reopened(self, *, backend: str | None, notify: Notify) -> Iterator[Stage]:
        """The chain, started again, with its operator at work until the block ends.

        InputError for a folder that holds no saved network, TrainingError where its operator does not get ready.
        """
        for path in (self.chain, self.deployment, self.specification):
            if not path.is_file():
                raise InputError(
                    f"{str(self.folder)!r} holds no saved network: it has no {path.relative_to(self.folder)}",
                    kind="no-saved-network",
                )
        spec = read_spec(self.specification)
        with DevelopmentNode() as node, TemporaryDirectory() as scratch:
            node.load(self.chain)
            stage = Stage(node, Deployment.read(self.deployment))
            with (
                OperatorStore(Path(scratch) / "operator.db") as store,
                Operator(
                    stage.view(OPERATOR),
                    spec,
                    store,
                    1,
                    prover=make_prover(backend),
                    settings=ServiceSettings(poll=_POLL),
                    notify=notify,
                ) as operator,
                AtWork([operator]) as at_work,
            ):
                until = time.monotonic() + _OFFER_SECONDS
                while not operator.offered and not at_work.failed and time.monotonic() < until:
                    time.sleep(0.05)
                if not operator.offered and not at_work.failed:
                    raise TrainingError("the operator of the saved network does not get ready", kind="no-operator")
                yield stage
