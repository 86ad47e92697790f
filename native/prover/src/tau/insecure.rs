//! Powers of tau for development, in seconds, the same on every machine.
//!
//! INSECURE BY CONSTRUCTION: tau is the hash of a public sentence, so anyone can forge proofs under keys made
//! from such a file. Because tau is known, Lagrange points are computed as scalars first:
//! `L_i(tau) = w^i (tau^n - 1) / (n (tau - w^i))`. Twin of `twopm_zk/plonk/backends/insecure_ptau.mjs`, byte for byte.

use std::path::Path;

use halo2curves::bn256::{Fr, G1Affine, G2Affine, G1};
use halo2curves::ff::Field;
use halo2curves::group::prime::PrimeCurveAffine;
use halo2curves::group::Curve;
use rayon::prelude::*;
use sha2::{Digest, Sha512};

use crate::arithmetic::field::{
    batch_invert, bytes_of, from_big_endian_reduced, plain_words, powers, root_of_unity, BASE_FIELD_ORDER,
    ELEMENT,
};
use crate::arithmetic::point::{point2_to_bytes, Point};
use crate::arithmetic::tree::Groups;
use crate::error::{Error, Result};
use crate::files::container::ContainerWriter;
use crate::files::ptau::SectionId;
use crate::memory::{filled, reserved};
use crate::progress::Progress;

/// Whose SHA-512, reduced, is tau.
pub const SENTENCE: &str =
    "twopm-zk INSECURE development powers of tau: anyone can forge proofs under these keys";
/// Largest power that is generated.
pub const MAX_DEV_POWER: u32 = 22;

/// The public secret.
pub fn insecure_tau() -> Fr {
    from_big_endian_reduced(&Sha512::digest(SENTENCE))
}

/// Writes a ptau that covers `2^power` gates.
pub fn write_insecure_ptau(power: u32, path: &Path, progress: &Progress) -> Result<()> {
    if !(1..=MAX_DEV_POWER).contains(&power) {
        return Err(Error::Ptau {
            path: path.to_owned(),
            reason: format!("power {power}; a development ptau has 1 to {MAX_DEV_POWER}"),
        });
    }
    let tau = insecure_tau();
    progress.stage("table of the generator's multiples", 0.0)?;
    let base = FixedBase::new(if power < 10 { 8 } else { 13 })?;
    let mut out = ContainerWriter::create(path, b"ptau", 1, 4)?;
    out.begin(SectionId::Header)?;
    out.write_u32(ELEMENT)?;
    out.write(&bytes_of(&BASE_FIELD_ORDER))?;
    out.write_u32(power as usize)?;
    out.write_u32(power as usize)?;
    out.end()?;

    progress.stage("powers of tau", 0.05)?;
    out.begin(SectionId::TauG1)?;
    base.write(&mut out, powers(Fr::ONE, tau, (2 << power) - 1), progress)?;
    out.end()?;

    out.begin(SectionId::TauG2)?;
    let one = G2Affine::generator();
    for point in [one, (one * tau).to_affine()] {
        out.write(&point2_to_bytes(&point))?;
    }
    out.end()?;

    progress.stage("Lagrange points", 0.5)?;
    out.begin(SectionId::Lagrange)?;
    for domain in 0..=power {
        base.write(&mut out, lagrange(domain, tau)?.into_iter(), progress)?;
    }
    out.end()?;
    out.finish()
}

/// `L_i(tau)` for every row of the domain of `2^power` rows.
fn lagrange(power: u32, tau: Fr) -> Result<Vec<Fr>> {
    let size = 1usize << power;
    let root = root_of_unity(power);
    let invert = |value: Fr| value.invert().unwrap_or(Fr::ZERO);
    let factor = (tau.pow_vartime([size as u64]) - Fr::ONE) * invert(Fr::from(size as u64));
    let mut values = reserved(size)?;
    values.extend(powers(Fr::ONE, root, size).map(|point| tau - point));
    batch_invert(&mut values, &mut filled(Fr::ZERO, size)?);
    for (value, point) in values.iter_mut().zip(powers(factor, root, size)) {
        *value *= point;
    }
    Ok(values)
}

/// Multiples of the generator: `table[k][d - 1]` is `d * 2^(window k)` times it.
struct FixedBase {
    window: usize,
    table: Vec<Vec<Point>>,
}

impl FixedBase {
    fn new(window: usize) -> Result<Self> {
        let windows = 254usize.div_ceil(window);
        let table = (0..windows)
            .into_par_iter()
            .map(|k| {
                let base = Point::generator().times(&Fr::from(2).pow_vartime([(window * k) as u64]));
                let mut multiples = reserved((1 << window) - 1)?;
                let mut multiple = base;
                for _ in 1..1u32 << window {
                    multiples.push(multiple);
                    multiple += base;
                }
                let mut affine = filled(G1Affine::identity(), multiples.len())?;
                G1::batch_normalize(&multiples, &mut affine);
                Ok(affine.into_iter().map(Point::from).collect())
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(FixedBase { window, table })
    }

    /// Writes the generator times each scalar, in order.
    fn write(
        &self,
        out: &mut ContainerWriter,
        scalars: impl Iterator<Item = Fr>,
        progress: &Progress,
    ) -> Result<()> {
        const STEP: usize = 1 << 14;
        let mut scalars = scalars.peekable();
        while scalars.peek().is_some() {
            progress.check()?;
            let step: Vec<Fr> = scalars.by_ref().take(STEP).collect();
            let points: Vec<Vec<Point>> = step.par_chunks(512).map(|part| self.multiply(part)).collect();
            points.iter().try_for_each(|points| out.write_points(points))?;
        }
        Ok(())
    }

    fn multiply(&self, scalars: &[Fr]) -> Vec<Point> {
        let mut groups = Groups::default();
        for scalar in scalars {
            let words = plain_words(scalar);
            groups.push(self.table.iter().enumerate().filter_map(|(k, multiples)| {
                let digit = bits(&words, k * self.window, self.window);
                digit.checked_sub(1).map(|index| multiples[index])
            }));
        }
        groups.sums().collect()
    }
}

/// `count` bits of a 256-bit number from bit `start` on.
fn bits(words: &[u64; 4], start: usize, count: usize) -> usize {
    let (word, shift) = (start / 64, start % 64);
    let mut value = words[word] >> shift;
    if shift + count > 64 && word < 3 {
        value |= words[word + 1] << (64 - shift);
    }
    (value & ((1 << count) - 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_base_agrees_with_plain_products() {
        let base = FixedBase::new(8).unwrap();
        let scalars = [Fr::ZERO, Fr::ONE, -Fr::ONE, insecure_tau(), Fr::from(1 << 40)];
        let expected: Vec<Point> =
            scalars.iter().map(|scalar| Point::generator().times(scalar).into()).collect();
        assert_eq!(base.multiply(&scalars), expected);
    }

    #[test]
    fn lagrange_values_sum_to_one() {
        assert_eq!(lagrange(4, insecure_tau()).unwrap().iter().sum::<Fr>(), Fr::ONE);
    }
}
