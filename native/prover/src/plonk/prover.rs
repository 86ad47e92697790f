//! The prover of ePrint 2019/953, section 8.3, round by round.

use std::path::Path;

use halo2curves::bn256::{Fr, G1};
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::msm::Bases;
use crate::arithmetic::point::Point;
use crate::arithmetic::polynomial::{add_scaled, blind, divide_by_linear, evaluate};
use crate::error::{Error, Result};
use crate::files::columns::Wire;
use crate::files::proof::Proof;
use crate::files::witness::read_witness;
use crate::files::zkey::EXTRA_POINTS;
use crate::memory::{ensure_room, give_back};
use crate::plonk::blinding::Blinding;
use crate::plonk::proving_key::ProvingKey;
use crate::plonk::quotient::{quotient, Rounds};
use crate::plonk::rows::Rows;
use crate::plonk::transcript::{
    evaluation_challenge, opening_challenge, permutation_challenges, quotient_challenge,
};
use crate::plonk::verifier::verify;
use crate::progress::Progress;

/// Permutation polynomials that are evaluated; the third enters through its commitment.
const OPENED_SIGMAS: [Wire; 2] = [Wire::A, Wire::B];
/// Memory of a proof beside the key: measured, rounded up.
const BYTES_PER_ROW: usize = 1280;
const BYTES_AT_LEAST: usize = 8 << 20;
/// Rows up to which several commitments are made at once, and memory is not given back between rounds.
const SMALL: usize = 1 << 16;

/// Proves with fresh randomness; the proof is verified before it is returned.
pub fn prove(key: &ProvingKey, witness: &Path, progress: &Progress) -> Result<(Proof, Vec<Fr>)> {
    prove_with_blinding(key, witness, &Blinding::random()?, progress)
}

/// Proves with given randomness, which hides nothing where somebody else knows it.
pub fn prove_with_blinding(
    key: &ProvingKey,
    witness: &Path,
    blinding: &Blinding,
    progress: &Progress,
) -> Result<(Proof, Vec<Fr>)> {
    progress.stage("reading the witness", 0.0)?;
    ensure_room(BYTES_PER_ROW * key.domain.size() + BYTES_AT_LEAST)?;
    let witness = read_witness(witness)?;
    let (found, expected) = (witness.len(), key.compact.header.witness_length());
    if found != expected {
        let reason =
            format!("the witness has {found} values; the key's circuit has {expected}: another circuit's?");
        return Err(Error::Witness(reason));
    }
    let publics = witness[1..=key.compact.header.verification_key.publics as usize].to_vec();
    let rows = Rows::new(&key.compact, witness)?;
    progress.stage("checking the witness", 0.02)?;
    rows.check(&key.compact, &publics)?;
    let proof = Prover::new(key, &publics, blinding, progress).prove(rows)?;
    progress.stage("verifying the proof", 0.98)?;
    if !verify(&key.compact.header.verification_key, &publics, &proof)? {
        return Err(Error::Key("the proof does not verify: the proving key contradicts itself".into()));
    }
    progress.stage("done", 1.0)?;
    Ok((proof, publics))
}

/// One proof in the making; a method for each round.
struct Prover<'a> {
    key: &'a ProvingKey,
    publics: &'a [Fr],
    blinding: &'a Blinding,
    committer: Committer<'a>,
    progress: &'a Progress,
}

impl<'a> Prover<'a> {
    fn new(key: &'a ProvingKey, publics: &'a [Fr], blinding: &'a Blinding, progress: &'a Progress) -> Self {
        let (tau, lagrange) = (key.compact.tau(), key.compact.lagrange());
        let committer = Committer { tau, lagrange, size: key.domain.size(), progress };
        Prover { key, publics, blinding, committer, progress }
    }

