"""Errors and events of every ABI met so far, and values as Python shows them.

Bytes become 0x text, addresses carry their checksum, structs are dicts by field name; the same forms go in.
web3's own contract classes are not used: they refuse addresses without a checksum and look names up in ENS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_abi.abi import encode
from eth_abi.codec import ABICodec
from eth_abi.decoding import ContextFramesBytesIO, StringDecoder
from eth_abi.exceptions import DecodingError, EncodingError
from eth_abi.registry import BaseEquals, registry
from eth_typing import ChecksumAddress
from eth_utils.abi import collapse_if_tuple
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from twopm_zk.errors import InputError


class _AnyTextDecoder(StringDecoder):
    """Texts come from strangers, and contracts take any bytes: those that are no UTF-8 must not end whoever reads."""

    def __init__(self) -> None:
        super().__init__(handle_string_errors="replace")  # type: ignore[no-untyped-call]


class _Once(ContextFramesBytesIO):
    """Encoded values, of which no more is read than there is of them, many pointers to one place notwithstanding."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)  # type: ignore[no-untyped-call]
        self._left = _READ_AGAIN * len(data)

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self._left -= len(found)
        if self._left < 0:
            raise DecodingError("values are read again and again")
        return found


class _Codec(ABICodec):
    stream_class = _Once


