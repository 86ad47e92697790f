"""An auditor: from the chain alone, every proof, commitment, digest, weight and bound of a task again.

Read are events, the calldata of some transactions, blocks, and deployed code. Keys are derived here, and the verifiers
that the task used are compared with them; see docs/auditor.md for what follows from a passed audit, and what does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from eth_utils.crypto import keccak

from twopm_zk.auditor.descent import check_descent, note_withdrawals
from twopm_zk.auditor.event_reader import EventReader, read_registrations
from twopm_zk.auditor.history import PROVEN
from twopm_zk.auditor.keys import DerivedKeys, Keyring, RegisteredVerifier, same_code
from twopm_zk.auditor.privacy import check_named, check_privacy
from twopm_zk.auditor.replay import Replay
from twopm_zk.auditor.report import AuditReport
from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.attestations import CertificateStatement
from twopm_zk.chain.rpc import reading
from twopm_zk.chain.tasks import task_key
from twopm_zk.circuit.instances import find_instance
from twopm_zk.participants.task_view import ChainView, require_spec
from twopm_zk.plonk.proving import Verifier
from twopm_zk.sharing import Place
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.task_summary import summary_of_task

Progress = Callable[[str, str], None]
"""Called with the name of the present step, and how far it is."""


def audit(
    view: ChainView,
    task: int,
    *,
    spec: TaskSpec | None = None,
    ancestors: Sequence[TaskSpec] = (),
    verifier: Verifier | None = None,
    backend: str | None = None,
    ptau: Path | None = None,
    keyring: Keyring | None = None,
    progress: Progress = lambda step, detail: None,
) -> AuditReport:
    """Replay a task and check all that it did.

    ``spec`` is compared with its hash, rules and circuits, names the coefficients, and says which step matrices to
    expect and what is promised to the people in the rows. With those of the ``ancestors`` the line of descent of a task
    that goes on from another one is checked up to the first of them that is not given. Keys
    are derived with ``ptau`` through ``backend``, and proofs checked with ``verifier`` (default: native where it is
    built, else Python), unless a ``keyring`` is given.

    Failed checks are in the report. Raises InputError where there is no such task, DeploymentError for another
    specification, ChainError.
    """
    keys = keyring or DerivedKeys(ptau=ptau, verifier=verifier, backend=backend)
    progress("history from the chain", f"task {task}")
    state = view.state(task)
    chain_id = view.chain.chain_id
    report = AuditReport(
        task,
        chain_id,
        view.hlr.address,
        state.block,
        keys.name,
        spec_hash="0x" + state.spec_hash.hex(),
        coordinator=state.coordinator,
        gradient_target=state.gradient_target,
    )
    for name in view.deployment.contracts:
        report.check("contracts", True, name)  # making the view has compared them
    key = task_key(chain_id, view.hlr.address, task, state.spec_hash)
    report.check("task key", key == state.task_key, "the task key does not follow from chain, contract and task")
    if spec is not None:
        require_spec(state, spec)
        report.check("specification", True, "")
    found = view.task_events(task, from_block=view.deployment.block, to_block=state.block)
    events = sorted(found, key=lambda event: event.moment)
    datasets = [one for one in (state.dataset, state.held_out_dataset) if any(one)]
    registrations = read_registrations(view, state.block, *datasets)
    used = [(event, registered_verifier(view, event)) for event in events if event.name == "VerifierFixed"]

    keys.prepare(
        sorted({entry.instance for _, entry in used if entry.instance is not None}),
        lambda detail: progress("keys from the circuits", detail),
    )
    place = Place(
        chain_id=chain_id,
        contract=view.hlr.address,
        task=task,
        round=0,
        attempt=0,
        identity=view.identity.address,
    )
    replay = Replay(report, registrations, keys, place=place, task_key=key, spec=spec)
    for event, registered in used:
        _check_verifier(view, report, keys, replay, event, registered)
        if spec is not None and registered.instance is not None:
            check_named(report, spec, registered.statement, registered.instance)
    reader = EventReader(view.hlr.contract)
    proofs = sum(event.name in PROVEN for event in events) - 1  # the first weights need none
    for event in events:
        where = f", round {event['round']}" if "round" in event.values else ""
        progress("rounds and their proofs", f"proof {replay.proofs} of {proofs}{where}")
        replay.feed(reader.read(event))
    replay.finish()
    replay.compare(state)
    check_descent(view, report, state, spec, ancestors)
    note_withdrawals(report, view.withdrawals(state.dataset))
    report.weights, report.gradient_bound, report.distance = replay.weights, replay.bound, replay.distance
    report.noisy = replay.noisy
    _check_attestation(view, report)
    if spec is None and replay.noisy:
        report.notes.append("updates carry noise; what that promises to the people in the rows takes the specification")
    if spec is not None:
        report.coefficients = spec.coefficients(replay.weights)
        for one in report.attempts:
            one.coefficients = spec.coefficients(one.weights)
        check_privacy(report, spec)
        if replay.bound is not None and report.passed:
            claim = f"no component of the gradient exceeds {report.bound_per_row:.3g} per row"
            insecure = bool(report.insecure)
            report.summary = summary_of_task(
                spec, replay.sums, claim=claim, insecure=insecure, notes=replay.choices, spent=report.privacy
            )
    return report


def _check_attestation(view: ChainView, report: AuditReport) -> None:
    """That the attestation to the certificate, where there is one, says what follows from the history here."""
    if "CertificateResolver" not in view.deployment.contracts:
        return
    found = reading("an attestation", lambda: view.network.certificates.attestation_of(report.task))
    if found is None:
        return
    report.attestation = found
    certified = report.certified_attempt
    if not report.check("attestation", certified is not None, "it is of a certificate that this history does not have"):
        return
    assert certified is not None  # noqa: S101 - just checked
    follows = CertificateStatement.of(
        report.task,
        report.contract,
        spec_hash=bytes.fromhex(report.spec_hash[2:]),
        round=certified.round,
        attempt=certified.attempt,
        nodes=len(certified.counted),
        weights=certified.weights,
        gradient_bound=report.gradient_bound or 0,
    )
    said = CertificateStatement.parse(found.data)
    if report.check("attestation", said is not None, "its data are of another form") and said is not None:
        wrong = follows.differences(said)
        report.check("attestation", not wrong, f"it says something else of {', '.join(wrong)} than was found here")


def registered_verifier(view: ChainView, event: DecodedEvent) -> RegisteredVerifier:
    """The registry's entry of a verifier that a task has fixed."""
    entry = reading("a verifier", lambda: view.network.contract("VerifierRegistry").call("entryOf", event["id"]))
    return RegisteredVerifier.from_entry(entry)


def _check_verifier(
    view: ChainView,
    report: AuditReport,
    keys: Keyring,
    replay: Replay,
    event: DecodedEvent,
    registered: RegisteredVerifier,
) -> None:
    instance = registered.instance
    name = f"verifier {event['id']} ({registered.statement})"
    same = registered.address == event["verifier"]
    if not report.check("verifiers", same, f"{name} is another contract's address"):
        return
    if not report.check("verifiers", instance is not None, f"{name} is of sizes that circuits.json does not have"):
        return
    assert instance is not None  # noqa: S101 - just checked
    code = reading(name, lambda: view.chain.code(event["verifier"]))
    unchanged = "0x" + keccak(code).hex() == event["codeHash"]
    report.check("verifiers", unchanged, f"{name} has other code than when the task was created")
    derived = same_code(code, keys.code(instance))
    report.check("verifiers", derived, f"{name} is not the contract of the key derived for {instance}")
    if keys.insecure(instance) and instance not in report.insecure:
        report.insecure.append(instance)
    replay.verifiers[registered.statement, registered.size] = instance
    replay.noisy = replay.noisy or bool(find_instance(instance).noise)
