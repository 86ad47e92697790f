"""The methods of an EVM node that are used here, and its answers as Python has them.

Answers are untrusted: what does not have the form of one is an EndpointError, as if the endpoint had not answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from eth_utils.address import to_checksum_address

from twopm_zk.chain.rpc import EndpointError, RpcError, RpcProvider

BlockName = int | str
"""The number of a block, or ``latest``, ``finalized`` and their like."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class Block:
    """The head of a block. ``base_fee`` is None on a chain that has none."""

    number: int
    hash: bytes
    timestamp: int
    base_fee: int | None


@dataclass(frozen=True)
class SentTransaction:
    """A transaction as its sender has made it. ``recipient`` is None where it creates a contract."""

    hash: str
    sender: str
    recipient: str | None
    data: bytes


@dataclass(frozen=True)
class Log:
    """What a contract has logged, not decoded."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block: int
    transaction: str


@dataclass(frozen=True)
class MinedTransaction:
    """What became of a transaction. ``contract`` is the address of the one it has created."""

    succeeded: bool
    block: int
    gas_used: int
    logs: tuple[Log, ...]
    contract: str | None


class Eth:
    """What a node at a URL is asked for. RpcError where it refuses; EndpointError where it does not answer."""

    def __init__(self, url: str) -> None:
        self._provider = RpcProvider(url)

    def _ask(self, read: Callable[[Any], _T], method: str, *parameters: Any) -> _T:
        answer = self._provider.ask(method, *parameters)
        try:
            return read(answer)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise EndpointError("it answers with something else than an EVM node") from None

    def chain_id(self) -> int:
        """The number that tells chains apart."""
        return self._ask(_number, "eth_chainId")

    def block_number(self) -> int:
        """Number of the newest block."""
        return self._ask(_number, "eth_blockNumber")

    def block(self, block: BlockName) -> Block:
        """The head of a block. RpcError where there is none."""
        return self._ask(_head, "eth_getBlockByNumber", _named(block), False)

    def transactions_in(self, block: BlockName) -> list[SentTransaction]:
        """The transactions of a block, in order."""
        return self._ask(
            lambda found: list(map(_sent, found["transactions"])), "eth_getBlockByNumber", _named(block), True
        )

    def code(self, address: str) -> bytes:
        """Deployed code, empty where there is none."""
        return self._ask(_bytes, "eth_getCode", address, "latest")

    def balance(self, address: str) -> int:
        """Balance of an account, in wei."""
        return self._ask(_number, "eth_getBalance", address, "latest")

    def transaction_count(self, address: str) -> int:
        """Transactions that an account has sent: its next nonce."""
        return self._ask(_number, "eth_getTransactionCount", address, "latest")

    def gas_price(self) -> int:
        """What gas costs now, in wei."""
        return self._ask(_number, "eth_gasPrice")

    def priority_fee(self) -> int:
        """The tip that the node suggests, in wei. Not every node has this method."""
        return self._ask(_number, "eth_maxPriorityFeePerGas")

    def call(self, fields: Mapping[str, Any], block: BlockName = "latest") -> bytes:
        """What a call returns; ``fields`` are those of a transaction: from, to, data, value, gas."""
        return self._ask(_bytes, "eth_call", _plain(fields), _named(block))

    def estimate_gas(self, fields: Mapping[str, Any]) -> int:
        """Gas that a transaction with these fields would take."""
        return self._ask(_number, "eth_estimateGas", _plain(fields))

    def send(self, signed: bytes) -> None:
        """Hand in a signed transaction."""
        self._ask(_bytes, "eth_sendRawTransaction", "0x" + signed.hex())

    def transaction(self, name: str) -> SentTransaction | None:
        """A transaction by its hash; None where the node does not know it."""
        return self._ask(_if_there(_sent), "eth_getTransactionByHash", name)

    def receipt(self, name: str) -> MinedTransaction | None:
        """What became of a transaction, by its hash; None as long as it is not mined."""
        return self._ask(_if_there(_mined), "eth_getTransactionReceipt", name)

    def logs(self, address: str, topics: Sequence[bytes | None], first: int, last: int) -> list[Log]:
        """Logs of a contract in a range of blocks, both ends included."""
        query = {
            "address": address,
            "fromBlock": hex(first),
            "toBlock": hex(last),
            "topics": [None if topic is None else "0x" + topic.hex() for topic in topics],
        }
        return self._ask(lambda found: list(map(_log, found)), "eth_getLogs", query)


def _if_there(read: Callable[[Any], _T]) -> Callable[[Any], _T | None]:
    return lambda found: None if found is None else read(found)


def _number(value: str) -> int:
    return int(value, 16)


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def _named(block: BlockName) -> str:
    return hex(block) if isinstance(block, int) else block


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    plain = {**fields, "data": "0x" + fields.get("data", b"").hex()}
    return {name: hex(value) if isinstance(value, int) else value for name, value in plain.items()}


def _head(found: Mapping[str, Any] | None) -> Block:
    if found is None:
        raise RpcError(None, "there is no such block")
    base = found.get("baseFeePerGas")
    return Block(
        number=_number(found["number"]),
        hash=_bytes(found["hash"]),
        timestamp=_number(found["timestamp"]),
        base_fee=None if base is None else _number(base),
    )


def _sent(found: Mapping[str, Any]) -> SentTransaction:
    recipient = found.get("to")
    return SentTransaction(
        hash="0x" + _bytes(found["hash"]).hex(),
        sender=to_checksum_address(found["from"]),
        recipient=None if recipient is None else to_checksum_address(recipient),
        data=_bytes(found["input"]),
    )


def _mined(found: Mapping[str, Any]) -> MinedTransaction:
    contract = found.get("contractAddress")
    return MinedTransaction(
        succeeded=_number(found["status"]) == 1,
        block=_number(found["blockNumber"]),
        gas_used=_number(found["gasUsed"]),
        logs=tuple(map(_log, found["logs"])),
        contract=None if contract is None else to_checksum_address(contract),
    )


def _log(found: Mapping[str, Any]) -> Log:
    return Log(
        address=to_checksum_address(found["address"]),
        topics=tuple(map(_bytes, found["topics"])),
        data=_bytes(found["data"]),
        block=_number(found["blockNumber"]),
        transaction="0x" + _bytes(found["transactionHash"]).hex(),
    )
