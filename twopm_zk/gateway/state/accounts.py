"""An account, and a request: read when somebody asks for them, since there are too many to follow.

What an account is asked to do now follows from the snapshot; the next command for it is the command line's to name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from twopm_zk.chain.abi import decode_inputs, hash_of, signature
from twopm_zk.chain.rpc import reading
from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.errors import InputError
from twopm_zk.gateway.state.reader import Snapshot
from twopm_zk.participants.task_view import ChainView
from twopm_zk.plonk.proof import Proof
from twopm_zk.plonk.solidity import proof_from_calldata
from twopm_zk.prediction.requests import ChainRequest, RequestState

Advise = Callable[..., str | None]
"""What names the next command for something of a kind, from facts about it."""


def request_with_proof(view: ChainView, snapshot: Snapshot, number: int) -> dict[str, Any]:
    """A request as the API shows it, with the proof of its answer. InputError where there is no such request.

    It is read from the chain now, which may be ahead of the snapshot: what answered it is looked for in both.
    """
    found = _read(view, number)
    if found.state is not RequestState.ANSWERED:
        return _document(view, number, found)
    transaction = snapshot.requests.answered.get(number)
    if transaction is None:
        events = view.inference.contract.events("Answered", from_block=snapshot.block + 1, id=number)
        transaction = next((event.transaction for event in events), None)
    proof = None if transaction is None else _proof_in(view, transaction, number)
    return _document(view, number, found, proof)


def _read(view: ChainView, number: int) -> ChainRequest:
    found = ChainRequest.read(view, number)
    if found.state is RequestState.NONE:
        raise InputError(f"there is no request {number}")
    return found


def _document(view: ChainView, number: int, found: ChainRequest, proof: Proof | None = None) -> dict[str, Any]:
    answered = found.state is RequestState.ANSWERED
    public = [found.model_commitment, found.input_commitment, found.prediction]
    verifier = next((one for one in view.deployment.verifiers.values() if one.id == found.verifier_id), None)
    return {
        "id": number,
        "network": found.network,
        "task": found.task,
        "state": found.state.name.lower(),
        "user": found.user,
        "operator": found.operator,
        "deadline": found.deadline,
        "fee": str(found.fee),
        "token": found.token,
        "model_commitment": str(found.model_commitment),
        "input_commitment": str(found.input_commitment),
        "prediction": found.prediction if answered else None,
        "verifier": found.verifier,
        "verifier_id": found.verifier_id,
        "insecure": verifier is None or verifier.insecure,
        "proof": None if proof is None else proof.to_json(),
        "public": [str(value) for value in public] if answered else None,
    }


def _proof_in(view: ChainView, transaction: str, number: int) -> Proof | None:
    """The proof that a transaction has handed in; None where another contract has called."""
    sent = view.chain.transaction(transaction)
    entry = next(one for one in view.inference.contract.artifact.abi if one.get("name") == "answer")
    if sent is None or sent.data[:4] != hash_of(signature(entry))[:4]:
        return None
    values = decode_inputs(entry, sent.data[4:])
    return proof_from_calldata(values["proof"]) if values is not None and values["id"] == number else None


def account_document(view: ChainView, snapshot: Snapshot, account: str, advise: Advise) -> dict[str, Any]:
    """An account as the API shows it."""
    inference, staking = view.inference, view.staking.contract
    numbers = snapshot.requests.of.get(account, ())
    requests = [_document(view, number, _read(view, number)) for number in reversed(numbers)]

    def read() -> dict[str, Any]:
        claims = [
            {"network": number, "amount": str(amount), "token": network.entry.token}
            for number, network in snapshot.networks.items()
            if network.log is not None and network.log.certified is not None
            if account in network.log.certified.updates
            if (amount := inference.claimable(number, account))
        ]
        return {
            "account": account,
            "member": view.member(account) is not None,
            "stake": str(view.staking.stake_of(account)),
            "locked_until": int(staking.call("lockedUntil", account)) or None,
            "obligations": str(view.stakes.obligations_of(account)),
            "owed": {
                "eth": str(inference.owed_to(account, token=False)),
                "token": str(inference.owed_to(account, token=True)),
            },
            "claims": claims,
        }

    found = reading("an account", read)
    asked = [*_asked_in_tasks(snapshot, account), *_asked_by_requests(requests, account, snapshot.time)]
    asked += [
        {"kind": "claim", "what": "a share of fees can be claimed", "network": c["network"]} for c in found["claims"]
    ]
    if any(amount != "0" for amount in found["owed"].values()):
        asked.append({"kind": "withdraw", "what": "what is owed can be withdrawn"})
    return {**found, "requests": requests, "asked": [_with_command(one, advise) for one in asked]}


def _with_command(asked: Mapping[str, Any], advise: Advise) -> dict[str, Any]:
    empty = dict.fromkeys(("task", "request", "network", "deadline"))
    facts = {name: asked[name] for name in empty if name in asked}
    return {**empty, **asked, "command": advise(asked["kind"], **facts)}


def _asked_in_tasks(snapshot: Snapshot, account: str) -> Iterator[dict[str, Any]]:
    for task, state in snapshot.states.items():
        attempts = snapshot.tasks[task]["rounds"]
        if state.phase in (Phase.NONE, Phase.FINISHED) or not attempts:
            continue
        mine = _node_part(state, attempts, account)
        if mine is None and state.coordinator == account:
            mine = _coordinator_part(state)
        if mine is not None:
            kind, what = mine
            yield {"kind": kind, "what": what, "task": task, "deadline": snapshot.tasks[task]["deadline"]}


def _node_part(state: TaskSnapshot, attempts: list[Mapping[str, Any]], account: str) -> tuple[str, str] | None:
    present = attempts[-1]
    if state.phase is Phase.COLLECTING:
        before = any(account in one["updates"] for one in attempts[:-1])
        missing = before and account not in present["updates"]
        return ("update", "an update of this round is missing") if missing else None
    if account not in present["updates"]:
        return None
    if state.phase is Phase.READY and account not in present["ready"]:
        return "ready", "say that the node is ready to share"
    if account in present["ready"]:
        if state.phase is Phase.SHARING and account not in present["shared"]:
            return "share", "share this round's sum: silence costs the stake that the task takes as a penalty"
        if state.phase is Phase.DISPUTED:
            return "dispute", "claim the pairs of the node in a dispute"
    return None


def _coordinator_part(state: TaskSnapshot) -> tuple[str, str] | None:
    if state.phase is Phase.CREATED:
        return "open", "open the first round"
    if state.phase is Phase.SUMMED:
        return "aggregate", "prove what follows from this round's sum"
    return ("go-on", "the deadline of this phase has passed: go on") if state.late else None


def _asked_by_requests(requests: list[dict[str, Any]], account: str, now: int) -> Iterator[dict[str, Any]]:
    for one in requests:
        late = now > one["deadline"]
        facts = {"request": one["id"], "task": one["task"], "network": one["network"], "deadline": one["deadline"]}
        if one["state"] == "asked" and one["user"] == account and late:
            yield {**facts, "kind": "refund", "what": "nobody accepted this request in time: its fee can be taken back"}
        elif one["state"] == "accepted" and one["user"] == account and late:
            yield {
                **facts,
                "kind": "slash",
                "what": "this answer is late: its operator can be slashed, and the fee returns",
            }
        elif one["operator"] == account and not late and one["state"] in ("asked", "accepted"):
            said = "accept this request" if one["state"] == "asked" else "answer this request"
            yield {**facts, "kind": "answer", "what": said}
