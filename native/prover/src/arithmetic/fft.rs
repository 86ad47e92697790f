//! Number-theoretic transforms over powers of two, without reordering where nobody needs the order.
//!
//! Forward transforms take coefficients in order and leave values bit-reversed (decimation in frequency);
//! inverse transforms take them so and give coefficients in order. Pointwise work between the two never
//! notices. Each level has its own contiguous table of roots.

use std::borrow::Cow;

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::field::{root_of_unity, MAX_POWER};
#[cfg(target_arch = "x86_64")]
use crate::arithmetic::ifma;
#[cfg(target_arch = "x86_64")]
use crate::arithmetic::packed::Constant;
use crate::arithmetic::polynomial::{power_table, scale, scale_by_powers};
use crate::arithmetic::vectors::{self, Vectors};
use crate::error::{Error, Result};
use crate::memory::{filled, filled_with_room, reserved};

/// Below this length a transform stays on one thread.
const PARALLEL: usize = 1 << 12;
/// Coefficients by which blinding and the like make a polynomial longer.
pub const SPARE: usize = 6;
/// Undoes the factor of roots that vectors take.
const SIXTEENTH: Fr =
    Fr([0x0000_0000_0000_0000, 0x0000_0000_0000_0000, 0x0000_0000_0000_0000, 0x1000_0000_0000_0000]);
/// The least power of two that vectors transform.
const LEAST_VECTOR_POWER: u32 = 6;
/// Pointwise work on bit-reversed values takes so many positions at a time, as a power of two.
const BLOCK_POWER: u32 = 10;

/// Roots of every level, for either direction.
struct Tables {
    vectors: Vectors,
    forward: Vec<Vec<Fr>>,
    inverse: Vec<Vec<Fr>>,
}

impl Tables {
    fn new(mut vectors: Vectors, power: u32, root: Fr, root_inverse: Fr) -> Result<Self> {
        if power < LEAST_VECTOR_POWER {
            vectors = Vectors::Off;
        }
        // Vectors take roots as factors, see `packed.rs`.
        let scale = if vectors == Vectors::Off { Fr::ONE } else { Fr::from(16) };
        let (forward, inverse) = (tables(power, root, scale)?, tables(power, root_inverse, scale)?);
        Ok(Tables { vectors, forward, inverse })
    }
}

/// The subgroup of order `2^power` with its tables.
pub struct Domain {
    power: u32,
    root: Fr,
    size_inverse: Fr,
    tables: Tables,
    reversed_points: Vec<Fr>,
}

impl Domain {
    /// Tables for transforms of `2^power` values.
    pub fn new(power: u32) -> Result<Self> {
        Domain::with_vectors(power, vectors::active())
    }

