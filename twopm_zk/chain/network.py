"""Our contracts as typed Python: one thin class each, here or in a module of its own, gathered in ``Network``.

A method is a function of the contract of the same name, see verifier/interfaces/; those that send a
transaction return its ``Receipt``, and raise TransactionError with the contract's error name and values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from twopm_zk.chain.attestations import CertificateResolver
from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.contracts import Chain, Contract, ContractClient
from twopm_zk.chain.data_access import DataAccess
from twopm_zk.chain.deployment import Deployment
from twopm_zk.chain.federated import FederatedRoundsClient
from twopm_zk.chain.networks import Conversations, Inference, Model, Networks, ServiceManager
from twopm_zk.chain.rounds import Hlr
from twopm_zk.chain.rpc import Receipt
from twopm_zk.errors import DeploymentError, InputError, TransactionError
from twopm_zk.system.progress import Progress
from twopm_zk.task.parts.data import DataTerms

_MAX_APPROVAL = 2**256 - 1
STETH_KIND = 0
"""stETH in IStaking's enum of rates."""
STETH_ROUNDING = 3
"""Wei that may be lost on the way into the pool: two by Lido's transfer, one by the pool's own shares."""


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
    """DataHub; data sets go by the ids that follow from their terms."""

    def open(self, terms: DataTerms) -> Receipt:
        """Open the data set of these terms, whose id is ``terms.id``; nothing happens where it is open."""
        return self.contract.transact("open", terms.values)

    def is_open(self, dataset: bytes) -> bool:
        """Whether somebody has opened a data set."""
        return self.terms(dataset) is not None

    def terms(self, dataset: bytes) -> DataTerms | None:
        """What the data of a data set are; None where nobody has opened it."""
        try:
            found = self.contract.call("termsOf", dataset)
        except TransactionError as error:
            if error.error != "UnknownDataset":
                raise
            return None
        schema, attestation_schema = (bytes.fromhex(found[name][2:]) for name in ("schema", "attestationSchema"))
        return DataTerms(schema, found["heldOut"], attestation_schema, tuple(found["issuers"]))

    def register(self, dataset: bytes, first_index: int, commitments: Sequence[int]) -> Receipt:
        """Register batches under consecutive indices, all or none."""
        return self.contract.transact("register", dataset, first_index, list(commitments))

    def bind(
        self, dataset: bytes, owner: str, uid: bytes, commitments: Sequence[int], *, once: bool = False
    ) -> Receipt:
        """Say which attestation the commitments of an owner have, as that owner or an issuer; ``once`` as
        `RpcConnection.send` has it."""
        return self.contract.transact("bind", dataset, owner, uid, list(commitments), once=once)

    def withdraw(self, dataset: bytes, *, retraining: bool = False) -> Receipt:
        """Withdraw this account's data for good; ``retraining`` allows to train on without them."""
        return self.contract.transact("withdraw", dataset, retraining)

    def usable(self, owner: str, dataset: bytes, index: int) -> tuple[int, int]:
        """The commitment that an update may use now, and its block; zeros where there is none.

        Raises TransactionError: DataIsWithdrawn, NotAttested, AttestationEnded.
        """
        commitment, since = self.contract.call("usable", owner, dataset, index)
        return int(commitment), int(since)

    def commitment_of(self, owner: str, dataset: bytes, index: int) -> int:
        """0 where there is none."""
        return int(self.contract.call("commitmentOf", owner, dataset, index))

    def registered_at(self, owner: str, commitment: int) -> int:
        """Block in which an owner registered a commitment, 0 for never."""
        return int(self.contract.call("registeredAt", owner, commitment))

    def withdrawn_at(self, owner: str, dataset: bytes) -> int:
        """Block in which an owner withdrew its data, 0 for never."""
        return int(self.contract.call("withdrawnAt", owner, dataset))

    def may_retrain_without(self, owner: str, dataset: bytes) -> bool:
        """Whether an owner has withdrawn its data and allowed to train on without them."""
        return bool(self.contract.call("mayRetrainWithout", owner, dataset))

    def attestation_of(self, owner: str, dataset: bytes, commitment: int) -> bytes:
        """UID of the attestation that a commitment was last bound to; zeros for none."""
        return bytes.fromhex(self.contract.call("attestationOf", owner, dataset, commitment)[2:])

    @property
    def eas(self) -> str:
        """The Ethereum Attestation Service; the zero address on a chain without it."""
        return str(self.contract.call("EAS"))


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

    def operator_for(self, user: str) -> str:
        """EigenLayer's operator for what an account delegates; the zero address where there is none."""
        return str(self.contract.call("operatorFor", user))

    def delegate(self, asset: int, shares: int, operator: str) -> Receipt:
        """Delegate active shares through EigenLayer; refused where ``operator`` is no longer the account's."""
        return self.contract.transact("delegate", asset, shares, operator)

    def eth_value(self, asset: int, tokens: int) -> int:
        """What tokens of an asset are worth, in wei of ETH."""
        return int(self.contract.call("ethValue", asset, tokens))

    def set_operator(self, operator: str) -> Receipt:
        """Name EigenLayer's operator for new delegations, as the owner."""
        return self.contract.transact("setOperator", operator)

    def set_claimer(self, coordinator: str, claimer: str) -> Receipt:
        """Let an account claim what this one's vault earns at EigenLayer's ``coordinator``."""
        return self.contract.transact("setClaimer", coordinator, claimer)

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


