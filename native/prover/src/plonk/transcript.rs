//! Fiat-Shamir challenges as snarkjs derives them: Keccak-256 over big-endian numbers, reduced.
//!
//! Every round hashes the challenge before it (ePrint 2019/953, section 8, "transcript"): without that chain
//! false statements can be proven.

use halo2curves::bn256::{Fq, Fr};
use halo2curves::ff::PrimeField;
use sha3::{Digest, Keccak256};

use crate::arithmetic::field::{from_big_endian_reduced, to_big_endian};
use crate::arithmetic::point::Point;
use crate::files::columns::Wire;
use crate::files::proof::Proof;
use crate::files::verification_key::VerificationKey;

/// What goes into one challenge.
#[derive(Default)]
pub struct Transcript(Keccak256);

impl Transcript {
    /// Absorbs a scalar.
    #[must_use]
    pub fn scalar(mut self, value: &Fr) -> Self {
        self.0.update(to_big_endian(value));
        self
    }

    /// Absorbs a commitment; the identity counts as (0, 0).
    #[must_use]
    pub fn point(mut self, point: &Point) -> Self {
        let big_endian = |value: &Fq| {
            let mut bytes = *value.to_repr().inner();
            bytes.reverse();
            bytes
        };
        self.0.update(big_endian(&point.x));
        self.0.update(big_endian(&point.y));
        self
    }

    /// The challenge that follows from what was absorbed.
    pub fn challenge(self) -> Fr {
        from_big_endian_reduced(&self.0.finalize())
    }
}

/// All challenges of a finished proof.
pub struct Challenges {
    /// First challenge of round 2.
    pub beta: Fr,
    /// Second challenge of round 2.
    pub gamma: Fr,
    /// The challenge of round 3.
    pub alpha: Fr,
    /// The challenge of round 4: where everything is evaluated.
    pub xi: Fr,
    /// The challenge of round 5: it separates the openings at xi.
    pub v: Fr,
    /// The verifier's own challenge: it separates the two opening points.
    pub u: Fr,
}

impl Challenges {
    /// The challenges as the prover met them.
    pub fn of(key: &VerificationKey, publics: &[Fr], proof: &Proof) -> Self {
        let (beta, gamma) = permutation_challenges(key, publics, &proof.wires);
        let alpha = quotient_challenge(&beta, &gamma, &proof.z);
        let xi = evaluation_challenge(&alpha, &proof.quotient);
        let v = opening_challenge(&xi, &proof.evaluations);
        let u = Transcript::default().point(&proof.opening).point(&proof.opening_next).challenge();
        Challenges { beta, gamma, alpha, xi, v, u }
    }
}

/// beta and gamma of round 2.
pub fn permutation_challenges(
    key: &VerificationKey,
    publics: &[Fr],
    wires: &[Point; Wire::COUNT],
) -> (Fr, Fr) {
    let transcript = key.commitments.iter().fold(Transcript::default(), Transcript::point);
    let transcript = publics.iter().fold(transcript, Transcript::scalar);
    let beta = wires.iter().fold(transcript, Transcript::point).challenge();
    (beta, Transcript::default().scalar(&beta).challenge())
}

/// alpha of round 3.
pub fn quotient_challenge(beta: &Fr, gamma: &Fr, z: &Point) -> Fr {
    Transcript::default().scalar(beta).scalar(gamma).point(z).challenge()
}

/// xi of round 4.
pub fn evaluation_challenge(alpha: &Fr, quotient: &[Point; 3]) -> Fr {
    quotient.iter().fold(Transcript::default().scalar(alpha), Transcript::point).challenge()
}

/// v of round 5.
pub fn opening_challenge(xi: &Fr, evaluations: &[Fr; 6]) -> Fr {
    evaluations.iter().fold(Transcript::default().scalar(xi), Transcript::scalar).challenge()
}
