//! The prover of ePrint 2019/953, section 8.3, round by round.

use std::path::Path;

use halo2curves::bn256::{Fr, G1};
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::curve::Point;
use crate::arithmetic::field::batch_invert;
use crate::arithmetic::msm::Bases;
use crate::arithmetic::polynomial::{add_scaled, blind, divide_by_linear, evaluate};
use crate::error::{ensure_room, filled, reserved, Error, Result};
use crate::files::json::Proof;
use crate::files::witness::read_witness;
use crate::files::zkey::EXTRA_POINTS;
use crate::plonk::blinding::Blinding;
use crate::plonk::prepared::PreparedKey;
use crate::plonk::quotient::{quotient, Rounds};
use crate::plonk::transcript::{
    evaluation_challenge, opening_challenge, permutation_challenges, quotient_challenge,
};
use crate::plonk::verifier::verify;
use crate::progress::Progress;

const CHUNK: usize = 1 << 10;
/// Memory of a proof beside the key: measured, rounded up.
const BYTES_PER_ROW: usize = 2048;
const BYTES_AT_LEAST: usize = 8 << 20;

/// Proves with fresh randomness; the proof is verified before it is returned.
pub fn prove(key: &PreparedKey, witness: &Path, progress: &Progress) -> Result<(Proof, Vec<Fr>)> {
    prove_with_blinding(key, witness, &Blinding::random()?, progress)
}

/// Proves with given randomness, which hides nothing where somebody else knows it.
pub fn prove_with_blinding(
    key: &PreparedKey,
    witness: &Path,
    blinding: &Blinding,
    progress: &Progress,
) -> Result<(Proof, Vec<Fr>)> {
    progress.stage("reading the witness", 0.0)?;
    ensure_room(BYTES_PER_ROW * key.domain.size() + BYTES_AT_LEAST)?;
    let mut witness = read_witness(witness)?;
    let (found, expected) = (witness.len(), key.header.witness_length());
    if found != expected {
        let reason =
            format!("the witness has {found} values; the key's circuit has {expected}: another circuit's?");
        return Err(Error::Witness(reason));
    }
    let publics = witness[1..=key.header.publics as usize].to_vec();
    let rows = Rows::new(key, &mut witness, &publics, progress)?;
    drop(witness);
    let proof = rows.prove(key, &publics, blinding, progress)?;
    progress.stage("verifying the proof", 0.98)?;
    if !verify(&key.header, &publics, &proof)? {
        return Err(Error::Internal("the proof does not verify: the proving key contradicts itself".into()));
    }
    progress.stage("done", 1.0)?;
    Ok((proof, publics))
}

/// Values of the three wires in every row.
struct Rows([Vec<Fr>; 3]);

impl Rows {
    fn new(key: &PreparedKey, witness: &mut Vec<Fr>, publics: &[Fr], progress: &Progress) -> Result<Self> {
        // Signal 0 appears only with factor zero; a zero costs nothing.
        witness[0] = Fr::ZERO;
        witness
            .try_reserve_exact(key.header.additions as usize)
            .map_err(|_| Error::OutOfMemory { bytes: key.header.additions as usize * 32 })?;
        for i in 0..key.header.additions as usize {
            let ([left, right], [f, g]) = key.addition(i);
            let (Some(left), Some(right)) = (witness.get(left), witness.get(right)) else {
                return Err(Error::Internal("an addition of signals that are not there".into()));
            };
            witness.push(f * left + g * right);
        }
        let wire = |wire: usize| {
            let mut values = reserved(key.domain.size())?;
            for signal in key.wire(wire) {
                values.push(
                    *witness
                        .get(signal)
                        .ok_or_else(|| Error::Internal("a gate of a signal that is not there".into()))?,
                );
            }
            values.resize(key.domain.size(), Fr::ZERO);
            Ok(values)
        };
        let rows = Rows([wire(0)?, wire(1)?, wire(2)?]);
        progress.stage("checking the witness", 0.02)?;
        rows.check(key, publics)?;
        Ok(rows)
    }

