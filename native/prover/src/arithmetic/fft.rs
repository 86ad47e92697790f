//! Number-theoretic transforms over powers of two, without reordering where nobody needs the order.
//!
//! Forward transforms take coefficients in order and leave values bit-reversed (decimation in frequency);
//! inverse transforms take them so and give coefficients in order. Pointwise work between the two never
//! notices. Each level has its own contiguous table of roots.

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::field::{root_of_unity, MAX_POWER};
use crate::error::{filled, reserved, Error, Result};

/// Below this length a transform stays on one thread.
const PARALLEL: usize = 1 << 12;

/// The subgroup of order `2^power` with its tables.
pub struct Domain {
    power: u32,
    root: Fr,
    size_inverse: Fr,
    forward: Vec<Vec<Fr>>,
    inverse: Vec<Vec<Fr>>,
}

impl Domain {
    /// Tables for transforms of `2^power` values.
    pub fn new(power: u32) -> Result<Self> {
        if power > MAX_POWER {
            return Err(Error::Internal(format!("no subgroup of order 2^{power} in the scalar field")));
        }
        let root = root_of_unity(power);
        let invert = |value: Fr| {
            Option::from(value.invert()).ok_or_else(|| Error::Internal("zero was inverted".into()))
        };
        let root_inverse = invert(root)?;
        Ok(Domain {
            power,
            root,
            size_inverse: invert(Fr::from(1u64 << power))?,
            forward: tables(power, root)?,
            inverse: tables(power, root_inverse)?,
        })
    }

    /// Number of values.
    pub fn size(&self) -> usize {
        1 << self.power
    }

    /// Base-two logarithm of [`Domain::size`].
    pub fn power(&self) -> u32 {
        self.power
    }

    /// Generator of the subgroup.
    pub fn root(&self) -> Fr {
        self.root
    }

    /// `root^i` for `i` below the size.
    #[inline]
    pub fn element(&self, i: usize) -> Fr {
        match self.forward.last() {
            Some(roots) if i < roots.len() => roots[i],
            Some(roots) => -roots[i - roots.len()],
            None => Fr::ONE,
        }
    }

    /// Where natural index `i` sits in a bit-reversed vector.
    pub fn reversed(&self, i: usize) -> usize {
        if self.power == 0 {
            return 0;
        }
        i.reverse_bits() >> (usize::BITS - self.power)
    }

    /// Coefficients (in order) to values on the subgroup (bit-reversed), in place.
    pub fn forward(&self, values: &mut [Fr]) {
        assert_eq!(values.len(), self.size());
        decimate_frequency(values, &self.forward);
    }

    /// Values (bit-reversed) to coefficients (in order), in place.
    pub fn inverse(&self, values: &mut [Fr]) {
        assert_eq!(values.len(), self.size());
        decimate_time(values, &self.inverse);
        let scale = self.size_inverse;
        for_each_parallel(values, |value| *value *= scale);
    }

    /// Values in natural order to coefficients.
    pub fn interpolate(&self, values: &[Fr]) -> Result<Vec<Fr>> {
        let mut coefficients = reserved(self.size())?;
        coefficients.extend_from_slice(values);
        self.reverse(&mut coefficients);
        self.inverse(&mut coefficients);
        Ok(coefficients)
    }

    /// Coefficients to values in natural order; shorter polynomials are padded.
    pub fn evaluate(&self, coefficients: &[Fr]) -> Result<Vec<Fr>> {
        let mut values = filled(Fr::ZERO, self.size())?;
        values[..coefficients.len()].copy_from_slice(coefficients);
        self.forward(&mut values);
        self.reverse(&mut values);
        Ok(values)
    }

    /// Values (bit-reversed) of a polynomial of degree below the domain's size, on the coset `shift * H`.
    pub fn evaluate_on_coset(&self, coefficients: &[Fr], shift: Fr) -> Result<Vec<Fr>> {
        let mut values = filled(Fr::ZERO, self.size())?;
        scale_by_powers(coefficients, shift, &mut values);
        self.forward(&mut values);
        Ok(values)
    }

    /// Swaps natural and bit-reversed order, in place.
    pub fn reverse<T>(&self, values: &mut [T]) {
        for i in 0..values.len() {
            let j = self.reversed(i);
            if i < j {
                values.swap(i, j);
            }
        }
    }
}

