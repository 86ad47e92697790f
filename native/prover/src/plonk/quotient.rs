//! The quotient polynomial t(X) of round 3 (ePrint 2019/953, section 8.3).
//!
//! t has 3n + 6 coefficients. Its top six are those of the numerator at X^(4n) and above, where only the
//! permutation products reach, so a short product of leading coefficients gives them. The other 3n follow from
//! the values on three cosets of n points: one transform of length n per polynomial and coset, on which
//! X^n - 1 is a constant. snarkjs takes one transform of length 4n and carries the blinding along beside it.

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::fft::scale_by_powers;
use crate::arithmetic::polynomial::truncated_product;
use crate::error::{filled, Error, Result};
use crate::plonk::prepared::{coset_shifts, PreparedKey, COSETS};
use crate::progress::Progress;

/// Coefficients of t at X^(3n) and above.
pub const TOP: usize = 6;
const CHUNK: usize = 1 << 10;
/// Up to this many public inputs, values of their Lagrange polynomials are rotations of the first's.
const ROTATED: usize = 8;

/// Everything that rounds 1 and 2 fixed.
pub struct Rounds<'a> {
    /// Blinded coefficients of the wires, n + 2 each.
    pub wires: &'a [Vec<Fr>; 3],
    /// Blinded coefficients of the permutation's product, n + 3.
    pub z: &'a [Fr],
    /// Public inputs.
    pub publics: &'a [Fr],
    /// Challenge of round 2.
    pub beta: Fr,
    /// Challenge of round 2.
    pub gamma: Fr,
    /// Challenge of round 3.
    pub alpha: Fr,
}

/// All 3n + 6 coefficients of t.
pub fn quotient(key: &PreparedKey, rounds: &Rounds, progress: &Progress) -> Result<Vec<Fr>> {
    let size = key.domain.size();
    let shifts = coset_shifts(key.header.power);
    let constants = shifts.map(|shift| shift.pow_vartime([size as u64])); // X^n on each coset
    let top = top_coefficients(key, rounds);
    let public_input = public_polynomial(key, rounds.publics)?;
    let mut residues = Vec::with_capacity(COSETS);
    for coset in 0..COSETS {
        progress.check()?;
        let numerator = coset_numerator(key, rounds, coset, shifts[coset], constants[coset], &public_input)?;
        residues.push(residue(key, numerator, shifts[coset])?);
    }
    combine(residues, constants, top, size)
}

/// Coefficients of PI(X) where there are many public inputs; empty otherwise.
fn public_polynomial(key: &PreparedKey, publics: &[Fr]) -> Result<Vec<Fr>> {
    if publics.len() <= ROTATED {
        return Ok(Vec::new());
    }
    let mut values = filled(Fr::ZERO, key.domain.size())?;
    for (value, public) in values.iter_mut().zip(publics) {
        *value = -*public;
    }
    key.domain.interpolate(&values)
}

/// Values of a blinded polynomial on a coset, where X^n is `constant`.
fn on_coset(key: &PreparedKey, coefficients: &[Fr], shift: Fr, constant: Fr) -> Result<Vec<Fr>> {
    let size = key.domain.size();
    let (low, high) = coefficients.split_at(size.min(coefficients.len()));
    let mut values = filled(Fr::ZERO, size)?;
    scale_by_powers(low, shift, &mut values);
    let mut factor = constant;
    for (value, coefficient) in values.iter_mut().zip(high) {
        *value += factor * coefficient;
        factor *= shift;
    }
    key.domain.forward(&mut values);
    Ok(values)
}

