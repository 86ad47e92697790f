//! Field elements in eight lanes: five limbs of 52 bits, products that divide by 2^260. For both fields.

use std::arch::x86_64::*;

use crate::arithmetic::field::{BASE_FIELD_ORDER, FIELD_ORDER};
use crate::arithmetic::point::Point;

const MASK: u64 = (1 << 52) - 1;
/// Multiples of p in 2^260, rounded down: numbers between operations stay below so many p.
pub const ROOM: u64 = 84;

/// A field element in each of eight lanes: limb by limb.
pub type Lanes = [__m512i; 5];

/// The field that lanes belong to.
pub trait Modulus: Copy {
    /// Its order.
    const P: [u64; 5];
    /// -1 / p modulo 2^52.
    const NEGATIVE_INVERSE: u64 = negative_inverse(Self::P[0]);
}

/// Coordinates of points.
#[derive(Clone, Copy)]
pub struct Base;

impl Modulus for Base {
    const P: [u64; 5] = limbs(BASE_FIELD_ORDER);
}

/// Scalars.
#[derive(Clone, Copy)]
pub struct Scalar;

impl Modulus for Scalar {
    const P: [u64; 5] = limbs(FIELD_ORDER);
}

// What `ROOM` says, and what `reduced` rests on: ROOM <= 2^52 / (p >> 208) < ROOM + 3/4 in both fields.
const _: () = assert!(Base::P[4] == Scalar::P[4] && (Base::P[4] + 1) * ROOM <= 1 << 52);
const _: () = assert!((1 << 52) * 4 < Base::P[4] * (4 * ROOM + 3));

/// Whether this processor can run the functions below.
pub fn available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512ifma")
}

const fn negative_inverse(p: u64) -> u64 {
    let mut inverse = 1u64;
    let mut i = 0;
    while i < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(p.wrapping_mul(inverse)));
        i += 1;
    }
    inverse.wrapping_neg() & MASK
}

/// Limbs of a number given by words.
pub const fn limbs(words: [u64; 4]) -> [u64; 5] {
    [
        words[0] & MASK,
        (words[0] >> 52 | words[1] << 12) & MASK,
        (words[1] >> 40 | words[2] << 24) & MASK,
        (words[2] >> 28 | words[3] << 36) & MASK,
        words[3] >> 16,
    ]
}

/// Limbs of a small multiple of p.
const fn multiple(p: [u64; 5], factor: u64) -> [u64; 5] {
    let mut result = [0; 5];
    let mut carry = 0;
    let mut i = 0;
    while i < 5 {
        let value = p[i] * factor + carry; // factor is below 2^11
        result[i] = value & MASK;
        carry = value >> 52;
        i += 1;
    }
    result
}

/// The same number in every lane.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn splat(limbs: [u64; 5]) -> Lanes {
    limbs.map(|limb| _mm512_set1_epi64(limb as i64))
}

/// Carries every limb down to 52 bits; limbs may be negative where the number is not.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn carried(mut a: Lanes) -> Lanes {
    let mask = _mm512_set1_epi64(MASK as i64);
    for i in 0..4 {
        a[i + 1] = _mm512_add_epi64(a[i + 1], _mm512_srai_epi64::<52>(a[i]));
        a[i] = _mm512_and_si512(a[i], mask);
    }
    a
}

/// Sum; limbs may have more than 52 bits.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn plus(a: &Lanes, b: &Lanes) -> Lanes {
    let mut r = *a;
    for i in 0..5 {
        r[i] = _mm512_add_epi64(a[i], b[i]);
    }
    r
}

/// Difference, with K p added: not negative for b up to Kp, though limbs may be.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn minus<M: Modulus, const K: u64>(a: &Lanes, b: &Lanes) -> Lanes {
    let above = const { multiple(M::P, K) };
    let mut r = *a;
    for i in 0..5 {
        r[i] = _mm512_add_epi64(_mm512_sub_epi64(a[i], b[i]), _mm512_set1_epi64(above[i] as i64));
    }
    r
}

/// 2^N times a number; limbs may have more than 52 bits.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn shifted<const N: u32>(a: &Lanes) -> Lanes {
    let mut r = *a;
    for i in 0..5 {
        r[i] = _mm512_slli_epi64::<N>(a[i]);
    }
    r
}

