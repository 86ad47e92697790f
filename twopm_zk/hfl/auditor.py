"""An auditor of a federated task: from the chain and the storage alone, every round of it again.

Read are events, the calldata of some transactions, blocks, and deployed code; masked updates and results come from the
locations of the specification, by their hashes. See docs/federated.md for what follows from a passed audit.
"""

from __future__ import annotations

from collections.abc import Callable

from twopm_zk.auditor.event_reader import EventReader, read_registrations
from twopm_zk.errors import DeploymentError
from twopm_zk.federated import FederatedSpec, Storage
from twopm_zk.hfl.replay import FederatedReplay
from twopm_zk.hfl.report import FederatedReport
from twopm_zk.hfl.view import FederatedView, require_federated
from twopm_zk.sharing import Place

Progress = Callable[[str, str], None]
"""Called with the name of the present step, and how far it is."""


def audit_federated(
    view: FederatedView,
    task: int,
    *,
    spec: FederatedSpec,
    storage: Storage | None = None,
    progress: Progress = lambda step, detail: None,
) -> FederatedReport:
    """Replay a task and check all that it did; ``storage`` is that of the specification unless it is given.

    Failed checks are in the report. Raises InputError where there is no such task, DeploymentError for another
    specification, ChainError.
    """
    progress("history from the chain", f"task {task}")
    state, chain_id = view.state(task), view.chain.chain_id
    report = FederatedReport(
        task,
        chain_id,
        view.hfl.address,
        state.block,
        spec_hash="0x" + state.spec_hash.hex(),
        coordinator=state.coordinator,
    )
    for name in view.deployment.contracts:
        report.check("contracts", True, name)  # making the view has compared them
    if state.spec_hash != spec.spec_hash:
        require_federated(state, spec)
    try:
        require_federated(state, spec)
        report.check("specification", True, "")
    except DeploymentError as error:
        report.check("specification", False, error.message)
    place = Place(
        chain_id=chain_id, contract=view.hfl.address, task=task, round=0, attempt=0, identity=view.identity.address
    )
    registrations = read_registrations(view, state.block, state.dataset)
    replay = FederatedReplay(report, registrations, place=place, spec=spec, storage=storage or Storage.of(spec))
    reader = EventReader(view.hfl.contract)
    events = view.task_events(task, from_block=view.deployment.block, to_block=state.block)
    for event in sorted(events, key=lambda event: event.moment):
        where = f"round {event['round']}" if "round" in event.values else ""
        progress("rounds and their results", where)
        replay.feed(reader.read(event))
    replay.finish()
    replay.compare(state)
    if spec.noise is not None:
        nodes = min((len(one.nodes) for one in report.accepted), default=spec.minimum_nodes)
        report.privacy = spec.noise.spent(sum(one.sums for one in report.attempts), nodes=nodes)
    return report