    /// Every gate holds: qm a b + ql a + qr b + qo c + qc + PI = 0.
    fn check(&self, key: &PreparedKey, publics: &[Fr]) -> Result<()> {
        let [a, b, c] = &self.0;
        let [qm, ql, qr, qo, qc] = std::array::from_fn(|i| key.values(i));
        let broken = |i: &usize| {
            let i = *i;
            let public = publics.get(i).copied().unwrap_or(Fr::ZERO);
            (qm[i] * b[i] + ql[i]) * a[i] + qr[i] * b[i] + qo[i] * c[i] + qc[i] != public
        };
        match (0..a.len()).into_par_iter().with_min_len(CHUNK).find_any(broken) {
            None => Ok(()),
            Some(gate) => {
                Err(Error::Witness(format!("the witness does not satisfy the circuit (gate {gate})")))
            }
        }
    }

    fn prove(
        &self,
        key: &PreparedKey,
        publics: &[Fr],
        blinding: &Blinding,
        progress: &Progress,
    ) -> Result<Proof> {
        let size = key.domain.size();
        let committer = Committer { tau: key.tau(), lagrange: key.lagrange(), size, progress };

        // Round 1: the wires.
        progress.stage("round 1: wire commitments", 0.05)?;
        let wires = {
            let [a, b, c] = three(|i| committer.values(&self.0[i], &blinding.wire(i)))?;
            [a, b, c]
        };
        progress.stage("round 1: wire polynomials", 0.15)?;
        let wire_polynomials = three(|i| {
            let mut coefficients = key.domain.interpolate(&self.0[i])?;
            blind(&mut coefficients, &blinding.wire(i));
            Ok(coefficients)
        })?;

        // Round 2: the permutation's running product.
        progress.stage("round 2: permutation", 0.2)?;
        let (beta, gamma) = permutation_challenges(&key.header, publics, &wires);
        let products = self.running_product(key, beta, gamma)?;
        let mut z = key.domain.interpolate(&products)?;
        blind(&mut z, &blinding.product());
        progress.stage("round 2: permutation commitment", 0.25)?;
        let z_commitment = committer.values(&products, &blinding.product())?;
        drop(products);

        // Round 3: the quotient, in three parts that blind each other.
        progress.stage("round 3: quotient", 0.35)?;
        let alpha = quotient_challenge(&beta, &gamma, &z_commitment);
        let rounds = Rounds { wires: &wire_polynomials, z: &z, publics, beta, gamma, alpha };
        let parts = split(quotient(key, &rounds, progress)?, size, blinding);
        progress.stage("round 3: quotient commitments", 0.5)?;
        let quotient = three(|i| committer.coefficients(&parts[i]))?;

        // Round 4: evaluations.
        progress.stage("round 4: evaluations", 0.75)?;
        let xi = evaluation_challenge(&alpha, &quotient);
        let xi_next = xi * key.domain.root();
        let [a, b, c] = std::array::from_fn(|i| evaluate(&wire_polynomials[i], xi));
        let [s1, s2] = std::array::from_fn(|i| evaluate(key.coefficients(5 + i), xi));
        let evaluations = [a, b, c, s1, s2, evaluate(&z, xi_next)];

        // Round 5: openings. Constant terms would only change remainders, which are dropped.
        progress.stage("round 5: opening polynomials", 0.8)?;
        let v = opening_challenge(&xi, &evaluations);
        let mut opening = linearisation(key, &rounds, &parts, xi, &evaluations)?;
        let mut factor = v;
        let opened =
            wire_polynomials.iter().map(Vec::as_slice).chain([key.coefficients(5), key.coefficients(6)]);
        for polynomial in opened {
            add_scaled(&mut opening, polynomial, factor);
            factor *= v;
        }
        rayon::join(|| divide_by_linear(&mut opening, xi), || divide_by_linear(&mut z, xi_next));
        progress.stage("round 5: opening commitments", 0.85)?;
        let (opening, opening_next) =
            rayon::join(|| committer.coefficients(&opening), || committer.coefficients(&z));
        Ok(Proof {
            wires,
            z: z_commitment,
            quotient,
            opening: opening?,
            opening_next: opening_next?,
            evaluations,
        })
    }

