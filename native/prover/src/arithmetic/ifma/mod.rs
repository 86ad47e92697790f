//! Sums of points eight at a time, with AVX-512's 52-bit multiply-add (IFMA). Used where the processor has it.
//!
//! Coordinates are stored as x * 2^256. Five limbs of 52 bits and Montgomery products that divide by 2^260
//! read the same bits as (x / 16) * 2^260, so nothing is converted: a slope is a quotient, where the factor
//! cancels. A quarter of it comes from a quarter of the inverse at no cost; its square is a sixteenth of the slope's,
//! as x wants it, and y takes four times the difference of abscissas instead. Numbers run up to 84p between products
//! (6 spare bits) and are reduced when stored. Scalars are read in the same way (`packed.rs`).
//!
//! Special cases (equal abscissas, identity) are rare: their lanes take part with denominator one and are
//! redone one by one.

mod lanes;
mod scalar;
mod transform;

use std::arch::x86_64::*;

use halo2curves::bn256::{Fq, G1};
use halo2curves::ff::{Field, WithSmallOrderMulGroup};

use crate::arithmetic::digits::Entry;
use crate::arithmetic::field::{bytes_of, words};
use crate::arithmetic::point::Point;
pub use lanes::available;
use lanes::*;
pub use scalar::run;
pub use transform::{forward, inverse, LEAST_POWER};

/// Groups of eight sums that share one inversion.
const BLOCK: usize = 256;
/// Points between the one that is asked for and the one that is used.
const AHEAD: usize = 32;

/// Working memory of the functions below.
pub struct Scratch {
    below: Vec<Lanes>,
    after: Vec<Lanes>,
    special: Vec<__mmask8>,
}

impl Default for Scratch {
    fn default() -> Self {
        let (below, after) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
        Scratch { below, after, special: Vec::with_capacity(BLOCK) }
    }
}

/// Lanes where all given words are zero.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn all_zero(w: &[__m512i]) -> __mmask8 {
    let any = w.iter().fold(_mm512_setzero_si512(), |any, word| _mm512_or_si512(any, *word));
    _mm512_testn_epi64_mask(any, any)
}

/// Inverse of every lane times `scale`, as a factor for [`times`]: one inversion for all eight.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn inverted(product: &Lanes, scale: Fq) -> Lanes {
    let columns = joined(&reduced::<Base>(product));
    let zero = _mm512_setzero_si512();
    let rows = transposed([columns[0], columns[1], columns[2], columns[3], zero, zero, zero, zero]);
    let mut elements = [Fq::ZERO; 8];
    for (element, row) in elements.iter_mut().zip(rows) {
        let mut bytes = [0u8; 64];
        // SAFETY: 64 bytes.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), row) };
        let mut low = [0; 32];
        low.copy_from_slice(&bytes[..32]);
        *element = Fq(words(&low));
    }
    // A lane holds w * 2^260; as an Fq that is 16 w, its inverse times 256 has the bits of 2^260 / w.
    let mut prefix = [Fq::ONE; 8];
    let mut total = Fq::ONE;
    for (prefix, element) in prefix.iter_mut().zip(&elements) {
        *prefix = total;
        total *= element;
    }
    let mut inverse = total.invert().unwrap_or(Fq::ZERO) * Fq::from(256) * scale;
    let mut rows = [zero; 8];
    for i in (0..8).rev() {
        let mut bytes = [0u8; 64];
        bytes[..32].copy_from_slice(&bytes_of(&(inverse * prefix[i]).0));
        // SAFETY: 64 bytes.
        rows[i] = unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) };
        inverse *= elements[i];
    }
    split(&transposed(rows)[..4])
}

/// Where products begin: any number but zero will do.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn start() -> Lanes {
    splat(limbs(Fq::ONE.0))
}

