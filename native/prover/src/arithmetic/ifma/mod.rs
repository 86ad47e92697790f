//! Sums of points eight at a time, with AVX-512's 52-bit multiply-add (IFMA). Used where the processor has it.
//!
//! Coordinates are stored as x * 2^256. Five limbs of 52 bits and Montgomery products that divide by 2^260
//! read the same bits as (x / 16) * 2^260, so nothing is converted: a slope is a quotient, where the factor
//! cancels, and its square gets the factor 1/16 by one product with a constant. Numbers run up to 8p between
//! products (6 spare bits) and are reduced when stored.
//!
//! Special cases (equal abscissas, identity) are rare: their lanes take part with denominator one and are
//! redone one by one.

mod lanes;

use std::arch::x86_64::*;

use halo2curves::bn256::{Fq, G1};
use halo2curves::ff::{Field, WithSmallOrderMulGroup};

use crate::arithmetic::digits::Entry;
use crate::arithmetic::field::{bytes_of, words};
use crate::arithmetic::point::Point;
pub use lanes::available;
use lanes::*;

/// Groups of eight sums that share one inversion.
const BLOCK: usize = 256;
/// Points between the one that is asked for and the one that is used.
const AHEAD: usize = 32;

/// Working memory of the functions below.
pub struct Scratch {
    below: Vec<Lanes>,
    after: Vec<Lanes>,
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch { below: Vec::with_capacity(BLOCK), after: Vec::with_capacity(BLOCK) }
    }
}

/// Lanes where all given words are zero.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn all_zero(w: &[__m512i]) -> __mmask8 {
    let any = w.iter().fold(_mm512_setzero_si512(), |any, word| _mm512_or_si512(any, *word));
    _mm512_testn_epi64_mask(any, any)
}

/// Inverse of every lane, as a factor for [`times`]: one inversion for all eight.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn inverted(product: &Lanes) -> Lanes {
    let columns = joined(&reduced_from(*product, [1]));
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
    let mut inverse = total.invert().unwrap_or(Fq::ZERO) * Fq::from(256);
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

/// x of (x / 16) * 2^260 for a square of slopes: see the module's text.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn sixteenth() -> Lanes {
    splat(limbs(Fq::ONE.0)) // the bits of 2^256
}

/// [`crate::arithmetic::curve::sum_pairs`] for pairs in the same order and under the same conditions.
///
/// # Safety
/// [`available`] must have returned true.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub unsafe fn sum_pairs(points: &mut [Point], pairs: &[(u32, u32)], scratch: &mut Scratch) {
    let one = sixteenth();
    for pairs in pairs.chunks(8 * BLOCK) {
        scratch.below.clear();
        scratch.after.clear();
        let mut product = one;
        for group in pairs.chunks(8).rev() {
            let (left, right) = operands(points, group);
            let (run, special) = denominator(&left, &right);
            let run = select(special, &one, &run);
            scratch.after.push(product);
            scratch.below.push(run);
            product = times(&product, &run);
        }
        let mut inverse = inverted(&product);
        for (group, i) in pairs.chunks(8).zip((0..scratch.below.len()).rev()) {
            let (left, right) = operands(points, group);
            let (_, special) = denominator(&left, &right);
            let run_inverse = times(&inverse, &scratch.after[i]);
            inverse = times(&inverse, &scratch.below[i]);
            let (x1, y1) = (split(&left[..4]), split(&left[4..]));
            let (x2, y2) = (split(&right[..4]), split(&right[4..]));
            let slope = times(&minus(&y2, &y1), &run_inverse);
            let square = times(&times(&slope, &slope), &one);
            let x3 = minus(&minus(&square, &x1), &x2);
            let x3 = reduced_from(x3, [8, 4, 2]);
            let y3 = minus(&times(&minus(&x1, &x3), &slope), &y1);
            let y3 = reduced_from(y3, [4, 2]);
            let sums = store_below_2p(x3, y3);
            let redone = special_sums(points, group, special);
            for (lane, (&(_, target), sum)) in group.iter().zip(sums).enumerate() {
                points[target as usize] = if special >> lane & 1 == 1 { redone[lane] } else { sum };
            }
        }
    }
}

/// Operands of up to eight sums; missing lanes repeat the first.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn operands(points: &[Point], group: &[(u32, u32)]) -> ([__m512i; 8], [__m512i; 8]) {
    let source = |lane: usize| group.get(lane).unwrap_or(&group[0]).0 as usize;
    let left = std::array::from_fn(|lane| &points[source(lane)]);
    let right = std::array::from_fn(|lane| &points[source(lane) + 1]);
    (load(left), load(right))
}