/// `out[i] = coefficients[i] * shift^i`.
pub fn scale_by_powers(coefficients: &[Fr], shift: Fr, out: &mut [Fr]) {
    const CHUNK: usize = 1 << 11;
    let length = coefficients.len();
    out[..length].par_chunks_mut(CHUNK).zip(coefficients.par_chunks(CHUNK)).enumerate().for_each(
        |(k, (out, coefficients))| {
            let mut factor = shift.pow_vartime([(k * CHUNK) as u64]);
            for (out, coefficient) in out.iter_mut().zip(coefficients) {
                *out = *coefficient * factor;
                factor *= shift;
            }
        },
    );
}

fn for_each_parallel(values: &mut [Fr], run: impl Fn(&mut Fr) + Sync + Send) {
    if values.len() < PARALLEL {
        values.iter_mut().for_each(run);
    } else {
        values.par_iter_mut().with_min_len(1 << 11).for_each(run);
    }
}

/// Roots of each level: `tables[k]` holds the first `2^k` powers of the root of order `2^(k+1)`.
fn tables(power: u32, root: Fr) -> Result<Vec<Vec<Fr>>> {
    let mut levels = reserved(power as usize)?;
    let mut root = root;
    for level in (0..power).rev() {
        let mut table = reserved(1 << level)?;
        let mut factor = Fr::ONE;
        for _ in 0..1usize << level {
            table.push(factor);
            factor *= root;
        }
        levels.push(table);
        root = root.square();
    }
    levels.reverse();
    Ok(levels)
}

fn decimate_frequency(values: &mut [Fr], tables: &[Vec<Fr>]) {
    let Some((roots, deeper)) = tables.split_last() else { return };
    let (low, high) = values.split_at_mut(values.len() / 2);
    let butterfly = |((low, high), root): ((&mut Fr, &mut Fr), &Fr)| {
        let difference = *low - *high;
        *low += *high;
        *high = difference * root;
    };
    if low.len() < PARALLEL {
        low.iter_mut().zip(high.iter_mut()).zip(roots).for_each(butterfly);
        decimate_frequency(low, deeper);
        decimate_frequency(high, deeper);
    } else {
        low.par_iter_mut().zip(high.par_iter_mut()).zip(roots).with_min_len(1 << 11).for_each(butterfly);
        rayon::join(|| decimate_frequency(low, deeper), || decimate_frequency(high, deeper));
    }
}

fn decimate_time(values: &mut [Fr], tables: &[Vec<Fr>]) {
    let Some((roots, deeper)) = tables.split_last() else { return };
    let (low, high) = values.split_at_mut(values.len() / 2);
    let butterfly = |((low, high), root): ((&mut Fr, &mut Fr), &Fr)| {
        let product = *high * root;
        *high = *low - product;
        *low += product;
    };
    if low.len() < PARALLEL {
        decimate_time(low, deeper);
        decimate_time(high, deeper);
        low.iter_mut().zip(high.iter_mut()).zip(roots).for_each(butterfly);
    } else {
        rayon::join(|| decimate_time(low, deeper), || decimate_time(high, deeper));
        low.par_iter_mut().zip(high.par_iter_mut()).zip(roots).with_min_len(1 << 11).for_each(butterfly);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::polynomial::evaluate;

    fn sample(count: usize) -> Vec<Fr> {
        (0..count as u64).map(|i| Fr::from(i * i + 3)).collect()
    }

    #[test]
    fn transforms_agree_with_evaluation_at_every_size() {
        for power in [0, 1, 3, 6] {
            let domain = Domain::new(power).unwrap();
            let coefficients = sample(domain.size());
            let values = domain.evaluate(&coefficients).unwrap();
            let mut point = Fr::ONE;
            for value in &values {
                assert_eq!(*value, evaluate(&coefficients, point));
                point *= domain.root();
            }
            assert_eq!(domain.interpolate(&values).unwrap(), coefficients);
        }
    }

    #[test]
    fn long_transforms_return() {
        let domain = Domain::new(14).unwrap();
        let coefficients = sample(domain.size());
        let mut values = coefficients.clone();
        domain.forward(&mut values);
        assert_eq!(values[domain.reversed(5)], evaluate(&coefficients, domain.root().pow([5])));
        domain.inverse(&mut values);
        assert_eq!(values, coefficients);
    }

    #[test]
    fn coset_values_are_those_at_shifted_points() {
        let domain = Domain::new(4).unwrap();
        let coefficients = sample(16);
        let shift = Fr::from(5);
        let values = domain.evaluate_on_coset(&coefficients, shift).unwrap();
        let point = shift * domain.root().pow([3]);
        assert_eq!(values[domain.reversed(3)], evaluate(&coefficients, point));
    }
}
