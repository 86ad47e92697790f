"""A task as its contract shows it at one block: the only reader of ``taskOf``, ``trainingOf`` and ``weightsOf``.

All parts are read at the same block, so that they belong together. Task key and model commitment are recomputed from
the rest, and compared.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from twopm_zk.chain.contracts import Contract
from twopm_zk.errors import DeploymentError, InputError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.statements import Policy
from twopm_zk.statements.rounds import BOUND_FRAC_BITS


class Phase(IntEnum):
    """The phase of a task."""

    NONE = 0
    CREATED = 1
    JOINING = 2
    COLLECTING = 3
    CLOSED = 4
    FINISHED = 5


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
    opened_at: int
    """Block in which the present attempt was opened."""
    deadline: int
    """End of the present phase, in seconds since 1970."""
    nodes: int
    updates: int
    missed: int
    minimum_nodes: int
    minimum_stake: int
    maximum_updates: int
    maximum_rounds: int
    spec_hash: bytes
    dataset: bytes

    @property
    def key(self) -> int:
        """The contract's key of the present attempt."""
        return (self.round << 32 | self.attempt) + 1

    @property
    def late(self) -> bool:
        """Whether the deadline of the phase has passed."""
        return self.time > self.deadline

    @property
    def last(self) -> bool:
        """Whether the present round is the last one: its weights can only be certified."""
        return self.round == self.maximum_rounds

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
    commitment: int
    position: int
    """Its place in the digest of the attempt."""


def task_key(chain_id: int, contract: str, task: int, spec_hash: bytes) -> int:
    """What binds a proof to one task of one contract on one chain; docs/protocol.md, section 2."""
    data = encode(["uint256", "address", "uint256", "bytes32"], [chain_id, contract, task, spec_hash])
    return int.from_bytes(keccak(data), "big") % FIELD_ORDER


def read_rounds(contract: Contract, task: int) -> TaskState:
    """The rounds of a task at the newest block. InputError where there is no such task."""
    return TaskState(**_rounds(contract, task))


def read_training(contract: Contract, task: int) -> TaskSnapshot:
    """A task of HLRContract at the newest block.

    Raises InputError where there is no such task, DeploymentError where the contract contradicts what follows from
    its own numbers.
    """
    rounds = _rounds(contract, task)
    block = rounds["block"]
    training = contract.call("trainingOf", task, block=block)
    state = TaskSnapshot(
        **rounds,
        task_key=training["taskKey"],
        model_commitment=training["modelCommitment"],
        weights=tuple(contract.call("weightsOf", task, block=block)),
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
    if state.task_key != task_key(contract.chain.chain_id, contract.address, task, state.spec_hash):
        raise DeploymentError(f"task {task} has another task key than follows from its specification")
    if state.model_commitment and state.model_commitment != _model_commitment(state.policy, state.weights):
        raise DeploymentError(f"task {task} has another model commitment than follows from its weights")
    return state


@lru_cache(maxsize=64)
def _model_commitment(policy: Policy, weights: tuple[int, ...]) -> int:
    """Computed once for each model of a process: it takes longer than to read the task."""
    return policy.model_commitment(weights)


def _rounds(contract: Contract, task: int) -> dict[str, Any]:
    block = contract.chain.web3.eth.get_block("latest")
    found = contract.call("taskOf", task, block=block["number"])
    if Phase(found["phase"]) is Phase.NONE:
        last = int(contract.call("taskCount", block=block["number"]))
        raise InputError(
            f"there is no task {task} in the contract at {contract.address}; the last one is {last}",
            kind="no-task",
            task=task,
            last=last,
        )
    return {
        "id": task,
        "block": int(block["number"]),
        "time": max(int(block["timestamp"]), int(time.time())),
        "coordinator": found["coordinator"],
        "phase": Phase(found["phase"]),
        "round": found["round"],
        "attempt": found["attempt"],
        "opened_at": found["openedAt"],
        "deadline": found["deadline"],
        "nodes": found["nodes"],
        "updates": found["updates"],
        "missed": found["missed"],
        "minimum_nodes": found["minimumNodes"],
        "minimum_stake": found["minimumStake"],
        "maximum_updates": found["maximumUpdates"],
        "maximum_rounds": found["maximumRounds"],
        "spec_hash": bytes.fromhex(found["specHash"][2:]),
        "dataset": bytes.fromhex(found["dataset"][2:]),
    }
