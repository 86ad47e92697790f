"""Events of a task as news for people."""

from __future__ import annotations

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.tasks import COLLECTIONS, TaskSnapshot, words
from twopm_zk.participants.news import News
from twopm_zk.statements.rounds import BOUND_FRAC_BITS
from twopm_zk.task.specification import TaskSpec


def describe(
    event: DecodedEvent, spec: TaskSpec | None = None, *, account: str | None = None, state: TaskSnapshot | None = None
) -> News:
    """One event; ``account`` is called "this node", and ``state`` is a task of HLR at that event or later, which with
    its specification also names weights."""
    values = dict(event.values) | {"transaction": event.transaction, "block": event.block}
    return News(f"chain:{event.name}", _text(event, spec, account, state), values)


def _text(event: DecodedEvent, spec: TaskSpec | None, account: str | None, state: TaskSnapshot | None) -> str:
    def who(address: str) -> str:
        return "this node" if address == account else address

    where = f"round {event['round']}" if "round" in event.values else ""
    if event.values.get("attempt"):
        where += f", attempt {event['attempt']}"
    match event.name:
        case "TaskCreated":
            return f"task {event['taskId']} was created by {who(event['coordinator'])}"
        case "RoundOpened":
            return f"{where} opened"
        case "UpdateAccepted":
            return f"{where}: update {event['position'] + 1} accepted, from {who(event['node'])}"
        case "UpdateCommitted":
            return f"{where}: {who(event['node'])} has committed to its update"
        case "MaskedUpdateShared":
            return f"{where}: {who(event['node'])} has shared its masked update, {_short(event['content'])}"
        case "AllShared":
            return f"{where}: all have shared"
        case "ResultConfirmed":
            return f"{where}: {who(event['node'])} confirms the result {_short(event['result'])}"
        case "MissingReported":
            return f"{where}: {who(event['node'])} cannot get what {who(event['account'])} has shared"
        case "ResultAccepted":
            return f"{where}: the result {_short(event['result'])} is accepted"
        case "RoundClosed":
            return f"{where} closed with {event['updates']} updates of {event['nodes']} nodes"
        case "NodeReady":
            return f"{where}: {who(event['node'])} is ready to share"
        case "SharingStarted":
            again = ", once more" if event["shareAttempt"] else ""
            return f"{where}: {event['nodes']} nodes share{again}"
        case "Shared":
            return f"{where}: {who(event['node'])} has shared"
        case "SumShared":
            return f"{where}: all have shared"
        case "NodeLeft":
            return f"{where}: {who(event['node'])} is out of the set: {_reason(event['reason'])}"
        case "UpdateWithdrawn":
            return f"{where}: {who(event['node'])} withdraws its updates"
        case "NodeBarred":
            return f"{who(event['node'])} is out of the task for good"
        case "Penalised":
            return f"{who(event['node'])} loses {event['value']} wei of its stake: {_reason(event['reason'])}"
        case "DisputeOpened":
            return f"{where}: {who(event['accuser'])} says that the sum does not open"
        case "PairPointsClaimed":
            return f"{where}: {who(event['node'])} has claimed its pair points"
        case "Contradiction":
            return f"{where}: {who(event['node'])} and {who(event['other'])} contradict each other"
        case "PairRevealed":
            return f"{where}: {who(event['node'])} has shown what it shares with {who(event['other'])}"
        case "DisputeRejected":
            return f"{where}: the sum opens, {who(event['accuser'])} has disputed it without cause"
        case "SumOpened":
            collected = COLLECTIONS.get(event["collected"])
            # held-out rows come last: a task that has such a round stays in it
            held_out = state is not None and state.held_out and state.round == event["round"]
            return f"{where}: the {'sum' if collected is None else words(collected, held_out=held_out)} is opened"
        case "TaskFailed":
            certified = state is not None and state.certified
            stays = "the task ends with its certificate, which stays" if certified else "the task has failed"
            return f"{stays}: {_reason(event['reason'])}. What was shared forbids a sum over others at these weights"
        case "CoordinatorChanged":
            return f"{who(event['to'])} takes over from {who(event['from'])}"
        case "ModelPublished" if spec is not None:
            shown = ", ".join(f"{name} {value:+.4g}" for name, value in spec.coefficients(event["weights"]).items())
            return f"weights of {where}: {shown}"
        case "Certified":
            return f"certified: the gradient is at most {event['gradientBound'] / (1 << BOUND_FRAC_BITS):.2e} per row"
        case "TaskFinished":
            return f"finished in round {event['round']}"
    return event.name


def _short(value: str) -> str:
    return f"{value.removeprefix('0x')[:16]}..."


def _reason(value: str | bytes) -> str:
    raw = value if isinstance(value, bytes) else bytes.fromhex(value.removeprefix("0x"))
    return raw.rstrip(b"\0").decode(errors="replace")