/// [`crate::arithmetic::curve::sum_pairs`] for pairs in the same order and under the same conditions.
///
/// # Safety
/// [`available`] must have returned true.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub unsafe fn sum_pairs(points: &mut [Point], pairs: &[(u32, u32)], scratch: &mut Scratch) {
    let start = start();
    let quarter = Fq::from(4).invert().unwrap_or(Fq::ZERO);
    for pairs in pairs.chunks(8 * BLOCK) {
        scratch.below.clear();
        scratch.after.clear();
        scratch.special.clear();
        // Two chains of products, for even and odd groups: one would wait for its own results.
        let mut products = [start; 2];
        for (i, group) in pairs.chunks(8).rev().enumerate() {
            let (left, right) = operands(points, group);
            let (run, special) = denominator(&load_x(left), &load_x(right));
            let run = select(special, &start, &run);
            scratch.special.push(special);
            scratch.after.push(products[i % 2]);
            scratch.below.push(run);
            products[i % 2] = times::<Base>(&products[i % 2], &run);
        }
        let both = inverted(&times::<Base>(&products[0], &products[1]), quarter);
        let mut inverses = [times::<Base>(&both, &products[1]), times::<Base>(&both, &products[0])];
        for (group, i) in pairs.chunks(8).zip((0..scratch.below.len()).rev()) {
            let (left, right) = operands(points, group);
            let (left, right) = (load(left), load(right));
            let run_inverse = times::<Base>(&inverses[i % 2], &scratch.after[i]);
            inverses[i % 2] = times::<Base>(&inverses[i % 2], &scratch.below[i]);
            let (x1, y1) = (split(&left[..4]), split(&left[4..]));
            let (x2, y2) = (split(&right[..4]), split(&right[4..]));
            // Coordinates are below p; the products below stay under 8p * 2p.
            let slope = times::<Base>(&carried(minus::<Base, 1>(&y2, &y1)), &run_inverse);
            let square = times_in_columns::<Base>(&slope, &slope);
            let x3 = minus::<Base, 1>(&minus::<Base, 1>(&square, &x1), &x2);
            let x3 = reduced::<Base>(&carried(x3));
            let back = carried(shifted::<2>(&minus::<Base, 1>(&x1, &x3)));
            let y3 = carried(minus::<Base, 1>(&times_in_columns::<Base>(&back, &slope), &y1));
            let mut sums = store(&x3, &reduced::<Base>(&y3));
            if scratch.special[i] != 0 {
                replace_special(points, group, scratch.special[i], &mut sums);
            }
            for (&(_, target), sum) in group.iter().zip(sums) {
                points[target as usize] = sum;
            }
        }
    }
}

/// Operands of up to eight sums; missing lanes repeat the first.
#[inline(always)]
fn operands<'p>(points: &'p [Point], group: &[(u32, u32)]) -> ([&'p Point; 8], [&'p Point; 8]) {
    let source = |lane: usize| group.get(lane).unwrap_or(&group[0]).0 as usize;
    let pairs: [&[Point; 2]; 8] = std::array::from_fn(|lane| &points[source(lane)..].as_chunks().0[0]);
    (pairs.map(|pair| &pair[0]), pairs.map(|pair| &pair[1]))
}

/// Difference of abscissas, and the lanes where the formula does not hold: those where they are equal, and the
/// identity's. No other point has x = 0: the endomorphism, a multiplication by zeta, would leave it where it is.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn denominator(left: &[__m512i; 4], right: &[__m512i; 4]) -> (Lanes, __mmask8) {
    let mut difference = [_mm512_setzero_si512(); 4];
    for i in 0..4 {
        difference[i] = _mm512_xor_si512(left[i], right[i]);
    }
    let special = all_zero(&difference) | all_zero(left) | all_zero(right);
    (carried(minus::<Base, 1>(&split(right), &split(left))), special)
}

/// The sum of two neighbours by themselves; the identity is common enough to be quick.
fn redo(points: &[Point], source: usize) -> Point {
    let (left, right) = (points[source], points[source + 1]);
    if left.is_identity() {
        right
    } else if right.is_identity() {
        left
    } else {
        (G1::from(left) + G1::from(right)).into()
    }
}

