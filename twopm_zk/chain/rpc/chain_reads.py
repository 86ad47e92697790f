"""What is read of a chain through one endpoint: blocks, accounts, calls, receipts, logs; every revert decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from web3 import Web3
from web3._utils.error_formatters_utils import raise_contract_logic_error_on_revert
from web3.exceptions import BlockNotFound, ContractLogicError, Web3Exception
from web3.types import RPCEndpoint, RPCResponse

from twopm_zk.chain.abi import DecodedEvent, Log, Registry, checksummed
from twopm_zk.chain.rpc import answers
from twopm_zk.chain.rpc.answers import BlockHeader, MinedTransaction, SentTransaction
from twopm_zk.chain.rpc.endpoint import RpcProvider, reading, rpc_kind, rpc_message
from twopm_zk.errors import ChainError, TransactionError
from twopm_zk.system.urls import shown_url

Topic = bytes | Sequence[bytes] | None
"""What a log is to have in one place: this, one of these, or anything."""
Refused = Callable[[RPCResponse], RPCResponse] | None
"""What makes an exception of an answer that is an error."""
_T = TypeVar("_T")
_EVENT_CHUNK = 5000
_REVERTED = raise_contract_logic_error_on_revert


@dataclass(frozen=True)
class Receipt:
    """A transaction that succeeded."""

    transaction: str
    block: int
    gas_used: int
    events: tuple[DecodedEvent, ...]
    contract: str | None = None
    """Address of the contract it created."""

    def event(self, name: str) -> DecodedEvent:
        """The only event of that name. KeyError where there is none, or more than one."""
        found = [event for event in self.events if event.name == name]
        if len(found) != 1:
            raise KeyError(f"{len(found)} events {name!r} in {[event.name for event in self.events]}")
        return found[0]


@dataclass
class _Pace:
    """What an endpoint was found to take, for all accounts that use it."""

    blocks_at_once: int = _EVENT_CHUNK
    """Of a query for logs that was answered."""


class ChainReads:
    """Reads of an EVM node. Raises ChainError where no node answers."""

    def __init__(self, url: str) -> None:
        self.endpoint = shown_url(url)
        """Scheme and host of the node, which may be shown: the rest of its URL may be a key."""
        # of web3's own layers none is needed here: they look names up, change results into objects with attributes, and
        # ask for the chain again before each call, which takes longer than the call
        self._provider = RpcProvider(url)
        self.web3 = Web3(self._provider, middleware=[])
        self.registry = Registry()
        self._pace = _Pace()
        try:
            self.chain_id = self._ask("a number", answers.number, "eth_chainId")
        except (OSError, Web3Exception, ValueError) as error:
            raise ChainError(
                f"no EVM node answers at {self.endpoint}: {rpc_message(error)}", kind=rpc_kind(error) or "no-rpc"
            ) from error

    @property
    def caller(self) -> str | None:
        """Who makes the calls that name nobody; None for nobody in particular."""
        return None

    def final_block(self) -> int | None:
        """Number of the last block that is final; None on a chain that has no such word."""
        try:
            return self.header("finalized").number
        except Web3Exception:
            return None

    @property
    def block(self) -> int:
        """Number of the newest block."""
        return reading("the newest block", lambda: self._ask("a number", answers.number, "eth_blockNumber"))

    @property
    def time(self) -> int:
        """Timestamp of the newest block, seconds since 1970."""
        return reading("the newest block", lambda: self.header("latest")).time

    def time_of(self, block: int) -> int:
        """Timestamp of a block, seconds since 1970."""
        return reading(f"block {block}", lambda: self.header(block)).time

    def header(self, block: int | str) -> BlockHeader:
        """A block by its number, or by a word such as ``latest``.

        Raises what web3 raises, for a block that the chain does not have too; see `reading`.
        """
        which = block if isinstance(block, str) else hex(block)
        found = self._ask("a block", _if_there(answers.block_header), "eth_getBlockByNumber", which, False)
        if found is None:
            raise BlockNotFound(f"the chain has no block {block}")
        return found

    def transactions(self, block: int) -> list[SentTransaction]:
        """The transactions of a block, in order."""

        def parse(answer: Any) -> list[SentTransaction]:
            return [answers.transaction(sent) for sent in answer["transactions"]]

        return reading(f"block {block}", lambda: self._ask("a block", parse, "eth_getBlockByNumber", hex(block), True))

    def transaction(self, name: str) -> SentTransaction | None:
        """A transaction by its hash; None where the endpoint does not know it."""
        parse = _if_there(answers.transaction)
        return reading("a transaction", lambda: self._ask("a transaction", parse, "eth_getTransactionByHash", name))

    def code(self, address: str) -> bytes:
        """Deployed code at an address, empty where there is none."""
        where = checksummed(address)
        return reading(
            f"the code at {address}", lambda: self._ask("code", answers.data, "eth_getCode", where, "latest")
        )

    def codes(self, addresses: Sequence[str]) -> list[bytes]:
        """Deployed code at each address, asked for together."""
        places = [[checksummed(address), "latest"] for address in addresses]

        def read() -> list[bytes]:
            found = self._together("eth_getCode", places)
            return [self._parsed("code", answers.data, *one) for one in zip(found, places, strict=True)]

        return reading("the code of contracts", read)

    def balance(self, address: str) -> int:
        """Balance of an account, in wei."""
        where = checksummed(address)
        return reading("a balance", lambda: self._ask("a number", answers.number, "eth_getBalance", where, "latest"))

    def _ask(
        self,
        what: str,
        parse: Callable[[Any], _T],
        method: str,
        *parameters: Any,
        refused: Refused = None,
    ) -> _T:
        """The answer to one request, parsed; ``refused`` makes an exception of one that is an error."""
        answer = self.web3.manager.request_blocking(RPCEndpoint(method), list(parameters), refused)
        return answers.parsed(what, parse, answer)

    def _together(self, method: str, asked: Sequence[list[Any]]) -> list[RPCResponse]:
        """What is answered to requests of one method, by their parameters."""
        return self._provider.make_together([(RPCEndpoint(method), parameters) for parameters in asked])

    def _parsed(
        self, what: str, parse: Callable[[Any], _T], response: RPCResponse, parameters: Any, refused: Refused = None
    ) -> _T:
        return answers.parsed(what, parse, self.web3.manager.formatted_response(response, parameters, refused))

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
        with self._explained(what):
            return self._ask(
                "data", answers.data, "eth_call", *self._called(to, data, sender, gas, block), refused=_REVERTED
            )

    def calls(self, asked: Sequence[tuple[str, str, bytes]], *, block: int | None = None) -> list[bytes]:
        """Run code without transactions, asked for together: ``what``, where and the data of each, as `call` has them.

        Raises TransactionError for the first that fails.
        """
        parameters = [self._called(to, data, None, None, block) for _, to, data in asked]
        with self._explained(", ".join(what for what, _, _ in asked)):
            found = self._together("eth_call", parameters)
        results = []
        for (what, _, _), response, sent in zip(asked, found, parameters, strict=True):
            with self._explained(what):
                results.append(self._parsed("data", answers.data, response, sent, _REVERTED))
        return results

    def _called(self, to: str, data: bytes, sender: str | None, gas: int | None, block: int | None) -> list[Any]:
        """The parameters of a call."""
        parameters = {"to": checksummed(to), "data": "0x" + data.hex()}
        if caller := sender or self.caller:
            parameters["from"] = checksummed(caller)
        if gas is not None:
            parameters["gas"] = hex(gas)
        return [parameters, "latest" if block is None else hex(block)]

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Whatever goes wrong with a call as a TransactionError or a ChainError."""
        try:
            yield
        except ContractLogicError as error:
            raise self._reverted(what, error) from error
        except (Web3Exception, OSError, ValueError) as error:
            raise ChainError(f"{what}: {rpc_message(error)}", kind=rpc_kind(error)) from error

    def receipt(self, transaction: str) -> Receipt | None:
        """Of a transaction that succeeded some time ago; None for one that did not, or that the chain does not have."""
        found = reading("a receipt", lambda: self.mined(transaction))
        return self._decoded(transaction, found) if found is not None and found.succeeded else None

    def mined(self, transaction: str) -> MinedTransaction | None:
        """What has become of a transaction; None where no block has it. Raises what web3 raises; see `reading`."""
        return self._ask("a receipt", _if_there(answers.mined), "eth_getTransactionReceipt", transaction)

    def _decoded(self, name: str, receipt: MinedTransaction) -> Receipt:
        return Receipt(
            transaction=name,
            block=receipt.block,
            gas_used=receipt.gas_used,
            events=tuple(event for log in receipt.logs if (event := self.registry.event(log))),
            contract=receipt.contract,
        )

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
        if raw:
            return TransactionError(f"{what} reverted with an unknown error 0x{raw.hex()}")
        said = rpc_message(error).partition("reverted: ")[2]  # some nodes give a reason without its bytes
        return TransactionError(f"{what} reverted: {said}" if said else f"{what} reverted without a reason")

    def logs(self, address: str, topics: Sequence[Topic], from_block: int, to_block: int | None) -> Iterator[Log]:
        """Logs in order, asked for in pieces, which are halved where the node finds them too large.

        ChainError where the endpoint answers with others than those.
        """
        last = self.block if to_block is None else to_block
        size, halved = self._pace.blocks_at_once, False
        while from_block <= last:
            upto = min(last, from_block + size - 1)
            query = {
                "address": checksummed(address),
                "fromBlock": hex(from_block),
                "toBlock": hex(upto),
                "topics": [_topic(topic) for topic in topics],
            }

            def parse(answer: Any, first: int = from_block, upto: int = upto) -> tuple[Log, ...]:
                found = answers.logs(answer)
                if not all(first <= log.block <= upto and _is_asked_for(log, address, topics) for log in found):
                    raise ValueError("logs that nobody has asked for")
                return found

            try:
                found = self._ask("logs", parse, "eth_getLogs", query)
            except (Web3Exception, OSError, ValueError) as error:
                lost = isinstance(error, OSError) and not getattr(error, "overloaded", False)
                if size == 1 or lost:
                    raise ChainError(f"events of {address}: {rpc_message(error)}", kind=rpc_kind(error)) from error
                size, halved = max(1, min(size, upto - from_block + 1) // 2), True
                continue
            yield from found
            from_block = upto + 1
            if not halved:
                size = min(_EVENT_CHUNK, size * 2)
            self._pace.blocks_at_once = size  # what this node takes, which later queries begin with


def _is_asked_for(log: Log, address: str, topics: Sequence[Topic]) -> bool:
    if log.address.lower() != address.lower() or len(log.topics) < len(topics):
        return False
    wanted = [topic if topic is None or not isinstance(topic, bytes) else (topic,) for topic in topics]
    return all(one is None or found in one for one, found in zip(wanted, log.topics, strict=False))


def _topic(topic: Topic) -> str | list[str] | None:
    if topic is None:
        return None
    return "0x" + topic.hex() if isinstance(topic, bytes) else ["0x" + one.hex() for one in topic]


def _if_there(parse: Callable[[Any], _T]) -> Callable[[Any], _T | None]:
    """A parser of what an endpoint may not have."""
    return lambda answer: None if answer is None else parse(answer)
