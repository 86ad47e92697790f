//! The quotient polynomial t(X) of round 3 (ePrint 2019/953, section 8.3).
//!
//! t has 3n + 6 coefficients. Its top six are those of the numerator at X^(4n) and above, where only the
//! permutation products reach, so a short product of leading coefficients gives them. The other 3n follow from
//! the values on three cosets of n points: one transform of length n per polynomial and coset, on which
//! X^n - 1 is a constant. snarkjs takes one transform of length 4n and carries the blinding along beside it.

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::fft::Domain;
use crate::arithmetic::packed::Constant;
use crate::arithmetic::polynomial::{self, scale_by_powers, truncated_product};
use crate::error::{Error, Result};
use crate::files::columns::Wire;
use crate::memory::{filled, filled_with_room};
use crate::plonk::proving_key::{coset_shifts, ProvingKey, COSETS, COSET_POLYNOMIALS};
use crate::plonk::terms::{GateValues, QuotientFactors, QuotientTerms};
use crate::progress::Progress;

/// Coefficients of t at X^(3n) and above.
pub const TOP: usize = 6;
/// Up to this many public inputs, values of their Lagrange polynomials are rotations of the first's.
const ROTATED: usize = 8;

/// Everything that rounds 1 and 2 fixed.
pub struct Rounds<'a> {
    /// Blinded coefficients of the wires, n + 2 each.
    pub wires: &'a [Vec<Fr>; Wire::COUNT],
    /// Blinded coefficients of the permutation's product, n + 3.
    pub z: &'a [Fr],
    /// Public inputs.
    pub publics: &'a [Fr],
    /// First challenge of round 2.
    pub beta: Fr,
    /// Second challenge of round 2.
    pub gamma: Fr,
    /// The challenge of round 3.
    pub alpha: Fr,
}

/// The 3n + 6 coefficients of t, in three parts of n, n and n + 6.
pub fn quotient(key: &ProvingKey, rounds: &Rounds, progress: &Progress) -> Result<[Vec<Fr>; 3]> {
    let size = key.domain.size();
    let shifts = coset_shifts(key.domain.power());
    let constants = shifts.map(|shift| shift.pow_vartime([size as u64])); // X^n on each coset
    let top = top_coefficients(key, rounds);
    let public_input = public_polynomial(key, rounds.publics)?;
    let mut residues = [Vec::new(), Vec::new(), Vec::new()];
    for (coset, residue) in residues.iter_mut().enumerate() {
        progress.check()?;
        let place = Place { coset, shift: shifts[coset], constant: constants[coset] };
        let values = coset_values(key, rounds, &place, &public_input)?;
        *residue = residue_of(&key.domain, values, place.shift)?;
    }
    combine(&mut residues, constants, top);
    residues[2].extend(top);
    Ok(residues)
}

/// Coefficients of PI(X) where there are many public inputs; empty otherwise.
fn public_polynomial(key: &ProvingKey, publics: &[Fr]) -> Result<Vec<Fr>> {
    if publics.len() <= ROTATED {
        return Ok(Vec::new());
    }
    let mut values = filled(Fr::ZERO, key.domain.size())?;
    for (value, public) in values.iter_mut().zip(publics) {
        *value = -*public;
    }
    key.domain.interpolate(&values)
}

/// One coset: its number, `x / w^i` of its points x, and X^n on it.
struct Place {
    coset: usize,
    shift: Fr,
    constant: Fr,
}

/// Values of a blinded polynomial on a coset; none where the polynomial is empty.
fn on_coset(domain: &Domain, coefficients: &[Fr], place: &Place) -> Result<Vec<Fr>> {
    if coefficients.is_empty() {
        return Ok(Vec::new());
    }
    let size = domain.size();
    let (low, high) = coefficients.split_at(size.min(coefficients.len()));
    let mut values = filled(Fr::ZERO, size)?;
    scale_by_powers(low, place.shift, &mut values)?;
    let mut factor = place.constant;
    for (value, coefficient) in values.iter_mut().zip(high) {
        *value += factor * coefficient;
        factor *= place.shift;
    }
    domain.forward(&mut values);
    Ok(values)
}

