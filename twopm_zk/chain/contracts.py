"""Contracts on a chain: deploy, call, transact, read events.

``Chain`` is one connection with one signing account, which knows how to deploy; ``Contract`` is one address with its
ABI, and ``ContractClient`` what typed clients are made from. Errors of contracts further down a call are decoded too,
as long as this ``Chain`` has met their ABI.

Importing this module imports web3, which takes half a second; ``twopm_zk.chain`` does it on first use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError
from eth_typing import ABIEvent

from twopm_zk.chain.abi import DecodedEvent, checksummed, decode_values, encode_values, hash_of, signature
from twopm_zk.chain.compiler import MAX_CODE_SIZE, Artifact
from twopm_zk.chain.connection import RpcConnection
from twopm_zk.chain.rpc import Receipt, Topic
from twopm_zk.errors import DeploymentError, InputError


class Chain(RpcConnection):
    """A connection to an EVM node, with an account that signs, or without one to read only.

    ``timeout`` seconds for a transaction to be mined. Raises ChainError where no node answers.
    """

    def contract(self, artifact: Artifact, address: str) -> Contract:
        """An already deployed contract. DeploymentError where the address has no code."""
        if not self.code(address):
            raise DeploymentError(f"there is no contract at {address} on chain {self.chain_id}")
        return Contract(self, artifact, address)

    def deploy(self, artifact: Artifact, *arguments: Any, libraries: Mapping[str, str] | None = None) -> Contract:
        """Deploy a contract; ``libraries`` are addresses by name. The receipt is ``contract.deployed``."""
        code = self.creation(artifact, *arguments, libraries=libraries)
        receipt = self.send(f"constructor of {artifact.name}", data=code)
        assert receipt.contract is not None  # noqa: S101 - a creation that succeeded has an address
        contract = Contract(self, artifact, receipt.contract)
        contract.deployed = receipt
        return contract

    def creation(self, artifact: Artifact, *arguments: Any, libraries: Mapping[str, str] | None = None) -> bytes:
        """What a transaction sends to deploy a contract. DeploymentError for one that chains do not take."""
        if len(artifact.runtime) // 2 > MAX_CODE_SIZE:
            raise DeploymentError(
                f"{artifact.name} has {len(artifact.runtime) // 2} bytes of code; chains take {MAX_CODE_SIZE}"
            )
        if not artifact.bytecode:
            raise InputError(f"{artifact.name} is an interface or abstract and cannot be deployed")
        self.registry.add(artifact.abi)
        what = f"constructor of {artifact.name}"
        inputs: list[Any] = next((e["inputs"] for e in artifact.abi if e["type"] == "constructor"), [])
        return bytes.fromhex(artifact.linked(libraries)) + encode_values(what, inputs, arguments)


@dataclass(frozen=True)
class Call:
    """A function of a contract with its arguments, to be called without a transaction."""

    contract: Contract
    function: str
    arguments: tuple[Any, ...] = ()

    @classmethod
    def results(cls, calls: Sequence[Self], *, block: int | None = None) -> list[Any]:
        """What `Contract.call` gives for each, asked for together; all are of one chain."""
        if not calls:
            return []
        asked = [
            (one.contract._named(one.function), one.contract.address, one.contract.encode(one.function, *one.arguments))
            for one in calls
        ]
        found = calls[0].contract.chain.calls(asked, block=block)
        return [one.contract._decoded(one.function, raw) for one, raw in zip(calls, found, strict=True)]


class Contract:
    """One contract at one address; functions and events by name."""

    def __init__(self, chain: Chain, artifact: Artifact, address: str) -> None:
        chain.registry.add(artifact.abi)
        self.chain = chain
        self.artifact = artifact
        self.address = checksummed(address)
        self.deployed: Receipt | None = None

    def signing_as(self, private_key: str) -> Contract:
        """The same contract, used by another account."""
        return Contract(self.chain.signing_as(private_key), self.artifact, self.address)

    def encode(self, function: str, *arguments: Any) -> bytes:
        """Calldata. InputError where there is no such function, or an argument does not fit it."""
        entry = self._function(function)
        what = f"{self.artifact.name}.{function}"
        return hash_of(signature(entry))[:4] + encode_values(what, entry["inputs"], arguments)

    def _function(self, name: str) -> dict[str, Any]:
        for entry in self.artifact.abi:
            if entry["type"] == "function" and entry["name"] == name:
                return entry
        raise InputError(f"{self.artifact.name}.{name} does not exist")

    def call(
        self,
        function: str,
        *arguments: Any,
        sender: str | None = None,
        gas: int | None = None,
        block: int | None = None,
    ) -> Any:
        """Result of a function without a transaction; a tuple where it has several."""
        data = self.encode(function, *arguments)
        raw = self.chain.call(self._named(function), self.address, data, sender=sender, gas=gas, block=block)
        return self._decoded(function, raw)

    def _named(self, function: str) -> str:
        return f"{self.artifact.name}.{function}"

    def _decoded(self, function: str, raw: bytes) -> Any:
        try:
            results = decode_values(self._function(function)["outputs"], raw)
        except DecodingError as error:
            message = f"{self._named(function)}: the code at {self.address} is another contract's"
            raise DeploymentError(message) from error
        return results[0] if len(results) == 1 else tuple(results) or None

    def transact(
        self, function: str, *arguments: Any, value: int = 0, gas: int | None = None, once: bool = False
    ) -> Receipt:
        """Send a transaction and wait for it; ``once`` as `RpcConnection.send` has it. Raises TransactionError with the
        contract's error."""
        data, what = self.encode(function, *arguments), f"{self.artifact.name}.{function}"
        return self.chain.send(what, to=self.address, data=data, value=value, gas=gas, once=once)

    def topic_of(self, event: str) -> bytes:
        """What the logs of an event begin with. InputError where there is no such event."""
        return hash_of(signature(self._event(event)))

    def _event(self, name: str) -> dict[str, Any]:
        for entry in self.artifact.abi:
            if entry["type"] == "event" and entry["name"] == name:
                return entry
        raise InputError(f"{self.artifact.name} has no event {name!r}")

    def events(
        self, name: str, *, from_block: int = 0, to_block: int | None = None, **indexed: Any
    ) -> list[DecodedEvent]:
        """Events of one name in order; ``indexed`` arguments select, as in ``events("Staked", user=...)``."""
        entry = self._event(name)
        topics: list[Topic] = [hash_of(signature(entry))]
        for item in (item for item in cast(ABIEvent, entry)["inputs"] if item.get("indexed")):
            value = indexed.pop(item["name"], None)
            topics.append(None if value is None else encode([item["type"]], [value]))
        if indexed:
            raise InputError(f"{name} has no indexed argument {', '.join(map(repr, indexed))}")
        logs = self.chain.logs(self.address, topics, from_block, to_block)
        return [event for log in logs if (event := self.chain.registry.event(log))]


class ContractClient:
    """A contract of ours with typed methods; ``contract`` calls it by names that have none."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract

    @property
    def address(self) -> str:
        """Where the contract is."""
        return self.contract.address