    fn prove(&self, rows: Rows) -> Result<Proof> {
        let (wires, wire_polynomials) = self.wires(&rows)?;

        self.progress.stage("round 2: permutation", 0.2)?;
        let (beta, gamma) =
            permutation_challenges(&self.key.compact.header.verification_key, self.publics, &wires);
        let (z, mut z_polynomial) = self.permutation(&rows, beta, gamma)?;
        drop(rows);
        self.give_back();

        self.progress.stage("round 3: quotient", 0.35)?;
        let alpha = quotient_challenge(&beta, &gamma, &z);
        let rounds =
            Rounds { wires: &wire_polynomials, z: &z_polynomial, publics: self.publics, beta, gamma, alpha };
        let (quotient, parts) = self.quotient(&rounds)?;

        self.progress.stage("round 4: evaluations", 0.75)?;
        let xi = evaluation_challenge(&alpha, &quotient);
        let evaluations = self.evaluations(&rounds, xi);

        self.progress.stage("round 5: opening polynomials", 0.8)?;
        let mut opening = self.opening(&rounds, &parts, xi, &evaluations)?;
        drop((parts, wire_polynomials));
        self.give_back();
        rayon::join(
            || divide_by_linear(&mut opening, xi),
            || divide_by_linear(&mut z_polynomial, xi * self.key.domain.root()),
        );
        self.progress.stage("round 5: opening commitments", 0.85)?;
        let [opening, opening_next] =
            self.committer.each([&opening, &z_polynomial], |part| self.committer.coefficients(part))?;
        Ok(Proof { wires, z, quotient, opening, opening_next, evaluations })
    }

    /// Between two rounds of a large proof: what the first has freed lies where the second finds no room.
    fn give_back(&self) {
        if self.key.domain.size() > SMALL {
            give_back();
        }
    }

    /// Round 1: the wires, committed to through their values, and their polynomials.
    fn wires(&self, rows: &Rows) -> Result<([Point; Wire::COUNT], [Vec<Fr>; Wire::COUNT])> {
        self.progress.stage("round 1: wire commitments", 0.05)?;
        let commitments = self
            .committer
            .each(Wire::ALL, |wire| self.committer.values(rows.wire(wire), &self.blinding.wire(wire)))?;
        self.progress.stage("round 1: wire polynomials", 0.15)?;
        let polynomials = at_once(Wire::ALL, |wire| {
            let mut coefficients = self.key.domain.interpolate(rows.wire(wire))?;
            blind(&mut coefficients, &self.blinding.wire(wire));
            Ok(coefficients)
        })?;
        Ok((commitments, polynomials))
    }

    /// Round 2: the permutation's running product.
    fn permutation(&self, rows: &Rows, beta: Fr, gamma: Fr) -> Result<(Point, Vec<Fr>)> {
        let products = rows.running_product(self.key, beta, gamma)?;
        let mut polynomial = self.key.domain.interpolate(&products)?;
        blind(&mut polynomial, &self.blinding.product());
        self.progress.stage("round 2: permutation commitment", 0.25)?;
        Ok((self.committer.values(&products, &self.blinding.product())?, polynomial))
    }

    /// Round 3: the quotient, in three parts that blind each other.
    fn quotient(&self, rounds: &Rounds) -> Result<([Point; 3], [Vec<Fr>; 3])> {
        let mut parts = quotient(self.key, rounds, self.progress)?;
        blind_parts(&mut parts, self.blinding);
        self.give_back();
        self.progress.stage("round 3: quotient commitments", 0.5)?;
        let commitments = self.committer.each(parts.each_ref(), |part| self.committer.coefficients(part))?;
        Ok((commitments, parts))
    }

    /// Round 4: a, b, c, s1, s2 at xi, and z at the next row.
    fn evaluations(&self, rounds: &Rounds, xi: Fr) -> [Fr; 6] {
        let [a, b, c] = rounds.wires.each_ref().map(|wire| evaluate(wire, xi));
        let [s1, s2] = OPENED_SIGMAS.map(|wire| evaluate(self.key.sigma(wire), xi));
        [a, b, c, s1, s2, evaluate(rounds.z, xi * self.key.domain.root())]
    }

