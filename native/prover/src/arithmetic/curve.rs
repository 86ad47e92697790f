//! Points of BN254 in affine coordinates, many sums at a time.
//!
//! Adding two affine points costs one inversion; Montgomery's trick shares it over a block, which leaves six
//! field products per sum, half of what projective coordinates cost.

use halo2curves::bn256::{Fq, Fq2, Fr, G1Affine, G2Affine, G1};
use halo2curves::ff::Field;
use halo2curves::group::prime::PrimeCurveAffine;
use halo2curves::group::{Curve, Group};
use halo2curves::CurveAffine;

use crate::arithmetic::field::{bytes_of, is_reduced, words, BASE_FIELD_ORDER, ELEMENT};

/// Bytes of an affine point of the first group in every file.
pub const POINT: usize = 2 * ELEMENT;
/// Bytes of an affine point of the second group.
pub const POINT2: usize = 4 * ELEMENT;
/// Sums that share one inversion.
const BLOCK: usize = 256;

/// Affine point of the first group; the identity is (0, 0), as in the files.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Point {
    /// First coordinate.
    pub x: Fq,
    /// Second coordinate.
    pub y: Fq,
}

impl Point {
    /// The neutral element.
    pub const IDENTITY: Point = Point { x: Fq::zero(), y: Fq::zero() };

    /// The generator (1, 2).
    pub fn generator() -> Self {
        G1Affine::generator().into()
    }

    /// Whether this is the neutral element.
    #[inline]
    pub fn is_identity(&self) -> bool {
        self.x == Fq::ZERO && self.y == Fq::ZERO
    }

    /// Whether the point satisfies y^2 = x^3 + 3, or is the identity. The group has prime order, so that
    /// a point on the curve is in the group.
    pub fn is_on_curve(&self) -> bool {
        self.is_identity() || self.y.square() == self.x.square() * self.x + Fq::from(3)
    }

    /// Point from Montgomery bytes; `None` where a coordinate is not reduced or the point is off the curve.
    pub fn from_bytes(bytes: &[u8; POINT]) -> Option<Self> {
        let point = Point { x: coordinate(bytes, 0)?, y: coordinate(bytes, 1)? };
        point.is_on_curve().then_some(point)
    }

    /// Montgomery bytes, as in `.zkey` and `.ptau`.
    pub fn to_bytes(&self) -> [u8; POINT] {
        let mut bytes = [0; POINT];
        bytes[..ELEMENT].copy_from_slice(&bytes_of(&self.x.0));
        bytes[ELEMENT..].copy_from_slice(&bytes_of(&self.y.0));
        bytes
    }

    /// This point times a scalar. Time depends on the scalar only through halo2curves.
    pub fn times(&self, scalar: &Fr) -> G1 {
        G1Affine::from(*self) * scalar
    }

    /// The additive inverse.
    pub fn negated(&self) -> Self {
        Point { x: self.x, y: -self.y }
    }
}

impl From<G1Affine> for Point {
    fn from(point: G1Affine) -> Self {
        Point { x: point.x, y: point.y }
    }
}

impl From<Point> for G1Affine {
    fn from(point: Point) -> Self {
        G1Affine { x: point.x, y: point.y }
    }
}

impl From<Point> for G1 {
    fn from(point: Point) -> Self {
        G1Affine::from(point).to_curve()
    }
}

impl From<G1> for Point {
    fn from(point: G1) -> Self {
        point.to_affine().into()
    }
}

fn coordinate(bytes: &[u8], index: usize) -> Option<Fq> {
    let slice = bytes.get(index * ELEMENT..(index + 1) * ELEMENT)?;
    let words = words(slice.try_into().ok()?);
    is_reduced(&words, &BASE_FIELD_ORDER).then_some(Fq(words))
}

