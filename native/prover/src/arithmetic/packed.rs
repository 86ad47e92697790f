//! Formulas over slices of field elements, written once for one number at a time and for vectors.
//!
//! A formula is a [`Pointwise`] or a [`Kernel`], generic over [`Packed`]: the numbers in the lanes of a register,
//! or a single `Fr`. [`each`] and [`run`] choose at run time.
//!
//! Lanes hold numbers that are not reduced, and two forms of them. A *value* is what memory holds, x * 2^256; a
//! *factor* is 16 times that, because products divide by 2^260. Value times factor is a value, factor times factor
//! a factor. Sums need equal forms. What is loaded as a value is below p, as a factor below 16p; a product of
//! numbers below jp and kp is below (1 + jk/84)p, and must have jk <= 84; `minus::<K>` needs its second operand
//! below Kp; what is stored must be below 84p. The tests run every formula over `Bounded`, which checks all this.

use halo2curves::bn256::Fr;

use crate::arithmetic::vectors::{active, Vectors};

/// The most lanes that any [`Packed`] has.
pub const MOST_LANES: usize = 8;

/// A number that is the same in every lane.
#[derive(Clone, Copy, Debug)]
pub struct Constant {
    /// The number.
    pub value: Fr,
    /// Sixteen times the number.
    pub factor: Fr,
}

impl From<Fr> for Constant {
    fn from(value: Fr) -> Self {
        Constant { value, factor: value * Fr::from(16) }
    }
}

/// Numbers side by side, with the operations that formulas need. See the module's text for forms and bounds.
pub trait Packed: Copy {
    /// How many.
    const LANES: usize;
    /// The first numbers of a slice, as values.
    fn load(values: &[Fr]) -> Self;
    /// The first numbers of a slice, as factors.
    fn load_factor(values: &[Fr]) -> Self;
    /// Every `stride`-th number of a slice, as values.
    fn load_strided(values: &[Fr], stride: usize) -> Self;
    /// Every `stride`-th number of a slice, as factors.
    fn load_factor_strided(values: &[Fr], stride: usize) -> Self;
    /// The same value in every lane.
    fn constant(constant: &Constant) -> Self;
    /// The same factor in every lane.
    fn factor(constant: &Constant) -> Self;
    /// Sum.
    fn plus(self, other: Self) -> Self;
    /// Difference; `other` must be below `K` times the order.
    fn minus<const K: u64>(self, other: Self) -> Self;
    /// Product.
    fn times(self, factor: Self) -> Self;
    /// Writes values to the first elements of a slice, reduced.
    fn store(self, values: &mut [Fr]);
    /// Writes values to every `stride`-th element of a slice, reduced.
    fn store_strided(self, values: &mut [Fr], stride: usize);
}

impl Packed for Fr {
    const LANES: usize = 1;

    #[inline(always)]
    fn load(values: &[Fr]) -> Self {
        values[0]
    }

    #[inline(always)]
    fn load_factor(values: &[Fr]) -> Self {
        values[0]
    }

    #[inline(always)]
    fn load_strided(values: &[Fr], _stride: usize) -> Self {
        values[0]
    }

    #[inline(always)]
    fn load_factor_strided(values: &[Fr], _stride: usize) -> Self {
        values[0]
    }

    #[inline(always)]
    fn constant(constant: &Constant) -> Self {
        constant.value
    }

    #[inline(always)]
    fn factor(constant: &Constant) -> Self {
        constant.value
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }

    #[inline(always)]
    fn minus<const K: u64>(self, other: Self) -> Self {
        self - other
    }

    #[inline(always)]
    fn times(self, factor: Self) -> Self {
        self * factor
    }

    #[inline(always)]
    fn store(self, values: &mut [Fr]) {
        values[0] = self;
    }

    #[inline(always)]
    fn store_strided(self, values: &mut [Fr], _stride: usize) {
        values[0] = self;
    }
}

/// A computation over slices that loops by itself, `P::LANES` numbers at a time.
pub trait Kernel {
    /// All of it.
    fn run<P: Packed>(&mut self);
}

/// A computation in which every index stands for itself.
pub trait Pointwise {
    /// Indices `i` to `i + P::LANES`.
    fn at<P: Packed>(&mut self, i: usize);
}

struct Each<'k, K> {
    kernel: &'k mut K,
    length: usize,
}

impl<K: Pointwise> Kernel for Each<'_, K> {
    #[inline(always)]
    fn run<P: Packed>(&mut self) {
        let whole = self.length - self.length % P::LANES;
        for i in (0..whole).step_by(P::LANES) {
            self.kernel.at::<P>(i);
        }
        for i in whole..self.length {
            self.kernel.at::<Fr>(i);
        }
    }
}

