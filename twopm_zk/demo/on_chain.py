"""Training over a development chain by data owners of one's own, for examples and measurements."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from twopm_zk.auditor.audit import audit
from twopm_zk.auditor.report import AuditReport
from twopm_zk.demo.chain_record import ChainRecord, chain_record
from twopm_zk.demo.stage import set_stage, verifier_of
from twopm_zk.demo.training_run import Tell, train_on
from twopm_zk.errors import TrainingError
from twopm_zk.rows.sources import RowData
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True)
class ChainTraining:
    """A certified task, what an auditor made of it, and what its rounds took."""

    findings: AuditReport
    record: ChainRecord
    seconds: float
    """Of training, without setting the stage and auditing."""


def train_over_chain(
    spec: TaskSpec,
    parties: Sequence[RowData],
    *,
    owners: Sequence[str],
    held_out: Sequence[RowData] = (),
    backend: str | None = None,
    tell: Tell,
) -> ChainTraining:
    """Train with one node for each of ``parties``, every step proven, and audit the task from the chain alone.

    ``held_out`` are rows that each node keeps out of training, to evaluate the weights on them. Keys are for
    development, and prove nothing to anybody. Raises TrainingError where the audit fails or the task has no
    certificate.
    """
    with set_stage(spec, owners=owners, backend=backend, tell=print) as stage, TemporaryDirectory() as folder:
        started = time.perf_counter()
        clock = train_on(stage, spec, parties, Path(folder), held_out=held_out, backend=backend, tell=tell)
        seconds = time.perf_counter() - started
        findings = audit(stage.view("deployer"), 1, spec=spec, verifier=verifier_of(backend), backend=backend)
        if not findings.passed or findings.gradient_bound is None:
            raise TrainingError(f"the audit failed: {'; '.join(findings.failed)}", kind="audit-failed")
        return ChainTraining(findings, chain_record(stage, spec, 1, clock), seconds)
