"""How a task stands on the chain, in types: what nodes, coordinators and auditors all look at.

State is read at one block, so that its parts belong together. What a node or a coordinator relies on is recomputed
here and compared: task key, context, model commitment.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from twopm_zk.chain.abi import Event
from twopm_zk.chain.contracts import Contract, reading
from twopm_zk.chain.deployment import DEVELOPMENT_CHAINS
from twopm_zk.chain.network import Network, Phase
from twopm_zk.errors import DeploymentError, InputError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.statements import Policy
from twopm_zk.task.specification import BFGS, NEWTON, TaskSpec


@dataclass(frozen=True)
class Member:
    """An entry of IdentityContract."""

    address: str
    since: int
    endpoint: str
    public_key: bytes


@dataclass(frozen=True)
class AcceptedUpdate:
    """One update of an attempt, as the contract has taken it."""

    node: str
    data: int
    commitment: int
    position: int


@dataclass(frozen=True)
class TaskSnapshot:
    """A task at one block; numbers in the units of the contracts."""

    id: int
    block: int
    time: int
    """The later of the block's timestamp and this machine's clock: a chain without transactions stands still."""
    coordinator: str
    phase: Phase
    round: int
    attempt: int
    opened_at: int
    deadline: int
    nodes: int
    updates: int
    missed: int
    minimum_nodes: int
    minimum_stake: int
    maximum_updates: int
    maximum_rounds: int
    spec_hash: bytes
    dataset: bytes
    task_key: int
    model_commitment: int
    weights: tuple[int, ...]
    matrix_hash: int
    matrix_replaceable: bool
    penalty: int
    weight_bound: int
    minimum_rows: int
    gradient_target: int
    slots: int
    folded: int
    partial_sum: int
    certified: bool
    gradient_bound: int

    @cached_property
    def policy(self) -> Policy:
        """Of the present attempt."""
        return Policy(
            self.task_key,
            self.round,
            self.attempt,
            self.penalty,
            self.weight_bound,
            self.minimum_rows,
            self.matrix_hash,
        )

    @property
    def key(self) -> int:
        """The contract's key of the attempt."""
        return (self.round << 32 | self.attempt) + 1

    @property
    def late(self) -> bool:
        """Whether the deadline of the phase has passed."""
        return self.time > self.deadline

    def name(self) -> str:
        """For messages."""
        return f"task {self.id}, round {self.round}, attempt {self.attempt}"


def task_key(chain_id: int, contract: str, task: int, spec_hash: bytes) -> int:
    """What binds a proof to one task of one contract on one chain; docs/protocol.md, section 2."""
    data = encode(["uint256", "address", "uint256", "bytes32"], [chain_id, contract, task, spec_hash])
    return int.from_bytes(keccak(data), "big") % FIELD_ORDER


def dataset_of(spec: TaskSpec) -> bytes:
    """Name in DataHub of the data sets that are prepared for a specification."""
    return spec.spec_hash


@dataclass(frozen=True)
class _Seen:
    """Events up to a block, which is known by its hash."""

    block: int
    block_hash: bytes
    events: tuple[Event, ...]


_KEPT = 4
"""Lists of events that stay in memory: the present attempt's updates and registrations, and those before."""


