"""What must be the same after any fault, and what must not have happened twice."""

from collections import Counter

from support.people_world import SPEC

from twopm_zk.datasets.chunks import chunk_sizes
from twopm_zk.datasets.keys import own_key
from twopm_zk.datasets.registered import require_registered
from twopm_zk.datasets.retrieving import accessible, published, retrieve, version_of
from twopm_zk.node.store import NodeStore
from twopm_zk.system.content_store import content_hash
from twopm_zk.system.files import secret_file
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


def storing_losses(view, state, storage, rows):
    """What is not as it has to be once an owner has registered the rows of a file and stored them, in words."""
    access, dataset = view.network.data_access, SPEC.data_terms.id
    found, stored = [], published(view, view.address, dataset)
    with NodeStore(state) as store:
        batches, own = store.batches(dataset), own_key(store, version_of(view, stored))
    registered = view.data_hub.contract.events("Registered", from_block=1, owner=view.address)
    if [one["commitment"] for one in registered] != [one.batch.commitment for one in batches]:
        found.append(f"{len(registered)} registrations of {len(batches)} batches")
    if len(access.stored(view.address, from_block=1)) != 1:
        found.append("more than one version")
    files = list(storage.iterdir())
    found += [path.name for path in files if path.name != f"{content_hash(path.read_bytes()).hex()}.bin"]
    version, key_for = accessible(view, view.address, dataset, None)
    with secret_file(b"") as target:
        package = retrieve(view, version, key_for, target, progress=lambda line: None)
        package.check(SPEC)
        require_registered(view, package.openings)
        with package.rows() as same:
            if same.read_bytes() != rows.read_bytes():
                found.append("other rows")
        content = target.read_bytes()
    if len(files) != len(chunk_sizes(len(content))) + 1:  # and a manifest
        found.append(f"{len(files)} files of {len(content)} bytes")
    if own is None or own.content != content_hash(content):
        found.append("no key in the owner's state")
    return found