/// Point of the second group from Montgomery bytes; on the curve and in the subgroup of prime order.
pub fn point2_from_bytes(bytes: &[u8; POINT2]) -> Option<G2Affine> {
    let at = |i| coordinate(bytes, i);
    let point = G2Affine { x: Fq2::new(at(0)?, at(1)?), y: Fq2::new(at(2)?, at(3)?) };
    if bool::from(point.is_identity()) {
        return Some(point);
    }
    // The twist has a cofactor: a point on it is in the group when its order divides the field's.
    let in_group = || bool::from((point * (-Fr::ONE) + point).is_identity());
    (bool::from(point.is_on_curve()) && in_group()).then_some(point)
}

/// Montgomery bytes of a point of the second group.
pub fn point2_to_bytes(point: &G2Affine) -> [u8; POINT2] {
    let mut bytes = [0; POINT2];
    let coordinates = [point.x.c0(), point.x.c1(), point.y.c0(), point.y.c1()];
    for (chunk, coordinate) in bytes.chunks_exact_mut(ELEMENT).zip(coordinates) {
        chunk.copy_from_slice(&bytes_of(&coordinate.0));
    }
    bytes
}

/// Working memory of [`sum_pairs`] and [`double_all`].
pub struct Scratch {
    #[cfg(target_arch = "x86_64")]
    vector: Option<crate::arithmetic::ifma::Scratch>,
    prefix: [Fq; BLOCK],
    below: [Fq; BLOCK],
    above: [Fq; BLOCK],
    sums: [Point; BLOCK],
}