    /// Round 5: everything that is opened at xi, combined. Constant terms would only change the remainder of
    /// the division that follows, which is dropped.
    fn opening(
        &self,
        rounds: &Rounds,
        parts: &[Vec<Fr>; 3],
        xi: Fr,
        evaluations: &[Fr; 6],
    ) -> Result<Vec<Fr>> {
        let v = opening_challenge(&xi, evaluations);
        let mut opening = linearisation(self.key, rounds, parts, xi, evaluations)?;
        let sigmas = OPENED_SIGMAS.map(|wire| self.key.sigma(wire));
        let mut factor = v;
        for polynomial in rounds.wires.iter().map(Vec::as_slice).chain(sigmas) {
            add_scaled(&mut opening, polynomial, factor);
            factor *= v;
        }
        Ok(opening)
    }
}

/// Runs fallible computations at once.
fn at_once<const N: usize, I: Copy + Send + Sync, T: Send>(
    items: [I; N],
    run: impl Fn(I) -> Result<T> + Send + Sync,
) -> Result<[T; N]> {
    let results: Vec<T> = items.into_par_iter().map(run).collect::<Result<_>>()?;
    results.try_into().map_err(|_| Error::Internal("a result too few".into()))
}

struct Committer<'a> {
    tau: Bases<'a>,
    lagrange: Bases<'a>,
    size: usize,
    progress: &'a Progress,
}

impl Committer<'_> {
    /// Makes several commitments: at once where they are small. Large ones fill all cores by themselves, and each
    /// takes memory.
    fn each<const N: usize, I: Copy + Send + Sync>(
        &self,
        items: [I; N],
        commit: impl Fn(I) -> Result<Point> + Send + Sync,
    ) -> Result<[Point; N]> {
        if self.size <= SMALL {
            return at_once(items, commit);
        }
        let mut points = [Point::IDENTITY; N];
        for (point, item) in points.iter_mut().zip(items) {
            *point = commit(item)?;
        }
        Ok(points)
    }

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
fn blind_parts([low, mid, high]: &mut [Vec<Fr>; 3], blinding: &Blinding) {
    let [b10, b11] = blinding.quotient();
    low.push(b10);
    mid[0] -= b10;
    mid.push(b11);
    high[0] -= b11;
}

/// r(X) of round 5, up to its constant term.
fn linearisation(
    key: &ProvingKey,
    rounds: &Rounds,
    parts: &[Vec<Fr>; 3],
    xi: Fr,
    evaluations: &[Fr; 6],
) -> Result<Vec<Fr>> {
    let [a, b, c, s1, s2, zw] = *evaluations;
    let (beta, gamma, alpha) = (rounds.beta, rounds.gamma, rounds.alpha);
    let (k1, k2) = (key.compact.header.verification_key.k1, key.compact.header.verification_key.k2);
    let size = key.domain.size();
    let xi_n = xi.pow_vartime([size as u64]);
    let vanishing = xi_n - Fr::ONE;
    let below = Fr::from(size as u64) * (xi - Fr::ONE);
    let first = vanishing * below.invert().unwrap_or(Fr::ZERO);
    let identity = (a + beta * xi + gamma) * (b + beta * xi * k1 + gamma) * (c + beta * xi * k2 + gamma);
    let sigma = (a + beta * s1 + gamma) * (b + beta * s2 + gamma) * zw;

    let mut r = key.selectors_combined(&[a * b, a, b, c, Fr::ONE])?;
    r.resize(size + EXTRA_POINTS, Fr::ZERO);
    add_scaled(&mut r, rounds.z, alpha * identity + alpha.square() * first);
    add_scaled(&mut r, key.sigma(Wire::C), -(alpha * beta * sigma));
    let mut factor = -vanishing;
    for part in parts {
        add_scaled(&mut r, part, factor);
        factor *= xi_n;
    }
    Ok(r)
}
