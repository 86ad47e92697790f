//! Baby Jubjub (ERC-2494): 168700 x^2 + y^2 = 1 + 168696 x^2 y^2 over BN254's scalar field, constant time in scalars.
//!
//! The twin of `twopm_zk/numbers/baby_jubjub.py`. Neither branches nor addresses depend on a scalar or on the
//! coordinates that come of it: every scalar has the same number of digits, a multiple is taken from its table by
//! reading the whole table, additions are complete (a is a square, d is not), and the inversion at the end is a
//! power with a public exponent. halo2curves' sums and products are free of branches; its `invert`,
//! `conditional_select` and `ct_eq` are not, or allocate, and stay unused here.
//!
//! Inside, x is multiplied by a square root of -a. That gives -x^2 + y^2 = 1 + d' x^2 y^2, whose formulas are
//! shorter: Hisil, Wong, Carter, Dawson, "Twisted Edwards curves revisited" (ePrint 2008/522), sections 3.1, 3.3.

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

use crate::arithmetic::field::{bytes_of, from_plain, plain_words, words, ELEMENT, FIELD_ORDER};
use crate::error::{Error, Result};

/// Bytes of an affine point: x, then y, little-endian.
pub const POINT: usize = 2 * ELEMENT;
/// Bytes of a scalar, little-endian.
pub const SCALAR: usize = 32;

/// The curve's a and d.
const A: u64 = 168_700;
const D: u64 = 168_696;
/// A square root of -a, its inverse, and twice d' = -d / a.
const ROOT: Fr = Fr::from_raw([
    0x6c7b_e2c1_d8b2_d768,
    0x74a5_f6ca_321e_a117,
    0x2c7a_c0ce_84e6_1177,
    0x0e0f_f350_05d6_e54b,
]);
const INVERSE_ROOT: Fr = Fr::from_raw([
    0x21f5_98c0_0ff6_8abf,
    0x6604_41e6_0da7_51f7,
    0x58fa_569c_bc47_5e19,
    0x2c2a_2999_3f68_4b42,
]);
const TWICE_D: Fr = Fr::from_raw([
    0x5d09_9f85_f9af_d71b,
    0xdf02_6a6b_5db6_203e,
    0xc390_9ff8_b278_cb9a,
    0x0578_d36f_dd11_72a8,
]);

/// Affine point in Edwards form; the neutral element is (0, 1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Point {
    /// First coordinate.
    pub x: Fr,
    /// Second coordinate.
    pub y: Fr,
}

impl Point {
    /// Point from plain bytes; `None` where a coordinate is not reduced or the point is off the curve. It may lie
    /// outside the subgroup of prime order.
    pub fn from_bytes(bytes: &[u8; POINT]) -> Option<Self> {
        let coordinate = |start| from_plain(bytes[start..start + ELEMENT].try_into().ok()?);
        let point = Point { x: coordinate(0)?, y: coordinate(ELEMENT)? };
        point.is_on_curve().then_some(point)
    }

    /// Plain bytes of both coordinates.
    pub fn to_bytes(&self) -> [u8; POINT] {
        let mut bytes = [0; POINT];
        bytes[..ELEMENT].copy_from_slice(&bytes_of(&plain_words(&self.x)));
        bytes[ELEMENT..].copy_from_slice(&bytes_of(&plain_words(&self.y)));
        bytes
    }

    fn is_on_curve(&self) -> bool {
        let (x2, y2) = (self.x.square(), self.y.square());
        Fr::from(A) * x2 + y2 == Fr::ONE + Fr::from(D) * x2 * y2
    }
}

/// Digits of a scalar: 64 of four bits, and the carry above them.
const DIGITS: usize = 65;

/// A secret number below 2^256, not reduced modulo any order; overwritten when it is dropped.
///
/// It is kept as signed digits, `sum d_i 16^i` with `-8 <= d_i < 8`.
pub struct Scalar([i8; DIGITS]);

