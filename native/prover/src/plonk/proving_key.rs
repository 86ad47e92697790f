//! A key in the form that the prover works with: the compact key, and what is computed from it once.
//!
//! Either the columns' values on the cosets stay in memory, 864 bytes a row, while they fit into [`KEPT_BYTES`]; or the
//! selectors' coefficients, 160 bytes a row, from which every proof computes them coset by coset, and drops them.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::fft::Domain;
use crate::arithmetic::field::{root_of_unity, ELEMENT};
use crate::error::{AtPath, Result};
use crate::files::columns::{Column, Wire};
use crate::files::zkey::Zkey;
use crate::memory::{ensure_room, filled, give_back};
use crate::plonk::gates::Selectors;
use crate::plonk::key::CompactKey;
use crate::plonk::zkey_form::read_zkey;
use crate::progress::Progress;

/// Cosets that determine the quotient's lowest 3n coefficients.
pub const COSETS: usize = 3;
/// Polynomials on a coset: every column, then the first Lagrange polynomial.
pub const COSET_POLYNOMIALS: usize = Column::COUNT + 1;
/// Values on cosets up to which a key keeps them, where the caller names no other number: domains up to 2^18.
pub const KEPT_BYTES: usize = 256 << 20;

/// A key that proves.
pub struct ProvingKey {
    /// Gates, permutation, points and verification key.
    pub compact: CompactKey,
    /// The domain's tables.
    pub domain: Domain,
    /// Coefficients of the permutation columns.
    sigmas: Vec<Vec<Fr>>,
    cosets: Cosets,
}

/// Values of every column, and of the first Lagrange polynomial, on the cosets.
enum Cosets {
    /// Those of each coset.
    Kept(Vec<Vec<Vec<Fr>>>),
    /// To be computed from the coefficients of the selectors, and the others'.
    Computed(Vec<Vec<Fr>>),
}

impl ProvingKey {
    /// Loads a compact key, or a `.zkey`, which becomes one in memory. Values on cosets are kept where they take at
    /// most `kept` bytes.
    pub fn load(path: &Path, kept: usize, progress: &Progress) -> Result<Self> {
        let compact = match has_zkey_magic(path)? {
            true => read_zkey(&Zkey::open(path)?, progress)?,
            false => CompactKey::open(path)?,
        };
        ProvingKey::new(compact, kept, progress)
    }

    fn new(compact: CompactKey, kept: usize, progress: &Progress) -> Result<Self> {
        let size = compact.header.size();
        let values = COSETS * COSET_POLYNOMIALS * ELEMENT * size;
        let keep = values <= kept;
        ensure_room((Column::COUNT + 4) * ELEMENT * size + if keep { values } else { 0 })?;
        let domain = Domain::new(compact.header.verification_key.power)?;
        progress.stage("preparing the key: coefficients", 0.9)?;
        let interpolate = |column: &Column| {
            progress.check()?;
            domain.interpolate(&compact.values(*column, &domain)?)
        };
        let all = |columns: &[Column]| columns.iter().map(interpolate).collect::<Result<Vec<_>>>();
        let sigmas = all(&Column::SIGMAS)?;
        let cosets = match keep {
            false => Cosets::Computed(all(&Column::SELECTORS)?),
            true => {
                progress.stage("preparing the key: cosets", 0.95)?;
                let on_cosets = |coefficients: &[Fr]| -> Result<Vec<Vec<Fr>>> {
                    let shifts = coset_shifts(domain.power()).into_iter();
                    shifts.map(|shift| domain.evaluate_on_coset(coefficients, shift)).collect()
                };
                // Coefficients of a selector are dropped before the next one's are made.
                let mut cosets = vec![Vec::new(); COSETS];
                let mut push = |values: Vec<Vec<Fr>>| {
                    cosets.iter_mut().zip(values).for_each(|(coset, values)| coset.push(values));
                };
                for column in &Column::SELECTORS {
                    push(on_cosets(&interpolate(column)?)?);
                }
                for sigma in &sigmas {
                    push(on_cosets(sigma)?);
                }
                push(on_cosets(&first_lagrange(size)?)?);
                Cosets::Kept(cosets)
            }
        };
        give_back();
        Ok(ProvingKey { compact, domain, sigmas, cosets })
    }

    /// The coefficients of the permutation column of a wire.
    pub fn sigma(&self, wire: Wire) -> &[Fr] {
        &self.sigmas[wire.index()]
    }

    /// The coefficients of the sum of all selectors, each times its factor.
    pub fn selectors_combined(&self, factors: &Selectors) -> Result<Vec<Fr>> {
        let of_kind =
            |kind: &Selectors| kind.iter().zip(factors).map(|(selector, factor)| *selector * factor).sum();
        let kinds: Vec<Fr> = self.compact.kinds().par_iter().map(of_kind).collect();
        self.domain.interpolate(&self.compact.in_rows(|kind| kinds[kind])?)
    }

    /// The values of every column, and of the first Lagrange polynomial, on one of the cosets, bit-reversed.
    pub fn on_coset(&self, coset: usize) -> Result<Cow<'_, [Vec<Fr>]>> {
        let selectors = match &self.cosets {
            Cosets::Kept(values) => return Ok(Cow::Borrowed(&values[coset])),
            Cosets::Computed(selectors) => selectors,
        };
        let (domain, shift) = (&self.domain, coset_shifts(self.domain.power())[coset]);
        let evaluate = |index: usize| match selectors.iter().chain(&self.sigmas).nth(index) {
            Some(coefficients) => domain.evaluate_on_coset(coefficients, shift),
            None => domain.evaluate_on_coset(&first_lagrange(domain.size())?, shift),
        };
        Ok(Cow::Owned((0..COSET_POLYNOMIALS).into_par_iter().map(evaluate).collect::<Result<_>>()?))
    }
}

/// The coefficients of the first Lagrange polynomial: L_1 = (1 + X + ... + X^(n-1)) / n.
fn first_lagrange(size: usize) -> Result<Vec<Fr>> {
    filled(Fr::from(size as u64).invert().unwrap_or(Fr::ZERO), size)
}

/// Whether a file is a `.zkey`; everything else has to be a compact key.
pub fn has_zkey_magic(path: &Path) -> Result<bool> {
    let mut magic = [0; 4];
    let mut file = File::open(path).at(path)?;
    Ok(file.read(&mut magic).at(path)? == magic.len() && magic == *b"zkey")
}

/// Points whose powers n are not one: `shift_j * H` for three cosets, apart from each other and from H.
pub fn coset_shifts(power: u32) -> [Fr; COSETS] {
    let root = root_of_unity(power + 2);
    let first = Fr::from(5); // a non-residue: no power of two of it is one
    [first, first * root, first * root.square()]
}
