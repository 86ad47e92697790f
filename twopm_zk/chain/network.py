"""Our contracts as typed Python: one thin class each, gathered in ``Network``.

A method is a function of the contract of the same name, see verifier/interfaces/; those that send a
transaction return its ``Receipt``, and raise TransactionError with the contract's error name and values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.connection import Receipt
from twopm_zk.chain.contracts import Chain, Contract, ContractClient
from twopm_zk.chain.deployment import Deployment
from twopm_zk.chain.networks import Conversations, Inference, Networks
from twopm_zk.chain.tasks import TaskSnapshot, TaskState, read_rounds, read_training
from twopm_zk.errors import InputError
from twopm_zk.numbers.baby_jubjub import Point

_MAX_APPROVAL = 2**256 - 1
PROOF_GAS = 25_000_000
"""For a question about a few thousand leaves, which costs nobody anything."""
STETH_KIND = 0
"""stETH in IStaking's enum of rates."""
STETH_ROUNDING = 3
"""Wei that may be lost on the way into the pool: two by Lido's transfer, one by the pool's own shares."""


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


class Identity(ContractClient):
    """IdentityContract."""

    def join(self, endpoint: str, public_key: bytes) -> Receipt:
        """Become a member."""
        return self.contract.transact("join", endpoint, public_key)

    def update(self, endpoint: str, public_key: bytes) -> Receipt:
        """Replace endpoint and key."""
        return self.contract.transact("update", endpoint, public_key)

    def set_aggregation_key(self, numbers: Sequence[int]) -> Receipt:
        """Set the lasting key to share sums with: x, y, challenge, response."""
        return self.contract.transact("setAggregationKey", *numbers)

    def aggregation_key_of(self, account: str) -> bytes:
        """The hash of an account's lasting key; zeros where there is none."""
        return bytes.fromhex(self.contract.call("aggregationKeyOf", account)[2:])

    def leave(self) -> Receipt:
        """Stop being a member."""
        return self.contract.transact("leave")

    def member_since(self, account: str) -> int:
        """Block in which the membership began, 0 for no member."""
        return int(self.contract.call("memberSince", account))

    def members(self, offset: int = 0, limit: int = 100) -> list[str]:
        """A page of the present members."""
        return list(self.contract.call("members", offset, limit))


class DataHub(ContractClient):
    """DataHub."""

    def register(self, dataset: bytes, first_index: int, commitments: Sequence[int]) -> Receipt:
        """Register batches under consecutive indices, all or none."""
        return self.contract.transact("registerMany", dataset, first_index, list(commitments))

    def commitment_of(self, owner: str, dataset: bytes, index: int) -> int:
        """0 where there is none."""
        return int(self.contract.call("commitmentOf", owner, dataset, index))

    def owner_of(self, commitment: int) -> str:
        """The zero address where nobody registered it."""
        return str(self.contract.call("ownerOf", commitment))


class Staking(ContractClient):
    """StakingContract; assets go by their number."""

    def stake(self, asset: int, amount: int) -> Receipt:
        """Stake ``amount`` of a token; it is approved first where that is needed. InputError where there is less.

        What arrives of stETH is rounded down to its shares: as many wei more are sent, where the account has them, so
        that the stake reaches ``amount``.
        """
        chain, entry = self.contract.chain, self.contract.call("assetAt", asset)
        token = Contract(chain, compile_contract("IERC20"), entry["token"])
        held = int(token.call("balanceOf", chain.address))
        rounding = STETH_ROUNDING if entry["kind"] == STETH_KIND else 0
        if held + rounding < amount:
            raise InputError(
                f"{chain.address} holds {held} wei of asset {asset}'s token, {amount - held} fewer than {amount}",
                kind="too-few-tokens",
                asset=asset,
            )
        amount = min(held, amount + rounding)
        if token.call("allowance", chain.address, self.contract.address) < amount:
            token.transact("approve", self.contract.address, _MAX_APPROVAL)
        return self.contract.transact("stake", asset, amount)

    def unstake(self, asset: int, shares: int) -> Receipt:
        """Start the exit delay of active shares."""
        return self.contract.transact("unstake", asset, shares)

    def withdraw(self, asset: int, receiver: str | None = None) -> Receipt:
        """Withdraw what finished its exit delay."""
        return self.contract.transact("withdraw", asset, receiver or self.contract.chain.address)

    def delegate(self, asset: int, shares: int) -> Receipt:
        """Delegate active shares through EigenLayer."""
        return self.contract.transact("delegate", asset, shares)

    def undelegate(self, asset: int, deposit_shares: int, *, user: str | None = None) -> Receipt:
        """Ask EigenLayer for deposit shares back."""
        return self.contract.transact("undelegate", user or self.contract.chain.address, asset, deposit_shares)

    def complete_undelegation(self, asset: int, withdrawal: Any, *, user: str | None = None) -> Receipt:
        """Bring a queued withdrawal home."""
        return self.contract.transact("completeUndelegation", user or self.contract.chain.address, asset, withdrawal)

    def stake_of(self, user: str) -> int:
        """What an account has at stake, in wei of ETH."""
        return int(self.contract.call("stakeOf", user))

    def position_of(self, user: str, asset: int) -> dict[str, int]:
        """``active`` and ``exiting`` shares, ``availableAt``, ``vaultSlashed``."""
        return dict(self.contract.call("positionOf", user, asset))


