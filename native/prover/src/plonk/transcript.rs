//! Fiat-Shamir challenges as snarkjs derives them: Keccak-256 over big-endian numbers, reduced.
//!
//! Every round hashes the challenge before it (ePrint 2019/953, section 8, "transcript"): without that chain
//! false statements can be proven.

use halo2curves::bn256::{Fq, Fr};
use halo2curves::ff::PrimeField;
use sha3::{Digest, Keccak256};

use crate::arithmetic::curve::Point;
use crate::arithmetic::field::{from_big_endian_reduced, to_big_endian};
use crate::files::json::Proof;
use crate::files::zkey::Header;

/// What goes into one challenge.
#[derive(Default)]
pub struct Transcript(Keccak256);

impl Transcript {
    /// Absorbs a scalar.
    pub fn scalar(mut self, value: &Fr) -> Self {
        self.0.update(to_big_endian(value));
        self
    }

    /// Absorbs a commitment; the identity counts as (0, 0).
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

    /// The challenge.
    pub fn challenge(self) -> Fr {
        from_big_endian_reduced(&self.0.finalize())
    }
}

/// beta and gamma of round 2.
pub fn permutation_challenges(key: &Header, publics: &[Fr], wires: &[Point; 3]) -> (Fr, Fr) {
    let mut transcript = Transcript::default();
    for commitment in key.selectors.iter().chain(&key.sigmas) {
        transcript = transcript.point(commitment);
    }
    for public in publics {
        transcript = transcript.scalar(public);
    }
    for wire in wires {
        transcript = transcript.point(wire);
    }
    let beta = transcript.challenge();
    (beta, Transcript::default().scalar(&beta).challenge())
}

/// alpha of round 3.
pub fn quotient_challenge(beta: &Fr, gamma: &Fr, z: &Point) -> Fr {
    Transcript::default().scalar(beta).scalar(gamma).point(z).challenge()
}

/// xi of round 4: where everything is evaluated.
pub fn evaluation_challenge(alpha: &Fr, quotient: &[Point; 3]) -> Fr {
    let [t1, t2, t3] = quotient;
    Transcript::default().scalar(alpha).point(t1).point(t2).point(t3).challenge()
}

/// v of round 5: separates the openings at xi.
pub fn opening_challenge(xi: &Fr, evaluations: &[Fr; 6]) -> Fr {
    evaluations.iter().fold(Transcript::default().scalar(xi), Transcript::scalar).challenge()
}

/// u of the verifier: separates the two opening points.
pub fn batching_challenge(proof: &Proof) -> Fr {
    Transcript::default().point(&proof.opening).point(&proof.opening_next).challenge()
}