_UNFIT = (EncodingError, ValidationError, ValueError, TypeError, KeyError, AttributeError)
"""What eth_abi says of values that do not fit their types."""
_KEPT_BYTES = 2048
"""Values up to so long are decoded once: who waits for something reads the same state and the same logs each time."""
_READ_AGAIN = 32
"""How often a byte is read on average at most: eth_abi reads a tuple twice, what is in it four times, and so on."""
_REGISTRY = registry.copy()  # type: ignore[no-untyped-call]
_REGISTRY.unregister_decoder("string")
_REGISTRY.register_decoder(BaseEquals("string"), _AnyTextDecoder, label="string")  # type: ignore[no-untyped-call]
_CODEC = _Codec(_REGISTRY)
_BUILT_IN_ERRORS: list[dict[str, Any]] = [
    {"type": "error", "name": "Error", "inputs": [{"name": "message", "type": "string"}]},
    {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
]


@dataclass(frozen=True)
class Log:
    """What a contract has told."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block: int
    transaction: str
    index: int
    """The log's place in its block, over all contracts."""


@dataclass(frozen=True)
class DecodedEvent:
    """A log of a contract, decoded."""

    name: str
    values: Mapping[str, Any]
    address: str
    block: int
    transaction: str
    log_index: int
    """The log's place in its block, over all contracts."""

    @property
    def moment(self) -> tuple[int, int]:
        """Block and log index: what the events of several contracts are ordered by."""
        return self.block, self.log_index

    def __getitem__(self, key: str) -> Any:
        return self.values[key]


class Registry:
    """Errors by selector and events by topic, of every ABI met so far."""

    def __init__(self) -> None:
        self._errors: dict[bytes, dict[str, Any]] = {}
        self._events: dict[bytes, list[dict[str, Any]]] = {}
        self._met: dict[int, Sequence[Mapping[str, Any]]] = {}
        self.add(_BUILT_IN_ERRORS)

    def add(self, abi: Sequence[Mapping[str, Any]]) -> None:
        """Learn the errors and events of ``abi``, which nobody changes any more."""
        if id(abi) in self._met:
            return
        self._met[id(abi)] = abi  # kept, so that its id stays its own
        for entry in abi:
            if entry["type"] == "error":
                self._errors[hash_of(signature(entry))[:4]] = dict(entry)
            elif entry["type"] == "event" and not entry.get("anonymous"):
                known = self._events.setdefault(hash_of(signature(entry)), [])
                if entry not in known:
                    known.append(dict(entry))

    def error(self, data: bytes) -> tuple[str, dict[str, Any]] | None:
        """Name and values of the error that ``data`` encodes, where it is known."""
        entry = self._errors.get(data[:4])
        if entry is None:
            return None
        values = decode_inputs(entry, data[4:])
        return None if values is None else (entry["name"], values)

    def event(self, log: Log) -> DecodedEvent | None:
        """The event in a log, or None where its ABI is not known."""
        topics = log.topics
        for entry in self._events.get(topics[0], ()) if topics else ():
            indexed = [item for item in entry["inputs"] if item["indexed"]]
            if len(indexed) != len(topics) - 1:
                continue  # the same signature with other arguments indexed
            plain = [item for item in entry["inputs"] if not item["indexed"]]
            try:
                found = dict(zip(_names(plain), decode_values(plain, log.data), strict=True))
                for item, topic in zip(indexed, topics[1:], strict=True):
                    found[item["name"]] = _decode_topic(item, topic)
            except DecodingError:
                continue
            return DecodedEvent(
                name=entry["name"],
                values={name: found[name] for name in _names(entry["inputs"])},
                address=log.address,
                block=log.block,
                transaction=log.transaction,
                log_index=log.index,
            )
        return None


def signature(entry: Mapping[str, Any]) -> str:
    """Canonical signature of an error or event, such as ``InvalidProof(address,uint256[3])``."""
    return f"{entry['name']}({','.join(collapse_if_tuple(item) for item in entry['inputs'])})"


def encode_values(what: str, items: Sequence[Any], values: Sequence[Any]) -> bytes:
    """ABI encoding of ``values`` for ``items``, inputs of an ABI entry; the inverse of ``decode_values``.

    Bytes may be bytes or 0x text, addresses any case, structs dicts or tuples.
    Raises InputError, which names the argument and not its value.
    """
    if len(items) != len(values):
        raise InputError(f"{what} takes {len(items)} arguments, not {len(values)}")
    try:
        plain = [_plain(item, value) for item, value in zip(items, values, strict=True)]
        return encode([collapse_if_tuple(item) for item in items], plain)
    except _UNFIT:
        position = next(place for place, item in enumerate(items) if not _fits(item, values[place]))
    name = items[position]["name"] or f"number {position + 1}"
    raise InputError(f"{what}: argument {name} does not fit {collapse_if_tuple(items[position])}")


def _fits(item: Any, value: Any) -> bool:
    try:
        encode([collapse_if_tuple(item)], [_plain(item, value)])
    except _UNFIT:
        return False
    return True


def decode_inputs(entry: Mapping[str, Any], data: bytes) -> dict[str, Any] | None:
    """What a function or an error was given, by name; None where ``data`` does not encode it."""
    try:
        values = decode_values(entry["inputs"], data)
    except DecodingError:
        return None
    return dict(zip(_names(entry["inputs"]), values, strict=True))


def decode_values(items: Sequence[Any], data: bytes) -> list[Any]:
    """Values of ABI-encoded ``items``, inputs or outputs of an ABI entry. Raises DecodingError."""
    try:
        decode = _decode_once if len(data) <= _KEPT_BYTES else _CODEC.decode
        values = decode(tuple(collapse_if_tuple(item) for item in items), data)
    except OverflowError:  # a length that no machine has
        raise DecodingError("a length is beyond the end") from None
    return [_named(item, value) for item, value in zip(items, values, strict=True)]


@lru_cache(maxsize=512)
def _decode_once(kinds: tuple[str, ...], data: bytes) -> tuple[Any, ...]:
    return _CODEC.decode(kinds, data)


def _plain(item: Mapping[str, Any], value: Any) -> Any:
    kind = item["type"]
    if kind.endswith("]"):
        element = {**item, "type": kind[: kind.rindex("[")]}
        return [_plain(element, part) for part in value]
    if kind == "tuple":
        if isinstance(value, Mapping):
            value = [value[field["name"]] for field in item["components"]]
        return tuple(_plain(field, part) for field, part in zip(item["components"], value, strict=True))
    if kind.startswith("bytes") and isinstance(value, str):
        value = bytes.fromhex(value.removeprefix("0x"))
    if kind.startswith("bytes") and kind != "bytes" and len(value) != int(kind[5:]):
        raise ValueError(f"{kind} has another length")
    return value


def _decode_topic(item: Any, topic: bytes) -> Any:
    dynamic = item["type"] in ("string", "bytes") or item["type"].endswith("]") or item["type"] == "tuple"
    return "0x" + topic.hex() if dynamic else decode_values([item], topic)[0]


def _names(items: Sequence[Any]) -> list[str]:
    return [item["name"] or str(index) for index, item in enumerate(items)]


def _named(item: Mapping[str, Any], value: Any) -> Any:
    kind = item["type"]
    if kind.endswith("]"):
        element = {**item, "type": kind[: kind.rindex("[")]}
        return [_named(element, part) for part in value]
    if kind == "tuple":
        parts = zip(item["components"], value, strict=True)
        return {field["name"]: _named(field, part) for field, part in parts}
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return checksummed(value) if kind == "address" else value


@lru_cache(maxsize=4096)
def checksummed(address: str) -> ChecksumAddress:
    """An address in the spelling that checks itself: a hash, and the same few addresses come again and again."""
    return to_checksum_address(address)


@lru_cache(maxsize=4096)
def hash_of(signature: str) -> bytes:
    """What a function, an event or an error goes by on the chain; a function or an error by its first four bytes."""
    return keccak(signature.encode())