impl Scalar {
    /// Number from little-endian bytes.
    pub fn from_bytes(bytes: &[u8; SCALAR]) -> Self {
        let mut scalar = Scalar([0; DIGITS]);
        let mut words = words(bytes);
        let mut carry = 0;
        // eight is added to every digit, so that digits need no carries among themselves
        for (word, digits) in words.iter().zip(scalar.0.chunks_exact_mut(16)) {
            let sum = u128::from(*word) + 0x8888_8888_8888_8888 + carry;
            for (i, digit) in digits.iter_mut().enumerate() {
                *digit = ((sum >> (4 * i)) & 15) as i8 - 8;
            }
            carry = sum >> 64;
        }
        scalar.0[DIGITS - 1] = carry as i8;
        words.zeroize();
        scalar
    }
}

impl Drop for Scalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Points and scalars, as many of the one as of the other, from their bytes one after the other.
pub fn terms(points: &[u8], scalars: &[u8]) -> Result<(Vec<Point>, Vec<Scalar>)> {
    let (points, rest) = points.as_chunks::<POINT>();
    let (scalars, more) = scalars.as_chunks::<SCALAR>();
    if points.len() != scalars.len() || !rest.is_empty() || !more.is_empty() {
        return Err(Error::Point(format!("points have {POINT} bytes each, and their scalars {SCALAR}")));
    }
    let points = points.iter().map(Point::from_bytes).collect::<Option<_>>();
    let points = points.ok_or_else(|| Error::Point("a point is not reduced or off the curve".into()))?;
    Ok((points, scalars.iter().map(Scalar::from_bytes).collect()))
}

/// The sum of each scalar times its point, constant time in the scalars; their number shows.
///
/// Doublings are shared: E. G. Straus, "Addition chains of vectors" (1964). Points without a scalar, and scalars
/// without a point, count for nothing.
pub fn sum_of_multiples(points: &[Point], scalars: &[Scalar]) -> Point {
    let tables: Vec<Table> = points.iter().map(Table::new).collect();
    let mut sum = Extended::IDENTITY;
    for place in (0..DIGITS).rev() {
        for _ in 0..4 {
            sum = sum.double();
        }
        for (table, scalar) in tables.iter().zip(scalars) {
            let mut multiple = table.times(scalar.0[place]);
            sum = sum.add(&multiple);
            multiple.zeroize();
        }
    }
    let result = sum.to_affine();
    sum.zeroize();
    result
}

/// (x / z, y / z) with t = x y / z, on the curve with a = -1.
struct Extended {
    x: Fr,
    y: Fr,
    t: Fr,
    z: Fr,
}

impl Extended {
    const IDENTITY: Extended = Extended { x: Fr::zero(), y: Fr::one(), t: Fr::zero(), z: Fr::one() };

    fn from_affine(point: &Point) -> Self {
        let x = ROOT * point.x;
        Extended { x, y: point.y, t: x * point.y, z: Fr::ONE }
    }

    fn to_affine(&self) -> Point {
        let inverse = invert(&self.z);
        Point { x: self.x * inverse * INVERSE_ROOT, y: self.y * inverse }
    }

    fn add(&self, other: &Addend) -> Self {
        let a = (self.y - self.x) * other.difference;
        let b = (self.y + self.x) * other.sum;
        let c = self.t * other.twice_dt;
        let d = self.z * other.twice_z;
        Self::product(b - a, d - c, d + c, b + a)
    }

    fn double(&self) -> Self {
        let (a, b) = (self.x.square(), self.y.square());
        let c = self.z.square().double();
        let e = (self.x + self.y).square() - a - b;
        let g = b - a;
        Self::product(e, g - c, g, Fr::ZERO - a - b)
    }

    /// The four products that both formulas end with.
    fn product(e: Fr, f: Fr, g: Fr, h: Fr) -> Self {
        Extended { x: e * f, y: g * h, t: e * h, z: f * g }
    }

    fn zeroize(&mut self) {
        overwrite([&mut self.x, &mut self.y, &mut self.t, &mut self.z]);
    }
}

/// A point as the second operand of an addition.
#[derive(Clone, Copy)]
struct Addend {
    sum: Fr,
    difference: Fr,
    twice_dt: Fr,
    twice_z: Fr,
}

impl Addend {
    fn new(point: &Extended) -> Self {
        Addend {
            sum: point.y + point.x,
            difference: point.y - point.x,
            twice_dt: TWICE_D * point.t,
            twice_z: point.z.double(),
        }
    }

