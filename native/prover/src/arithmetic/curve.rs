//! Many sums of affine points at a time.
//!
//! Adding two affine points costs one inversion; Montgomery's trick shares it over a block, which leaves six
//! field products per sum, half of what projective coordinates cost.

use halo2curves::bn256::Fq;
use halo2curves::ff::Field;

use crate::arithmetic::point::Point;
use crate::arithmetic::vectors::active;
#[cfg(target_arch = "x86_64")]
use crate::arithmetic::vectors::Vectors;

/// Sums that share one inversion, which costs as much as a hundred products.
const BLOCK: usize = 1024;

/// Working memory of [`sum_pairs`] and [`double_all`].
pub struct Scratch {
    #[cfg(target_arch = "x86_64")]
    vector: Option<crate::arithmetic::ifma::Scratch>,
    prefix: Vec<Fq>,
    below: Vec<Fq>,
    above: Vec<Fq>,
    sums: Vec<Point>,
}

impl Scratch {
    /// Working memory that leaves vector instructions alone.
    pub fn scalar() -> Self {
        let numbers = || vec![Fq::ZERO; BLOCK];
        Scratch {
            #[cfg(target_arch = "x86_64")]
            vector: None,
            prefix: numbers(),
            below: numbers(),
            above: numbers(),
            sums: vec![Point::IDENTITY; BLOCK],
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        match active() {
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512 => Scratch {
                vector: Some(Default::default()),
                prefix: Vec::new(),
                below: Vec::new(),
                above: Vec::new(),
                sums: Vec::new(),
            },
            _ => Scratch::scalar(),
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
mod tests {
    use halo2curves::bn256::G1;

    use super::*;
    use crate::arithmetic::point::tests::multiples;

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
}
