"""How a task of HFLContract stands on the chain, and whether it is the one that its specification says."""

from __future__ import annotations

from twopm_zk.chain.federated import FederatedRoundsClient, FederatedSnapshot
from twopm_zk.chain.network import Network
from twopm_zk.chain.rpc import reading
from twopm_zk.chain.rpc.answers import BlockHeader
from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import DeploymentError
from twopm_zk.federated import FederatedSpec
from twopm_zk.participants.rounds.view import RoundsView
from twopm_zk.system.progress import Progress


class FederatedView(RoundsView[FederatedSnapshot]):
    """A deployment and its tasks of HFLContract.

    Making one compares every contract with the deployment file: DeploymentError where they differ.
    """

    events_of_no_node = (
        "TaskCreated",
        "RoundOpened",
        "RoundClosed",
        "CoordinatorChanged",
        "SetOpened",
        "SharingStarted",
        "AllShared",
        "NodeLeft",
        "ResultAccepted",
        "TaskFailed",
        "TaskFinished",
    )

    def __init__(self, network: Network, *, progress: Progress | None = None) -> None:
        super().__init__(network, progress=progress)
        self.hfl = reading("HFLContract", lambda: network.hfl)

    @property
    def rounds(self) -> FederatedRoundsClient:
        """HFLContract."""
        return self.hfl

    def _read(self, task: int, at: BlockHeader) -> FederatedSnapshot:
        return self.hfl.state(task, at)

    def accepted(self, state: FederatedSnapshot) -> tuple[bytes, ...]:
        """The hashes of all accepted results, in order."""
        return tuple(
            reading("an accepted result", lambda number=number: self.hfl.result_of(state.id, number))  # type: ignore[misc]
            for number in range(state.results)
        )


def dataset_of(spec: FederatedSpec) -> bytes:
    """The data set in DataHub of the data that nodes commit to for a specification's tasks."""
    return spec.data_terms.id


def phase_seconds(spec: FederatedSpec) -> dict[Phase, int]:
    """How long each phase of a round lasts; there are no disputes."""
    return {
        Phase.COLLECTING: spec.collecting_seconds,
        Phase.READY: spec.ready_seconds,
        Phase.SHARING: spec.sharing_seconds,
        Phase.SUMMED: spec.aggregating_seconds,
        Phase.DISPUTED: 0,
    }


def require_federated(state: FederatedSnapshot, spec: FederatedSpec) -> None:
    """DeploymentError where a task is of another specification, or was created with other rules than it says."""
    if state.spec_hash != spec.spec_hash:
        raise DeploymentError(
            f"task {state.id} is of the specification 0x{state.spec_hash.hex()}, this one is 0x{spec.spec_hash.hex()}",
            hint="Ask the coordinator for its specification, and read it before taking part.",
        )
    for name, found, wanted in (
        ("data set", state.dataset, dataset_of(spec)),
        ("quorum", state.quorum, spec.quorum_percent),
        ("minimum of nodes", state.minimum_nodes, spec.minimum_nodes),
        ("limit of nodes", state.maximum_updates, spec.maximum_nodes),
        ("limit of a node's updates", state.maximum_batches, 1),
        ("limit of rounds", state.maximum_rounds, spec.maximum_rounds),
        ("duration of a phase", dict(state.seconds), phase_seconds(spec)),
    ):
        if found != wanted:
            raise DeploymentError(f"task {state.id} was created with another {name} than its specification has")
