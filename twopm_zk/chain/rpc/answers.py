"""What an endpoint answers, parsed once into what is needed of it.

web3's own formatters turn every field of a block, a log or a receipt into objects, which takes longer than the request.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from twopm_zk.chain.abi import Log, checksummed
from twopm_zk.chain.rpc.endpoint import EndpointError

_T = TypeVar("_T")
_NUMBER = re.compile("0x[0-9a-fA-F]+")


class UnusableAnswerError(EndpointError):
    """An answer that is not of the kind that was asked for."""


@dataclass(frozen=True)
class BlockHeader:
    """A block without its transactions."""

    number: int
    hash: bytes
    parent: bytes
    time: int
    """Seconds since 1970."""
    base_fee: int | None
    """Wei for a unit of gas; None on a chain that has no such fee."""


@dataclass(frozen=True)
class SentTransaction:
    """A transaction as it was sent."""

    hash: str
    sender: str
    to: str | None
    """None where it creates a contract."""
    data: bytes


@dataclass(frozen=True)
class MinedTransaction:
    """A transaction's receipt."""

    succeeded: bool
    block: int
    gas_used: int
    logs: tuple[Log, ...]
    contract: str | None
    """Address of the contract that it created."""


def parsed(what: str, parse: Callable[[Any], _T], answer: Any) -> _T:
    """An answer as its type. Raises UnusableAnswerError for one that is none."""
    try:
        return parse(answer)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnusableAnswerError(f"it answers with something else than {what}") from error


def number(answer: Any) -> int:
    """A number in hexadecimal, which begins with 0x."""
    if not _NUMBER.fullmatch(answer):
        raise ValueError("no hexadecimal number")
    return int(answer, 16)


def data(answer: Any) -> bytes:
    """Bytes in hexadecimal, which begin with 0x."""
    found = bytes.fromhex(answer[2:])
    if answer[:2] != "0x" or len(answer) != 2 + 2 * len(found):  # fromhex takes spaces too
        raise ValueError("no hexadecimal data")
    return found


def block_header(answer: Any) -> BlockHeader:
    """A block; of its transactions nothing is looked at."""
    fee = answer.get("baseFeePerGas")
    return BlockHeader(
        number(answer["number"]),
        _hash(answer["hash"]),
        _hash(answer["parentHash"]),
        number(answer["timestamp"]),
        None if fee is None else number(fee),
    )


def logs(answer: Any) -> tuple[Log, ...]:
    """A list of logs, in the order of the answer."""
    return tuple(map(_log, answer))


def mined(answer: Any) -> MinedTransaction:
    """A receipt."""
    contract = answer.get("contractAddress")
    return MinedTransaction(
        number(answer["status"]) == 1,
        number(answer["blockNumber"]),
        number(answer["gasUsed"]),
        logs(answer["logs"]),
        None if contract is None else checksummed(contract),
    )


def transaction(answer: Any) -> SentTransaction:
    """A transaction, of a block or by itself."""
    to = answer.get("to")
    return SentTransaction(
        "0x" + _hash(answer["hash"]).hex(),
        checksummed(answer["from"]),
        None if to is None else checksummed(to),
        data(answer["input"]),
    )


def _log(answer: Any) -> Log:
    return Log(
        checksummed(answer["address"]),
        tuple(map(_hash, answer["topics"])),
        data(answer["data"]),
        number(answer["blockNumber"]),
        "0x" + _hash(answer["transactionHash"]).hex(),
        number(answer["logIndex"]),
    )


def _hash(answer: Any) -> bytes:
    found = data(answer)
    if len(found) != 32:
        raise ValueError("no hash of 32 bytes")
    return found
