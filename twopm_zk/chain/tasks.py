"""A task as HLRContract shows it at one block: the only reader of ``trainingOf`` and ``weightsOf``, and of ``taskOf``.

All parts are read at the same block, so that they belong together. Task key and model commitment are recomputed from
the rest, and compared.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from twopm_zk.chain.contracts import Call, Contract
from twopm_zk.chain.rpc.answers import BlockHeader
from twopm_zk.errors import DeploymentError, InputError
from twopm_zk.numbers.baby_jubjub import Point
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.statements import Collection, Family, Policy
from twopm_zk.statements.rounds import BOUND_FRAC_BITS


class Phase(IntEnum):
    """The phase of a task."""

    NONE = 0
    CREATED = 1
    COLLECTING = 2
    READY = 3
    SHARING = 4
    SUMMED = 5
    DISPUTED = 6
    FINISHED = 7


_WEIGHTS: dict[int, tuple[int, ...]] = {}
"""Weights by their model commitment, which every state that is read is compared with."""
_KEPT = 64
COLLECTIONS = {1: Collection.GRADIENT, 2: Collection.INFORMATION, 6: Collection.EVALUATION}
"""By the statement that proves them, as VerifierRegistry numbers it."""
_TIMED = {
    Phase.COLLECTING: "collect",
    Phase.READY: "ready",
    Phase.SHARING: "share",
    Phase.SUMMED: "aggregate",
    Phase.DISPUTED: "dispute",
}


@dataclass(frozen=True, kw_only=True)
class TaskState:
    """What every task has at one block: its rounds. Numbers are in the units of the contracts."""

    id: int
    block: int
    time: int
    """The later of the block's timestamp and this machine's clock: a chain without transactions stands still."""
    coordinator: str
    phase: Phase
    round: int
    attempt: int
    share_attempt: int
    moves: int
    """How often the weights have moved, or results that were accepted."""
    opened_at: int
    """Block in which the first attempt of the round was opened."""
    deadline: int
    """End of the present phase, in seconds since 1970."""
    nodes: int
    """With an update in this attempt."""
    ready: int
    """In the set that shares."""
    shared: int
    updates: int
    shared_once: bool
    """Whether anybody has shared in this attempt: from then on its set is fixed."""
    disputed: bool
    """Whether there has been a dispute over this share attempt."""
    minimum_nodes: int
    minimum_stake: int
    stake_penalty: int
    """Wei of ETH that a node loses which spoils a sum."""
    maximum_updates: int
    maximum_batches: int
    """Updates of one node in an attempt."""
    maximum_rounds: int
    seconds: Mapping[Phase, int]
    """How long the phases last that end with a deadline."""
    spec_hash: bytes
    dataset: bytes

    @property
    def key(self) -> int:
        """The contract's key of the present attempt."""
        return (self.round << 32 | self.attempt) + 1

    @property
    def collected_dataset(self) -> bytes:
        """The data set in DataHub that the present round collects from."""
        return self.dataset

    @property
    def late(self) -> bool:
        """Whether the deadline of the phase has passed."""
        return self.time > self.deadline

    @property
    def given_up(self) -> bool:
        """Whether a sum was neither used nor disputed for so long after its deadline that the task may be ended."""
        return self.phase is Phase.SUMMED and self.time > self.deadline + self.seconds[Phase.DISPUTED]

    @property
    def last(self) -> bool:
        """Whether the present weights are the last ones: they can only be certified."""
        return self.moves == self.maximum_rounds

    @property
    def set_is_dead(self) -> bool:
        """Whether too few are left in the set before anybody has shared: then the attempt comes to nothing."""
        return self.phase is Phase.SHARING and not self.shared_once and self.ready < self.minimum_nodes

    def name(self) -> str:
        """The present attempt in words, for messages."""
        return f"task {self.id}, round {self.round}, attempt {self.attempt}"


