"""Events of a task as news for people."""

from __future__ import annotations

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.participants.news import News
from twopm_zk.statements.rounds import BOUND_FRAC_BITS
from twopm_zk.task.specification import TaskSpec


def describe(event: DecodedEvent, spec: TaskSpec, *, account: str | None = None) -> News:
    """One event; ``account`` is called "this node"."""
    values = dict(event.values) | {"transaction": event.transaction, "block": event.block}
    return News(f"chain:{event.name}", _text(event, spec, account), values)


def _text(event: DecodedEvent, spec: TaskSpec, account: str | None) -> str:
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
        case "RoundClosed":
            return f"{where} closed with {event['updates']} updates of {event['nodes']} nodes"
        case "NodeExcluded":
            return f"{where}: the coordinator leaves out {who(event['node'])}"
        case "CoordinatorChanged":
            return f"{who(event['to'])} takes over from {who(event['from'])}"
        case "ModelPublished":
            shown = ", ".join(f"{name} {value:+.4g}" for name, value in spec.coefficients(event["weights"]).items())
            return f"weights of {where}: {shown}"
        case "SegmentFolded":
            return f"{where}: a segment is folded"
        case "Certified":
            return f"certified: the gradient is at most {event['gradientBound'] / (1 << BOUND_FRAC_BITS):.2e} per row"
        case "TaskFinished":
            return f"finished after {event['round']} rounds"
    return event.name
