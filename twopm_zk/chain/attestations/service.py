"""The Ethereum Attestation Service (EAS): what somebody states, on the chain, of an account's data or a certificate.

An attestation is public, names who made it and whom it is about, and can be taken back by who made it alone. A schema
says what its data are, and its number follows from that (`task.parts.data.schema_uid`). Which EAS counts is what
DataHub was deployed with (`DataHub.EAS`). EAS 1.4: https://github.com/ethereum-attestation-service/eas-contracts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError

from twopm_zk.chain.abi import decode_values
from twopm_zk.chain.compiler import compile_contract
from twopm_zk.chain.contracts import Chain, Contract, ContractClient
from twopm_zk.chain.deployment import NOBODY
from twopm_zk.chain.rpc import Receipt
from twopm_zk.errors import DeploymentError, InputError, TransactionError
from twopm_zk.task.parts.data import ATTESTATION, commitments_hash, schema_uid

MOST_BATCHES = 100
"""Commitments that one attestation is about: binding it stores a word for each."""
MAX_DATA = 4096
"""Bytes of an attestation's data that are read; ours have 96."""
_NONE = bytes(32)
_DATA = ("bytes32", "bytes32", "uint32")


@dataclass(frozen=True)
class Schema:
    """What the data of attestations mean, and which contract, if any, says whether one may be made."""

    text: str
    resolver: str = NOBODY
    revocable: bool = True

    @property
    def uid(self) -> bytes:
        """Its number in the registry of schemas."""
        return schema_uid(self.text, resolver=self.resolver, revocable=self.revocable)


DATA_SCHEMA = Schema(ATTESTATION)
"""An issuer has seen the rows behind these commitments of the recipient's (`DataClaim`)."""


class Standing(StrEnum):
    """Whether an attestation holds."""

    VALID = "valid"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Attestation:
    """One attestation, as EAS has it; times in seconds since 1970, 0 for never."""

    uid: bytes
    schema: bytes
    time: int
    expires: int
    revoked: int
    recipient: str
    attester: str
    data: bytes = field(repr=False)

    def standing(self, now: int) -> Standing:
        """Whether it holds at a time, in the order in which DataHub asks: one that was revoked stays so."""
        if self.revoked:
            return Standing.REVOKED
        return Standing.EXPIRED if 0 < self.expires <= now else Standing.VALID


@dataclass(frozen=True)
class DataClaim:
    """What an issuer attests: so many batches of a data set, by the hash of their commitments in ascending places."""

    dataset: bytes
    commitments_hash: bytes
    batches: int

    @classmethod
    def of(cls, dataset: bytes, commitments: Sequence[int]) -> DataClaim:
        """The claim about these commitments. InputError for none, or more than MOST_BATCHES."""
        if not 0 < len(commitments) <= MOST_BATCHES:
            raise InputError(f"an attestation is about 1 to {MOST_BATCHES} batches, not {len(commitments)}")
        return cls(dataset, commitments_hash(commitments), len(commitments))

    @classmethod
    def parse(cls, data: bytes) -> DataClaim | None:
        """The claim in an attestation's data; None where they are of no such form."""
        try:
            (dataset, commitments, batches) = decode_values([{"type": kind, "name": ""} for kind in _DATA], data)
        except DecodingError:
            return None
        found = cls(bytes.fromhex(dataset[2:]), bytes.fromhex(commitments[2:]), batches)
        return found if found.encoded == data else None

    @property
    def encoded(self) -> bytes:
        """As the schema says: three words."""
        return encode(_DATA, [self.dataset, self.commitments_hash, self.batches])


class Attestations(ContractClient):
    """EAS with its registry of schemas."""

    @classmethod
    def at(cls, chain: Chain, address: str) -> Attestations:
        """EAS at an address. DeploymentError where there is no contract."""
        return cls(chain.contract(compile_contract("IEAS"), address))

    @cached_property
    def schemas(self) -> Contract:
        """The registry of schemas."""
        chain, address = self.contract.chain, str(self.contract.call("getSchemaRegistry"))
        return chain.contract(compile_contract("ISchemaRegistry"), address)

    def schema(self, uid: bytes) -> Schema | None:
        """A registered schema; None where none has this number."""
        found = self.schemas.call("getSchema", uid)
        if found["uid"] == "0x" + _NONE.hex():
            return None
        schema = Schema(found["schema"], found["resolver"], found["revocable"])
        if schema.uid != uid:
            raise DeploymentError(f"the schema at 0x{uid.hex()} of {self.schemas.address} has another number")
        return schema

    def register(self, schema: Schema) -> Receipt | None:
        """Register a schema where it is missing, as anybody may; None where it is there."""
        if self.schema(schema.uid) is not None:
            return None
        try:
            return self.schemas.transact("register", schema.text, schema.resolver, schema.revocable)
        except TransactionError as error:
            if error.error != "AlreadyExists":
                raise
            return None  # somebody else was a block faster

    def attest(
        self, schema: Schema, recipient: str, data: bytes, *, expires: int = 0, once: bool = False
    ) -> tuple[bytes, Receipt]:
        """Attest, as this account; number of the attestation, and its receipt.

        ``expires`` is in seconds since 1970; 0 for never. EAS takes the same again: see ``once`` of
        `RpcConnection.send`.
        """
        request = {
            "schema": schema.uid,
            "data": {
                "recipient": recipient,
                "expirationTime": expires,
                "revocable": schema.revocable,
                "refUID": _NONE,
                "data": data,
                "value": 0,
            },
        }
        receipt = self.contract.transact("attest", request, once=once)
        return bytes.fromhex(receipt.event("Attested")["uid"][2:]), receipt

    def revoke(self, found: Attestation) -> Receipt:
        """Take an attestation back, as who made it."""
        return self.contract.transact("revoke", {"schema": found.schema, "data": {"uid": found.uid, "value": 0}})

    def get(self, uid: bytes) -> Attestation | None:
        """An attestation; None where there is none of this number. DeploymentError for one that no EAS would have."""
        found: dict[str, Any] = self.contract.call("getAttestation", uid)
        if bytes.fromhex(found["uid"][2:]) == _NONE:
            return None
        data = bytes.fromhex(found["data"][2:])
        if bytes.fromhex(found["uid"][2:]) != uid or len(data) > MAX_DATA:
            raise DeploymentError(f"attestation 0x{uid.hex()} has another number, or more than {MAX_DATA} bytes")
        return Attestation(
            uid,
            bytes.fromhex(found["schema"][2:]),
            found["time"],
            found["expirationTime"],
            found["revocationTime"],
            found["recipient"],
            found["attester"],
            data,
        )

    def made(
        self, schema: bytes, *, from_block: int, recipient: str | None = None, attester: str | None = None
    ) -> list[Attestation]:
        """The attestations under a schema since a block, oldest first: all, about one account, or by one."""
        events = self.contract.events(
            "Attested", from_block=from_block, recipient=recipient, attester=attester, schemaUID=schema
        )
        found = (self.get(bytes.fromhex(event["uid"][2:])) for event in events)
        return [one for one in found if one is not None]
