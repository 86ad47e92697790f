"""An auditor: from the chain alone, every proof, commitment, digest, weight and bound of a task again.

Read are events, the calldata of their transactions, and deployed code. Keys are derived here, and the verifiers that
the task used are compared with them; see docs/auditor.md for what follows from a passed audit, and what does not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from twopm_zk.auditor.keys import DerivedKeys, Keyring, RegisteredVerifier, same_code
from twopm_zk.auditor.replay import NEED_CALLDATA, PROVEN, Registrations, Replay, ReplayedEvent
from twopm_zk.auditor.report import AuditReport
from twopm_zk.chain.abi import DecodedEvent, decode_values, signature
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.rpc import reading
from twopm_zk.chain.tasks import Phase, task_key
from twopm_zk.errors import ChainError
from twopm_zk.participants.task_view import ChainView, require_spec
from twopm_zk.plonk.proving import Verifier
from twopm_zk.task.specification import TaskSpec

Progress = Callable[[str, str], None]
"""Called with the name of the present step, and how far it is."""
_NEVER = 1 << 63


def audit(
    view: ChainView,
    task: int,
    *,
    spec: TaskSpec | None = None,
    verifier: Verifier | None = None,
    backend: str | None = None,
    ptau: Path | None = None,
    keyring: Keyring | None = None,
    progress: Progress = lambda step, detail: None,
) -> AuditReport:
    """Replay a task and check all that it did.

    ``spec`` is compared with its hash and rules, and gives the coefficients their names. Keys are derived with
    ``ptau`` through ``backend``, and proofs checked with ``verifier`` (default: native where it is built, else
    Python), unless a ``keyring`` is given.

    Failed checks are in the report. Raises InputError where there is no such task, DeploymentError for another
    specification, ChainError.
    """
    keys = keyring or DerivedKeys(ptau=ptau, verifier=verifier, backend=backend)
    progress("history from the chain", f"task {task}")
    state = view.state(task)
    chain_id = view.chain.chain_id
    report = AuditReport(task, chain_id, view.hlr.address, state.block, keys.name)
    for name in view.deployment.contracts:
        report.check("contracts", True, name)  # making the view has compared them
    key = task_key(chain_id, view.hlr.address, task, state.spec_hash)
    report.check("task key", key == state.task_key, "the task key does not follow from chain, contract and task")
    if spec is not None:
        require_spec(state, spec)
        report.check("specification", True, "")
    events = view.task_events(task, from_block=view.deployment.block, to_block=state.block)
    registrations = read_registrations(view, state.block)
    used = [(event, registered_verifier(view, event)) for event in events if event.name == "VerifierFixed"]

    keys.prepare(
        sorted({found.instance for _, found in used if found.instance is not None}),
        lambda detail: progress("keys from the circuits", detail),
    )
    replay = Replay(report, registrations, keys, task_key=key)
    for event, found in used:
        _check_verifier(view, report, keys, replay, event, found)
    proofs = sum(event.name in PROVEN for event in events) - 1  # the first weights need none
    for event in events:
        where = f", round {event['round']}" if "round" in event.values else ""
        progress("rounds and their proofs", f"proof {replay.proofs} of {proofs}{where}")
        replay.feed(decoded_event(view.hlr.contract, event))

    at_end = (state.weights, state.round, state.attempt, state.phase is Phase.FINISHED, state.coordinator)
    computed = (replay.weights, replay.round, replay.attempt, replay.finished, replay.coordinator)
    report.check("final state", at_end == computed, "the contract's state does not follow from its events")
    bound = state.gradient_bound if state.certified else None
    report.check("final state", bound == replay.bound, "the contract's certificate does not follow from its events")
    report.weights, report.gradient_bound = replay.weights, replay.bound
    report.coefficients = None if spec is None else spec.coefficients(replay.weights)
    return report


def read_registrations(view: ChainView, block: int) -> Registrations:
    """Registered data and memberships, up to a block."""
    start = view.deployment.block

    def read(contract: Contract, name: str) -> list[DecodedEvent]:
        return reading(name, lambda: contract.events(name, from_block=start, to_block=block))

    data = {
        (event["owner"], event["dataset"], event["index"]): (event["commitment"], event.block)
        for event in read(view.data_hub.contract, "Registered")
    }
    memberships: dict[str, list[tuple[int, int]]] = {}
    ends = [(event.block, event["member"]) for event in read(view.identity.contract, "Left")]
    for event in read(view.identity.contract, "Joined"):
        member = event["member"]
        end = min((left for left, who in ends if who == member and left >= event.block), default=_NEVER)
        memberships.setdefault(member, []).append((event.block, end))
    return Registrations(data, memberships)


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
    if registered.statement == "step":
        replay.steps[registered.size] = instance
    else:
        replay.others[registered.statement] = instance


def decoded_event(contract: Contract, event: DecodedEvent) -> ReplayedEvent:
    """An event of HLRContract, with the call that made it where a replay needs that."""
    if event.name not in NEED_CALLDATA:
        return ReplayedEvent(event.name, event.values, event.block, event.transaction)
    web3 = contract.chain.web3
    sent: Any = reading("a transaction", lambda: web3.eth.get_transaction(event.transaction))  # type: ignore[arg-type]
    if sent is None:
        raise ChainError(f"transaction {event.transaction} is not known to this node")
    function: str = ""
    call: dict[str, Any] = {}
    if sent.get("to") == contract.address:
        function, call = decode_call(contract, bytes(sent["input"]))
    sender = to_checksum_address(sent["from"])
    return ReplayedEvent(event.name, event.values, event.block, event.transaction, sender, function, call)


def decode_call(contract: Contract, data: bytes) -> tuple[str, dict[str, Any]]:
    """Function and arguments by name; an empty name for a function that the contract does not have."""
    for entry in contract.artifact.abi:
        if entry["type"] == "function" and keccak(signature(entry).encode())[:4] == data[:4]:
            names = [item["name"] for item in entry["inputs"]]
            values = decode_values(entry["inputs"], data[4:])
            return entry["name"], dict(zip(names, values, strict=True))
    return "", {}
