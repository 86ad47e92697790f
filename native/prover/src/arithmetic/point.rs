//! Points of BN254 in affine coordinates, and their bytes in files.

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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// `count` distinct multiples of the generator.
    pub(crate) fn multiples(count: usize) -> Vec<Point> {
        (0..count as u64).map(|i| Point::generator().times(&Fr::from(i * i + 1)).into()).collect()
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