/// a * b / 2^260, below (1 + jk/84)p for factors below jp and kp, in limbs of 52 bits.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn times<M: Modulus>(a: &Lanes, b: &Lanes) -> Lanes {
    carried(times_in_columns::<M>(a, b))
}

/// The same in limbs that are still to be carried.
///
/// Montgomery: the result is (a b + q p) / 2^260 with q below 2^260, so below a b / 2^260 + p, and p is below
/// 2^260 / 84. Column sums take at most 20 numbers below 2^52 and a carry: they fit 64 bits.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn times_in_columns<M: Modulus>(a: &Lanes, b: &Lanes) -> Lanes {
    let zero = _mm512_setzero_si512();
    let inverse = _mm512_set1_epi64(M::NEGATIVE_INVERSE as i64);
    let p = M::P.map(|limb| _mm512_set1_epi64(limb as i64));
    let mut sum = [zero; 6];
    for factor in b {
        for j in 0..5 {
            sum[j] = _mm512_madd52lo_epu64(sum[j], a[j], *factor);
        }
        let quotient = _mm512_madd52lo_epu64(zero, sum[0], inverse);
        for j in 0..5 {
            sum[j] = _mm512_madd52lo_epu64(sum[j], p[j], quotient);
        }
        let carry = _mm512_srli_epi64::<52>(sum[0]);
        for j in 0..5 {
            sum[j] = _mm512_madd52hi_epu64(sum[j + 1], a[j], *factor);
            sum[j] = _mm512_madd52hi_epu64(sum[j], p[j], quotient);
        }
        sum[0] = _mm512_add_epi64(sum[0], carry);
        sum[5] = zero;
    }
    [sum[0], sum[1], sum[2], sum[3], sum[4]]
}

/// The number below p that differs from a by a multiple of p; a may be any number of 260 bits, in limbs of 52.
///
/// The quotient is estimated from the top limb t = a >> 208: q = floor(84 t / 2^52), which is at most
/// t / (p4 + 1) <= a / p where p4 = p >> 208; and a / p < (t + 1) / p4 < 84.75 (t + 1) / 2^52 < q + 1.76. So
/// a - q p is in [0, 2p). It is computed as a + q (2^260 - p) modulo 2^260.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn reduced<M: Modulus>(a: &Lanes) -> Lanes {
    let opposite = const { negated(M::P) };
    let zero = _mm512_setzero_si512();
    let quotient = _mm512_madd52hi_epu64(zero, a[4], _mm512_set1_epi64(ROOM as i64));
    let mut r = *a;
    for i in 0..5 {
        let limb = _mm512_set1_epi64(opposite[i] as i64);
        r[i] = _mm512_madd52lo_epu64(r[i], quotient, limb);
        if i < 4 {
            r[i + 1] = _mm512_madd52hi_epu64(r[i + 1], quotient, limb);
        }
    }
    r = carried(r);
    r[4] = _mm512_and_si512(r[4], _mm512_set1_epi64(MASK as i64));
    less_where_positive::<M, 1>(&r)
}

/// 2^260 - p.
const fn negated(p: [u64; 5]) -> [u64; 5] {
    let mut r = [0; 5];
    let mut i = 0;
    while i < 5 {
        r[i] = MASK - p[i] + (i == 0) as u64; // p is odd: no carry
        i += 1;
    }
    r
}

/// a - Kp where that is not negative, else a.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn less_where_positive<M: Modulus, const K: u64>(a: &Lanes) -> Lanes {
    let multiple = const { multiple(M::P, K) };
    let mut less = *a;
    for i in 0..5 {
        less[i] = _mm512_sub_epi64(a[i], _mm512_set1_epi64(multiple[i] as i64));
    }
    let less = carried(less);
    select(_mm512_movepi64_mask(less[4]), a, &less)
}

/// `on` where the mask has a one, `off` elsewhere.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn select(mask: __mmask8, on: &Lanes, off: &Lanes) -> Lanes {
    let mut r = *off;
    for i in 0..5 {
        r[i] = _mm512_mask_mov_epi64(off[i], mask, on[i]);
    }
    r
}