@dataclass(frozen=True, kw_only=True)
class TaskSnapshot(TaskState):
    """A task of HLRContract at one block: its rounds, and what it trains."""

    task_key: int
    model_commitment: int
    weights: tuple[int, ...]
    """The present weights, intercept last, in units of 2^-20."""
    matrix_hash: int
    penalty: int
    weight_bound: int
    minimum_rows: int
    gradient_target: int
    family: Family
    collection: Collection
    """What the updates of the present round are."""
    held_out: bool
    """Whether they are of the rows that nodes held out of training."""
    information: int
    """When information is collected before moves, as the contract numbers it."""
    final_information: bool
    """Whether information is collected at the certified weights."""
    evaluation: bool
    """Whether the certified weights are evaluated on the rows that they were trained on."""
    held_out_dataset: bytes
    """On which held-out rows they are evaluated; zeros for none."""
    first_opened_at: int
    """Block in which the first attempt of the task's first round was opened; 0 before."""
    generators: Mapping[Collection, bytes]
    """The hash of the generators of each collection, by which disputes go."""
    set_digest: bytes
    """Of the set that shares, from closing on; zeros before."""
    certified_key: int
    """Key of the certified attempt; 0 where there is no certificate."""
    certified_nodes: int
    """Nodes in the set of that attempt."""
    gradient_bound: int
    frac_bits: int
    """Fractional bits of a feature, as the task's verifiers have them."""

    @property
    def certified(self) -> bool:
        """Whether the task has its certificate: its weights move no more."""
        return self.certified_key != 0

    @property
    def collected_dataset(self) -> bytes:
        """The data set in DataHub that the present round collects from."""
        return self.held_out_dataset if self.held_out else self.dataset

    @property
    def data_before(self) -> int:
        """The block before which a batch of the present round is registered: for held-out rows that in which the task's
        first round opened, so that nobody picks them to fit weights that are known."""
        return self.first_opened_at if self.held_out else self.opened_at

    @property
    def collected(self) -> str:
        """What the present round collects, in words."""
        return words(self.collection, held_out=self.held_out)

    @property
    def target_per_row(self) -> float:
        """The gradient bound that the task wants certified."""
        return self.gradient_target / (1 << BOUND_FRAC_BITS)

    @property
    def bound_per_row(self) -> float | None:
        """The gradient bound that is certified; None where there is no certificate."""
        return self.gradient_bound / (1 << BOUND_FRAC_BITS) if self.certified else None

    @cached_property
    def policy(self) -> Policy:
        """What the present model commitment binds besides the weights."""
        return Policy(
            self.task_key,
            self.round,
            self.attempt,
            self.penalty,
            self.weight_bound,
            self.minimum_rows,
            self.matrix_hash,
        )


@dataclass(frozen=True)
class AcceptedUpdate:
    """One update of an attempt, as the contract has taken it."""

    node: str
    data: int
    point: Point
    """What commits to it."""
    position: int
    """Its place in the attempt."""


def words(collection: Collection, *, held_out: bool) -> str:
    """What a round collects, in words."""
    return f"{collection.name.lower()}{' on held-out rows' if held_out else ''}"


def task_key(chain_id: int, contract: str, task: int, spec_hash: bytes) -> int:
    """What binds a proof to one task of one contract on one chain; docs/protocol.md, section 2."""
    data = encode(["uint256", "address", "uint256", "bytes32"], [chain_id, contract, task, spec_hash])
    return int.from_bytes(keccak(data), "big") % FIELD_ORDER