class ChainView:
    """A deployment on a chain, seen by one account (or none, to read only).

    Making one compares every contract and verifier with the deployment file: DeploymentError where they differ.
    """

    def __init__(self, network: Network) -> None:
        self.network, self.chain, self.deployment = network, network.chain, network.deployment
        self._seen: dict[tuple[object, ...], _Seen] = {}
        reading("the deployment", lambda: self.deployment.check(self.chain))
        self.hlr = self._contract("HLRContract")
        self.identity = self._contract("IdentityContract")
        self.data_hub = self._contract("DataHub")
        self.staking = self._contract("StakingContract")
        self.inference = self._contract("InferenceContract")

    def _contract(self, name: str) -> Contract:
        return reading(name, lambda: self.network.contract(name))

    @property
    def address(self) -> str:
        """Of the signing account."""
        return self.chain.address

    @cached_property
    def fingerprint(self) -> str:
        """Tells this deployment from any other, one on a development chain that was started again among them."""
        block = reading("a block", lambda: self.chain.web3.eth.get_block(self.deployment.block))
        return f"{self.hlr.address} on chain {self.chain.chain_id}, block 0x{bytes(block['hash']).hex()}"

    @property
    def public(self) -> bool:
        """Whether this is more than a development chain."""
        return self.chain.chain_id not in DEVELOPMENT_CHAINS

    def block(self) -> int:
        """Number of the newest block."""
        return reading("the newest block", lambda: self.chain.block)

    def task_count(self) -> int:
        """Tasks there are; they are numbered from 1."""
        return int(reading("tasks", lambda: self.hlr.call("taskCount")))

    def phase(self, task: int) -> Phase:
        """Of a task; NONE where it does not exist."""
        return Phase(reading("a task", lambda: self.hlr.call("taskOf", task))["phase"])

    def state(self, task: int) -> TaskSnapshot:
        """Of a task at the newest block. InputError where there is no such task; DeploymentError where the contract
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
        block = self.chain.web3.eth.get_block("latest")
        number = block["number"]
        rounds, training = (self.hlr.call(name, task, block=number) for name in ("taskOf", "trainingOf"))
        if Phase(rounds["phase"]) is Phase.NONE:
            raise InputError(
                f"there is no task {task} in HLRContract {self.hlr.address}", hint="See `twopm-zk task list`."
            )
        spec_hash = bytes.fromhex(rounds["specHash"][2:])
        state = TaskSnapshot(
            id=task,
            block=number,
            time=max(int(block["timestamp"]), int(time.time())),
            coordinator=rounds["coordinator"],
            phase=Phase(rounds["phase"]),
            round=rounds["round"],
            attempt=rounds["attempt"],
            opened_at=rounds["openedAt"],
            deadline=rounds["deadline"],
            nodes=rounds["nodes"],
            updates=rounds["updates"],
            missed=rounds["missed"],
            minimum_nodes=rounds["minimumNodes"],
            minimum_stake=rounds["minimumStake"],
            maximum_updates=rounds["maximumUpdates"],
            maximum_rounds=rounds["maximumRounds"],
            spec_hash=spec_hash,
            dataset=bytes.fromhex(rounds["dataset"][2:]),
            task_key=training["taskKey"],
            model_commitment=training["modelCommitment"],
            weights=tuple(self.hlr.call("weightsOf", task, block=number)),
            matrix_hash=training["matrixHash"],
            matrix_replaceable=training["matrixReplaceable"],
            penalty=training["lambda"],
            weight_bound=training["weightBound"],
            minimum_rows=training["minRows"],
            gradient_target=training["gradientTarget"],
            slots=training["slots"],
            folded=training["folded"],
            partial_sum=training["partialSum"],
            certified=training["certified"],
            gradient_bound=training["gradientBound"],
        )
        if state.task_key != task_key(self.chain.chain_id, self.hlr.address, task, spec_hash):
            raise DeploymentError(f"task {task} has another task key than follows from its specification")
        if state.model_commitment and state.model_commitment != state.policy.model_commitment(state.weights):
            raise DeploymentError(f"task {task} has another model commitment than follows from its weights")
        return state

    def updates(self, state: TaskSnapshot, *, node: str | None = None) -> list[AcceptedUpdate]:
        """Of the present attempt, in the contract's order: all, or those of one node."""
        chosen = {"taskId": state.id, "round": state.round, "node": node}
        events = reading(
            "updates",
            lambda: self._events(self.hlr, "UpdateAccepted", state.opened_at, state.block, **chosen),
        )
        return [
            AcceptedUpdate(event["node"], event["data"], event["update"], event["position"])
            for event in events
            if event["attempt"] == state.attempt
        ]

    def _events(self, contract: Contract, name: str, first: int, last: int, **indexed: object) -> list[Event]:
        """As `Contract.events`, but reads only what is newer than the last time, unless blocks were replaced since.

        The last block is always read again: a development node that is mining may show a part of it.
        """
        key = (contract.address, name, first, *indexed.items())
        known = self._seen.get(key)
        if known is None or known.block >= last or self._hash(known.block) != known.block_hash:
            known = _Seen(first - 1, b"", ())
        settled = self._hash(last - 1) if last - 1 > known.block else b""
        newer = contract.events(name, from_block=known.block + 1, to_block=last, **indexed)
        if settled:
            older = tuple(event for event in newer if event.block < last)
            others = [entry for entry in self._seen.items() if entry[0] != key]
            found = _Seen(last - 1, settled, known.events + older)
            self._seen = dict([*others[1 - _KEPT :], (key, found)])
        return [*known.events, *newer]

    def _hash(self, block: int) -> bytes:
        return bytes(self.chain.web3.eth.get_block(block)["hash"])

    def is_excluded(self, state: TaskSnapshot, node: str) -> bool:
        """Whether the coordinator has left a node out of the present attempt."""
        return bool(reading("a node", lambda: self.hlr.call("nodeOf", state.id, node))["excluded"] == state.key)

    def member(self, address: str) -> Member | None:
        """Entry of an account, or None."""
        entry = reading("a member", lambda: self.identity.call("memberOf", address))
        if entry["since"] == 0:
            return None
        return Member(address, entry["since"], entry["endpoint"], bytes.fromhex(entry["publicKey"][2:]))

    def publish(self, endpoint: str, public_key: bytes) -> None:
        """Join, or update the entry where it says something else."""
        known = self.member(self.address)
        if known is None:
            self.network.identity.join(endpoint, public_key)
        elif (known.endpoint, known.public_key) != (endpoint, public_key):
            self.network.identity.update(endpoint, public_key)

    def registrations(self, dataset: bytes, *, before: int) -> dict[str, list[int]]:
        """Commitments under a data set's name, by owner, registered before a block."""
        found: dict[str, list[int]] = {}
        events = reading(
            "registered data",
            lambda: self._events(self.data_hub, "Registered", self.deployment.block, before - 1, dataset=dataset),
        )
        for event in events:
            found.setdefault(event["owner"], []).append(event["commitment"])
        return found

    def stake_of(self, address: str) -> int:
        """Wei of ETH."""
        return int(reading("stake", lambda: self.staking.call("stakeOf", address)))

    def task_events(self, task: int, *, from_block: int, to_block: int) -> list[Event]:
        """Every event of a task, of any name, in the order of the chain."""
        topics: Sequence[bytes | None] = [None, encode(["uint256"], [task])]

        def read() -> list[Event]:
            logs = self.chain.logs(self.hlr.address, topics, from_block, to_block)
            return [event for log in logs if (event := self.chain.registry.event(log)) is not None]

        return reading(f"events of task {task}", read)

    def tasks_of(self, spec_hash: bytes, *, coordinator: str | None = None) -> list[int]:
        """Tasks with a specification, oldest first."""
        events = reading(
            "tasks", lambda: self.hlr.events("TaskCreated", from_block=self.deployment.block, coordinator=coordinator)
        )
        return [event["taskId"] for event in events if event["specHash"] == "0x" + spec_hash.hex()]


