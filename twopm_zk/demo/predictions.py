"""Two people ask a network for a prediction: one with a stake, who is answered with a proof, and one without.

The coordinator registers the network of its task, and the data owners are enrolled, so that they are paid a part of the
fee.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from twopm_zk.chain.networks import NetworkTerms
from twopm_zk.demo.report import Prediction
from twopm_zk.demo.stage import OPERATOR, STRANGER, USER, AtWork, Stage, make_prover, put_up_stake
from twopm_zk.demo.training_run import Tell
from twopm_zk.errors import TransactionError
from twopm_zk.participants.service import ServiceSettings
from twopm_zk.prediction.client import PredictionClient
from twopm_zk.prediction.enrolment import enrol_all
from twopm_zk.prediction.operator import Operator
from twopm_zk.prediction.store import OperatorStore, UserStore
from twopm_zk.system import files, paths
from twopm_zk.task.metadata import NetworkMetadata, draft, hash_text
from twopm_zk.task.specification import TaskSpec

ROW = {"GPA": 3.2, "TUCE": 24.0, "PSI": 1.0}
FEE = 10**15
"""Wei of ETH for a prediction."""
OWNERS_SHARE = 7_000
"""Parts of 10,000 for the data owners."""
_POLL = 0.2
"""Seconds between looks at the chain."""
_SECONDS = 120.0
"""How long an answer may take."""


def predictions(
    stage: Stage, spec: TaskSpec, task: int, folder: Path, *, backend: str | None, tell: Tell
) -> list[Prediction]:
    """What the two are told; none where the specification has no instance for predictions."""
    if spec.instances is None or spec.instances.predict is None:
        return []
    network = _register(stage, spec, task)
    view = stage.view(OPERATOR)
    put_up_stake(stage.view(USER))
    with (
        OperatorStore(folder / "operator.db") as store,
        Operator(
            view,
            spec,
            store,
            network,
            prover=make_prover(backend),
            settings=ServiceSettings(poll=_POLL),
            notify=lambda news: tell(OPERATOR, news),
        ) as operator,
        AtWork([operator]) as at_work,
    ):
        until = time.monotonic() + _SECONDS
        while not operator.offered and not at_work.failed and time.monotonic() < until:
            time.sleep(0.05)
        return [_asked_by(stage, who, view.address, spec, network, folder) for who in (USER, STRANGER)]


def _register(stage: Stage, spec: TaskSpec, task: int) -> int:
    """The network of the task, with its data owners enrolled."""
    view = stage.view("coordinator")
    terms = NetworkTerms(fee=FEE)
    number = view.networks.register(task, metadata_of(spec).sha256, terms, owners_share=OWNERS_SHARE)
    enrol_all(view, view.networks.get(number))
    return number


def metadata_of(spec: TaskSpec) -> NetworkMetadata:
    """The document that comes with the example, whoever has to attest to its data, or a draft for any other task."""
    content = files.read_bytes(paths.examples_dir() / "spector-network.json", what="metadata document")
    known = NetworkMetadata.parse(content)
    if known.specification != hash_text(replace(spec, provenance=None)):
        return draft(spec)
    return replace(known, specification=hash_text(spec), content=b"")


def _asked_by(stage: Stage, who: str, operator: str, spec: TaskSpec, network: int, folder: Path) -> Prediction:
    view, asked = stage.view(who), f"a row of {', '.join(ROW)}"
    with UserStore(folder / f"{who.replace(' ', '-')}.db") as store:
        client = PredictionClient(view, spec, store)
        try:
            (request,) = client.ask(network, operator, [ROW], maximum_fee=FEE)
        except TransactionError as error:
            return Prediction(who, asked, None, error.error or error.message)
        client.deliver(request)
        answer = client.wait(request, timeout=_SECONDS, poll=_POLL)
        client.heard(request)
    (event,) = view.inference.contract.events("Answered", from_block=stage.deployment.block, id=request)
    return Prediction(who, asked, answer.expected, transaction=event.transaction)
