//! Scalars eight at a time, for the formulas of `packed.rs`.

use std::arch::x86_64::*;

use halo2curves::bn256::Fr;

use super::lanes::*;
use crate::arithmetic::packed::{Constant, Kernel, Packed};

/// Eight scalars. Made only by [`run`], so that every processor that meets one has the instructions.
///
/// Limbs have 52 bits after every operation: products need that.
#[derive(Clone, Copy)]
struct Eight(Lanes);

/// Runs a computation eight numbers at a time.
///
/// # Safety
/// [`available`] must have returned true.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub unsafe fn run(kernel: &mut impl Kernel) {
    kernel.run::<Eight>();
}

/// The scalar that each lane holds of eight in a row: the order that takes least work.
pub const ORDER: [usize; 8] = [0, 2, 1, 3, 4, 6, 5, 7];

/// Words of eight scalars that come two to a vector.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn in_words([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    let (low, low2) = (_mm512_unpacklo_epi64(a, b), _mm512_unpacklo_epi64(c, d));
    let (high, high2) = (_mm512_unpackhi_epi64(a, b), _mm512_unpackhi_epi64(c, d));
    [
        _mm512_shuffle_i64x2::<0x88>(low, low2),
        _mm512_shuffle_i64x2::<0x88>(high, high2),
        _mm512_shuffle_i64x2::<0xdd>(low, low2),
        _mm512_shuffle_i64x2::<0xdd>(high, high2),
    ]
}

/// Undoes [`in_words`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn in_rows(words: &[__m512i; 4]) -> [__m512i; 4] {
    let near = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    let far = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    let join = |index, a: usize| _mm512_permutex2var_epi64(words[a], index, words[a + 2]);
    let (low, low2) = (join(near, 0), join(far, 0));
    let (high, high2) = (join(near, 1), join(far, 1));
    [
        _mm512_unpacklo_epi64(low, high),
        _mm512_unpackhi_epi64(low, high),
        _mm512_unpacklo_epi64(low2, high2),
        _mm512_unpackhi_epi64(low2, high2),
    ]
}

/// Words of eight consecutive scalars, in the lanes' order [`ORDER`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn load_words(values: &[Fr; 8]) -> [__m512i; 4] {
    let values: *const u64 = values.as_ptr().cast();
    // SAFETY: eight scalars are four vectors; unaligned loads.
    in_words([0, 8, 16, 24].map(|at| unsafe { _mm512_loadu_si512(values.add(at).cast()) }))
}

/// Undoes [`load_words`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn store_words(words: &[__m512i; 4], values: &mut [Fr; 8]) {
    let values: *mut u64 = values.as_mut_ptr().cast();
    for (i, row) in in_rows(words).into_iter().enumerate() {
        // SAFETY: eight scalars are four vectors; unaligned stores.
        unsafe { _mm512_storeu_si512(values.add(8 * i).cast(), row) };
    }
}

/// Words of eight scalars `stride` apart, in the lanes' order of [`load_words`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn gather_words(values: &[Fr], stride: usize) -> [__m512i; 4] {
    // SAFETY: a scalar is half a vector; unaligned loads.
    let half = |i: usize| unsafe { _mm256_loadu_si256(std::ptr::from_ref(&values[i * stride]).cast()) };
    let pair = |i: usize| _mm512_inserti64x4::<1>(_mm512_castsi256_si512(half(i)), half(i + 1));
    in_words([pair(0), pair(2), pair(4), pair(6)])
}

/// Undoes [`gather_words`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn scatter_words(words: &[__m512i; 4], values: &mut [Fr], stride: usize) {
    for (i, row) in in_rows(words).into_iter().enumerate() {
        let halves = [_mm512_castsi512_si256(row), _mm512_extracti64x4_epi64::<1>(row)];
        for (j, half) in halves.into_iter().enumerate() {
            let value = std::ptr::from_mut(&mut values[(2 * i + j) * stride]);
            // SAFETY: a scalar is half a vector; unaligned stores.
            unsafe { _mm256_storeu_si256(value.cast(), half) };
        }
    }
}

/// The first eight of a slice.
#[inline(always)]
fn first(values: &[Fr]) -> &[Fr; 8] {
    &values.as_chunks().0[0]
}

// SAFETY of all blocks below: an `Eight` exists only inside `run`.
impl Packed for Eight {
    const LANES: usize = 8;

    #[inline(always)]
    fn load(values: &[Fr]) -> Self {
        unsafe { Eight(split(&load_words(first(values)))) }
    }

    #[inline(always)]
    fn load_factor(values: &[Fr]) -> Self {
        unsafe { Eight(split_factor(&load_words(first(values)))) }
    }

    #[inline(always)]
    fn load_strided(values: &[Fr], stride: usize) -> Self {
        unsafe { Eight(split(&gather_words(values, stride))) }
    }

    #[inline(always)]
    fn load_factor_strided(values: &[Fr], stride: usize) -> Self {
        unsafe { Eight(split_factor(&gather_words(values, stride))) }
    }

    #[inline(always)]
    fn constant(constant: &Constant) -> Self {
        unsafe { Eight(splat(limbs(constant.value.0))) }
    }

    #[inline(always)]
    fn factor(constant: &Constant) -> Self {
        unsafe { Eight(splat(limbs(constant.factor.0))) }
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        unsafe { Eight(carried(plus(&self.0, &other.0))) }
    }

    #[inline(always)]
    fn minus<const K: u64>(self, other: Self) -> Self {
        unsafe { Eight(carried(minus::<Scalar, K>(&self.0, &other.0))) }
    }

    #[inline(always)]
    fn times(self, factor: Self) -> Self {
        unsafe { Eight(times::<Scalar>(&self.0, &factor.0)) }
    }

    #[inline(always)]
    fn store(self, values: &mut [Fr]) {
        unsafe { store_words(&joined(&reduced::<Scalar>(&self.0)), &mut values.as_chunks_mut().0[0]) }
    }

    #[inline(always)]
    fn store_strided(self, values: &mut [Fr], stride: usize) {
        unsafe { scatter_words(&joined(&reduced::<Scalar>(&self.0)), values, stride) }
    }
}