/// Values of t on one coset, bit-reversed.
fn coset_numerator(
    key: &PreparedKey,
    rounds: &Rounds,
    coset: usize,
    shift: Fr,
    constant: Fr,
    public_input: &[Fr],
) -> Result<Vec<Fr>> {
    let polynomials = [&rounds.wires[0], &rounds.wires[1], &rounds.wires[2], rounds.z, public_input];
    let values: Vec<Vec<Fr>> = polynomials
        .into_par_iter()
        .map(|polynomial| match polynomial.is_empty() {
            true => Ok(Vec::new()),
            false => on_coset(key, polynomial, shift, constant),
        })
        .collect::<Result<_>>()?;
    let [a, b, c, z, pi] = values.as_slice() else {
        return Err(Error::Internal("five polynomials".into()));
    };
    let [qm, ql, qr, qo, qc, s1, s2, s3, l1] = std::array::from_fn(|i| key.coset_values(coset, i));
    let (beta, gamma, alpha) = (rounds.beta, rounds.gamma, rounds.alpha);
    let (k1, k2) = (key.header.k1, key.header.k2);
    let vanishing_inverse = (constant - Fr::ONE).invert().unwrap_or(Fr::ZERO);
    let domain = &key.domain;
    let mask = domain.size() - 1;

    let mut numerator = filled(Fr::ZERO, domain.size())?;
    numerator.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, numerator)| {
        for (offset, value) in numerator.iter_mut().enumerate() {
            let i = chunk * CHUNK + offset;
            let row = domain.reversed(i);
            let beta_x = beta * shift * domain.element(row);
            let next = domain.reversed((row + 1) & mask);
            let gate = (qm[i] * b[i] + ql[i]) * a[i] + qr[i] * b[i] + qo[i] * c[i] + qc[i];
            let (ag, bg, cg) = (a[i] + gamma, b[i] + gamma, c[i] + gamma);
            let identity = (ag + beta_x) * (bg + beta_x * k1) * (cg + beta_x * k2) * z[i];
            let sigma = (ag + beta * s1[i]) * (bg + beta * s2[i]) * (cg + beta * s3[i]) * z[next];
            let first = (z[i] - Fr::ONE) * l1[i];
            let mut total = gate + alpha * (identity - sigma + alpha * first);
            match pi.get(i) {
                Some(pi) => total += pi,
                None => {
                    for (j, public) in rounds.publics.iter().enumerate() {
                        // L_j(x) = L_1(x w^-j)
                        total -= *public * l1[domain.reversed(row.wrapping_sub(j) & mask)];
                    }
                }
            }
            *value = total * vanishing_inverse;
        }
    });
    Ok(numerator)
}

/// Coefficients modulo X^n - constant from values on a coset.
fn residue(key: &PreparedKey, mut values: Vec<Fr>, shift: Fr) -> Result<Vec<Fr>> {
    key.domain.inverse(&mut values);
    let inverse = shift.invert().unwrap_or(Fr::ZERO);
    let coefficients = values.clone();
    scale_by_powers(&coefficients, inverse, &mut values);
    Ok(values)
}

/// Solves `residue_j = t_0 + c_j t_1 + c_j^2 t_2 + c_j^3 t_3` for the blocks t_0, t_1, t_2; t_3 is `top`.
fn combine(
    mut residues: Vec<Vec<Fr>>,
    constants: [Fr; COSETS],
    top: [Fr; TOP],
    size: usize,
) -> Result<Vec<Fr>> {
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
    let mut t = filled(Fr::ZERO, 3 * size + TOP)?;
    t[3 * size..].copy_from_slice(&top);
    for (block, t) in t[..3 * size].chunks_exact_mut(size).enumerate() {
        t.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, t)| {
            for (offset, value) in t.iter_mut().enumerate() {
                let k = chunk * CHUNK + offset;
                *value = (0..3).map(|j| columns[j][block] * residues[j][k]).sum();
            }
        });
    }
    Ok(t)
}

/// Coefficients of t from X^(3n) to X^(3n+5): those of the permutation terms from X^(4n) on.
fn top_coefficients(key: &PreparedKey, rounds: &Rounds) -> [Fr; TOP] {
    let size = key.domain.size();
    // Leading coefficients, highest first; of `extra` only what lies below X^n counts.
    let leading = |polynomial: &[Fr], extra: Option<&[Fr]>| -> Vec<Fr> {
        let highest = polynomial.len() - 1;
        (0..TOP)
            .map(|i| {
                let degree = highest - i;
                let extra = extra.and_then(|extra| extra.get(degree)).copied().unwrap_or(Fr::ZERO);
                polynomial[degree] + rounds.beta * extra
            })
            .collect()
    };
    let product = |factors: [Vec<Fr>; 4]| {
        factors.into_iter().reduce(|a, b| truncated_product(&a, &b)).unwrap_or_default()
    };
    let [a, b, c] = rounds.wires;
    let z = leading(rounds.z, None);
    let identity = product([leading(a, None), leading(b, None), leading(c, None), z.clone()]);
    // z(wX): coefficient k times w^k
    let root = key.domain.root();
    let z_next = z
        .iter()
        .enumerate()
        .map(|(i, value)| *value * root.pow_vartime([((size + 2 - i) % size) as u64]))
        .collect();
    let sigma = product([
        leading(a, Some(key.coefficients(5))),
        leading(b, Some(key.coefficients(6))),
        leading(c, Some(key.coefficients(7))),
        z_next,
    ]);
    // Highest first is X^(4n+5); t wants the lowest first.
    std::array::from_fn(|i| rounds.alpha * (identity[TOP - 1 - i] - sigma[TOP - 1 - i]))
}
