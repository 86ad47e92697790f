"""The whole story on one machine: a chain, a coordinator, three data owners, an auditor, and people who ask.

Everything is what it would be elsewhere, processes aside: the participants run as threads with stores, accounts and
a network service of their own, on a development node with stand-ins for the staked tokens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
from eth_utils.crypto import keccak

from twopm_zk.auditor.audit import audit
from twopm_zk.chain import Chain, DevelopmentNode
from twopm_zk.chain.abi import signature
from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.deployment import Deployment, GeneratedVerifier, deploy_all
from twopm_zk.chain.network import Network
from twopm_zk.circuit.instances import find_instance
from twopm_zk.coordinator.coordinator import Coordinator
from twopm_zk.coordinator.service import CoordinatorSettings
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.demo.report import Prediction, Report, RoundRecord, Transaction
from twopm_zk.errors import SpecError, TrainingError, TransactionError
from twopm_zk.node.node import Node
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.news import News
from twopm_zk.participants.task_view import ChainView
from twopm_zk.plonk.backends import get_backend
from twopm_zk.plonk.proving import Verifier
from twopm_zk.proving.prover import Prover
from twopm_zk.proving.statement_prover import proof_numbers
from twopm_zk.rows.tables import Table, load_spector
from twopm_zk.statements import PredictShape, PredictStatement
from twopm_zk.statements.predict import PREDICTION_FRAC_BITS
from twopm_zk.task.specification import TaskSpec

ETH = 10**18
STAKE = ETH
RETH = 2
"""Number of rETH among the assets of a development deployment."""
OWNERS = ("north school", "west school", "east school")
PUBLISHED = {"GPA": 2.8261, "TUCE": 0.0952, "PSI": 2.3787, "intercept": -13.0213}
"""The published maximum-likelihood estimate, four digits after the point."""
MLE = {"GPA": 2.82611259, "TUCE": 0.09515766, "PSI": 2.37868766, "intercept": -13.02134686}
"""statsmodels 0.15, Newton: `sm.Logit(endog, add_constant(exog)).fit()`."""

Tell = Callable[[str, News], None]


@dataclass
class Course:
    """When things happened, by the wall clock; filled by the coordinator's news."""

    opened: dict[int, float] = field(default_factory=dict)
    closed: dict[int, float] = field(default_factory=dict)
    published: dict[int, float] = field(default_factory=dict)
    bounds: dict[int, float] = field(default_factory=dict)

    def note(self, news: News) -> None:
        """Remember an event of the chain."""
        now, values = time.monotonic(), news.values
        if news.kind == "chain:RoundOpened":
            self.opened[values["round"]] = now
        elif news.kind == "chain:RoundClosed":
            self.closed[values["round"]] = now
        elif news.kind == "chain:ModelPublished":
            self.published[values["round"]] = now
        elif news.kind == "gradient":
            self.bounds[values["round"]] = values["bound"]
        elif news.kind == "chain:Certified":
            self.published[values["round"] + 1] = now
            self.bounds[values["round"]] = values["gradientBound"] / 2**32

    def seconds(self, number: int) -> dict[str, float]:
        """Of one round."""
        times = self.opened.get(number), self.closed.get(number), self.published.get(number + 1)
        if None in times:
            return {}
        opened, closed, done = (float(t or 0) for t in times)
        return {"updates proven and sent": closed - opened, "sum proven and accepted": done - closed}