/// Difference of abscissas, and the lanes where the formula does not hold.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn denominator(left: &[__m512i; 8], right: &[__m512i; 8]) -> (Lanes, __mmask8) {
    let mut difference = [_mm512_setzero_si512(); 4];
    for i in 0..4 {
        difference[i] = _mm512_xor_si512(left[i], right[i]);
    }
    // No point of the curve has y = 0, so that marks the identity.
    let special = all_zero(&difference) | all_zero(&left[4..]) | all_zero(&right[4..]);
    (minus(&split(&right[..4]), &split(&left[..4])), special)
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

#[inline]
fn special_sums(points: &[Point], group: &[(u32, u32)], special: __mmask8) -> [Point; 8] {
    let mut sums = [Point::IDENTITY; 8];
    if special != 0 {
        for (lane, &(source, _)) in group.iter().enumerate() {
            if special >> lane & 1 == 1 {
                sums[lane] = redo(points, source as usize);
            }
        }
    }
    sums
}

/// Appends the points of all entries, with their signs and endomorphisms.
///
/// # Safety
/// [`available`] must have returned true.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub unsafe fn gather(bases: &[Point], entries: &[Entry], points: &mut Vec<Point>) {
    let zeta = splat(limbs((Fq::ZETA * Fq::from(16)).0));
    let p = splat(P);
    let start = points.len();
    points.resize(start + entries.len(), Point::IDENTITY);
    for (k, (group, out)) in entries.chunks(8).zip(points[start..].chunks_mut(8)).enumerate() {
        // Read at random: ask for points before they are needed.
        for ahead in entries.iter().skip(8 * k + AHEAD).take(8) {
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(&bases[ahead.index()]).cast());
        }
        let words = load(std::array::from_fn(|lane| &bases[group.get(lane).unwrap_or(&group[0]).index()]));
        let flags = |flag: fn(Entry) -> bool| {
            group.iter().rev().fold(0u8, |mask, entry| mask << 1 | u8::from(flag(*entry)))
        };
        let (x, y) = (split(&words[..4]), split(&words[4..]));
        let image = times(&x, &zeta);
        let mut opposite = y;
        for i in 0..5 {
            opposite[i] = _mm512_sub_epi64(p[i], y[i]);
        }
        let negative = flags(Entry::negative) & !all_zero(&words[4..]);
        let x = select(flags(Entry::endomorphism), &image, &x);
        let results = store_below_2p(x, select(negative, &carried(opposite), &y));
        out.copy_from_slice(&results[..out.len()]);
    }
}

/// Doubles every point in place.
///
/// # Safety
/// [`available`] must have returned true.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub unsafe fn double_all(points: &mut [Point], scratch: &mut Scratch) {
    let one = sixteenth();
    // 2^264: turns slope / 16 back into the slope
    let sixteen = splat(limbs((Fq::from(256)).0));
    for points in points.chunks_mut(8 * BLOCK) {
        scratch.below.clear();
        scratch.after.clear();
        let mut product = one;
        for group in points.chunks(8) {
            let words = eight(group);
            let y = split(&words[4..]);
            let double = select(all_zero(&words[4..]), &one, &doubled(&y));
            scratch.after.push(product);
            scratch.below.push(double);
            product = times(&product, &double);
        }
        let mut inverse = inverted(&product);
        for (i, group) in points.chunks_mut(8).enumerate().rev() {
            let words = eight(group);
            let identity = all_zero(&words[4..]);
            let (x, y) = (split(&words[..4]), split(&words[4..]));
            let double_inverse = times(&inverse, &scratch.after[i]);
            inverse = times(&inverse, &scratch.below[i]);
            let square = times(&x, &x);
            let mut triple = square;
            for j in 0..5 {
                triple[j] = _mm512_add_epi64(square[j], _mm512_slli_epi64::<1>(square[j]));
            }
            let slope = times(&times(&carried(triple), &double_inverse), &sixteen);
            let square = times(&times(&slope, &slope), &one);
            let x3 = minus(&square, &doubled(&x));
            let x3 = reduced_from(x3, [4, 2]);
            let y3 = minus(&times(&minus(&x, &x3), &slope), &y);
            let y3 = reduced_from(y3, [4, 2]);
            let results = store_below_2p(x3, y3);
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
fn doubled(a: &Lanes) -> Lanes {
    let mut r = *a;
    for i in 0..5 {
        r[i] = _mm512_slli_epi64::<1>(a[i]);
    }
    carried(r)
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn eight(group: &[Point]) -> [__m512i; 8] {
    load(std::array::from_fn(|lane| group.get(lane).unwrap_or(&group[0])))
}
