//! Checks of a powers-of-tau file: its digest, and pairings that show it to be well formed.
//!
//! A well-formed file holds powers of ONE number, consistently. Nothing in a file can show that nobody knows
//! that number; only its digest, compared with the one that a ceremony published, ties it to people.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use blake2::{Blake2b512, Digest};
use halo2curves::bn256::{Fr, G1Affine, G2Affine, G1, G2};
use halo2curves::ff::Field;
use halo2curves::group::{Curve, Group};

use crate::arithmetic::fft::Domain;
use crate::arithmetic::msm::Bases;
use crate::arithmetic::pairing::pairings_cancel;
use crate::arithmetic::point::Point;
use crate::error::{AtPath, Error, Result};
use crate::files::ptau::Ptau;
use crate::memory::{ensure_room, reserved};
use crate::progress::Progress;

/// What was found in a file that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PtauReport {
    /// It covers circuits of `2^power` gates.
    pub power: u32,
    /// Power of its ceremony.
    pub ceremony_power: u32,
    /// Powers of tau in the second group.
    pub tau2_points: usize,
    /// Whether Lagrange points are there, and were checked.
    pub prepared: bool,
}

/// BLAKE2b-512 of a file, as ceremonies publish it.
pub fn file_digest(path: &Path, progress: &Progress) -> Result<[u8; 64]> {
    let mut file = File::open(path).at(path)?;
    let mut hash = Blake2b512::new();
    let mut buffer = crate::memory::filled(0u8, 1 << 20)?;
    loop {
        progress.check()?;
        match file.read(&mut buffer).at(path)? {
            0 => return Ok(hash.finalize().into()),
            length => hash.update(&buffer[..length]),
        }
    }
}

/// Checks all points and all relations between them; `Err(Error::Ptau)` names the first that fails.
///
/// Each relation is checked for a random combination of all points: a wrong file passes with a chance below
/// 2^-250. Sections that PLONK does not use (alpha, beta) are not looked at.
pub fn check_ptau(path: &Path, progress: &Progress) -> Result<PtauReport> {
    let ptau = Ptau::open(path)?;
    progress.stage("powers of tau", 0.0)?;
    ensure_room(1024 * ptau.tau_count() + (8 << 20))?;
    let x2 = ptau.x2()?;
    let tau = ptau.tau(0, ptau.tau_count())?;
    if tau[1] == tau[0] || tau[1].is_identity() {
        return Err(ptau.wrong("tau is 0 or 1"));
    }
    // e(sum r_i tau^(i+1), G2) = e(sum r_i tau^i, tau G2)
    let factors = random_scalars(tau.len() - 1)?;
    progress.stage("powers of tau: combination", 0.2)?;
    let low = Bases(&tau[..tau.len() - 1]).sum(&factors, progress)?;
    let high = Bases(&tau[1..]).sum(&factors, progress)?;
    if !pairings_cancel(&[(high, G2Affine::generator()), (-low, x2)]) {
        return Err(ptau.wrong("section 2 does not hold the powers of one tau"));
    }
    drop(factors);

    progress.stage("powers of tau: second group", 0.4)?;
    let count = ptau.tau2_count()?;
    check_second_group(&ptau, count, &tau, progress)?;
    let prepared = ptau.has_lagrange();
    if prepared {
        for power in 0..=ptau.power {
            let size = f64::from(1u32 << power) / f64::from(2u32 << ptau.power);
            progress.stage("Lagrange points", 0.5 + 0.5 * size)?;
            check_lagrange(&ptau, power, &tau, progress)?;
        }
    }
    progress.stage("done", 1.0)?;
    Ok(PtauReport { power: ptau.power, ceremony_power: ptau.ceremony_power, tau2_points: count, prepared })
}

/// e(G1, sum r_i tau2_i) = e(sum r_i tau_i, G2), in steps so that memory stays small.
fn check_second_group(ptau: &Ptau, count: usize, tau: &[Point], progress: &Progress) -> Result<()> {
    const STEP: usize = 1 << 10;
    let mut sum2 = G2::identity();
    let mut sum1 = G1::identity();
    for first in (0..count.min(tau.len())).step_by(STEP) {
        progress.check()?;
        let step = STEP.min(count.min(tau.len()) - first);
        let factors = random_scalars(step)?;
        let points = ptau.tau2(first, step)?;
        sum2 += halo2curves::msm::msm_best(&factors, &points);
        sum1 += Bases(&tau[first..first + step]).sum(&factors, progress)?;
    }
    if pairings_cancel(&[(-G1::generator(), sum2.to_affine()), (sum1, G2Affine::generator())]) {
        return Ok(());
    }
    Err(ptau.wrong("section 3 does not hold the same powers as section 2"))
}

/// sum r_i L_i(tau) is the commitment to the polynomial with values r_i.
fn check_lagrange(ptau: &Ptau, power: u32, tau: &[Point], progress: &Progress) -> Result<()> {
    let points = ptau.lagrange(power)?;
    let values = random_scalars(points.len())?;
    let coefficients = Domain::new(power)?.interpolate(&values)?;
    let by_values = Bases(&points).sum(&values, progress)?;
    let by_coefficients = Bases(&tau[..points.len()]).sum(&coefficients, progress)?;
    if G1Affine::from(by_values) == G1Affine::from(by_coefficients) {
        return Ok(());
    }
    Err(ptau.wrong(format!("section 12 does not hold the Lagrange points of power {power}")))
}

/// Scalars expanded from a seed of the operating system's generator.
fn random_scalars(count: usize) -> Result<Vec<Fr>> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Error::Internal(format!("no randomness from the system: {error}")))?;
    let mut scalars = reserved(count)?;
    scalars.extend((0..count as u64).map(|i| {
        let digest = Blake2b512::new().chain_update(seed).chain_update(i.to_le_bytes()).finalize();
        <Fr as halo2curves::ff::FromUniformBytes<64>>::from_uniform_bytes(&digest.into())
    }));
    debug_assert!(scalars.iter().all(|scalar| !bool::from(scalar.is_zero())));
    Ok(scalars)
}
