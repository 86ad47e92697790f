"""The whole story on one machine: a chain, a coordinator, three data owners, an auditor, an operator, and two who ask.

Everything is what it would be elsewhere, processes aside: the participants run as threads with stores and accounts of
their own, on a development node with stand-ins for the staked tokens. Data owners and coordinator meet on the chain
alone.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from twopm_zk import __version__
from twopm_zk.auditor.audit import audit
from twopm_zk.auditor.page import ReportContext
from twopm_zk.auditor.report import AuditReport
from twopm_zk.demo.attesting import attest_all, attested, written
from twopm_zk.demo.chain_record import chain_record
from twopm_zk.demo.predictions import metadata_of, predictions
from twopm_zk.demo.report import Prediction, Report
from twopm_zk.demo.restaking import stand_behind_operator
from twopm_zk.demo.saved import SavedNetwork
from twopm_zk.demo.stage import OWNERS, Stage, set_stage, split_rows, verifier_of
from twopm_zk.demo.training_run import RoundClock, Tell, train_on
from twopm_zk.errors import TrainingError
from twopm_zk.participants.news import News
from twopm_zk.plonk.backends import get_backend
from twopm_zk.rows.tables import load_spector
from twopm_zk.task.specification import TaskSpec

PUBLISHED = {"GPA": 2.8261, "TUCE": 0.0952, "PSI": 2.3787, "intercept": -13.0213}
"""The published maximum-likelihood estimate, four digits after the point."""
ERRORS = {"GPA": 1.2629, "TUCE": 0.1416, "PSI": 1.0646, "intercept": 4.9313}
"""Standard errors of the published table."""
LIKELIHOOD = -12.889633
"""The published log likelihood is -12.890; these are statsmodels' digits."""
SEEN = (
    "The coordinator, an auditor and anybody else see the same, because everything is on the chain: commitments, "
    "proofs, and in each round one share of each school. A share is a school's opening under masks that cancel only in "
    "the sum over all three. So what can be read is that sum: once the information of all 32 rows together, from which "
    "the matrix of the steps follows, then in each round their gradient, and at the end what the statistics below are "
    "made of: how many rows there are, their information at the certified weights, log-loss, squared error, and how "
    "many rows of each class were given which probability. No message went from a school to the coordinator, and no "
    "school's own numbers can be told from what it sent, unless both others put theirs together. One more "
    "has seen rows: the registry authority, to whom each school showed its own before anybody trained on them. It "
    "computed every commitment anew from rows and salts, compared it with what the school had registered, and attested "
    "to it on the chain; without that no update would have been accepted. An attestation names school and authority, "
    "and no row."
)
MLE = {"GPA": 2.82611259, "TUCE": 0.09515766, "PSI": 2.37868766, "intercept": -13.02134686}
"""statsmodels 0.15, Newton: `sm.Logit(endog, add_constant(exog)).fit()`."""


def demonstrate(spec: TaskSpec, folder: Path, *, backend: str | None, tell: Tell, saved: SavedNetwork) -> Report:
    """The whole story; ``folder`` keeps the participants' stores, and ``saved`` what is on the chain at its end."""
    started = time.monotonic()

    def stage_news(text: str) -> None:
        tell("stage", News("stage", text))

    with set_stage(spec, backend=backend, tell=stage_news) as stage:
        spec = attested(stage, spec)
        schools = written(split_rows(load_spector(), len(OWNERS)), spec, folder)
        stage_news("the registry authority compares and attests")
        attestations = attest_all(stage, spec, schools, folder, tell=tell)
        clock = train_on(stage, spec, schools, folder, backend=backend, tell=tell)
        view = stage.view("coordinator")
        task = view.task_count()
        view.network.certificates.attest(task)
        findings = audit(
            view,
            task,
            spec=spec,
            verifier=verifier_of(backend),
            backend=backend,
            progress=lambda step, detail: tell("auditor", News("audit", f"{step}: {detail}")),
        )
        if not findings.passed:
            raise TrainingError(f"the audit failed: {'; '.join(findings.failed)}", kind="audit-failed")
        backing = stand_behind_operator(stage)
        stage_news(f"two users ask for a prediction. {backing}")
        answers = predictions(stage, spec, task, folder, backend=backend, tell=tell)
        saved.save(stage, spec, metadata_of(spec))
        facts = {
            f"seconds, with the {get_backend(backend).name} prover": f"{time.monotonic() - started:.0f}",
            "proofs checked again by the auditor": str(findings.proofs),
        }
        return make_report(
            stage,
            spec,
            task,
            clock,
            findings,
            attestations=attestations,
            predictions=answers,
            backing=backing,
            facts=facts,
        )


def make_report(
    stage: Stage,
    spec: TaskSpec,
    task: int,
    clock: RoundClock,
    findings: AuditReport,
    *,
    attestations: Sequence[tuple[str, str, str]] = (),
    predictions: Sequence[Prediction],
    backing: str = "",
    facts: Mapping[str, str],
) -> Report:
    """The report of a finished and certified task."""
    record = chain_record(stage, spec, task, clock)
    if findings.summary is None:
        raise TrainingError("the audit has no certificate to make statistics of", kind="audit-failed")
    return Report(
        title="Spector and Mazzeo (1980), trained by three data owners",
        summary="Three schools that never show their rows trained one logistic regression. Every update, every move of "
        "the weights and the final certificate were proven in zero knowledge; contracts took each only after its proof "
        "verified. Nobody has seen an update of a school: only sums over all three were ever opened.",
        seen=SEEN,
        findings=findings,
        context=ReportContext(
            __version__,
            datetime.now(UTC),
            {name: contract.address for name, contract in stage.deployment.contracts.items()},
            spec,
            names=stage.names,
        ),
        rounds=record.rounds,
        reference={"the published table": PUBLISHED, "statsmodels": MLE},
        reference_errors=ERRORS,
        reference_likelihood=LIKELIHOOD,
        attestations=attestations,
        predictions=predictions,
        backing=backing,
        setup=record.before,
        after=record.after,
        facts=facts,
    )
