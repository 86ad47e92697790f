"""What a task asks of data, apart from what it does with them. By the hash of these terms DataHub knows a data set:

    id = keccak256(abi.encode((bytes32 schema, bool heldOut, bytes32 attestationSchema, address[] issuers)))

``schema`` is keccak256 of the canonical JSON of all that batches, and so commitments, follow from: two specifications
with one schema make the same batches of the same rows, so that tasks which ask for the same data share what is
registered, attested and granted. Twin of verifier/interfaces/IDataHub.sol.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from twopm_zk.errors import SpecError
from twopm_zk.task.canonical import Json, canonical
from twopm_zk.task.checks import require
from twopm_zk.task.section import Section

ATTESTATION = "bytes32 dataset,bytes32 commitments,uint32 batches"
"""The EAS schema of an attestation to an owner's batches: the data set's id, keccak256 of the packed commitments, and
how many they are."""
MAX_ISSUERS = 16
MAX_NAME = 200
MAX_FIELDS = 256
"""Of a data set of federated learning."""
_NO_ADDRESS = "0x" + "0" * 40


def _keccak(content: bytes) -> bytes:
    from eth_hash.auto import keccak

    return keccak(content)


def schema_uid(text: str, *, resolver: str = _NO_ADDRESS, revocable: bool = True) -> bytes:
    """The UID of an EAS schema: keccak256(abi.encodePacked(schema, resolver, revocable))."""
    return _keccak(text.encode() + bytes.fromhex(resolver[2:]) + bytes([revocable]))


@dataclass(frozen=True)
class Provenance:
    """The table ``[provenance]``: who has to attest that an owner's data are what the owner says.

    Raises SpecError for issuers that are none, repeat or are more than `MAX_ISSUERS`, and for a schema of zeros.
    """

    issuers: tuple[str, ...]
    """Addresses with their checksums, in ascending order: an attestation by any one of them is enough."""
    schema: bytes = field(default_factory=lambda: schema_uid(ATTESTATION))
    """UID of the attestations' EAS schema; by default that of `ATTESTATION`, without resolver and revocable."""

    def __post_init__(self) -> None:
        require("provenance.issuers", len(self.issuers), 1, MAX_ISSUERS)
        named = (address_of(one, f"provenance.issuers[{index}]") for index, one in enumerate(self.issuers))
        found = sorted(named, key=str.lower)
        if repeated := [one for one in found if found.count(one) > 1]:
            raise SpecError(f"`provenance.issuers` has {repeated[0]} more than once")
        object.__setattr__(self, "issuers", tuple(found))
        if len(self.schema) != 32 or not any(self.schema):
            raise SpecError("`provenance.schema` is no UID of an EAS schema: 0x and 64 hex digits, not all 0")

    @property
    def document(self) -> dict[str, Json]:
        """The table as JSON."""
        return {"issuers": list(self.issuers), "schema": "0x" + self.schema.hex()}


def address_of(text: str, key: str) -> str:
    """An address with its checksum, given with it or in one case. SpecError that names the ``key`` of the file."""
    from eth_utils.address import is_checksum_formatted_address, is_hex_address, to_checksum_address

    wrong = is_checksum_formatted_address(text) and to_checksum_address(text) != text
    if wrong or not text.startswith("0x") or not is_hex_address(text):
        raise SpecError(
            f"`{key}` is no address: 0x and 40 hex digits",
            hint="Where it has large and small letters, they are its checksum: copy it anew.",
        )
    if int(text, 16) == 0:
        raise SpecError(f"`{key}` is the zero address, whose key nobody has")
    return to_checksum_address(text)


@dataclass(frozen=True)
class DataTerms:
    """What DataHub knows a data set by, in the order of its struct ``Terms``."""

    schema: bytes
    held_out: bool = False
    """Whether its rows are kept out of training."""
    attestation_schema: bytes = bytes(32)
    """Zeros where no attestation is asked for."""
    issuers: tuple[str, ...] = ()

    @classmethod
    def of(cls, schema: Json, provenance: Provenance | None, *, held_out: bool = False) -> DataTerms:
        """The terms of data of a schema document."""
        hashed = _keccak(canonical(schema))
        if provenance is None:
            return cls(hashed, held_out)
        return cls(hashed, held_out, provenance.schema, provenance.issuers)

    @property
    def attested(self) -> bool:
        """Whether an issuer has to attest to each owner's batches."""
        return bool(self.issuers)

    @property
    def values(self) -> tuple[bytes, bool, bytes, tuple[str, ...]]:
        """The struct ``Terms`` of IDataHub."""
        return self.schema, self.held_out, self.attestation_schema, self.issuers

    @cached_property
    def id(self) -> bytes:
        """The data set's id in DataHub."""
        from eth_abi.abi import encode

        return _keccak(encode(["(bytes32,bool,bytes32,address[])"], [self.values]))


def read_provenance(top: Section) -> Provenance | None:
    """The table ``[provenance]`` of a file, where there is one."""
    if "provenance" not in top:
        return None
    section = top.section("provenance")
    issuers, uid = section.texts("issuers"), section.optional("schema", str)
    section.done()
    return Provenance(issuers) if uid is None else Provenance(issuers, _uid(uid))


def _uid(text: str) -> bytes:
    """A UID of EAS; nothing for what is none, which `Provenance` refuses."""
    try:
        return bytes.fromhex(text.removeprefix("0x")) if text.startswith("0x") else b""
    except ValueError:
        return b""


def check_name(name: str) -> str:
    """The name of a data set. SpecError where it is empty, too long or cannot be printed."""
    if not name.strip() or not name.isprintable() or len(name) > MAX_NAME:
        raise SpecError(f"`data.name` is empty, has more than {MAX_NAME} characters, or one that cannot be printed")
    return name


def check_fields(fields: Sequence[str]) -> None:
    """SpecError unless these are names of fields of data: not too many, each once, short, printable."""
    require("data.fields", len(fields), 0, MAX_FIELDS)
    if wrong := [one for one in fields if not one.strip() or not one.isprintable() or len(one) > MAX_NAME]:
        raise SpecError(
            f"`data.fields[{fields.index(wrong[0])}]` is empty, has more than {MAX_NAME} characters, or one that "
            "cannot be printed"
        )
    if len(set(fields)) < len(fields):
        raise SpecError("`data.fields` has a field more than once")


def commitments_hash(commitments: Iterable[int]) -> bytes:
    """keccak256(abi.encodePacked(uint256[])): what an attestation says of an owner's batches, in their order."""
    return _keccak(b"".join(one.to_bytes(32) for one in commitments))
