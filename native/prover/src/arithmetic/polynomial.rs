//! Polynomials as slices of coefficients, lowest degree first.

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::packed::{each, run, Constant, Kernel, Packed, Pointwise, MOST_LANES};
use crate::error::Result;
use crate::memory::filled;

/// Coefficients that a thread takes at a time.
const CHUNK: usize = 1 << 11;
/// Independent sums of [`Horner`]: as many products as hide each other's latency.
const CHAINS: usize = 4;
/// Coefficients of a lane in [`divide_by_linear`].
const UNIT: usize = 128;

/// Value at `point`: Horner's rule, chunks in parallel.
pub fn evaluate(coefficients: &[Fr], point: Fr) -> Fr {
    if coefficients.len() <= CHUNK {
        return evaluate_chunk(coefficients, point);
    }
    let step = point.pow_vartime([CHUNK as u64]);
    let parts: Vec<Fr> = coefficients.par_chunks(CHUNK).map(|chunk| evaluate_chunk(chunk, point)).collect();
    horner(&parts, step)
}

fn horner(coefficients: &[Fr], point: Fr) -> Fr {
    coefficients.iter().rev().fold(Fr::ZERO, |sum, c| sum * point + c)
}

fn evaluate_chunk(coefficients: &[Fr], point: Fr) -> Fr {
    let mut kernel = Horner { coefficients, point, value: Fr::ZERO };
    run(&mut kernel);
    kernel.value
}

/// Horner's rule in `CHAINS * LANES` sums: each takes every so-manieth coefficient.
struct Horner<'a> {
    coefficients: &'a [Fr],
    point: Fr,
    value: Fr,
}

impl Kernel for Horner<'_> {
    #[inline(always)]
    fn run<P: Packed>(&mut self) {
        let width = CHAINS * P::LANES;
        let (whole, rest) = self.coefficients.split_at(self.coefficients.len() / width * width);
        let step = P::factor(&self.point.pow_vartime([width as u64]).into());
        let mut sums = [P::constant(&Fr::ZERO.into()); CHAINS];
        for group in whole.chunks_exact(width).rev() {
            for (sum, group) in sums.iter_mut().zip(group.chunks_exact(P::LANES)) {
                *sum = sum.times(step).plus(P::load(group));
            }
        }
        let mut lanes = [Fr::ZERO; CHAINS * MOST_LANES];
        for (lanes, sum) in lanes.chunks_exact_mut(P::LANES).zip(sums) {
            sum.store(lanes);
        }
        let above = horner(rest, self.point) * self.point.pow_vartime([whole.len() as u64]);
        self.value = horner(&lanes[..width], self.point) + above;
    }
}

/// `target += factor * polynomial`; `target` must be at least as long.
pub fn add_scaled(target: &mut [Fr], polynomial: &[Fr], factor: Fr) {
    let factor = factor.into();
    target[..polynomial.len()].par_chunks_mut(CHUNK).zip(polynomial.par_chunks(CHUNK)).for_each(
        |(target, polynomial)| each(&mut AddScaled { target, polynomial, factor }, polynomial.len()),
    );
}

struct AddScaled<'a> {
    target: &'a mut [Fr],
    polynomial: &'a [Fr],
    factor: Constant,
}

impl Pointwise for AddScaled<'_> {
    #[inline(always)]
    fn at<P: Packed>(&mut self, i: usize) {
        let scaled = P::load(&self.polynomial[i..]).times(P::factor(&self.factor));
        P::load(&self.target[i..]).plus(scaled).store(&mut self.target[i..]);
    }
}

/// Each `vectors[k]` becomes the sum of `matrix[k][j] * vectors[j]`; all are equally long.
pub fn combine(vectors: [&mut [Fr]; 3], matrix: [[Fr; 3]; 3]) {
    let matrix = matrix.map(|row| row.map(Constant::from));
    let [a, b, c] = vectors.map(|vector| vector.par_chunks_mut(CHUNK));
    a.zip(b).zip(c).for_each(|((a, b), c)| {
        let length = a.len();
        each(&mut Combine { vectors: [a, b, c], matrix }, length);
    });
}

struct Combine<'a> {
    vectors: [&'a mut [Fr]; 3],
    matrix: [[Constant; 3]; 3],
}

impl Pointwise for Combine<'_> {
    #[inline(always)]
    fn at<P: Packed>(&mut self, i: usize) {
        let values = self.vectors.each_ref().map(|vector| P::load(&vector[i..]));
        for (vector, row) in self.vectors.iter_mut().zip(&self.matrix) {
            let term = |j: usize| values[j].times(P::factor(&row[j]));
            term(0).plus(term(1)).plus(term(2)).store(&mut vector[i..]);
        }
    }
}

