"""HLRContract, and the rounds that it has in common with HFLContract, as typed Python.

A method is a function of the contract of the same name, see verifier/interfaces/; those that send a
transaction return its ``Receipt``, and raise TransactionError with the contract's error name and values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from twopm_zk.chain.contracts import ContractClient
from twopm_zk.chain.rpc import Receipt
from twopm_zk.chain.rpc.answers import BlockHeader
from twopm_zk.chain.tasks import TaskSnapshot, read_training
from twopm_zk.numbers.baby_jubjub import Point

PROOF_GAS = 25_000_000
"""For a question about a few thousand leaves, which costs nobody anything."""


@dataclass(frozen=True)
class TaskConfig:
    """Rules of a task's rounds; times in seconds, stake in wei of ETH. See verifier/interfaces/IRounds.sol."""

    spec_hash: bytes
    dataset: bytes
    minimum_stake: int = 0
    penalty: int = 0
    minimum_nodes: int = 3
    maximum_updates: int = 64
    maximum_batches: int = 16
    collect_seconds: int = 86_400
    ready_seconds: int = 3_600
    share_seconds: int = 86_400
    dispute_seconds: int = 86_400
    aggregate_seconds: int = 86_400
    maximum_rounds: int = 20


@dataclass(frozen=True)
class TrainingConfig:
    """What a task trains; integers in the formats of docs/protocol.md. See verifier/interfaces/IHLR.sol."""

    features: int
    penalty: int
    """lambda, in units of 2^-12."""
    weight_bound: int
    min_rows: int
    gradient_target: int
    step_verifiers: Sequence[int]
    information_verifiers: Sequence[int]
    information: int
    """When information is collected, as the contract numbers it."""
    aggregate_verifier: int
    certify_verifier: int
    gradient_generators: bytes
    information_generators: bytes
    initial_weights: Sequence[int]
    family: int = 0
    """As the registry of verifiers numbers it."""
    evaluate_verifiers: Sequence[int] = ()
    evaluation_generators: bytes = bytes(32)
    final_information: bool = False
    """Whether information is collected after the certificate; so for an evaluation over the task's data set."""
    evaluation: bool = False
    held_out_dataset: bytes = bytes(32)
    """The data set of another evaluation after the certificate; zeros for none."""


class Rounds(ContractClient):
    """What HFLContract and HLRContract have in common: rounds, and the sets that share in them."""

    def open_round(self, task: int) -> Receipt:
        """Open the first round."""
        return self.contract.transact("openRound", task)

    def close(self, task: int) -> Receipt:
        """End collecting."""
        return self.contract.transact("close", task)

    def reopen(self, task: int) -> Receipt:
        """Open a new attempt, where the present one has failed and nobody has shared."""
        return self.contract.transact("reopen", task)

    def take_over(self, task: int) -> Receipt:
        """Replace a coordinator that missed its deadline."""
        return self.contract.transact("takeOver", task)

    def finish(self, task: int) -> Receipt:
        """End a task that was never opened, has had all its rounds, or has its certificate."""
        return self.contract.transact("finish", task)

    def ready(self, task: int, lasting: Sequence[int], round_key: Point) -> Receipt:
        """Say that this account is there to share, with its registered key and one of this attempt."""
        return self.contract.transact("ready", task, list(lasting), *round_key)

    def start_sharing(self, task: int) -> Receipt:
        """Begin sharing after the deadline, with all that are ready."""
        return self.contract.transact("startSharing", task)

    def withdraw(self, task: int) -> Receipt:
        """Leave the present attempt; once somebody has shared it costs the penalty."""
        return self.contract.transact("withdraw", task)

    def proof_of(self, task: int, first: int, size: int, seats: Sequence[int], *, block: int) -> list[bytes]:
        """What leads from the leaves of some seats to the root of ``size`` leaves from ``first`` on, at a block."""
        found = self.contract.call("proofOf", task, first, size, list(seats), block=block, gas=PROOF_GAS)
        return [bytes.fromhex(text[2:]) for text in found]

    def expel(self, task: int, node: str) -> Receipt:
        """Leave out a node that was silent for too long."""
        return self.contract.transact("expel", task, node)