impl Scratch {
    /// Working memory that leaves vector instructions alone.
    pub fn scalar() -> Self {
        Scratch {
            #[cfg(target_arch = "x86_64")]
            vector: None,
            ..Scratch::default()
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch {
            #[cfg(target_arch = "x86_64")]
            vector: crate::arithmetic::ifma::available().then(Default::default),
            prefix: [Fq::ZERO; BLOCK],
            below: [Fq::ZERO; BLOCK],
            above: [Fq::ZERO; BLOCK],
            sums: [Point::IDENTITY; BLOCK],
        }
    }
}

/// `points[target] = points[source] + points[source + 1]` for each pair `(source, target)`, in order.
///
/// Targets must not lie above their sources, and sources must ascend: then no sum overwrites a point that a
/// later one still reads.
pub fn sum_pairs(points: &mut [Point], pairs: &[(u32, u32)], scratch: &mut Scratch) {
    #[cfg(target_arch = "x86_64")]
    if let Some(vector) = &mut scratch.vector {
        // SAFETY: the memory is there only where the processor has the instructions.
        return unsafe { crate::arithmetic::ifma::sum_pairs(points, pairs, vector) };
    }
    for pairs in pairs.chunks(BLOCK) {
        let mut product = Fq::ONE;
        for (i, &(source, _)) in pairs.iter().enumerate() {
            let (left, right) = (&points[source as usize], &points[source as usize + 1]);
            let (above, below) = slope(left, right);
            scratch.prefix[i] = product;
            scratch.above[i] = above;
            scratch.below[i] = below;
            product *= below;
        }
        let mut inverse = product.invert().unwrap_or(Fq::ZERO);
        for (i, &(source, _)) in pairs.iter().enumerate().rev() {
            let (left, right) = (&points[source as usize], &points[source as usize + 1]);
            let lambda = scratch.above[i] * (inverse * scratch.prefix[i]);
            inverse *= scratch.below[i];
            scratch.sums[i] = if left.is_identity() {
                *right
            } else if right.is_identity() {
                *left
            } else if left.x == right.x && left.y != right.y {
                Point::IDENTITY
            } else {
                let x = lambda.square() - left.x - right.x;
                Point { x, y: lambda * (left.x - x) - left.y }
            };
        }
        for (&(_, target), sum) in pairs.iter().zip(&scratch.sums) {
            points[target as usize] = *sum;
        }
    }
}

/// Numerator and denominator of the slope through two points; the denominator is never zero.
#[inline(always)]
fn slope(left: &Point, right: &Point) -> (Fq, Fq) {
    let run = right.x - left.x;
    if run != Fq::ZERO && !left.is_identity() && !right.is_identity() {
        return (right.y - left.y, run);
    }
    if left == right && !left.is_identity() {
        let square = left.x.square();
        return (square.double() + square, left.y.double());
    }
    (Fq::ZERO, Fq::ONE)
}

/// Doubles every point in place.
pub fn double_all(points: &mut [Point], scratch: &mut Scratch) {
    #[cfg(target_arch = "x86_64")]
    if let Some(vector) = &mut scratch.vector {
        // SAFETY: as in `sum_pairs`.
        return unsafe { crate::arithmetic::ifma::double_all(points, vector) };
    }
    for points in points.chunks_mut(BLOCK) {
        let mut product = Fq::ONE;
        for (i, point) in points.iter().enumerate() {
            scratch.prefix[i] = product;
            if !point.is_identity() {
                product *= point.y.double();
            }
        }
        let mut inverse = product.invert().unwrap_or(Fq::ZERO);
        for (i, point) in points.iter_mut().enumerate().rev() {
            if point.is_identity() {
                continue;
            }
            let square = point.x.square();
            let lambda = (square.double() + square) * (inverse * scratch.prefix[i]);
            inverse *= point.y.double();
            let x = lambda.square() - point.x.double();
            *point = Point { x, y: lambda * (point.x - x) - point.y };
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// `count` distinct multiples of the generator.
    pub(crate) fn multiples(count: usize) -> Vec<Point> {
        (0..count as u64).map(|i| Point::generator().times(&Fr::from(i * i + 1)).into()).collect()
    }

    #[test]
    fn pairs_add_up_in_every_special_case() {
        let p = multiples(3);
        let o = Point::IDENTITY;
        let cases = [(p[0], p[1]), (p[1], p[1]), (p[2], p[2].negated()), (o, p[0]), (p[1], o), (o, o)];
        let points: Vec<Point> = cases.iter().flat_map(|&(a, b)| [a, b]).collect();
        let pairs: Vec<(u32, u32)> = (0..cases.len() as u32).map(|i| (2 * i, i)).collect();
        for mut scratch in [Scratch::default(), Scratch::scalar()] {
            let mut points = points.clone();
            sum_pairs(&mut points, &pairs, &mut scratch);
            for (sum, (a, b)) in points.iter().zip(cases) {
                assert_eq!(*sum, (G1::from(a) + G1::from(b)).into());
                assert!(sum.is_on_curve());
            }
        }
    }

    #[test]
    fn doubling_is_adding_to_itself() {
        let mut points = multiples(1700);
        points[3] = Point::IDENTITY;
        let expected: Vec<Point> = points.iter().map(|&p| (G1::from(p) + G1::from(p)).into()).collect();
        for mut scratch in [Scratch::default(), Scratch::scalar()] {
            let mut points = points.clone();
            double_all(&mut points, &mut scratch);
            assert_eq!(points, expected);
        }
    }

    #[test]
    fn vectors_and_scalars_give_the_same_sums() {
        let mut points = multiples(5001);
        points[40] = points[41];
        let pairs: Vec<(u32, u32)> = (0..2500).map(|i| (2 * i, i)).collect();
        let mut expected = points.clone();
        sum_pairs(&mut expected, &pairs, &mut Scratch::scalar());
        sum_pairs(&mut points, &pairs, &mut Scratch::default());
        assert_eq!(points, expected);
    }

    #[test]
    fn bytes_off_the_curve_or_not_reduced_are_refused() {
        let point = multiples(2)[1];
        assert_eq!(Point::from_bytes(&point.to_bytes()), Some(point));
        let mut wrong = point.to_bytes();
        wrong[0] ^= 1;
        assert_eq!(Point::from_bytes(&wrong), None);
        let mut large = [0xff; POINT];
        large[ELEMENT..].fill(0);
        assert_eq!(Point::from_bytes(&large), None);
        let two = halo2curves::bn256::G2Affine::generator();
        assert_eq!(point2_from_bytes(&point2_to_bytes(&two)), Some(two));
    }
}