    fn with_vectors(power: u32, vectors: Vectors) -> Result<Self> {
        if power > MAX_POWER {
            return Err(Error::Internal(format!("no subgroup of order 2^{power} in the scalar field")));
        }
        let root = root_of_unity(power);
        let invert = |value: Fr| {
            Option::from(value.invert()).ok_or_else(|| Error::Internal("zero was inverted".into()))
        };
        let root_inverse = invert(root)?;
        let block = power.min(BLOCK_POWER);
        let mut reversed_points = power_table(root.pow_vartime([1u64 << (power - block)]), 1 << block)?;
        bit_reverse(&mut reversed_points);
        Ok(Domain {
            power,
            root,
            size_inverse: invert(Fr::from(1u64 << power))?,
            tables: Tables::new(vectors, power, root, root_inverse)?,
            reversed_points,
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
        let Some(roots) = self.tables.forward.last() else { return Fr::ONE };
        let element = if i < roots.len() { roots[i] } else { -roots[i - roots.len()] };
        match self.tables.vectors {
            Vectors::Off => element,
            Vectors::Avx512 => element * SIXTEENTH,
        }
    }

    /// The elements at positions 0 to [`Domain::block`] of a bit-reversed vector; those of a block that begins at
    /// `first` are these times `element(reversed(first))`.
    pub fn reversed_points(&self) -> &[Fr] {
        &self.reversed_points
    }

    /// Positions of a block: what pointwise work takes at a time.
    pub fn block(&self) -> usize {
        self.reversed_points.len()
    }

    /// Values of a bit-reversed vector `rows` rows further on, for the block that begins at `first`.
    pub fn shifted<'v>(&self, values: &'v [Fr], first: usize, rows: isize) -> Cow<'v, [Fr]> {
        let mask = self.size() - 1;
        let row = self.reversed(first);
        // A block's rows are one row plus multiples of size / block: without a carry its neighbours are a block.
        let apart = self.size() / self.block();
        match row.checked_add_signed(rows) {
            Some(moved) if moved < apart => {
                let start = self.reversed(moved);
                Cow::Borrowed(&values[start..start + self.block()])
            }
            _ => {
                let place = |i: usize| self.reversed(self.reversed(i).wrapping_add_signed(rows) & mask);
                Cow::Owned((first..first + self.block()).map(|i| values[place(i)]).collect())
            }
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
        match self.tables.vectors {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: these tables are made only where the processor has the instructions; the length is checked.
            Vectors::Avx512 => unsafe { ifma::forward(values, &self.tables.forward) },
            _ => decimate_frequency(values, &self.tables.forward),
        }
    }

    /// Values (bit-reversed) to coefficients (in order), in place.
    pub fn inverse(&self, values: &mut [Fr]) {
        assert_eq!(values.len(), self.size());
        match self.tables.vectors {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `forward`.
            Vectors::Avx512 => unsafe {
                ifma::inverse(values, &self.tables.inverse, &Constant::from(self.size_inverse).factor);
            },
            _ => {
                decimate_time(values, &self.tables.inverse);
                values.par_chunks_mut(1 << 11).for_each(|values| scale(values, self.size_inverse));
            }
        }
    }

    /// Values in natural order to coefficients, with room for [`SPARE`] more.
    pub fn interpolate(&self, values: &[Fr]) -> Result<Vec<Fr>> {
        assert_eq!(values.len(), self.size());
        let mut coefficients = filled_with_room(Fr::ZERO, self.size(), SPARE)?;
        coefficients.par_chunks_mut(PARALLEL).enumerate().for_each(|(chunk, coefficients)| {
            for (i, coefficient) in (chunk * PARALLEL..).zip(coefficients) {
                *coefficient = values[self.reversed(i)];
            }
        });
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
        scale_by_powers(coefficients, shift, &mut values)?;
        self.forward(&mut values);
        Ok(values)
    }

    /// Swaps natural and bit-reversed order, in place.
    pub fn reverse<T>(&self, values: &mut [T]) {
        assert_eq!(values.len(), self.size());
        bit_reverse(values);
    }
}

/// Swaps natural and bit-reversed order; the length is a power of two.
fn bit_reverse<T>(values: &mut [T]) {
    let power = values.len().ilog2();
    for i in 0..values.len() {
        let j = if power == 0 { 0 } else { i.reverse_bits() >> (usize::BITS - power) };
        if i < j {
            values.swap(i, j);
        }
    }
}

/// Roots of each level times `scale`: `tables[k]` has the first `2^k` powers of the root of order `2^(k+1)`.
fn tables(power: u32, root: Fr, factor: Fr) -> Result<Vec<Vec<Fr>>> {
    let mut levels = reserved(power as usize)?;
    let mut root = root;
    for level in (0..power).rev() {
        let mut table = power_table(root, 1 << level)?;
        table.par_chunks_mut(1 << 11).for_each(|table| scale(table, factor));
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
    use crate::arithmetic::packed::tests::samples;
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
    fn vectors_transform_as_one_number_at_a_time_does() {
        for power in (0..14).chain([15]) {
            let plain = Domain::with_vectors(power, Vectors::Off).unwrap();
            let vectors = Domain::new(power).unwrap();
            for coefficients in [samples(plain.size(), 3), vec![-Fr::ONE; plain.size()]] {
                let (mut one, mut other) = (coefficients.clone(), coefficients.clone());
                plain.forward(&mut one);
                vectors.forward(&mut other);
                assert!(one == other, "2^{power}");
                vectors.inverse(&mut other);
                assert!(other == coefficients, "2^{power}");
                plain.inverse(&mut one);
                assert!(one == coefficients, "2^{power}");
            }
        }
    }

    #[test]
    fn blocks_know_their_points_and_the_rows_around_them() {
        for power in [0, 1, 3, 9, 10, 11, 12] {
            let domain = Domain::new(power).unwrap();
            let values = sample(domain.size());
            let mask = domain.size() - 1;
            for first in (0..domain.size()).step_by(domain.block()) {
                let scale = domain.element(domain.reversed(first));
                for rows in [0, 1, -1, -7] {
                    let shifted = domain.shifted(&values, first, rows);
                    for (k, value) in shifted.iter().enumerate() {
                        let row = domain.reversed(first + k);
                        assert_eq!(domain.element(row), domain.root().pow([row as u64]));
                        assert_eq!(domain.reversed_points()[k] * scale, domain.element(row));
                        let moved = row.wrapping_add_signed(rows) & mask;
                        assert_eq!(*value, values[domain.reversed(moved)]);
                    }
                }
            }
        }
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