@dataclass(frozen=True)
class Network:
    """The contracts of one deployment, used by the account of ``chain``; each is checked when first used."""

    chain: Chain
    deployment: Deployment
    _used: dict[str, Contract] = field(default_factory=dict, init=False, repr=False, compare=False)

    def signing_as(self, private_key: str) -> Network:
        """The same network, used by another account."""
        return Network(self.chain.signing_as(private_key), self.deployment)

    def check(self, *, progress: Progress | None = None) -> None:
        """Compare the whole deployment with the chain, as `Deployment.check` does."""
        self._used.update(self.deployment.check(self.chain, progress=progress))

    def contract(self, name: str) -> Contract:
        """Any contract of the deployment. Raises DeploymentError."""
        if name not in self._used:
            self._used[name] = self.deployment.contract(self.chain, name)
        return self._used[name]

    @cached_property
    def identity(self) -> Identity:
        """Members."""
        return Identity(self.contract("IdentityContract"))

    @cached_property
    def data_hub(self) -> DataHub:
        """Data sets: commitments, attestations, withdrawals."""
        return DataHub(self.contract("DataHub"))

    @cached_property
    def data_access(self) -> DataAccess:
        """Where encrypted data sets are, and who may have them."""
        return DataAccess(self.contract("DataAccess"))

    @cached_property
    def staking(self) -> Staking:
        """Stakes; what EigenLayer refuses below is decoded too."""
        self.chain.registry.add(compile_contract("IEigenLayerErrors").abi)
        return Staking(self.contract("StakingContract"))

    @cached_property
    def stakes(self) -> ServiceManager:
        """What stands behind operators: restaked stake, or what they have with StakingContract."""
        self.chain.registry.add(compile_contract("IEigenLayerErrors").abi)
        return ServiceManager(self.contract("ServiceManager"))

    @cached_property
    def hfl(self) -> FederatedRoundsClient:
        """Federated learning of any model, accepted by a quorum."""
        return FederatedRoundsClient(self.contract("HFLContract"))

    @cached_property
    def hlr(self) -> Hlr:
        """Logistic regression with proofs."""
        return Hlr(self.contract("HLRContract"))

    @cached_property
    def certificates(self) -> CertificateResolver:
        """Certificates as attestations. DeploymentError where the deployment's chain has no attestation service."""
        if "CertificateResolver" not in self.deployment.contracts:
            raise DeploymentError("the deployment knows no attestation service", kind="no-eas")
        return CertificateResolver(self.contract("CertificateResolver"))

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

    def requests(self, model: Model) -> Inference | Conversations:
        """Where operators of a network are asked, and its fees are held, by whose contract its task is of."""
        return self.inference if model is Model.HLR else self.conversations

    def verifier_id(self, instance: str) -> int:
        """Number in the registry of an instance's verifier. InputError where none was deployed."""
        if instance not in self.deployment.verifiers:
            known = ", ".join(self.deployment.verifiers) or "none"
            raise InputError(f"no verifier of {instance!r} is deployed; deployed: {known}")
        return self.deployment.verifiers[instance].id
