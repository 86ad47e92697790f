"""A task's certificate as an attestation: what it says, in types, and the contract that lets nothing else be said.

CertificateResolver makes the statement from HLRContract's state and refuses every other one, so that an attestation
says what the chain says, whoever made it. See verifier/interfaces/ICertificateResolver.sol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from twopm_zk.chain.abi import decode_values
from twopm_zk.chain.attestations.service import Attestation, Attestations, Schema
from twopm_zk.chain.contracts import ContractClient
from twopm_zk.chain.rpc import Receipt
from twopm_zk.errors import DeploymentError

_WORDS = ("uint256", "address", "bytes32", "uint64", "uint24", "bytes32", "uint32")


@dataclass(frozen=True)
class CertificateStatement:
    """What is said of a certified task."""

    task: int
    hlr: str
    """HLRContract's address."""
    spec_hash: bytes
    key: int
    """Of the certified attempt: round * 2^32 + attempt + 1."""
    nodes: int
    """How many nodes' updates are in the certified sum."""
    weights_hash: bytes
    gradient_bound: int
    """Units of 2^-32 per row."""

    @classmethod
    def of(
        cls,
        task: int,
        hlr: str,
        *,
        spec_hash: bytes,
        round: int,
        attempt: int,
        nodes: int,
        weights: Sequence[int],
        gradient_bound: int,
    ) -> CertificateStatement:
        """The statement that follows from a certificate."""
        hashed = keccak(encode(["int32[]"], [list(weights)]))
        return cls(task, hlr, spec_hash, (round << 32) + attempt + 1, nodes, hashed, gradient_bound)

    @classmethod
    def parse(cls, data: bytes) -> CertificateStatement | None:
        """The statement in an attestation's data; None where they are of no such form."""
        try:
            task, hlr, spec_hash, key, nodes, weights, bound = decode_values(
                [{"type": w, "name": ""} for w in _WORDS], data
            )
        except DecodingError:
            return None
        found = cls(task, hlr, bytes.fromhex(spec_hash[2:]), key, nodes, bytes.fromhex(weights[2:]), bound)
        return found if found.encoded == data else None

    @property
    def encoded(self) -> bytes:
        """As the schema says: seven words."""
        return encode(_WORDS, [getattr(self, one.name) for one in fields(self)])

    def differences(self, other: CertificateStatement) -> list[str]:
        """Names of what two statements say differently."""
        names = (one.name for one in fields(self))
        return [name.replace("_", " ") for name in names if getattr(self, name) != getattr(other, name)]


class CertificateResolver(ContractClient):
    """CertificateResolver, with the EAS that it belongs to."""

    @property
    def service(self) -> Attestations:
        """EAS, as the contract has it."""
        return Attestations.at(self.contract.chain, str(self.contract.call("EAS")))

    @property
    def schema(self) -> Schema:
        """The schema whose resolver this contract is. DeploymentError where its number does not follow from it."""
        schema = Schema(str(self.contract.call("SCHEMA")), self.address, revocable=False)
        if "0x" + schema.uid.hex() != self.contract.call("SCHEMA_UID"):
            raise DeploymentError(f"CertificateResolver at {self.address} names another schema than its own")
        return schema

    def attest(self, task: int) -> tuple[bytes, Receipt]:
        """Attest to a task's certificate, as anybody may, registering the schema where it is missing.

        Raises TransactionError: NotCertified.
        """
        statement = bytes.fromhex(self.contract.call("statementOf", task)[2:])
        self.service.register(self.schema)
        return self.service.attest(self.schema, str(self.contract.call("HLR")), statement)

    def attestation_of(self, task: int) -> Attestation | None:
        """The first attestation to a task's certificate; None where there is none."""
        uid = bytes.fromhex(self.contract.call("attestationOf", task)[2:])
        return self.service.get(uid) if any(uid) else None