    /// z at every row: product of all ratios before it.
    fn running_product(&self, key: &PreparedKey, beta: Fr, gamma: Fr) -> Result<Vec<Fr>> {
        let [a, b, c] = &self.0;
        let [s1, s2, s3] = std::array::from_fn(|i| key.values(5 + i));
        let (k1, k2) = (key.header.k1, key.header.k2);
        let mut ratios = filled(Fr::ZERO, key.domain.size())?;
        ratios.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, ratios)| {
            let first = chunk * CHUNK;
            let mut scratch = vec![Fr::ZERO; ratios.len()];
            for (i, ratio) in (first..).zip(ratios.iter_mut()) {
                let (a, b, c) = (a[i] + gamma, b[i] + gamma, c[i] + gamma);
                *ratio = (a + beta * s1[i]) * (b + beta * s2[i]) * (c + beta * s3[i]);
            }
            batch_invert(ratios, &mut scratch);
            for (i, ratio) in (first..).zip(ratios.iter_mut()) {
                let (a, b, c) = (a[i] + gamma, b[i] + gamma, c[i] + gamma);
                let x = beta * key.domain.element(i);
                *ratio *= (a + x) * (b + x * k1) * (c + x * k2);
            }
        });
        let mut product = Fr::ONE;
        for ratio in &mut ratios {
            let next = product * *ratio;
            *ratio = product;
            product = next;
        }
        match product == Fr::ONE {
            true => Ok(ratios),
            false => Err(Error::Internal("the proving key's permutation contradicts its wires".into())),
        }
    }
}

/// Runs three fallible computations at once.
fn three<T: Send>(run: impl Fn(usize) -> Result<T> + Sync) -> Result<[T; 3]> {
    let (a, (b, c)) = rayon::join(|| run(0), || rayon::join(|| run(1), || run(2)));
    Ok([a?, b?, c?])
}

struct Committer<'a> {
    tau: Bases<'a>,
    lagrange: Bases<'a>,
    size: usize,
    progress: &'a Progress,
}

impl Committer<'_> {
    /// Commitment to a polynomial given by its values, plus `blinding * (X^n - 1)`.
    fn values(&self, values: &[Fr], blinding: &[Fr]) -> Result<Point> {
        let mut sum: G1 = self.lagrange.sum(values, self.progress)?;
        for (k, factor) in blinding.iter().enumerate() {
            let (low, high) = (self.tau.0[k], self.tau.0[self.size + k]);
            sum += high.times(factor) - low.times(factor);
        }
        Ok(sum.into())
    }

    /// Commitment to a polynomial given by its coefficients.
    fn coefficients(&self, coefficients: &[Fr]) -> Result<Point> {
        let zeros = coefficients.iter().rev().take_while(|c| bool::from(c.is_zero())).count();
        Ok(self.tau.sum(&coefficients[..coefficients.len() - zeros], self.progress)?.into())
    }
}

/// t = t_low + X^n t_mid + X^2n t_high, blinded so that the sum stays.
fn split(t: Vec<Fr>, size: usize, blinding: &Blinding) -> [Vec<Fr>; 3] {
    let mut low = t[..size].to_vec();
    let mut mid = t[size..2 * size].to_vec();
    let mut high = t[2 * size..].to_vec();
    low.push(blinding.b(10));
    mid[0] -= blinding.b(10);
    mid.push(blinding.b(11));
    high[0] -= blinding.b(11);
    [low, mid, high]
}

/// r(X) of round 5, up to its constant term.
fn linearisation(
    key: &PreparedKey,
    rounds: &Rounds,
    parts: &[Vec<Fr>; 3],
    xi: Fr,
    evaluations: &[Fr; 6],
) -> Result<Vec<Fr>> {
    let [a, b, c, s1, s2, zw] = *evaluations;
    let (beta, gamma, alpha) = (rounds.beta, rounds.gamma, rounds.alpha);
    let (k1, k2) = (key.header.k1, key.header.k2);
    let size = key.domain.size();
    let xi_n = xi.pow_vartime([size as u64]);
    let vanishing = xi_n - Fr::ONE;
    let below = Fr::from(size as u64) * (xi - Fr::ONE);
    let first = vanishing * below.invert().unwrap_or(Fr::ZERO);
    let identity = (a + beta * xi + gamma) * (b + beta * xi * k1 + gamma) * (c + beta * xi * k2 + gamma);
    let sigma = (a + beta * s1 + gamma) * (b + beta * s2 + gamma) * zw;

    let mut r = filled(Fr::ZERO, size + EXTRA_POINTS)?;
    for (index, factor) in [a * b, a, b, c, Fr::ONE].into_iter().enumerate() {
        add_scaled(&mut r, key.coefficients(index), factor);
    }
    add_scaled(&mut r, rounds.z, alpha * identity + alpha.square() * first);
    add_scaled(&mut r, key.coefficients(7), -(alpha * beta * sigma));
    let mut factor = -vanishing;
    for part in parts {
        add_scaled(&mut r, part, factor);
        factor *= xi_n;
    }
    Ok(r)
}