/// Values of t on one coset, bit-reversed.
fn coset_values(key: &ProvingKey, rounds: &Rounds, place: &Place, public_input: &[Fr]) -> Result<Vec<Fr>> {
    let [a, b, c] = rounds.wires;
    let values: Vec<Vec<Fr>> = [a, b, c, rounds.z, public_input]
        .into_par_iter()
        .map(|polynomial| on_coset(&key.domain, polynomial, place))
        .collect::<Result<_>>()?;
    let [a, b, c, z, pi] = values.as_slice() else {
        return Err(Error::Internal("five polynomials".into()));
    };
    let columns = key.on_coset(place.coset)?;
    let columns: &[Vec<Fr>; COSET_POLYNOMIALS] =
        columns.as_ref().try_into().map_err(|_| Error::Internal("nine polynomials".into()))?;
    let [qm, ql, qr, qo, qc, s1, s2, s3, l1] = columns.each_ref().map(Vec::as_slice);
    let (selectors, sigmas) = ([qm, ql, qr, qo, qc], [s1, s2, s3]);
    let domain = &key.domain;
    let factors = QuotientFactors::new(key, [rounds.beta, rounds.gamma, rounds.alpha], place.constant);
    let publics: Vec<Constant> = match pi.is_empty() {
        true => rounds.publics.iter().map(|public| Constant::from(-*public)).collect(),
        false => Vec::new(),
    };

    let mut t = filled(Fr::ZERO, domain.size())?;
    t.par_chunks_mut(domain.block()).enumerate().for_each(|(block, out)| {
        let first = block * domain.block();
        let range = first..first + domain.block();
        let next = domain.shifted(z, first, 1);
        // L_j(x) = L_1(x w^-j)
        let lagrange: Vec<_> = (0..publics.len()).map(|j| domain.shifted(l1, first, -(j as isize))).collect();
        let terms = QuotientTerms {
            gates: GateValues {
                selectors: selectors.map(|values| &values[range.clone()]),
                wires: [a, b, c].map(|values| &values[range.clone()]),
            },
            sigmas: sigmas.map(|values| &values[range.clone()]),
            z: &z[range.clone()],
            next: &next,
            first: &l1[range.clone()],
            points: domain.reversed_points(),
            public_input: pi.get(range).unwrap_or(&[]),
            publics: &publics,
            lagrange: &lagrange,
            factors: &factors,
            place: place.shift * domain.element(domain.reversed(first)),
            out,
        };
        terms.fill();
    });
    Ok(t)
}

/// Coefficients modulo X^n - constant from values on a coset; with room for the top ones of t.
fn residue_of(domain: &Domain, mut values: Vec<Fr>, shift: Fr) -> Result<Vec<Fr>> {
    domain.inverse(&mut values);
    let inverse = shift.invert().unwrap_or(Fr::ZERO);
    let mut scaled = filled_with_room(Fr::ZERO, values.len(), TOP)?;
    scale_by_powers(&values, inverse, &mut scaled)?;
    Ok(scaled)
}

/// Solves `residue_j = t_0 + c_j t_1 + c_j^2 t_2 + c_j^3 t_3` for the blocks t_0, t_1, t_2, in their place; t_3 is
/// `top`.
fn combine(residues: &mut [Vec<Fr>; COSETS], constants: [Fr; COSETS], top: [Fr; TOP]) {
    for (residue, constant) in residues.iter_mut().zip(constants) {
        let cube = constant.square() * constant;
        for (value, top) in residue.iter_mut().zip(top) {
            *value -= cube * top;
        }
    }
    // Lagrange interpolation through the three constants: columns of the inverse Vandermonde matrix.
    let columns: [[Fr; 3]; 3] = std::array::from_fn(|j| {
        let (c, p, q) = (constants[j], constants[(j + 1) % 3], constants[(j + 2) % 3]);
        let scale = ((c - p) * (c - q)).invert().unwrap_or(Fr::ZERO);
        [p * q * scale, -(p + q) * scale, scale]
    });
    let rows = std::array::from_fn(|block| columns.map(|column| column[block]));
    polynomial::combine(residues.each_mut().map(Vec::as_mut_slice), rows);
}

/// Coefficients of t from X^(3n) to X^(3n+5): those of the permutation terms from X^(4n) on.
fn top_coefficients(key: &ProvingKey, rounds: &Rounds) -> [Fr; TOP] {
    let size = key.domain.size();
    let product = |factors: [Vec<Fr>; 4]| {
        factors.into_iter().reduce(|a, b| truncated_product(&a, &b)).unwrap_or_default()
    };
    let [a, b, c] = rounds.wires;
    let z = leading(rounds.z, &[], Fr::ZERO);
    let plain = |wire: &[Fr]| leading(wire, &[], Fr::ZERO);
    let identity = product([plain(a), plain(b), plain(c), z.clone()]);
    // z(wX): coefficient k times w^k
    let root = key.domain.root();
    let z_next = z
        .iter()
        .enumerate()
        .map(|(i, value)| *value * root.pow_vartime([((size + 2 - i) % size) as u64]))
        .collect();
    let with_sigma = |values: &[Fr], wire| leading(values, key.sigma(wire), rounds.beta);
    let sigma = product([with_sigma(a, Wire::A), with_sigma(b, Wire::B), with_sigma(c, Wire::C), z_next]);
    // Highest first is X^(4n+5); t wants the lowest first.
    std::array::from_fn(|i| rounds.alpha * (identity[TOP - 1 - i] - sigma[TOP - 1 - i]))
}

/// Highest coefficients of `polynomial + factor * other`, the highest first; `other` is the shorter one.
fn leading(polynomial: &[Fr], other: &[Fr], factor: Fr) -> Vec<Fr> {
    let coefficient = |degree: usize| {
        let other = other.get(degree).copied().unwrap_or(Fr::ZERO);
        polynomial[degree] + factor * other
    };
    (0..polynomial.len()).rev().take(TOP).map(coefficient).collect()
}