/// `values[i] *= factor`, on this thread.
pub fn scale(values: &mut [Fr], factor: Fr) {
    let length = values.len();
    each(&mut Scale { values, factor: factor.into() }, length);
}

struct Scale<'a> {
    values: &'a mut [Fr],
    factor: Constant,
}

impl Pointwise for Scale<'_> {
    #[inline(always)]
    fn at<P: Packed>(&mut self, i: usize) {
        P::load(&self.values[i..]).times(P::factor(&self.factor)).store(&mut self.values[i..]);
    }
}

/// `out[i] = coefficients[i] * shift^i`; the rest of `out` stays.
pub fn scale_by_powers(coefficients: &[Fr], shift: Fr, out: &mut [Fr]) -> Result<()> {
    scale_by_powers_from(coefficients, Fr::ONE, shift, out)
}

/// `out[i] = coefficients[i] * first * shift^i`; the rest of `out` stays.
pub fn scale_by_powers_from(coefficients: &[Fr], first: Fr, shift: Fr, out: &mut [Fr]) -> Result<()> {
    let length = coefficients.len();
    let powers = power_table(shift, CHUNK.min(length.next_power_of_two()))?;
    out[..length].par_chunks_mut(CHUNK).zip(coefficients.par_chunks(CHUNK)).enumerate().for_each(
        |(k, (out, coefficients))| {
            let scale = (first * shift.pow_vartime([(k * CHUNK) as u64])).into();
            each(&mut ByPowers { coefficients, powers: &powers, scale, out }, coefficients.len());
        },
    );
    Ok(())
}

struct ByPowers<'a> {
    coefficients: &'a [Fr],
    powers: &'a [Fr],
    scale: Constant,
    out: &'a mut [Fr],
}

impl Pointwise for ByPowers<'_> {
    #[inline(always)]
    fn at<P: Packed>(&mut self, i: usize) {
        let power = P::load_factor(&self.powers[i..]).times(P::factor(&self.scale));
        P::load(&self.coefficients[i..]).times(power).store(&mut self.out[i..]);
    }
}

/// Powers of `base` from 0 to below `length`, a power of two.
pub fn power_table(base: Fr, length: usize) -> Result<Vec<Fr>> {
    let mut table = filled(Fr::ONE, length)?;
    let (mut known, mut factor) = (1, base);
    while known < length {
        let (low, high) = table.split_at_mut(known);
        high.par_chunks_mut(CHUNK).take(known.div_ceil(CHUNK)).zip(low.par_chunks(CHUNK)).for_each(
            |(high, low)| {
                high[..low.len()].copy_from_slice(low);
                scale(&mut high[..low.len()], factor);
            },
        );
        factor = factor.square();
        known *= 2;
    }
    Ok(table)
}

/// Divides by `X - root` in place, dropping the remainder; the top coefficient becomes zero.
///
/// Synthetic division passes a carry from the top down. Cut into units: what a unit adds to the carry is its value
/// at the root, so that all units can go on at once when those are known.
pub fn divide_by_linear(coefficients: &mut [Fr], root: Fr) {
    const WIDTH: usize = MOST_LANES * UNIT;
    let whole = coefficients.len() / WIDTH * WIDTH;
    let (low, high) = coefficients.split_at_mut(whole);
    let top = divide_plainly(high, root, Fr::ZERO);
    let mut carries: Vec<Fr> = low.par_chunks(UNIT).map(|unit| evaluate_chunk(unit, root)).collect();
    let step = root.pow_vartime([UNIT as u64]);
    let mut carry = top;
    for value in carries.iter_mut().rev() {
        let below = *value + carry * step;
        *value = carry;
        carry = below;
    }
    low.par_chunks_mut(WIDTH).zip(carries.par_chunks(MOST_LANES)).for_each(|(coefficients, carries)| {
        run(&mut Division { coefficients, carries, root: root.into() });
    });
}

fn divide_plainly(coefficients: &mut [Fr], root: Fr, mut carry: Fr) -> Fr {
    for coefficient in coefficients.iter_mut().rev() {
        let quotient = carry;
        carry = *coefficient + carry * root;
        *coefficient = quotient;
    }
    carry
}

/// Division of `MOST_LANES` units, each with the carry that comes from above it.
struct Division<'a> {
    coefficients: &'a mut [Fr],
    carries: &'a [Fr],
    root: Constant,
}

