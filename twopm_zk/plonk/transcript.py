"""Fiat-Shamir challenges of snarkjs 0.7.6: Keccak-256 over the round's messages, reduced mod FIELD_ORDER.

The challenges are CHAINED: each round hashes the challenge of the one before, so all depend on the public
inputs and on every message so far (PLONK paper, ePrint 2019/953, section 8.3, "transcript"). snarkjs before
0.7.0 hashed each round by itself; proofs of false statements could then be made without a witness.
Twin of snarkjs' src/Keccak256Transcript.js and calculatechallenges in src/plonk_verify.js.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from twopm_zk.numbers.bn254 import G1Point
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.plonk.proof import Proof, VerificationKey


@dataclass(frozen=True)
class Challenges:
    """The challenges in the paper's letters; ``xi`` is its zeta, the evaluation point."""

    beta: int
    gamma: int
    alpha: int
    xi: int
    v: int
    u: int


def challenge(messages: Iterable[G1Point | int]) -> int:
    """Hash points (x, y) and scalars, 32 bytes each and big-endian, into a scalar."""
    from eth_hash.auto import keccak

    total = b""
    for message in messages:
        parts = message if isinstance(message, tuple) else (message,)
        total += b"".join(part.to_bytes(32, "big") for part in parts)
    return int.from_bytes(keccak(total), "big") % FIELD_ORDER


def challenges(vk: VerificationKey, public: list[int], proof: Proof) -> Challenges:
    """All challenges of a proof, round by round."""
    selectors = [vk.Qm, vk.Ql, vk.Qr, vk.Qo, vk.Qc, vk.S1, vk.S2, vk.S3]
    beta = challenge([*selectors, *public, proof.A, proof.B, proof.C])
    gamma = challenge([beta])
    alpha = challenge([beta, gamma, proof.Z])
    xi = challenge([alpha, proof.T1, proof.T2, proof.T3])
    evaluations = [proof.eval_a, proof.eval_b, proof.eval_c, proof.eval_s1, proof.eval_s2, proof.eval_zw]
    v = challenge([xi, *evaluations])
    # u only joins the two pairing equations of the verifier; nothing the prover sends comes after it.
    u = challenge([proof.Wxi, proof.Wxiw])
    return Challenges(beta, gamma, alpha, xi, v, u)