/// Rows to columns of eight vectors of eight words.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn transposed(r: [__m512i; 8]) -> [__m512i; 8] {
    let lo = [0, 2, 4, 6].map(|i| _mm512_unpacklo_epi64(r[i], r[i + 1]));
    let hi = [0, 2, 4, 6].map(|i| _mm512_unpackhi_epi64(r[i], r[i + 1]));
    let mut columns = r;
    for (odd, t) in [lo, hi].into_iter().enumerate() {
        let (a, b) = (_mm512_shuffle_i64x2::<0x88>(t[0], t[1]), _mm512_shuffle_i64x2::<0x88>(t[2], t[3]));
        let (c, d) = (_mm512_shuffle_i64x2::<0xdd>(t[0], t[1]), _mm512_shuffle_i64x2::<0xdd>(t[2], t[3]));
        columns[odd] = _mm512_shuffle_i64x2::<0x88>(a, b);
        columns[4 + odd] = _mm512_shuffle_i64x2::<0xdd>(a, b);
        columns[2 + odd] = _mm512_shuffle_i64x2::<0x88>(c, d);
        columns[6 + odd] = _mm512_shuffle_i64x2::<0xdd>(c, d);
    }
    columns
}

/// Limbs of numbers given by words.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn split(w: &[__m512i]) -> Lanes {
    let mask = _mm512_set1_epi64(MASK as i64);
    let join = |low, high| _mm512_and_si512(_mm512_or_si512(low, high), mask);
    [
        _mm512_and_si512(w[0], mask),
        join(_mm512_srli_epi64::<52>(w[0]), _mm512_slli_epi64::<12>(w[1])),
        join(_mm512_srli_epi64::<40>(w[1]), _mm512_slli_epi64::<24>(w[2])),
        join(_mm512_srli_epi64::<28>(w[2]), _mm512_slli_epi64::<36>(w[3])),
        _mm512_srli_epi64::<16>(w[3]),
    ]
}

/// Words of numbers given by limbs.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn joined(l: &Lanes) -> [__m512i; 4] {
    [
        _mm512_or_si512(l[0], _mm512_slli_epi64::<52>(l[1])),
        _mm512_or_si512(_mm512_srli_epi64::<12>(l[1]), _mm512_slli_epi64::<40>(l[2])),
        _mm512_or_si512(_mm512_srli_epi64::<24>(l[2]), _mm512_slli_epi64::<28>(l[3])),
        _mm512_or_si512(_mm512_srli_epi64::<36>(l[3]), _mm512_slli_epi64::<16>(l[4])),
    ]
}

/// Words of eight first coordinates, one per lane.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn load_x(points: [&Point; 8]) -> [__m512i; 4] {
    // SAFETY: a coordinate is half a vector; unaligned loads.
    let half = |i: usize| unsafe { _mm256_loadu_si256(std::ptr::from_ref(&points[i].x).cast()) };
    let pair = |i: usize| _mm512_inserti64x4::<1>(_mm512_castsi256_si512(half(i)), half(i + 4));
    // Vector i holds points i and i + 4: words 0 to 3 of either, in halves that stay apart.
    let [a, b, c, d] = [pair(0), pair(1), pair(2), pair(3)];
    let (low, low2) = (_mm512_unpacklo_epi64(a, b), _mm512_unpacklo_epi64(c, d));
    let (high, high2) = (_mm512_unpackhi_epi64(a, b), _mm512_unpackhi_epi64(c, d));
    let even = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    let odd = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    [
        _mm512_permutex2var_epi64(low, even, low2),
        _mm512_permutex2var_epi64(high, even, high2),
        _mm512_permutex2var_epi64(low, odd, low2),
        _mm512_permutex2var_epi64(high, odd, high2),
    ]
}

/// Words of eight points, one per lane: four of x, then four of y.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn load(points: [&Point; 8]) -> [__m512i; 8] {
    // SAFETY: a point is 64 bytes, the size of a vector; unaligned loads.
    transposed(points.map(|point| unsafe { _mm512_loadu_si512(std::ptr::from_ref(point).cast()) }))
}

/// Limbs of sixteen times the numbers given by words.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn split_factor(w: &[__m512i]) -> Lanes {
    let mask = _mm512_set1_epi64(MASK as i64);
    let join = |low, high| _mm512_and_si512(_mm512_or_si512(low, high), mask);
    [
        _mm512_and_si512(_mm512_slli_epi64::<4>(w[0]), mask),
        join(_mm512_srli_epi64::<48>(w[0]), _mm512_slli_epi64::<16>(w[1])),
        join(_mm512_srli_epi64::<36>(w[1]), _mm512_slli_epi64::<28>(w[2])),
        join(_mm512_srli_epi64::<24>(w[2]), _mm512_slli_epi64::<40>(w[3])),
        _mm512_srli_epi64::<12>(w[3]),
    ]
}

