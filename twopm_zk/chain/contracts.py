"""Contracts on a chain: deploy, call, transact, read events; every revert decoded.

``Chain`` is one connection with one signing account, ``Contract`` one address with its ABI. A transaction
is estimated, signed here, sent, waited for, and its receipt checked; whatever goes wrong is a
TransactionError that carries the contract's own error name and values. Errors of contracts further down
the call are decoded too, as long as this ``Chain`` has met their ABI.

Importing this module imports web3, which takes about a second; ``twopm_zk.chain`` does it on first use.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar, cast

import requests
from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ABIEvent, ChecksumAddress, HexStr
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError
from web3 import HTTPProvider, Web3
from web3.exceptions import (
    ContractLogicError,
    TimeExhausted,
    TransactionNotFound,
    Web3Exception,
    Web3RPCError,
)
from web3.types import FilterParams, LogReceipt, RPCEndpoint, TxParams, TxReceipt, Wei

from twopm_zk.chain.abi import Event, Registry, decode_values, encode_values, signature
from twopm_zk.chain.compiler import MAX_CODE_SIZE, Artifact
from twopm_zk.errors import ChainError, DeploymentError, InputError, TransactionError

_SEND_ATTEMPTS = 5
_EVENT_CHUNK = 5000
_RPC_HINT = "Is an EVM node running there? Give its URL with --rpc-url, or in TWOPM_ZK_RPC_URL."
_T = TypeVar("_T")


def reading(what: str, read: Callable[[], _T]) -> _T:
    """A read from the chain; whatever the connection does becomes a ChainError, which participants try again."""
    try:
        return read()
    except (Web3Exception, OSError, json.JSONDecodeError) as error:
        raise ChainError(f"{what} could not be read from the chain: {_rpc_message(error)}", hint=_RPC_HINT) from error


@dataclass(frozen=True)
class Receipt:
    """A transaction that succeeded."""

    transaction: str
    block: int
    gas_used: int
    events: tuple[Event, ...]
    contract: str | None = None
    """Address of the contract it created."""

    def event(self, name: str) -> Event:
        """The only event of that name. KeyError where there is none, or more than one."""
        found = [event for event in self.events if event.name == name]
        if len(found) != 1:
            raise KeyError(f"{len(found)} events {name!r} in {[event.name for event in self.events]}")
        return found[0]


class Chain:
    """A connection to an EVM node, with an account that signs, or without one to read only.

    ``timeout`` seconds for a transaction to be mined. Raises ChainError where no node answers.
    """

    def __init__(self, url: str, *, private_key: str | None = None, timeout: float = 120.0) -> None:
        self.url = url
        self.timeout = timeout
        provider = HTTPProvider(
            url,
            request_kwargs={"timeout": 30},
            # web3 asks for the chain id before every call: once is enough
            cache_allowed_requests=True,
            cacheable_requests={RPCEndpoint("eth_chainId")},
        )
        self.web3 = Web3(provider)
        self.registry = Registry()
        self._nonces: dict[ChecksumAddress, int] = {}
        self._account = _account(private_key)
        try:
            self.chain_id = self.web3.eth.chain_id
        except (OSError, Web3Exception, ValueError) as error:
            raise ChainError(f"no EVM node answers at {url}: {_rpc_message(error)}", hint=_RPC_HINT) from error

    def signing_as(self, private_key: str) -> Self:
        """The same connection with another account."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._account = _account(private_key)
        return other

    @property
    def account(self) -> LocalAccount:
        """The signing account, for messages off the chain. InputError where there is none."""
        if self._account is None:
            raise InputError(
                "this command sends a transaction and needs a private key",
                hint="Give a keystore file, or set TWOPM_ZK_PRIVATE_KEY.",
            )
        return self._account

    @property
    def address(self) -> ChecksumAddress:
        """Address of the signing account. InputError where there is none."""
        return self.account.address

    def forget_nonces(self) -> None:
        """Ask the node again, after its chain was set back."""
        self._nonces.clear()

    @property
    def block(self) -> int:
        """Number of the newest block."""
        return int(reading("the newest block", lambda: self.web3.eth.block_number))

    @property
    def time(self) -> int:
        """Timestamp of the newest block, seconds since 1970."""
        return int(reading("the newest block", lambda: self.web3.eth.get_block("latest"))["timestamp"])

    def code(self, address: str) -> bytes:
        """Deployed code at an address, empty where there is none."""
        return bytes(reading(f"the code at {address}", lambda: self.web3.eth.get_code(to_checksum_address(address))))

    def balance(self, address: str) -> int:
        """In wei."""
        return int(reading("a balance", lambda: self.web3.eth.get_balance(to_checksum_address(address))))

    def contract(self, artifact: Artifact, address: str) -> Contract:
        """An already deployed contract. DeploymentError where the address has no code."""
        if not self.code(address):
            raise DeploymentError(f"there is no contract at {address} on chain {self.chain_id}")
        return Contract(self, artifact, address)

    def deploy(self, artifact: Artifact, *arguments: Any, libraries: Mapping[str, str] | None = None) -> Contract:
        """Deploy a contract; ``libraries`` are addresses by name. The receipt is ``contract.deployed``."""
        if len(artifact.runtime) // 2 > MAX_CODE_SIZE:
            raise DeploymentError(
                f"{artifact.name} has {len(artifact.runtime) // 2} bytes of code; chains take {MAX_CODE_SIZE}"
            )
        if not artifact.bytecode:
            raise InputError(f"{artifact.name} is an interface or abstract and cannot be deployed")
        self.registry.add(artifact.abi)
        what = f"constructor of {artifact.name}"
        inputs: list[Any] = next((e["inputs"] for e in artifact.abi if e["type"] == "constructor"), [])
        code = bytes.fromhex(artifact.linked(libraries)) + encode_values(what, inputs, arguments)
        receipt = self.send(what, data=code)
        assert receipt.contract is not None  # noqa: S101 - a creation that succeeded has an address
        contract = Contract(self, artifact, receipt.contract)
        contract.deployed = receipt
        return contract

    def call(
        self,
        what: str,
        to: str,
        data: bytes,
        *,
        sender: str | None = None,
        gas: int | None = None,
        block: int | None = None,
    ) -> bytes:
        """Run code without a transaction. ``what`` is for the message. Raises TransactionError."""
        parameters: TxParams = {"to": to_checksum_address(to), "data": data}
        if sender or self._account:
            parameters["from"] = to_checksum_address(sender or self.address)
        if gas is not None:
            parameters["gas"] = gas
        try:
            return bytes(self.web3.eth.call(parameters, "latest" if block is None else cast(Any, block)))
        except ContractLogicError as error:
            raise self._reverted(what, error) from error
        except (Web3Exception, OSError, ValueError) as error:
            raise ChainError(f"{what}: {_rpc_message(error)}", hint=_rpc_hint(error)) from error

    def send(
        self,
        what: str,
        *,
        to: str | None = None,
        data: bytes = b"",
        value: int = 0,
        gas: int | None = None,
    ) -> Receipt:
        """Sign, send and wait for one transaction; without ``gas`` it is estimated, with a tenth to spare.

        The nonce is kept here and asked for again when the node says it is used; the same signed
        transaction is sent again after a lost connection, which cannot pay twice. Raises TransactionError.
        """
        parameters: TxParams = {"from": self.address, "data": data, "value": Wei(value)}
        parameters["chainId"] = self.chain_id
        if to is not None:
            parameters["to"] = to_checksum_address(to)
        parameters["gas"] = gas if gas is not None else self._estimate(what, parameters)
        parameters.update(reading("the price of gas", self._fees))
        transaction = self._submit(what, parameters)
        return self._wait(what, transaction, parameters)

    def _estimate(self, what: str, parameters: TxParams) -> int:
        try:
            estimate = self.web3.eth.estimate_gas(parameters)
        except ContractLogicError as error:
            raise self._reverted(what, error) from error
        except (Web3Exception, OSError, ValueError) as error:
            raise TransactionError(f"{what}: {_rpc_message(error)}", hint=_rpc_hint(error)) from error
        return estimate + estimate // 10

    def _fees(self) -> TxParams:
        base = self.web3.eth.get_block("latest").get("baseFeePerGas")
        if base is None:
            return {"gasPrice": self.web3.eth.gas_price}
        tip = self.web3.eth.max_priority_fee
        return {"maxPriorityFeePerGas": tip, "maxFeePerGas": Wei(2 * base + tip)}

    def _submit(self, what: str, parameters: TxParams) -> bytes:
        assert self._account is not None  # noqa: S101 - self.address was asked for before
        sender = self.address
        last: Exception | None = None
        doubtful: list[bytes] = []  # sent, but the answer was lost: the node may have taken them
        for attempt in range(_SEND_ATTEMPTS):
            if sender not in self._nonces:
                self._nonces[sender] = reading(
                    "the number of transactions", lambda: self.web3.eth.get_transaction_count(sender, "pending")
                )
            nonce = self._nonces[sender]
            fields = {key: value for key, value in parameters.items() if key != "from"}
            signed = self._account.sign_transaction(cast(Any, {**fields, "nonce": nonce}))
            try:
                self.web3.eth.send_raw_transaction(signed.raw_transaction)
            except (OSError, requests.RequestException) as error:
                last = error
                doubtful.append(bytes(signed.hash))
                time.sleep(0.2 * (attempt + 1))
                continue
            except (Web3RPCError, ValueError) as error:
                last, message = error, _rpc_message(error).lower()
                if "already known" not in message and "already imported" not in message:
                    self._nonces.pop(sender, None)
                    if taken := next(filter(self._knows, doubtful), None):
                        return taken
                    if "nonce" not in message and "underpriced" not in message:
                        raise TransactionError(f"{what}: {_rpc_message(error)}") from error
                    time.sleep(0.1 * attempt)
                    continue
            self._nonces[sender] = nonce + 1
            return bytes(signed.hash)
        raise TransactionError(
            f"{what}: not sent after {_SEND_ATTEMPTS} attempts: {_rpc_message(last)}", hint=_rpc_hint(last)
        )

    def _knows(self, transaction: bytes) -> bool:
        try:
            self.web3.eth.get_transaction(cast(HexStr, "0x" + transaction.hex()))
        except TransactionNotFound:
            return False
        except (Web3Exception, OSError) as error:
            raise ChainError(f"transaction 0x{transaction.hex()}: {_rpc_message(error)}", hint=_RPC_HINT) from error
        return True

    def _wait(self, what: str, transaction: bytes, parameters: TxParams) -> Receipt:
        name = "0x" + transaction.hex()
        try:
            receipt = self.web3.eth.wait_for_transaction_receipt(
                cast(HexStr, name), timeout=self.timeout, poll_latency=0.02
            )
        except (TimeExhausted, TransactionNotFound) as error:
            self._nonces.pop(self.address, None)
            raise TransactionError(
                f"{what}: transaction {name} was not mined within {self.timeout:g} s",
                hint="It may still be mined: look it up before sending it again.",
            ) from error
        except (Web3Exception, OSError, ValueError) as error:
            raise ChainError(
                f"{what}: transaction {name}: {_rpc_message(error)}",
                hint="It may be mined all the same: look it up before sending it again.",
            ) from error
        if receipt["status"] != 1:
            raise self._failed(what, name, receipt, parameters)
        return Receipt(
            transaction=name,
            block=receipt["blockNumber"],
            gas_used=receipt["gasUsed"],
            events=tuple(event for log in receipt["logs"] if (event := self.registry.event(log))),
            contract=receipt.get("contractAddress"),
        )

    def _failed(self, what: str, name: str, receipt: TxReceipt, parameters: TxParams) -> TransactionError:
        """Run the transaction again on the block before, to learn why it failed."""
        if receipt["gasUsed"] >= parameters["gas"]:
            return TransactionError(f"{what}: transaction {name} ran out of its {parameters['gas']} gas")
        replay = {key: parameters[key] for key in ("from", "to", "data", "value", "gas") if key in parameters}
        try:
            self.web3.eth.call(cast(TxParams, replay), cast(Any, receipt["blockNumber"] - 1))
        except ContractLogicError as error:
            return self._reverted(what, error)
        except (Web3Exception, OSError, ValueError):
            pass
        return TransactionError(f"{what}: transaction {name} reverted in block {receipt['blockNumber']}")

    def _reverted(self, what: str, error: ContractLogicError) -> TransactionError:
        data = error.data if isinstance(error.data, str) else ""
        raw = bytes.fromhex(data.removeprefix("0x")) if data.startswith("0x") else b""
        if found := self.registry.error(raw):
            name, values = found
            if name == "Error":
                return TransactionError(f"{what} reverted: {values['message']}", error=name, values=values)
            shown = ", ".join(f"{key}={value}" for key, value in values.items())
            message = f"{what} reverted: {name}({shown})"
            return TransactionError(message, error=name, values=values)
        reason = f"with an unknown error 0x{raw.hex()}" if raw else "without a reason"
        return TransactionError(f"{what} reverted {reason}")

    def logs(
        self, address: str, topics: Sequence[bytes | None], from_block: int, to_block: int | None
    ) -> Iterator[LogReceipt]:
        """Logs in order, asked for in pieces, which are halved where the node finds them too large."""
        last = self.block if to_block is None else to_block
        size = _EVENT_CHUNK
        while from_block <= last:
            upto = min(last, from_block + size - 1)
            query: FilterParams = {
                "address": to_checksum_address(address),
                "fromBlock": cast(Any, from_block),
                "toBlock": cast(Any, upto),
                "topics": [None if topic is None else cast(HexStr, "0x" + topic.hex()) for topic in topics],
            }
            try:
                found = self.web3.eth.get_logs(query)
            except (Web3Exception, OSError, ValueError) as error:
                if size == 1:
                    raise ChainError(f"events of {address}: {_rpc_message(error)}", hint=_rpc_hint(error)) from error
                size = max(1, size // 2)
                continue
            yield from found
            from_block = upto + 1
            size = min(_EVENT_CHUNK, size * 2)


class Contract:
    """One contract at one address; functions and events by name."""

    def __init__(self, chain: Chain, artifact: Artifact, address: str) -> None:
        chain.registry.add(artifact.abi)
        self.chain = chain
        self.artifact = artifact
        self.address = to_checksum_address(address)
        self.deployed: Receipt | None = None

    def signing_as(self, private_key: str) -> Contract:
        """The same contract, used by another account."""
        return Contract(self.chain.signing_as(private_key), self.artifact, self.address)

    def encode(self, function: str, *arguments: Any) -> bytes:
        """Calldata. InputError where there is no such function, or an argument does not fit it."""
        entry = self._function(function)
        what = f"{self.artifact.name}.{function}"
        return keccak(signature(entry).encode())[:4] + encode_values(what, entry["inputs"], arguments)

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
        what = f"{self.artifact.name}.{function}"
        data = self.encode(function, *arguments)
        raw = self.chain.call(what, self.address, data, sender=sender, gas=gas, block=block)
        try:
            results = decode_values(self._function(function)["outputs"], raw)
        except DecodingError as error:
            raise DeploymentError(f"{what}: the code at {self.address} is another contract's") from error
        return results[0] if len(results) == 1 else tuple(results) or None

    def transact(self, function: str, *arguments: Any, value: int = 0, gas: int | None = None) -> Receipt:
        """Send a transaction and wait for it. Raises TransactionError with the contract's error."""
        data = self.encode(function, *arguments)
        return self.chain.send(f"{self.artifact.name}.{function}", to=self.address, data=data, value=value, gas=gas)

    def events(self, name: str, *, from_block: int = 0, to_block: int | None = None, **indexed: Any) -> list[Event]:
        """Events of one name in order; ``indexed`` arguments select, as in ``events("Staked", user=...)``."""
        entry = next((e for e in self.artifact.abi if e["type"] == "event" and e["name"] == name), None)
        if entry is None:
            raise InputError(f"{self.artifact.name} has no event {name!r}")
        topics: list[bytes | None] = [keccak(signature(entry).encode())]
        for item in (item for item in cast(ABIEvent, entry)["inputs"] if item.get("indexed")):
            value = indexed.pop(item["name"], None)
            topics.append(None if value is None else encode([item["type"]], [value]))
        if indexed:
            raise InputError(f"{name} has no indexed argument {', '.join(map(repr, indexed))}")
        logs = self.chain.logs(self.address, topics, from_block, to_block)
        return [event for log in logs if (event := self.chain.registry.event(log))]


def _account(private_key: str | None) -> LocalAccount | None:
    if private_key is None:
        return None
    try:
        return cast(LocalAccount, Account.from_key(private_key))
    except (ValueError, TypeError, ValidationError):
        # the original message may quote the key
        raise InputError(
            "the private key is not 32 bytes in hexadecimal",
            hint="Set TWOPM_ZK_PRIVATE_KEY to one, or give --keystore FILE.",
        ) from None


def _rpc_message(error: Exception | None) -> str:
    if isinstance(error, Web3RPCError) and error.rpc_response:
        detail = error.rpc_response.get("error")
        if isinstance(detail, dict):
            return " ".join(str(detail.get("message", detail)).split())
    if isinstance(error, requests.ConnectionError):
        return "it cannot be reached"  # its own words are a stack of class names
    return " ".join(str(error).split())[:200] or type(error).__name__


def _rpc_hint(error: Exception | None) -> str | None:
    """Where the connection is to blame, and not what was asked."""
    return _RPC_HINT if isinstance(error, OSError) else None