def read_training(contract: Contract, task: int, at: BlockHeader | None = None) -> TaskSnapshot:
    """A task of HLRContract ``at`` a block, the newest one where none is given.

    Raises InputError where there is no such task, DeploymentError where the contract contradicts what follows from
    its own numbers.
    """
    rounds, training, digest = read_rounds(contract, task, at, "trainingOf", "setDigestOf")
    commitment, closed = training["modelCommitment"], rounds["phase"] > Phase.COLLECTING
    weights = _WEIGHTS.get(commitment) or tuple(contract.call("weightsOf", task, block=rounds["block"]))
    state = TaskSnapshot(
        **rounds,
        task_key=training["taskKey"],
        model_commitment=commitment,
        weights=weights,
        matrix_hash=training["matrixHash"],
        penalty=training["lambda"],
        weight_bound=training["weightBound"],
        minimum_rows=training["minRows"],
        gradient_target=training["gradientTarget"],
        family=Family.numbered(training["family"]),
        collection=COLLECTIONS[training["collected"]],
        held_out=training["heldOut"],
        information=training["information"],
        final_information=training["finalInformation"],
        evaluation=training["evaluation"],
        held_out_dataset=bytes.fromhex(training["heldOutDataset"][2:]),
        first_opened_at=training["firstOpenedAt"],
        generators={
            Collection.GRADIENT: bytes.fromhex(training["gradientGenerators"][2:]),
            Collection.INFORMATION: bytes.fromhex(training["informationGenerators"][2:]),
            Collection.EVALUATION: bytes.fromhex(training["evaluationGenerators"][2:]),
        },
        set_digest=bytes.fromhex(digest[2:]) if closed else bytes(32),
        certified_key=training["certifiedKey"],
        certified_nodes=training["certifiedNodes"],
        gradient_bound=training["gradientBound"],
        frac_bits=training["fractionalBits"],
    )
    if state.task_key != task_key(contract.chain.chain_id, contract.address, task, state.spec_hash):
        raise DeploymentError(f"task {task} has another task key than follows from its specification")
    if state.model_commitment and state.model_commitment != _model_commitment(state.policy, state.weights):
        raise DeploymentError(f"task {task} has another model commitment than follows from its weights")
    if state.model_commitment:
        _WEIGHTS[commitment] = weights
        if len(_WEIGHTS) > _KEPT:
            del _WEIGHTS[next(iter(_WEIGHTS))]
    return state


@lru_cache(maxsize=64)
def _model_commitment(policy: Policy, weights: tuple[int, ...]) -> int:
    """Computed once for each model of a process: it takes longer than to read the task."""
    return policy.model_commitment(weights)


def read_rounds(contract: Contract, task: int, at: BlockHeader | None, *others: str) -> tuple[Any, ...]:
    """What a ``TaskState`` is made from, at a block or the newest one, and what ``others`` of the contract's functions
    say of the task then. InputError where there is no such task."""
    block = at or contract.chain.header("latest")
    calls = [Call(contract, function, (task,)) for function in ("taskOf", *others)]
    found, *said = Call.results(calls, block=block.number)
    if Phase(found["phase"]) is Phase.NONE:
        last = int(contract.call("taskCount", block=block.number))
        raise InputError(
            f"there is no task {task} in the contract at {contract.address}; the last one is {last}",
            kind="no-task",
            task=task,
            last=last,
        )
    rounds = {
        "id": task,
        "block": block.number,
        "time": max(block.time, int(time.time())),
        "coordinator": found["coordinator"],
        "phase": Phase(found["phase"]),
        "round": found["round"],
        "attempt": found["attempt"],
        "share_attempt": found["shareAttempt"],
        "moves": found["moves"],
        "opened_at": found["openedAt"],
        "deadline": found["deadline"],
        "nodes": found["nodes"],
        "ready": found["ready"],
        "shared": found["shared"],
        "updates": found["updates"],
        "shared_once": found["sharedOnce"],
        "disputed": found["disputed"],
        "minimum_nodes": found["minimumNodes"],
        "minimum_stake": found["minimumStake"],
        "stake_penalty": found["penalty"],
        "maximum_updates": found["maximumUpdates"],
        "maximum_batches": found["maximumBatches"],
        "maximum_rounds": found["maximumRounds"],
        "seconds": {phase: found[f"{name}Seconds"] for phase, name in _TIMED.items()},
        "spec_hash": bytes.fromhex(found["specHash"][2:]),
        "dataset": bytes.fromhex(found["dataset"][2:]),
    }
    return rounds, *said