    fn assign(&mut self, other: &Self, choice: Choice) {
        assign(&mut self.sum, &other.sum, choice);
        assign(&mut self.difference, &other.difference, choice);
        assign(&mut self.twice_dt, &other.twice_dt, choice);
        assign(&mut self.twice_z, &other.twice_z, choice);
    }

    fn negated(&self) -> Self {
        Addend {
            sum: self.difference,
            difference: self.sum,
            twice_dt: Fr::ZERO - self.twice_dt,
            twice_z: self.twice_z,
        }
    }

    fn zeroize(&mut self) {
        overwrite([&mut self.sum, &mut self.difference, &mut self.twice_dt, &mut self.twice_z]);
    }
}

/// A point's multiples by 0 to 8.
struct Table([Addend; 9]);

impl Table {
    fn new(point: &Point) -> Self {
        let point = Extended::from_affine(point);
        let step = Addend::new(&point);
        let mut multiple = Extended::IDENTITY;
        Table(std::array::from_fn(|_| {
            let entry = Addend::new(&multiple);
            multiple = multiple.add(&step);
            entry
        }))
    }

    /// The multiple by a digit; reads every entry.
    fn times(&self, digit: i8) -> Addend {
        let sign = digit >> 7;
        let size = ((digit ^ sign) - sign) as u8;
        let mut multiple = self.0[0];
        for (i, entry) in (0u8..).zip(&self.0) {
            multiple.assign(entry, size.ct_eq(&i));
        }
        let negated = multiple.negated();
        multiple.assign(&negated, Choice::from(sign as u8 & 1));
        multiple
    }
}

/// Replaces an element where `choice` is 1, in place: halo2curves' own way allocates.
fn assign(target: &mut Fr, source: &Fr, choice: Choice) {
    for (target, source) in target.0.iter_mut().zip(&source.0) {
        target.conditional_assign(source, choice);
    }
}

fn overwrite(elements: [&mut Fr; 4]) {
    for element in elements {
        element.0.zeroize();
    }
}

/// The inverse, or 0 of 0, by Fermat: the exponent is public, and the same products are made for every value.
fn invert(value: &Fr) -> Fr {
    let mut exponent = FIELD_ORDER;
    exponent[0] -= 2;
    value.pow_vartime(exponent)
}

#[cfg(test)]
mod tests {
    use halo2curves::ff::PrimeField;

    use super::*;

    #[test]
    fn constants_are_what_their_names_say() {
        assert_eq!(ROOT.square(), -Fr::from(A));
        assert_eq!(ROOT * INVERSE_ROOT, Fr::ONE);
        assert_eq!(TWICE_D * Fr::from(A), -Fr::from(2 * D));
    }

    #[test]
    fn additions_are_complete() {
        let is_square = |value: Fr| bool::from(value.sqrt().is_some());
        assert!(is_square(Fr::from(A)) && is_square(-Fr::ONE));
        assert!(!is_square(Fr::from(D)) && !is_square(TWICE_D * Fr::TWO_INV));
    }

    #[test]
    fn digits_are_small_and_add_up() {
        for bytes in [
            [0; SCALAR],
            [0xff; SCALAR],
            [0x88; SCALAR],
            [0x77; SCALAR],
            std::array::from_fn(|i| (37 * i) as u8),
        ] {
            let Scalar(digits) = &Scalar::from_bytes(&bytes);
            assert!(digits.iter().all(|digit| (-8..8).contains(digit)));
            let mut carry = 0;
            for (i, byte) in bytes.iter().enumerate() {
                let sum = i32::from(digits[2 * i]) + 16 * i32::from(digits[2 * i + 1]) + carry;
                assert_eq!(sum & 255, i32::from(*byte));
                carry = sum >> 8;
            }
            assert_eq!(i32::from(digits[DIGITS - 1]) + carry, 0);
        }
    }

    #[test]
    fn inverses_are_those_of_the_field() {
        for value in [Fr::ONE, -Fr::ONE, TWICE_D] {
            assert_eq!(Some(invert(&value)), value.invert().into());
        }
        assert_eq!(invert(&Fr::ZERO), Fr::ZERO);
    }
}