/// Eight points from coordinates below p.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn store(x: &Lanes, y: &Lanes) -> [Point; 8] {
    let (x, y) = (joined(x), joined(y));
    let rows = transposed([x[0], x[1], x[2], x[3], y[0], y[1], y[2], y[3]]);
    let mut points = [Point::IDENTITY; 8];
    for (point, row) in points.iter_mut().zip(rows) {
        // SAFETY: as in `load`.
        unsafe { _mm512_storeu_si512(std::ptr::from_mut(point).cast(), row) };
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2curves::bn256::{Fq, Fr};
    use halo2curves::ff::PrimeField;

    /// A number of 260 bits in limbs, times 2^-260 and reduced, by halving.
    fn value<F: PrimeField>(a: [u64; 5]) -> F {
        a.iter().rev().fold(F::ZERO, |sum, limb| (0..52).fold(sum, |sum, _| sum.double()) + F::from(*limb))
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn limbs_of(a: &Lanes, lane: usize) -> [u64; 5] {
        a.map(|limb| {
            let mut words = [0u64; 8];
            // SAFETY: 64 bytes.
            unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), limb) };
            words[lane]
        })
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn lanes_of(numbers: &[[u64; 5]; 8]) -> Lanes {
        std::array::from_fn(|limb| {
            let words = numbers.map(|number| number[limb]);
            // SAFETY: 64 bytes.
            unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
        })
    }

    /// Numbers below `room` times p whose carries and limbs are at their ends.
    fn numbers<M: Modulus>(room: u64) -> Vec<[u64; 5]> {
        let mut numbers =
            vec![[0; 5], [1, 0, 0, 0, 0], [MASK, MASK, MASK, MASK, M::P[4] - 1], [0, 0, 0, 0, M::P[4]]];
        for k in (1..room).chain([room]) {
            let mut number = multiple(M::P, k);
            numbers.push(number);
            number[0] -= 1;
            if k < room {
                number[0] += 2;
                numbers.push(number);
                number[0] -= 2;
            }
            numbers.push(number);
        }
        let mut state = 0x1234_5678_9abc_def1u64;
        for _ in 0..100 {
            numbers.push(std::array::from_fn(|limb| {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                if limb == 4 {
                    (state >> 20) % (M::P[4] * room)
                } else {
                    state >> 12
                }
            }));
        }
        numbers
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn check<M: Modulus, F: PrimeField>() {
        // 2^-260
        let shift = (0..260).fold(F::ONE, |value, _| value * F::TWO_INV);
        let all = numbers::<M>(ROOM);
        for group in all.windows(8).step_by(3) {
            let group: &[[u64; 5]; 8] = group.try_into().unwrap();
            let reduced = reduced::<M>(&lanes_of(group));
            for (lane, number) in group.iter().enumerate() {
                let limbs = limbs_of(&reduced, lane);
                assert_eq!(value::<F>(limbs), value::<F>(*number));
                assert!(limbs.iter().rev().lt(M::P.iter().rev()), "{number:?} became {limbs:?}");
                assert!(limbs.iter().all(|limb| *limb <= MASK));
            }
        }
        // 9p * 9p < 84 p^2
        let factors = numbers::<M>(9);
        for (i, group) in factors.windows(8).enumerate() {
            let a: &[[u64; 5]; 8] = group.try_into().unwrap();
            let at = i * 7 % (factors.len() - 8);
            let b: &[[u64; 5]; 8] = factors[at..at + 8].try_into().unwrap();
            let product = times::<M>(&lanes_of(a), &lanes_of(b));
            for lane in 0..8 {
                let limbs = limbs_of(&product, lane);
                assert_eq!(value::<F>(limbs), value::<F>(a[lane]) * value::<F>(b[lane]) * shift);
                assert!(limbs.iter().rev().lt(multiple(M::P, 2).iter().rev()));
                assert!(limbs.iter().all(|limb| *limb <= MASK));
            }
        }
    }

    #[test]
    fn products_and_reductions_hold_up_to_their_bounds() {
        if available() {
            // SAFETY: the processor has the instructions.
            unsafe {
                check::<Base, Fq>();
                check::<Scalar, Fr>();
            }
        }
    }
}
