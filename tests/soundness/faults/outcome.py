"""What must be the same after any fault, and what must not have happened twice."""

from collections import Counter

from twopm_zk.training.in_process import train

LOST = ("NodeLeft", "NodeBarred", "Penalised", "TaskFailed", "DisputeOpened")
"""Events of a task in which somebody loses something."""


def losses(party, task=1, *, attempts=1):
    """What is not as it has to be at the end of a task of three honest nodes, in words; none where all is.

    ``attempts`` is how many attempts of a round there may be: blocks that are replaced can cost one.
    """
    view = party.world.view(8)
    state = view.state(task)
    events = view.task_events(task, from_block=1, to_block=state.block)
    found = []
    if view.task_count() != task:
        found.append(f"{view.task_count()} tasks")
    if not state.certified:
        found.append("no certificate")
    elif party.spec.coefficients(state.weights) != train(party.tables, party.spec).coefficients:
        found.append("other weights")
    found += [event.name for event in events if event.name in LOST]
    accepted = Counter(
        (event["round"], event["attempt"], event["node"]) for event in events if event.name == "UpdateAccepted"
    )
    shared = Counter((event["round"], event["attempt"], event["node"]) for event in events if event.name == "Shared")
    found += [f"{count} updates of {whose}" for whose, count in accepted.items() if count > 1]
    found += [f"{count} shares of {whose}" for whose, count in shared.items() if count > 1]
    rounds = state.round + 1
    found += [
        f"attempt {event['attempt']}" for event in events if event.name == "Shared" and event["attempt"] >= attempts
    ]
    if len(shared) != rounds * len(party.sizes):
        found.append(f"{len(shared)} shares in {rounds} rounds")
    return found
