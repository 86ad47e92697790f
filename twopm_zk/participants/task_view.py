"""How a task of HLRContract stands on the chain, in types: what nodes, coordinators and auditors all look at.

What a node or a coordinator relies on is recomputed here and compared: task key, context, model commitment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.network import Network
from twopm_zk.chain.rounds import Hlr
from twopm_zk.chain.rpc import reading
from twopm_zk.chain.rpc.answers import BlockHeader
from twopm_zk.chain.tasks import AcceptedUpdate, Phase, TaskSnapshot
from twopm_zk.circuit.instances import find_instance
from twopm_zk.errors import DeploymentError, InputError, TrainingError
from twopm_zk.numbers.baby_jubjub import Point
from twopm_zk.numbers.pedersen import vector_generators
from twopm_zk.participants.rounds.view import RoundsView
from twopm_zk.statements import Collection, Family, Policy
from twopm_zk.system.progress import Progress
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True)
class DisputeState:
    """What the contract has counted in a dispute."""

    liar_found: bool
    claimed: int
    contradictions: int

    def is_settled(self, nodes: int) -> bool:
        """Whether all of so many nodes have claimed, and nobody contradicts another."""
        return self.claimed == nodes and not self.contradictions


def dataset_of(spec: TaskSpec) -> bytes:
    """The data set in DataHub of the rows that a specification's tasks train on."""
    return spec.data_terms.id


def held_out_dataset_of(spec: TaskSpec) -> bytes:
    """The data set in DataHub of the rows that nodes keep out of training, to evaluate its weights on them."""
    return spec.held_out_terms.id


def generators_hash(collection: Collection, family: Family, weights: int) -> bytes:
    """keccak256(abi.encode(uint256[])) of the generators of a collection, x before y of each point."""
    points = vector_generators(collection.unit(family), collection.sums(weights, family))
    return keccak(encode(["uint256[]"], [[coordinate for point in points for coordinate in point]]))


def generators_of(spec: TaskSpec) -> dict[Collection, bytes]:
    """The hash of the generators of each collection that a task has, and zeros for those that it has not.

    By others nobody could answer in a dispute, and all nodes would pay for it.
    """
    needed = {Collection.INFORMATION: spec.collects_information, Collection.EVALUATION: spec.statistics.evaluates}
    return {
        collection: generators_hash(collection, spec.family, spec.sizes.width + 1)
        if needed.get(collection, True)
        else bytes(32)
        for collection in Collection
    }


def phase_seconds(spec: TaskSpec) -> dict[Phase, int]:
    """How long each phase of a round lasts."""
    return {
        Phase.COLLECTING: spec.collecting_seconds,
        Phase.READY: spec.ready_seconds,
        Phase.SHARING: spec.sharing_seconds,
        Phase.SUMMED: spec.aggregating_seconds,
        Phase.DISPUTED: spec.disputing_seconds,
    }


LARGE = 64
"""Of a task with more nodes than that one node does not read the events of all others, but those that concern it."""