def require_spec(state: TaskSnapshot, spec: TaskSpec) -> None:
    """DeploymentError where a task is of another specification, or was created with other rules than it says."""
    if state.spec_hash != spec.spec_hash:
        raise DeploymentError(
            f"task {state.id} is of the specification 0x{state.spec_hash.hex()}, this one is 0x{spec.spec_hash.hex()}",
            hint="Ask the coordinator for its specification, and read it before taking part.",
        )
    for name, found, wanted in (
        ("data set", state.dataset, dataset_of(spec)),
        ("lambda", state.penalty, spec.penalty_units),
        ("weight bound", state.weight_bound, spec.weight_bound_units),
        ("minimum of rows", state.minimum_rows, spec.minimum_rows),
        ("minimum of nodes", state.minimum_nodes, spec.minimum_nodes),
        ("gradient target", state.gradient_target, spec.gradient_bound_units),
        ("number of weights", len(state.weights), spec.sizes.width + 1),
        ("number of slots", state.slots, spec.sizes.round.slots),
        ("limit of updates", state.maximum_updates, spec.sizes.capacity),
        ("limit of rounds", state.maximum_rounds, spec.maximum_rounds),
        ("step rule", state.matrix_replaceable, spec.step.rule in (BFGS, NEWTON)),
    ):
        if found != wanted:
            raise DeploymentError(f"task {state.id} was created with another {name} than its specification has")


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