class Rounds(ContractClient):
    """What HFLContract and HLRContract share."""

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


class Hfl(Rounds):
    """HFLContract."""

    def create_task(self, config: TaskConfig, *, quorum_percent: int) -> int:
        """Create a task; its id."""
        receipt = self.contract.transact("createTask", _struct(config), quorum_percent)
        return int(receipt.event("TaskCreated")["taskId"])

    def commit_update(self, task: int, index: int, update: bytes) -> Receipt:
        """Commit to an update of the batch at ``index``."""
        return self.contract.transact("commitUpdate", task, index, update)

    def confirm(self, task: int, result: bytes) -> Receipt:
        """Vouch for a closed round's result."""
        return self.contract.transact("confirm", task, result)

    def state(self, task: int) -> TaskState:
        """A task's rounds at the newest block. InputError where there is no such task."""
        return read_rounds(self.contract, task)


class Hlr(Rounds):
    """HLRContract; proofs are 24 numbers in calldata order."""

    def create_task(self, config: TaskConfig, training: TrainingConfig) -> int:
        """Create a task; its id."""
        receipt = self.contract.transact("createTask", _struct(config), _struct(training))
        return int(receipt.event("TaskCreated")["taskId"])

    def submit_update(self, task: int, size: int, index: int, point: Point, proof: Sequence[int]) -> Receipt:
        """Hand in the proven update of the batch at ``index``, by an instance of ``size`` rows."""
        return self.contract.transact("submitUpdate", task, size, index, *point, list(proof))

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

    def share(self, task: int, digest: bytes, vector: Sequence[int]) -> Receipt:
        """Share a masked opening with the set of this digest."""
        return self.contract.transact("share", task, digest, list(vector))

    def expel(self, task: int, node: str) -> Receipt:
        """Leave out a node that was silent for too long."""
        return self.contract.transact("expel", task, node)

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

    def state(self, task: int) -> TaskSnapshot:
        """A task at the newest block: rounds, policy, weights. InputError where there is no such task."""
        return read_training(self.contract, task)


@dataclass(frozen=True)
class Network:
    """The contracts of one deployment, used by the account of ``chain``; each is checked when first used."""

    chain: Chain
    deployment: Deployment

    def signing_as(self, private_key: str) -> Network:
        """The same network, used by another account."""
        return Network(self.chain.signing_as(private_key), self.deployment)

    def contract(self, name: str) -> Contract:
        """Any contract of the deployment. Raises DeploymentError."""
        return self.deployment.contract(self.chain, name)

    @cached_property
    def identity(self) -> Identity:
        """Members."""
        return Identity(self.contract("IdentityContract"))

    @cached_property
    def data_hub(self) -> DataHub:
        """Data commitments."""
        return DataHub(self.contract("DataHub"))

    @cached_property
    def staking(self) -> Staking:
        """Stakes; what EigenLayer refuses below is decoded too."""
        self.chain.registry.add(compile_contract("IEigenLayerErrors").abi)
        return Staking(self.contract("StakingContract"))

    @cached_property
    def hfl(self) -> Hfl:
        """Federated learning with a quorum."""
        return Hfl(self.contract("HFLContract"))

    @cached_property
    def hlr(self) -> Hlr:
        """Logistic regression with proofs."""
        return Hlr(self.contract("HLRContract"))

    @cached_property
    def networks(self) -> Networks:
        """Networks: whose model can be asked, and on which terms."""
        return Networks(self.contract("NetworkRegistry"))

    @cached_property
    def inference(self) -> Inference:
        """Proven predictions."""
        return Inference(self.contract("InferenceContract"))

    @cached_property
    def conversations(self) -> Conversations:
        """Conversations, and the vote over what was answered."""
        return Conversations(self.contract("ConversationContract"))

    def verifier_id(self, instance: str) -> int:
        """Number in the registry of an instance's verifier. InputError where none was deployed."""
        if instance not in self.deployment.verifiers:
            known = ", ".join(self.deployment.verifiers) or "none"
            raise InputError(f"no verifier of {instance!r} is deployed; deployed: {known}")
        return self.deployment.verifiers[instance].id


def dataset_name(name: str) -> bytes:
    """A data set's name as contracts have it: UTF-8, at most 32 bytes, filled up with zeros."""
    encoded = name.encode()
    if not 0 < len(encoded) <= 32:
        raise InputError(f"the data set's name has {len(encoded)} bytes; 1 to 32 fit")
    return encoded.ljust(32, b"\0")


def _struct(config: TaskConfig | TrainingConfig) -> dict[str, Any]:
    """Field names as Solidity has them."""
    found = {}
    for field in fields(config):
        first, *rest = field.name.split("_")
        found[first + "".join(word.capitalize() for word in rest)] = getattr(config, field.name)
    if isinstance(config, TrainingConfig):
        found["lambda"] = found.pop("penalty")  # a keyword in Python
    return found
