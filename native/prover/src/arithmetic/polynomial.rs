//! Polynomials as slices of coefficients, lowest degree first.

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use rayon::prelude::*;

const CHUNK: usize = 1 << 11;

/// Value at `point`: Horner's rule, chunks in parallel.
pub fn evaluate(coefficients: &[Fr], point: Fr) -> Fr {
    let horner = |chunk: &[Fr]| chunk.iter().rev().fold(Fr::ZERO, |sum, c| sum * point + c);
    if coefficients.len() <= CHUNK {
        return horner(coefficients);
    }
    let step = point.pow_vartime([CHUNK as u64]);
    let parts: Vec<Fr> = coefficients.par_chunks(CHUNK).map(horner).collect();
    parts.iter().rev().fold(Fr::ZERO, |sum, part| sum * step + part)
}

/// `target += factor * polynomial`; `target` must be at least as long.
pub fn add_scaled(target: &mut [Fr], polynomial: &[Fr], factor: Fr) {
    target[..polynomial.len()].par_chunks_mut(CHUNK).zip(polynomial.par_chunks(CHUNK)).for_each(
        |(target, polynomial)| {
            for (target, coefficient) in target.iter_mut().zip(polynomial) {
                *target += factor * coefficient;
            }
        },
    );
}

/// Divides by `X - root` in place, dropping the remainder; the top coefficient becomes zero.
pub fn divide_by_linear(coefficients: &mut [Fr], root: Fr) {
    let mut carry = Fr::ZERO;
    for coefficient in coefficients.iter_mut().rev() {
        let quotient = carry;
        carry = *coefficient + carry * root;
        *coefficient = quotient;
    }
}

/// Adds `(blinding[0] + blinding[1] X + ...) * (X^n - 1)`, where `n` is the number of coefficients.
pub fn blind(coefficients: &mut Vec<Fr>, blinding: &[Fr]) {
    for (i, factor) in blinding.iter().enumerate() {
        coefficients[i] -= factor;
    }
    coefficients.extend_from_slice(blinding);
}

/// Product of two power series, cut to the length of the first.
pub fn truncated_product(a: &[Fr], b: &[Fr]) -> Vec<Fr> {
    let mut product = vec![Fr::ZERO; a.len()];
    for (i, x) in a.iter().enumerate() {
        for (target, y) in product[i..].iter_mut().zip(b) {
            *target += x * y;
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_undoes_multiplication() {
        // (X - 4)(3 + 2X + X^2) = X^3 - 2X^2 - 5X - 12
        let mut product = [-Fr::from(12), -Fr::from(5), -Fr::from(2), Fr::ONE];
        divide_by_linear(&mut product, Fr::from(4));
        assert_eq!(product, [Fr::from(3), Fr::from(2), Fr::ONE, Fr::ZERO]);
    }

    #[test]
    fn long_evaluation_is_that_of_horner() {
        let coefficients: Vec<Fr> = (0..5000u64).map(Fr::from).collect();
        let point = Fr::from(11);
        let expected = coefficients.iter().rev().fold(Fr::ZERO, |sum, c| sum * point + c);
        assert_eq!(evaluate(&coefficients, point), expected);
    }
}
