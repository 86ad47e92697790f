"""Attestations of the Ethereum Attestation Service (EAS) as typed Python: of issuers to data, and to certificates."""

from twopm_zk.chain.attestations.certificates import CertificateResolver, CertificateStatement
from twopm_zk.chain.attestations.service import (
    DATA_SCHEMA,
    MOST_BATCHES,
    Attestation,
    Attestations,
    DataClaim,
    Schema,
    Standing,
)

__all__ = [
    "DATA_SCHEMA",
    "MOST_BATCHES",
    "Attestation",
    "Attestations",
    "CertificateResolver",
    "CertificateStatement",
    "DataClaim",
    "Schema",
    "Standing",
]
