"""How a task stands on the chain, in types: what nodes, coordinators and auditors all look at.

State is read at one block, so that its parts belong together. What a node or a coordinator relies on is recomputed
here and compared: task key, context, model commitment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Collection as Some
from dataclasses import dataclass, replace
from functools import cached_property

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.connection import Topic
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.deployment import DEVELOPMENT_CHAINS
from twopm_zk.chain.network import Network
from twopm_zk.chain.rpc import reading
from twopm_zk.chain.rpc.block_hashes import BlockHashes
from twopm_zk.chain.tasks import AcceptedUpdate, Phase, TaskSnapshot
from twopm_zk.circuit.instances import find_instance
from twopm_zk.errors import DeploymentError, InputError, TrainingError
from twopm_zk.numbers.baby_jubjub import Point
from twopm_zk.numbers.pedersen import vector_generators
from twopm_zk.statements import Collection, Family, Policy
from twopm_zk.system.progress import Progress
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True)
class Member:
    """An entry of IdentityContract."""

    address: str
    since: int
    endpoint: str
    public_key: bytes


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
    """Name in DataHub of the data sets that are prepared for a specification."""
    return spec.spec_hash


def held_out_dataset_of(spec: TaskSpec) -> bytes:
    """Name in DataHub of the rows that nodes keep out of training, to evaluate its weights on them."""
    return keccak(b"held out" + spec.spec_hash)


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


@dataclass(frozen=True)
class _Seen:
    """Events up to a block, which is known by its hash."""

    block: int
    block_hash: bytes
    events: tuple[DecodedEvent, ...]


@dataclass(frozen=True)
class _Known:
    """A task at the newest block, which has this hash."""

    head: bytes
    state: TaskSnapshot


LARGE = 64
"""Of a task with more nodes than that one node does not read the events of all others, but those that concern it."""
_YOUNG_SECONDS = 0.25
"""How long a block's state is read anew at every look."""
_OF_NO_NODE = (
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
"""Events of which there are few, whatever the number of nodes."""
_KEPT = 8
"""Lists of events that stay in memory: of rounds, registrations, tasks, and nodes that are out."""


class ChainView:
    """A deployment on a chain, seen by one account (or none, to read only).

    Making one compares every contract and verifier with the deployment file: DeploymentError where they differ.
    ``progress`` hears of each one, because contracts that are not of these sources are compiled for it.
    """

    def __init__(self, network: Network, *, progress: Progress | None = None) -> None:
        self.network, self.chain, self.deployment = network, network.chain, network.deployment
        self._seen: dict[tuple[object, ...], _Seen] = {}
        self._states: dict[int, _Known] = {}
        self._blocks = BlockHashes(self.chain)
        reading("the deployment", lambda: self.deployment.check(self.chain, progress=progress))
        self.hlr = reading("HLRContract", lambda: network.hlr)
        self.identity = reading("IdentityContract", lambda: network.identity)
        self.data_hub = reading("DataHub", lambda: network.data_hub)
        self.staking = reading("StakingContract", lambda: network.staking)
        self.networks = reading("NetworkRegistry", lambda: network.networks)
        self.inference = reading("InferenceContract", lambda: network.inference)

    @property
    def address(self) -> str:
        """The signing account's address."""
        return self.chain.address

    @cached_property
    def fingerprint(self) -> str:
        """Tells this deployment from any other, one on a development chain that was started again among them."""
        block = reading("a block", lambda: self.chain.header(self.deployment.block))
        return f"{self.hlr.address} on chain {self.chain.chain_id}, block 0x{block.hash.hex()}"

    @property
    def public(self) -> bool:
        """Whether this is more than a development chain."""
        return self.chain.chain_id not in DEVELOPMENT_CHAINS

    def block(self) -> int:
        """Number of the newest block."""
        reading("the newest block", self._blocks.look)
        return self._blocks.newest

    def block_hash(self, number: int) -> bytes:
        """What tells a block, and all that lies before it, from those that may replace it."""
        return reading(f"block {number}", lambda: self._blocks.hash(number))

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

    def task_count(self) -> int:
        """Tasks there are; they are numbered from 1."""
        return int(reading("tasks", lambda: self.hlr.contract.call("taskCount")))

    def state(self, task: int) -> TaskSnapshot:
        """A task at the newest block. InputError where there is no such task; DeploymentError where the contract
        contradicts what follows from its own numbers."""
        contradicted: int | None = None
        while True:
            try:
                return reading(f"task {task}", lambda: self._state(task))
            except DeploymentError:
                # a development node can mix two blocks in its answers while it mines: only a quiet chain contradicts
                before, contradicted = contradicted, self.block()
                if contradicted == before:
                    raise

    def _state(self, task: int) -> TaskSnapshot:
        """The state as it was read when the newest block was the same, or read anew. A block is young at first: a
        development node that is mining may still answer from the one before."""
        head, now = self._blocks.look(), time.monotonic()
        known = self._states.get(task)
        if known is not None and known.head == head:
            return replace(known.state, time=max(known.state.time, int(time.time())))
        state = self.hlr.state(task)
        if now - self._blocks.since > _YOUNG_SECONDS:
            self._states[task] = _Known(head, state)
        return state

    def attempt_events(self, state: TaskSnapshot) -> list[DecodedEvent]:
        """The events of the present round since it opened, in the order of the chain, of all its attempts."""
        topics: list[bytes | None] = [None, encode(["uint256"], [state.id]), encode(["uint32"], [state.round])]

        def read(first: int, last: int) -> list[DecodedEvent]:
            logs = self.chain.logs(self.hlr.address, topics, first, last)
            return [event for log in logs if (event := self.chain.registry.event(log)) is not None]

        key = (self.hlr.address, "round", state.id, state.round, state.opened_at)
        return reading("events of a round", lambda: self._cached(key, read, state.opened_at, state.block))

    def is_large(self, state: TaskSnapshot) -> bool:
        """Whether a node reads only what concerns it. In a linear regression it has to know the rows of all others."""
        return state.family is Family.LOGISTIC and max(state.nodes, state.minimum_nodes) > LARGE

    def events_about(
        self,
        state: TaskSnapshot,
        *names: str,
        node: str | None = None,
        seats: Some[int] | None = None,
    ) -> list[DecodedEvent]:
        """Events of the present attempt by their names: of all, of one node, or of the nodes of some seats.

        They are read anew each time, with one request where the endpoint takes it.
        """
        topics: list[Topic] = [
            [self.hlr.contract.topic_of(name) for name in names],
            encode(["uint256"], [state.id]),
            encode(["uint32"], [state.round]),
        ]
        if node is not None:
            topics.append(encode(["address"], [node]))
        if seats is not None:
            topics.append([encode(["uint24"], [seat]) for seat in sorted(seats)])

        def read() -> list[DecodedEvent]:
            logs = self.chain.logs(self.hlr.address, topics, state.opened_at, state.block)
            return [event for log in logs if (event := self.chain.registry.event(log)) is not None]

        found = reading("events of a round", read)
        return [event for event in found if event["attempt"] == state.attempt]

    def updates(self, state: TaskSnapshot, *, node: str | None = None) -> list[AcceptedUpdate]:
        """The accepted updates of the present attempt, in the contract's order: all, or those of one node."""
        large = node is not None and self.is_large(state)
        events = self.events_about(state, "UpdateAccepted", node=node) if large else self.attempt_events(state)
        return [
            AcceptedUpdate(event["node"], event["data"], Point(event["x"], event["y"]), event["position"])
            for event in events
            if event.name == "UpdateAccepted" and event["attempt"] == state.attempt and node in (None, event["node"])
        ]

    def _events(self, contract: Contract, name: str, first: int, last: int, **indexed: object) -> list[DecodedEvent]:
        """Events as `Contract.events` has them, read like `_cached` does."""

        def read(start: int, end: int) -> list[DecodedEvent]:
            return contract.events(name, from_block=start, to_block=end, **indexed)

        return self._cached((contract.address, name, first, *indexed.items()), read, first, last)

    def _cached(
        self, key: tuple[object, ...], read: Callable[[int, int], list[DecodedEvent]], first: int, last: int
    ) -> list[DecodedEvent]:
        """Reads only what is newer than last time, unless blocks were replaced.

        The last block is always read again: a development node that is mining may show a part of it.
        """
        known = self._seen.get(key)
        if known is None or known.block >= last or self._blocks.hash(known.block) != known.block_hash:
            known = _Seen(first - 1, b"", ())
        settled = self._blocks.hash(last - 1) if last - 1 > known.block else b""
        newer = read(known.block + 1, last)
        if settled:
            older = tuple(event for event in newer if event.block < last)
            others = [entry for entry in self._seen.items() if entry[0] != key]
            found = _Seen(last - 1, settled, known.events + older)
            self._seen = dict([*others[1 - _KEPT :], (key, found)])
        return [*known.events, *newer]

    def is_barred(self, state: TaskSnapshot, node: str) -> bool:
        """Whether a node is out of the task for good."""
        return bool(self._part(state, node)["barred"])

    def barred(self, state: TaskSnapshot) -> frozenset[str]:
        """All nodes that are out of the task for good."""
        first, last = self.deployment.block, state.block
        events = reading(
            "barred nodes", lambda: self._events(self.hlr.contract, "NodeBarred", first, last, taskId=state.id)
        )
        return frozenset(event["node"] for event in events)

    def is_in_set(self, state: TaskSnapshot, node: str) -> bool:
        """Whether a node is in the set that shares in the present attempt."""
        return self.seat_of(state, node) is not None

    def seat_of(self, state: TaskSnapshot, node: str) -> int | None:
        """The seat of a node in the set that shares in the present attempt; None where it is not in it."""
        part = self._part(state, node)
        return part["seat"] if part["inSet"] == state.key else None

    def participates(self, state: TaskSnapshot, node: str) -> bool:
        """Whether a node has handed in updates in the present attempt, and not withdrawn."""
        return self._part(state, node)["participated"] == state.key

    def is_final(self, state: TaskSnapshot) -> bool:
        """Whether the set of nodes that share can no more be replaced, as far as the chain tells what is final.

        The set is made in blocks up to the one that sharing began in. A development chain, or one that knows no
        finality, is taken at its word: shares are bound to the set's digest, and worthless for any other.
        """
        if not self.public:
            return True
        started = [event.block for event in self.events_about(state, "SharingStarted")]
        final = reading("the last final block", self.chain.final_block)
        return final is None or not started or started[-1] <= final

    def dispute_of(self, state: TaskSnapshot) -> DisputeState:
        """The dispute over the present share attempt, as the contract counts it."""
        found = reading("a dispute", lambda: self.hlr.contract.call("disputeOf", state.id))
        return DisputeState(found["liarFound"], found["claimed"], found["contradictions"])

    def _part(self, state: TaskSnapshot, node: str) -> dict[str, int]:
        return reading("a node", lambda: dict(self.hlr.contract.call("nodeOf", state.id, node)))

    def member(self, address: str) -> Member | None:
        """The entry of an account, or None for who is no member."""
        entry = reading("a member", lambda: self.identity.contract.call("memberOf", address))
        if entry["since"] == 0:
            return None
        return Member(address, entry["since"], entry["endpoint"], bytes.fromhex(entry["publicKey"][2:]))

    def publish(self, endpoint: str, public_key: bytes) -> None:
        """Join, or update the entry where it says something else."""
        known = self.member(self.address)
        if known is None:
            self.identity.join(endpoint, public_key)
        elif (known.endpoint, known.public_key) != (endpoint, public_key):
            self.identity.update(endpoint, public_key)

    def registrations(self, dataset: bytes, *, before: int, owner: str | None = None) -> dict[str, list[int]]:
        """Commitments under a data set's name, by owner, registered before a block: of all owners, or of one."""
        found: dict[str, list[int]] = {}
        events = reading(
            "registered data",
            lambda: self._events(
                self.data_hub.contract, "Registered", self.deployment.block, before - 1, dataset=dataset, owner=owner
            ),
        )
        for event in events:
            found.setdefault(event["owner"], []).append(event["commitment"])
        return found

    def stake_of(self, address: str) -> int:
        """What an account has at stake, in wei of ETH."""
        return reading("stake", lambda: self.staking.stake_of(address))

    def task_events(
        self, task: int, *, from_block: int, to_block: int, account: str | None = None
    ) -> list[DecodedEvent]:
        """Every event of a task, of any name, in the order of the chain; with ``account`` those that are of no node, or
        of this one."""
        of_task = encode(["uint256"], [task])
        wanted: list[list[Topic]] = [[None, of_task]]
        if account is not None:
            plain = [self.hlr.contract.topic_of(name) for name in _OF_NO_NODE]
            wanted = [[plain, of_task], [None, of_task, None, encode(["address"], [account])]]

        def read() -> list[DecodedEvent]:
            logs = [log for one in wanted for log in self.chain.logs(self.hlr.address, one, from_block, to_block)]
            found = {(log.block, log.index): log for log in logs}
            events = [self.chain.registry.event(log) for _, log in sorted(found.items())]
            return [event for event in events if event is not None]

        return reading(f"events of task {task}", read)

    def newest_task(
        self, spec: TaskSpec, wanted: Callable[[TaskSnapshot], bool], *, creator: str | None = None
    ) -> TaskSnapshot | None:
        """The newest task of a specification that is ``wanted``, of one account or of all."""
        candidates = reversed(self.tasks_of(spec.spec_hash, coordinator=creator))
        return next((state for task in candidates if wanted(state := self.state(task))), None)

    def tasks_of(self, spec_hash: bytes, *, coordinator: str | None = None) -> list[int]:
        """Tasks with a specification, oldest first."""
        first, last = self.deployment.block, self.block()
        events = reading(
            "tasks", lambda: self._events(self.hlr.contract, "TaskCreated", first, last, coordinator=coordinator)
        )
        return [event["taskId"] for event in events if event["specHash"] == "0x" + spec_hash.hex()]


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
