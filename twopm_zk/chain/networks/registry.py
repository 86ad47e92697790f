"""NetworkRegistry: which task's model, on which terms, and who is paid by how many updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.contracts import Contract, ContractClient
from twopm_zk.chain.deployment import NOBODY
from twopm_zk.chain.rpc import Receipt
from twopm_zk.errors import ChainError, InputError

PARTS = 10_000
"""Parts of a fee by which the data owners' share is counted."""
_DAY = 86_400


class Model(IntEnum):
    """Whose contract the task of a network is of, as INetworkRegistry numbers it."""

    HLR = 0
    HFL = 1


@dataclass(frozen=True)
class NetworkTerms:
    """On which terms questions are asked; each keeps those that it was asked under. See INetworkRegistry.sol."""

    user_stake: int = 10**16
    """Wei of ETH at stake to ask."""
    operator_stake: int = 10**18
    """Wei of ETH at stake for each request that is accepted and not answered."""
    accept_seconds: int = _DAY
    answer_seconds: int = _DAY
    penalty: int = 10**17
    """Wei of ETH that a late operator loses."""
    fee: int = 0
    """For each input, in wei of ETH or units of the token."""

    def _encoded(self) -> dict[str, int]:
        return {
            "userStake": self.user_stake,
            "operatorStake": self.operator_stake,
            "acceptSeconds": self.accept_seconds,
            "answerSeconds": self.answer_seconds,
            "penalty": self.penalty,
            "fee": self.fee,
        }


@dataclass(frozen=True)
class NetworkEntry:
    """A network as its registry has it."""

    id: int
    owner: str
    model: Model
    task: int
    token: bool
    """Fees are in the deployment's token, else in ETH."""
    owners_share: int
    """Of 10,000 parts of a fee, those of the data owners."""
    closed: bool
    """It takes no new requests."""
    complete: bool
    """All nodes of the certified round, or of a federated task's last result, are enrolled: it can take fees."""
    enrolled: int
    updates: int
    """The sum of the updates of the nodes that are enrolled."""
    metadata: bytes
    """The SHA-256 of the metadata document."""
    terms: NetworkTerms


@dataclass(frozen=True)
class FeeToken:
    """The ERC-20 that fees can be in; ``symbol`` is what it says of itself."""

    address: str
    symbol: str
    decimals: int


class Networks(ContractClient):
    """NetworkRegistry."""

    def count(self) -> int:
        """How many networks there are; the last one's id."""
        return int(self.contract.call("count"))

    def get(self, network: int) -> NetworkEntry:
        """The network of this id. InputError where there is none."""
        if not 0 < network <= (last := self.count()):
            raise InputError(
                f"there is no network {network}; the last one is {last}", kind="no-network", network=network, last=last
            )
        found = self.contract.call("networkOf", network)
        terms = found["terms"]
        return NetworkEntry(
            id=network,
            owner=found["owner"],
            model=Model(found["model"]),
            task=found["taskId"],
            token=found["token"],
            owners_share=found["ownersShare"],
            closed=found["closed"],
            complete=found["complete"],
            enrolled=found["enrolled"],
            updates=found["updates"],
            metadata=bytes.fromhex(found["metadata"][2:]),
            terms=NetworkTerms(
                user_stake=terms["userStake"],
                operator_stake=terms["operatorStake"],
                accept_seconds=terms["acceptSeconds"],
                answer_seconds=terms["answerSeconds"],
                penalty=terms["penalty"],
                fee=terms["fee"],
            ),
        )

    def of_task(self, task: int, model: Model = Model.HLR) -> NetworkEntry | None:
        """The network of a task, or None."""
        network = int(self.contract.call("networkOfTask", model, task))
        return self.get(network) if network else None

    def register(
        self,
        task: int,
        metadata: bytes,
        terms: NetworkTerms,
        *,
        model: Model = Model.HLR,
        token: bool = False,
        owners_share: int = PARTS // 2,
        uri: str = "",
    ) -> int:
        """Register the network of a task, as its coordinator; the network's id. ``metadata`` is a SHA-256."""
        receipt = self.contract.transact("register", model, task, token, owners_share, metadata, uri, terms._encoded())
        return int(receipt.event("NetworkRegistered")["id"])

    def set_terms(self, network: int, terms: NetworkTerms) -> Receipt:
        """Change the terms of requests to come."""
        return self.contract.transact("setTerms", network, terms._encoded())

    def set_metadata(self, network: int, metadata: bytes, uri: str = "") -> Receipt:
        """Replace the metadata document, by its SHA-256."""
        return self.contract.transact("setMetadata", network, metadata, uri)

    def set_closed(self, network: int, closed: bool) -> Receipt:
        """Take no new requests, or take them again."""
        return self.contract.transact("setClosed", network, closed)

    def enrol(self, network: int, nodes: Sequence[str]) -> Receipt:
        """Enrol nodes of the certified round, or of a federated task's last result, so that they are paid."""
        return self.contract.transact("enrol", network, list(nodes))

    def updates_of(self, network: int, node: str) -> int:
        """The updates by which a node is paid; 0 before it is enrolled."""
        return int(self.contract.call("updatesOf", network, node))

    def enrolled(self, network: int, *, from_block: int = 0) -> dict[str, int]:
        """The updates of every node that is enrolled."""
        events = self.contract.events("Enrolled", from_block=from_block, id=network)
        return {event["node"]: int(event["updates"]) for event in events}

    def uri(self, network: int, *, from_block: int = 0) -> str:
        """Where the owner says that the metadata document is: a hint, never to be trusted."""
        events = self.contract.events("MetadataChanged", from_block=from_block, id=network)
        return str(events[-1]["uri"]) if events else ""

    @cached_property
    def token(self) -> FeeToken | None:
        """The token that fees can be in, or None."""
        address = str(self.contract.call("TOKEN"))
        if address == NOBODY:
            return None
        token = Contract(self.contract.chain, compile_contract("IERC20Metadata"), address)
        try:
            return FeeToken(address, str(token.call("symbol")), int(token.call("decimals")))
        except ChainError:  # both are optional parts of the standard
            return FeeToken(address, "", 0)