#[cold]
fn replace_special(points: &[Point], group: &[(u32, u32)], special: __mmask8, sums: &mut [Point; 8]) {
    for (lane, &(source, _)) in group.iter().enumerate() {
        if special >> lane & 1 == 1 {
            sums[lane] = redo(points, source as usize);
        }
    }
}

/// Appends the points of all entries, with their signs and endomorphisms.
///
/// # Safety
/// [`available`] must have returned true.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub unsafe fn gather(bases: &[Point], entries: &[Entry], points: &mut Vec<Point>) {
    let zeta = splat(limbs((Fq::ZETA * Fq::from(16)).0));
    let p = splat(Base::P);
    points.reserve(entries.len());
    for (k, group) in entries.chunks(8).enumerate() {
        // Read at random: ask for points before they are needed.
        for ahead in entries.iter().skip(8 * k + AHEAD).take(8) {
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(&bases[ahead.index()]).cast());
        }
        let eight: [Entry; 8] = std::array::from_fn(|lane| *group.get(lane).unwrap_or(&group[0]));
        let words = load(eight.map(|entry| &bases[entry.index()]));
        // SAFETY: eight entries are eight times 32 bits.
        let bits = _mm512_cvtepu32_epi64(unsafe { _mm256_loadu_si256(eight.as_ptr().cast()) });
        let flag = |flag: u32| _mm512_test_epi64_mask(bits, _mm512_set1_epi64(i64::from(flag)));
        let (mut x, y) = (split(&words[..4]), split(&words[4..]));
        let endomorphism = flag(Entry::ENDOMORPHISM);
        if endomorphism != 0 {
            x = select(endomorphism, &reduced::<Base>(&times::<Base>(&x, &zeta)), &x);
        }
        let negative = flag(Entry::NEGATIVE) & !all_zero(&words[4..]);
        let opposite = carried(std::array::from_fn(|i| _mm512_sub_epi64(p[i], y[i])));
        points.extend_from_slice(&store(&x, &select(negative, &opposite, &y))[..group.len()]);
    }
}

/// Doubles every point in place.
///
/// # Safety
/// [`available`] must have returned true.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub unsafe fn double_all(points: &mut [Point], scratch: &mut Scratch) {
    let start = start();
    // A slope is 3 x^2 / 2y: the numerator has 1/256 of (x / 16)^2, the denominator 1/16, and a quarter is wanted.
    let scale = Fq::from(4);
    for points in points.chunks_mut(8 * BLOCK) {
        scratch.below.clear();
        scratch.after.clear();
        let mut product = start;
        for group in points.chunks(8) {
            let words = eight(group);
            let y = split(&words[4..]);
            let double = select(all_zero(&words[4..]), &start, &carried(shifted::<1>(&y)));
            scratch.after.push(product);
            scratch.below.push(double);
            product = times::<Base>(&product, &double);
        }
        let mut inverse = inverted(&product, scale);
        for (i, group) in points.chunks_mut(8).enumerate().rev() {
            let words = eight(group);
            let identity = all_zero(&words[4..]);
            let (x, y) = (split(&words[..4]), split(&words[4..]));
            let double_inverse = times::<Base>(&inverse, &scratch.after[i]);
            inverse = times::<Base>(&inverse, &scratch.below[i]);
            let square = times::<Base>(&x, &x);
            let triple = carried(plus(&square, &shifted::<1>(&square)));
            let slope = times::<Base>(&triple, &double_inverse);
            let square = times::<Base>(&slope, &slope);
            let x3 = reduced::<Base>(&carried(minus::<Base, 2>(&square, &shifted::<1>(&x))));
            let back = carried(shifted::<2>(&minus::<Base, 1>(&x, &x3)));
            let y3 = carried(minus::<Base, 1>(&times::<Base>(&back, &slope), &y));
            let results = store(&x3, &reduced::<Base>(&y3));
            for (lane, (point, result)) in group.iter_mut().zip(results).enumerate() {
                if identity >> lane & 1 == 0 {
                    *point = result;
                }
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn eight(group: &[Point]) -> [__m512i; 8] {
    load(std::array::from_fn(|lane| group.get(lane).unwrap_or(&group[0])))
}