@dataclass(frozen=True)
class Stage:
    """A deployed network and the accounts of the people in it."""

    node: DevelopmentNode
    deployment: Deployment
    owners: Sequence[str] = OWNERS
    """Names of the data owners, who have the accounts from 2 on."""

    def network(self, account: int) -> Network:
        """As seen by one account."""
        chain = Chain(self.node.url, private_key=self.node.private_keys[account])
        return Network(chain, self.deployment)

    def view(self, account: int) -> ChainView:
        """Likewise, for participants."""
        return ChainView(self.network(account))

    def put_up_stake(self, account: int, amount: int = STAKE + STAKE // 100) -> None:
        """Stake stand-in rETH."""
        network = self.network(account)
        network.contract("RETHDouble").transact("deposit", value=2 * amount)
        network.staking.stake(RETH, amount)


def _verifier(backend: str | None) -> Verifier:
    return "native" if get_backend(backend).name == "native" else "python"


def split_rows(table: Table, parts: int) -> list[Table]:
    """Nearly equal parts, in order."""
    starts = [round(table.rows * part / parts) for part in range(parts + 1)]
    return [Table(table.names, table.features[low:high], table.labels[low:high]) for low, high in pairwise(starts)]


@contextmanager
def stage(
    spec: TaskSpec, *, owners: Sequence[str] = OWNERS, backend: str | None, tell: Callable[[str], None]
) -> Iterator[Stage]:
    """A development node with everything deployed, and the verifiers of the specification's instances."""
    chosen = spec.instances
    if chosen is None:
        raise SpecError("the demonstration needs a specification that names its instances")
    wanted = [*chosen.step, chosen.fold, chosen.aggregate, chosen.certify, chosen.predict]
    prover = Prover(backend=backend)
    verifiers = []
    for name in (name for name in wanted if name):
        tell(f"keys of {name}")
        verifiers.append(GeneratedVerifier.from_keys(find_instance(name), prover.keys(name)))
    with DevelopmentNode() as node:
        tell("deploying the contracts")
        chain = Chain(node.url, private_key=node.private_keys[0])
        yield Stage(node, deploy_all(chain, verifiers=verifiers, treasury=node.accounts[9]), owners)


def train_on(
    scene: Stage, spec: TaskSpec, tables: Sequence[Table], folder: Path, *, backend: str | None, tell: Tell
) -> Course:
    """A coordinator (account 1) and the owners (accounts 2, 3, ...) of ``tables`` train until the task is finished."""
    course = Course()
    verifier = _verifier(backend)
    prover = Prover(backend=backend, verifier=verifier)

    def coordinator_news(news: News) -> None:
        course.note(news)
        tell("coordinator", news)

    def owner_news(name: str) -> Callable[[News], None]:
        return lambda news: tell(name, news)

    for account in range(1, 2 + len(tables)):
        scene.put_up_stake(account)
    settings = CoordinatorSettings(nodes=len(tables), minimum_stake=STAKE, poll=0.2)
    with ExitStack() as stack:
        store = stack.enter_context(CoordinatorStore(folder / "coordinator.db"))
        view = scene.view(1)
        coordinator = stack.enter_context(
            Coordinator(view, spec, store, prover=prover, settings=settings, notify=coordinator_news)
        )
        people: list[Coordinator | Node] = [coordinator]
        for number, (name, table) in enumerate(zip(scene.owners, tables, strict=True)):
            people.append(
                Node(
                    scene.view(2 + number),
                    spec,
                    stack.enter_context(NodeStore(folder / f"{name.replace(' ', '-')}.db")),
                    prover=Prover(backend=backend, verifier=verifier),
                    coordinator=view.address,
                    table=table,
                    notify=owner_news(name),
                    poll=0.2,
                )
            )
        _run_together(people)
    return course


def _run_together(people: Sequence[Coordinator | Node]) -> None:
    """Every loop in a thread; the first error stops them all and is raised here."""
    errors: list[BaseException] = []

    def run(person: Coordinator | Node) -> None:
        try:
            person.run()
        except BaseException as error:  # raised again below
            errors.append(error)
            for other in people:
                other.loop.stop()

    threads = [threading.Thread(target=run, args=(person,), daemon=True) for person in people]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
    except KeyboardInterrupt:
        for person in people:
            person.loop.stop()
        raise
    if errors:
        raise errors[0]


def names_of(scene: Stage) -> dict[str, str]:
    """Names of the accounts, by address in lower case."""
    people = ["deployer", "coordinator", *scene.owners, "user with a stake", "user without a stake"]
    return {address.lower(): name for address, name in zip(scene.node.accounts, people, strict=False)}


def transactions(scene: Stage) -> list[tuple[int, Transaction]]:
    """Every transaction after the deployment, with its block."""
    chain, names = scene.network(0).chain, names_of(scene)
    functions: dict[tuple[str, bytes], str] = {}
    for name, entry in scene.deployment.contracts.items():
        for item in compile_contract(name).abi:
            if item["type"] == "function":
                functions[entry.address.lower(), keccak(signature(item).encode())[:4]] = f"{name}.{item['name']}"
    found = []
    for block in range(scene.deployment.block + 1, chain.block + 1):
        for transaction in chain.web3.eth.get_block(block, full_transactions=True)["transactions"]:
            details = cast("Mapping[str, Any]", transaction)
            receipt = chain.web3.eth.get_transaction_receipt(details["hash"])
            target = str(details.get("to") or "").lower()
            what = functions.get((target, bytes(details["input"])[:4]), "transfer")
            who = names.get(str(details["from"]).lower(), str(details["from"]))
            found.append((block, Transaction(what, who, "0x" + bytes(details["hash"]).hex(), int(receipt["gasUsed"]))))
    return found


def round_records(
    scene: Stage, spec: TaskSpec, task: int, course: Course
) -> tuple[list[Transaction], list[RoundRecord]]:
    """What was sent before the first round, and every round with its weights."""
    hlr = scene.network(0).hlr
    models = sorted(
        hlr.contract.events("ModelPublished", from_block=scene.deployment.block, taskId=task), key=lambda e: e["round"]
    )
    opened = [event.block for event in models]
    sent = transactions(scene)
    records = []
    for number, event in enumerate(models):
        first = opened[number]
        last = opened[number + 1] if number + 1 < len(opened) else sent[-1][0]
        records.append(
            RoundRecord(
                number=number,
                coefficients=spec.coefficients(event["weights"]),
                bound_per_row=course.bounds.get(number),
                seconds=course.seconds(number),
                transactions=[one for block, one in sent if first < block <= last],
            )
        )
    return [one for block, one in sent if block <= opened[0]], records


QUESTION = {"GPA": 3.2, "TUCE": 24.0, "PSI": 1.0}
USER, STRANGER = 5, 6
"""Accounts of the two who ask; the coordinator (account 1) answers."""


def predictions(scene: Stage, spec: TaskSpec, task: int, *, backend: str | None) -> list[Prediction]:
    """A user with a stake is answered with a proof; one without is refused by the contract."""
    chosen = spec.instances
    if chosen is None or chosen.predict is None:
        return []
    asked = ", ".join(f"{name} {value:g}" for name, value in QUESTION.items())
    operator = scene.network(1)
    operator.inference.offer(task, operator.verifier_id(chosen.predict))
    scene.put_up_stake(USER)
    row = Table(spec.features, np.array([[QUESTION[name] for name in spec.features]]), np.zeros(1, dtype=np.int64))
    features = tuple(int(value) for value in row.scaled(spec.scaling).quantized(spec.format)[0])
    state = operator.hlr.state(task)
    # the user hands the opened input to the operator; the chain sees its salted commitment
    statement = PredictStatement(
        PredictShape.from_parameters(find_instance(chosen.predict).parameters),
        state.policy.context,
        state.weights,
        features,
    )
    answers = []
    for account, who in ((USER, "user with a stake"), (STRANGER, "user without a stake")):
        try:
            request = scene.network(account).inference.ask(task, operator.chain.address, statement.public[1])
        except TransactionError as error:
            answers.append(Prediction(who, asked, None, error.error or error.message))
            continue
        operator.inference.accept(request)
        (result,) = Prover(backend=backend).prove([(chosen.predict, statement)])
        receipt = operator.inference.answer(request, statement.prediction, proof_numbers(result))
        value = operator.inference.request(request)["prediction"] / (1 << PREDICTION_FRAC_BITS)
        answers.append(Prediction(who, asked, value, transaction=receipt.transaction))
    return answers


def demonstrate(spec: TaskSpec, folder: Path, *, backend: str | None, tell: Tell) -> Report:
    """The whole story; ``folder`` keeps the participants' stores."""
    started = time.monotonic()

    def stage_news(text: str) -> None:
        tell("stage", News("stage", text))

    with stage(spec, backend=backend, tell=stage_news) as scene:
        schools = split_rows(load_spector(), len(OWNERS))
        course = train_on(scene, spec, schools, folder, backend=backend, tell=tell)
        task = int(scene.network(0).hlr.contract.call("taskCount"))
        stage_news("the auditor checks everything from the chain alone")
        findings = audit(scene.view(0), task, spec=spec, verifier=_verifier(backend), backend=backend)
        if not findings.passed:
            raise TrainingError(f"the audit failed: {'; '.join(findings.failed)}")
        stage_news("two users ask for a prediction")
        asked = predictions(scene, spec, task, backend=backend)
        facts = {
            f"seconds, with the {get_backend(backend).name} prover": f"{time.monotonic() - started:.0f}",
            "proofs checked again by the auditor": str(findings.proofs),
        }
        return make_report(
            scene,
            spec,
            task,
            course,
            audit=findings.checked,
            unknowable=findings.unknowable,
            predictions=asked,
            facts=facts,
        )


def make_report(
    scene: Stage,
    spec: TaskSpec,
    task: int,
    course: Course,
    *,
    audit: Sequence[str],
    unknowable: Sequence[str],
    predictions: Sequence[Prediction],
    facts: Mapping[str, str],
) -> Report:
    """The report of a finished task."""
    before, rounds = round_records(scene, spec, task, course)
    bound = course.bounds[rounds[-1].number]
    return Report(
        title="Spector and Mazzeo (1980), trained by three data owners",
        summary="Three schools that never show their rows trained one logistic regression. Every update, every sum "
        "and the final certificate were proven in zero knowledge; contracts took each only after its proof verified.",
        rounds=rounds,
        reference={"the published table": PUBLISHED, "statsmodels": MLE},
        certificate="Certified on chain: at these weights no component of the gradient over all rows exceeds "
        f"{bound:.2e} per row, so they are the optimum to that precision, however they were found.",
        audit=audit,
        unknowable=unknowable,
        predictions=predictions,
        setup=before,
        facts=facts,
    )


def faster(spec: TaskSpec) -> TaskSpec:
    """Fewer rounds, by BFGS: for machines that prove through snarkjs."""
    return replace(spec, step=replace(spec.step, rule="bfgs"))