class ChainView(RoundsView[TaskSnapshot]):
    """A deployment and its tasks of HLRContract.

    Making one compares every contract and verifier with the deployment file: DeploymentError where they differ.
    ``progress`` hears of each one, because contracts that are not of these sources are compiled for it.
    """

    events_of_no_node = (
        "TaskCreated",
        "RoundOpened",
        "RoundClosed",
        "CoordinatorChanged",
        "ModelPublished",
        "AttemptModel",
        "SetOpened",
        "SharingStarted",
        "SumShared",
        "SumOpened",
        "NodeLeft",
        "DisputeOpened",
        "DisputeRejected",
        "Certified",
        "TaskFailed",
        "TaskFinished",
    )

    def __init__(self, network: Network, *, progress: Progress | None = None) -> None:
        super().__init__(network, progress=progress)
        self.hlr = reading("HLRContract", lambda: network.hlr)

    @property
    def rounds(self) -> Hlr:
        """HLRContract."""
        return self.hlr

    def _read(self, task: int, at: BlockHeader) -> TaskSnapshot:
        return self.hlr.state(task, at)

    def verifier_name(self, address: str) -> str:
        """The instance that a verifier of the deployment is of; its address where it is none of them."""
        names = (name for name, verifier in self.deployment.verifiers.items() if verifier.address == address)
        return next(names, address)

    def insecure_verifiers(self, task: int) -> list[str]:
        """The verifiers of a task that were registered as of development keys: under them nothing is proven."""
        return [self.verifier_name(event["verifier"]) for event in self._verifiers(task) if event["insecure"]]

    def has_noise(self, task: int) -> bool:
        """Whether updates of a task carry noise, as far as the deployment knows its verifiers."""
        names = [self.verifier_name(event["verifier"]) for event in self._verifiers(task)]
        return any(find_instance(name).noise for name in names if name in self.deployment.verifiers)

    def _verifiers(self, task: int) -> list[DecodedEvent]:
        """The events that fixed the verifiers of a task."""
        return reading(
            "verifiers",
            lambda: self.hlr.contract.events("VerifierFixed", from_block=self.deployment.block, taskId=task),
        )

    def is_large(self, state: TaskSnapshot) -> bool:
        """Whether a node reads only what concerns it. In a linear regression it has to know the rows of all others."""
        return state.family is Family.LOGISTIC and max(state.nodes, state.minimum_nodes) > LARGE

    def updates(self, state: TaskSnapshot, *, node: str | None = None) -> list[AcceptedUpdate]:
        """The accepted updates of the present attempt, in the contract's order: all, or those of one node."""
        large = node is not None and self.is_large(state)
        events = self.events_about(state, "UpdateAccepted", node=node) if large else self.attempt_events(state)
        return [
            AcceptedUpdate(event["node"], event["data"], Point(event["x"], event["y"]), event["position"])
            for event in events
            if event.name == "UpdateAccepted" and event["attempt"] == state.attempt and node in (None, event["node"])
        ]

    def dispute_of(self, state: TaskSnapshot) -> DisputeState:
        """The dispute over the present share attempt, as the contract counts it."""
        found = reading("a dispute", lambda: self.hlr.contract.call("disputeOf", state.id))
        return DisputeState(found["liarFound"], found["claimed"], found["contradictions"])


def require_spec(state: TaskSnapshot, spec: TaskSpec) -> None:
    """DeploymentError where a task is of another specification, or was created with other rules than it says."""
    if state.spec_hash != spec.spec_hash:
        raise DeploymentError(
            f"task {state.id} is of the specification 0x{state.spec_hash.hex()}, this one is 0x{spec.spec_hash.hex()}",
            hint="Ask the coordinator for its specification, and read it before taking part.",
        )
    asked = spec.statistics
    for name, found, wanted in (
        ("data set", state.dataset, dataset_of(spec)),
        ("held-out data set", state.held_out_dataset, held_out_dataset_of(spec) if asked.held_out else bytes(32)),
        ("family", state.family, spec.family),
        ("lambda", state.penalty, spec.penalty_units),
        ("weight bound", state.weight_bound, spec.weight_bound_units),
        ("minimum of rows", state.minimum_rows, spec.minimum_rows),
        ("minimum of nodes", state.minimum_nodes, spec.minimum_nodes),
        ("gradient target", state.gradient_target, spec.gradient_bound_units),
        ("number of weights", len(state.weights), spec.sizes.width + 1),
        ("limit of updates", state.maximum_updates, spec.maximum_updates),
        ("limit of a node's updates", state.maximum_batches, spec.maximum_node_updates),
        ("time to collect information", state.information, int(spec.collects)),
        (
            "choice of statistics",
            (state.final_information, state.evaluation),
            (spec.final_information, asked.evaluation),
        ),
        ("hash of generators", dict(state.generators), generators_of(spec)),
        ("limit of moves", state.maximum_rounds, spec.maximum_rounds),
        ("duration of a phase", dict(state.seconds), phase_seconds(spec)),
    ):
        if found != wanted:
            raise DeploymentError(f"task {state.id} was created with another {name} than its specification has")


def require_certificate(state: TaskSnapshot) -> None:
    """TrainingError where a task has no certificate: its weights still move, or were never near enough."""
    if not state.certified:
        raise TrainingError(
            f"task {state.id} has no certificate, and statistics are of certified weights",
            kind="no-certificate",
            task=state.id,
        )


def model_of(view: ChainView, task: int, commitment: int) -> tuple[Policy, tuple[int, ...]]:
    """Policy and weights behind a model commitment that a task has had. InputError where it had no such one."""
    state = view.state(task)
    weights, matrix = (), 0
    for event in view.task_events(task, from_block=view.deployment.block, to_block=state.block):
        if event.name == "ModelPublished":
            weights, matrix = tuple(event["weights"]), event["matrixHash"]
        elif event.name == "AttemptModel" and event["modelCommitment"] == commitment:
            policy = replace(state.policy, round=event["round"], attempt=event["attempt"], matrix_hash=matrix)
            return policy, weights
    raise InputError(f"task {task} has never had this model")