class Hlr(Rounds):
    """HLRContract; proofs are 24 numbers in calldata order."""

    def create_task(self, config: TaskConfig, training: TrainingConfig) -> int:
        """Create a task; its id."""
        receipt = self.contract.transact("createTask", struct(config), struct(training), once=True)
        return int(receipt.event("TaskCreated")["taskId"])

    def submit_update(self, task: int, size: int, index: int, point: Point, proof: Sequence[int]) -> Receipt:
        """Hand in the proven update of the batch at ``index``, by an instance of ``size`` rows."""
        return self.contract.transact("submitUpdate", task, size, index, *point, list(proof))

    def share(self, task: int, digest: bytes, vector: Sequence[int]) -> Receipt:
        """Share a masked opening with the set of this digest."""
        return self.contract.transact("share", task, digest, list(vector))

    def dispute(self, task: int) -> Receipt:
        """Say that the shared sum does not open the round's point."""
        return self.contract.transact("dispute", task)

    def claim(
        self,
        task: int,
        others: Sequence[str],
        points: Sequence[Point],
        *,
        vector: Sequence[int] = (),
        generators: Sequence[Point] = (),
    ) -> Receipt:
        """Claim pair points; with the last ones also what was shared, and the generators."""
        flat = [coordinate for point in generators for coordinate in point]
        return self.contract.transact(
            "claim", task, list(vector), flat, list(others), [list(point) for point in points]
        )

    def reveal(self, task: int, other: str, mine: Any, theirs: Any, shown: Any, generators: Sequence[Point]) -> Receipt:
        """Prove what the keys of a pair have in common; see verifier/interfaces/IDisputes.sol."""
        flat = [coordinate for point in generators for coordinate in point]
        return self.contract.transact("reveal", task, other, mine, theirs, shown, flat)

    def expel_pair(self, task: int, first: str, second: str) -> Receipt:
        """Leave out two nodes that contradict each other, of which neither has revealed."""
        return self.contract.transact("expelPair", task, first, second)

    def settle(self, task: int) -> Receipt:
        """End a dispute."""
        return self.contract.transact("settle", task)

    def proceed(self, task: int, total: Sequence[int], generators: Sequence[Point]) -> Receipt:
        """Open the sum of a round of information or evaluate, and the round after it, or end a certified task."""
        flat = [coordinate for point in generators for coordinate in point]
        return self.contract.transact("proceed", task, list(total), flat)

    def accept_weights(self, task: int, weights: Sequence[int], matrix_hash: int, proof: Sequence[int]) -> Receipt:
        """Publish proven weights with the matrix that moved them, and open the next round."""
        return self.contract.transact("acceptWeights", task, list(weights), matrix_hash, list(proof))

    def certify(self, task: int, gradient_bound: int, proof: Sequence[int]) -> Receipt:
        """Certify the weights with a proven bound on the gradient, and open the next statistic or end the task."""
        return self.contract.transact("certify", task, gradient_bound, list(proof))

    def credit_of(self, task: int, node: str) -> int:
        """A node's accepted updates in the sum that was certified; 0 for who has none in it."""
        return int(self.contract.call("creditOf", task, node))

    def state(self, task: int, at: BlockHeader | None = None) -> TaskSnapshot:
        """A task at a block or the newest one: rounds, policy, weights. InputError where there is no such task."""
        return read_training(self.contract, task, at)


def struct(config: TaskConfig | TrainingConfig) -> dict[str, Any]:
    """A configuration by the names that Solidity has."""
    found = {}
    for field in fields(config):
        first, *rest = field.name.split("_")
        found[first + "".join(word.capitalize() for word in rest)] = getattr(config, field.name)
    if isinstance(config, TrainingConfig):
        found["lambda"] = found.pop("penalty")  # a keyword in Python
    return found