impl Kernel for Division<'_> {
    #[inline(always)]
    fn run<P: Packed>(&mut self) {
        let root = P::factor(&self.root);
        let groups = self.coefficients.chunks_exact_mut(P::LANES * UNIT);
        for (coefficients, carries) in groups.zip(self.carries.chunks_exact(P::LANES)) {
            let mut carry = P::load(carries);
            for i in (0..UNIT).rev() {
                let coefficient = P::load_strided(&coefficients[i..], UNIT);
                carry.store_strided(&mut coefficients[i..], UNIT);
                carry = carry.times(root).plus(coefficient);
            }
        }
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
    use crate::arithmetic::packed::tests::{samples, Bounded};

    #[test]
    fn division_undoes_multiplication() {
        // (X - 4)(3 + 2X + X^2) = X^3 - 2X^2 - 5X - 12
        let mut product = [-Fr::from(12), -Fr::from(5), -Fr::from(2), Fr::ONE];
        divide_by_linear(&mut product, Fr::from(4));
        assert_eq!(product, [Fr::from(3), Fr::from(2), Fr::ONE, Fr::ZERO]);
    }

    #[test]
    fn long_divisions_and_evaluations_are_those_of_horner() {
        for length in (0..18).chain([1023, 1024, 1031, 2048, 5000]) {
            for point in [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(11)] {
                let coefficients = samples(length, 7);
                assert_eq!(evaluate(&coefficients, point), horner(&coefficients, point), "{length}");
                let (mut one, mut other) = (coefficients.clone(), coefficients);
                divide_by_linear(&mut one, point);
                divide_plainly(&mut other, point, Fr::ZERO);
                assert_eq!(one, other, "{length}");
            }
        }
    }

    #[test]
    fn sums_and_scalings_agree_with_one_number_at_a_time() {
        for length in (0..18).chain([2048, 2049, 4500]) {
            let inputs = [samples(length, 1), samples(length, 2), samples(length, 3)];
            let factors = [Fr::from(16).invert().unwrap(), -Fr::ONE, samples(9, 4)[8]];
            let [x, y, z] = inputs.each_ref().map(Vec::as_slice);
            let [mut one, mut other, mut third] = inputs.clone();
            let [f, g, h] = factors;
            combine([&mut one, &mut other, &mut third], [[f, g, h], [h, f, g], [g, h, f]]);
            let mut scaled = vec![Fr::ONE; length + 2];
            scale_by_powers_from(x, factors[2], factors[0], &mut scaled).unwrap();
            let mut sums = y.to_vec();
            add_scaled(&mut sums, z, factors[2]);
            let mut power = factors[2];
            for i in 0..length {
                assert_eq!(one[i], f * x[i] + g * y[i] + h * z[i], "{length}");
                assert_eq!(other[i], h * x[i] + f * y[i] + g * z[i], "{length}");
                assert_eq!(third[i], g * x[i] + h * y[i] + f * z[i], "{length}");
                assert_eq!(scaled[i], x[i] * power, "{length}");
                assert_eq!(sums[i], y[i] + factors[2] * z[i], "{length}");
                power *= factors[0];
            }
            assert_eq!(scaled[length..], [Fr::ONE; 2]);
        }
    }

    #[test]
    fn every_formula_stays_within_its_bounds() {
        let [x, y, z] = [1, 2, 3].map(|seed| samples(1024, seed));
        let factor = Constant::from(-Fr::ONE);
        let [mut sum, mut scaled, mut powers] = [(); 3].map(|()| y.clone());
        let (mut one, mut other, mut third) = (x.clone(), y.clone(), z.clone());
        let mut add = AddScaled { target: &mut sum, polynomial: &x, factor };
        (0..1024).for_each(|i| add.at::<Bounded>(i));
        let mut combined = Combine { vectors: [&mut one, &mut other, &mut third], matrix: [[factor; 3]; 3] };
        (0..1024).for_each(|i| combined.at::<Bounded>(i));
        let mut scale = Scale { values: &mut scaled, factor };
        (0..1024).for_each(|i| scale.at::<Bounded>(i));
        let mut by_powers = ByPowers { coefficients: &x, powers: &y, scale: factor, out: &mut powers };
        (0..1024).for_each(|i| by_powers.at::<Bounded>(i));
        for i in 0..1024 {
            assert_eq!([sum[i], other[i]], [y[i] - x[i], -x[i] - y[i] - z[i]]);
            assert_eq!([scaled[i], powers[i]], [-y[i], -x[i] * y[i]]);
        }
        let mut horner_kernel = Horner { coefficients: &x, point: y[7], value: Fr::ZERO };
        horner_kernel.run::<Bounded>();
        assert_eq!(horner_kernel.value, horner(&x, y[7]));
        let (mut one, mut other) = (x.clone(), x.clone());
        Division { coefficients: &mut one, carries: &z[..8], root: factor }.run::<Bounded>();
        run(&mut Division { coefficients: &mut other, carries: &z[..8], root: factor });
        assert_eq!(one, other);
    }
}