/// Runs a computation with the vectors of this process.
pub fn run(kernel: &mut impl Kernel) {
    match active() {
        Vectors::Off => kernel.run::<Fr>(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this path is chosen only where the processor has the instructions.
        Vectors::Avx512 => unsafe { crate::arithmetic::ifma::run(kernel) },
        #[cfg(not(target_arch = "x86_64"))]
        Vectors::Avx512 => kernel.run::<Fr>(),
    }
}

/// Runs a computation for indices 0 to `length`.
pub fn each(kernel: &mut impl Pointwise, length: usize) {
    run(&mut Each { kernel, length });
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use halo2curves::ff::Field;

    /// Pseudo-random elements, with every edge among them.
    pub(crate) fn samples(length: usize, seed: u64) -> Vec<Fr> {
        let largest_words = Fr([u64::MAX >> 12, u64::MAX, u64::MAX, u64::MAX >> 3]);
        let edges = [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr([1, 0, 0, 0]), largest_words, -Fr([1, 0, 0, 0])];
        let mut state = Fr::from(seed + 3);
        (0..length)
            .map(|i| {
                state = state.square() + Fr::from(seed);
                match (i as u64 * 5 + seed) % 11 {
                    k if k < 6 && i % 2 == 0 => edges[k as usize],
                    _ => state,
                }
            })
            .collect()
    }

    /// One number with what the module's text promises about it: bound in multiples of p, and form.
    #[derive(Clone, Copy)]
    pub(crate) struct Bounded {
        number: Fr,
        bound: f64,
        factor: bool,
    }

    impl Bounded {
        fn new(number: Fr, bound: f64, factor: bool) -> Self {
            assert!(bound <= 84.0, "{bound} p does not fit");
            Bounded { number, bound, factor }
        }
    }

    impl Packed for Bounded {
        const LANES: usize = 1;

        fn load(values: &[Fr]) -> Self {
            Bounded::new(values[0], 1.0, false)
        }

        fn load_factor(values: &[Fr]) -> Self {
            Bounded::new(values[0], 16.0, true)
        }

        fn load_strided(values: &[Fr], _stride: usize) -> Self {
            Self::load(values)
        }

        fn load_factor_strided(values: &[Fr], _stride: usize) -> Self {
            Self::load_factor(values)
        }

        fn constant(constant: &Constant) -> Self {
            Bounded::new(constant.value, 1.0, false)
        }

        fn factor(constant: &Constant) -> Self {
            Bounded::new(constant.value, 1.0, true)
        }

        fn plus(self, other: Self) -> Self {
            assert_eq!(self.factor, other.factor);
            Bounded::new(self.number + other.number, self.bound + other.bound, self.factor)
        }

        fn minus<const K: u64>(self, other: Self) -> Self {
            assert_eq!(self.factor, other.factor);
            assert!(other.bound <= K as f64);
            Bounded::new(self.number - other.number, self.bound + K as f64, self.factor)
        }

        fn times(self, factor: Self) -> Self {
            assert!(factor.factor, "a product of two values");
            let product = self.bound * factor.bound;
            assert!(product <= 84.0, "a product of {product} p^2");
            Bounded::new(self.number * factor.number, 1.0 + product / 84.0, self.factor)
        }

        fn store(self, values: &mut [Fr]) {
            assert!(!self.factor, "a factor is stored");
            values[0] = self.number;
        }

        fn store_strided(self, values: &mut [Fr], _stride: usize) {
            self.store(values);
        }
    }

    /// A formula that uses every operation.
    struct Everything<'a> {
        inputs: [&'a [Fr]; 3],
        constant: Constant,
        out: &'a mut [Fr],
    }

    impl Pointwise for Everything<'_> {
        fn at<P: Packed>(&mut self, i: usize) {
            let [x, y, z] = self.inputs;
            let (x, y) = (P::load(&x[i..]), P::load_factor(&y[i..]));
            let z = P::load(&z[i..]).plus(P::constant(&self.constant));
            let product = x.minus::<2>(z).times(y.times(P::factor(&self.constant)));
            product.plus(z).minus::<1>(x).store(&mut self.out[i..]);
        }
    }

    #[test]
    fn every_operation_agrees_with_one_number_at_a_time() {
        for length in (0..18).chain([64, 1003]) {
            let [x, y, z] = [1, 2, 3].map(|seed| samples(length, seed));
            for constant in samples(20, 9) {
                let inputs = [&x[..], &y[..], &z[..]];
                let mut out = samples(length, 4);
                each(&mut Everything { inputs, constant: constant.into(), out: &mut out }, length);
                let mut bounded = out.clone();
                let mut kernel = Everything { inputs, constant: constant.into(), out: &mut bounded };
                (0..length).for_each(|i| kernel.at::<Bounded>(i));
                for i in 0..length {
                    let sum = z[i] + constant;
                    assert_eq!(out[i], (x[i] - sum) * y[i] * constant + sum - x[i]);
                }
                assert_eq!(bounded, out);
            }
        }
    }
}
