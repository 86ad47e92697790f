//! Lagrange points from powers of tau: an inverse Fourier transform of points.
//!
//! `L_i(tau) = 1/n * sum_j w^(-ij) tau^j`. Its butterflies multiply points by roots of unity: many products
//! run side by side, so that their affine additions share inversions. One time per key.

use halo2curves::bn256::{Fq, Fr};
use halo2curves::ff::{Field, WithSmallOrderMulGroup};
use rayon::prelude::*;

use crate::arithmetic::curve::{double_all, sum_pairs, Scratch};
use crate::arithmetic::fft::Domain;
use crate::arithmetic::glv::halves;
use crate::arithmetic::point::Point;
use crate::error::Result;
use crate::memory::reserved;
use crate::progress::Progress;

/// Products side by side.
const BATCH: usize = 1024;
/// Bits of a digit; a point's multiples 1 to 8 are kept.
const WINDOW: u32 = 4;
const MULTIPLES: usize = 1 << (WINDOW - 1);
const DIGITS: usize = 32;

/// Lagrange points of a domain, from as many powers of tau.
pub fn lagrange_points(domain: &Domain, tau: &[Point], progress: &Progress) -> Result<Vec<Point>> {
    let size = domain.size();
    let mut points = reserved(size)?;
    points.extend_from_slice(&tau[..size]);
    domain.reverse(&mut points);
    let root_inverse = domain.root().invert().unwrap_or(Fr::ONE);
    let mut half = 1;
    while half < size {
        progress.check()?;
        // Level by level from pairs up (decimation in time): upper half times powers of the level's root.
        let root = root_inverse.pow_vartime([(size / (2 * half)) as u64]);
        let mut factors = reserved(half)?;
        factors.extend(crate::arithmetic::field::powers(Fr::ONE, root, half));
        let mut upper = reserved(size / 2)?;
        upper.extend((0..size / 2).map(|k| points[k / half * 2 * half + half + k % half]));
        upper.par_chunks_mut(BATCH).enumerate().try_for_each(|(batch, points)| {
            progress.check()?;
            let scalars: Vec<Fr> = (0..points.len()).map(|i| factors[(batch * BATCH + i) % half]).collect();
            multiply_all(points, &scalars);
            Ok::<_, crate::Error>(())
        })?;
        butterflies(&mut points, &upper, half);
        half *= 2;
    }
    let scale = Fr::from(size as u64).invert().unwrap_or(Fr::ONE);
    points.par_chunks_mut(BATCH).try_for_each(|points| {
        progress.check()?;
        multiply_all(points, &vec![scale; points.len()]);
        Ok::<_, crate::Error>(())
    })?;
    Ok(points)
}

/// `(a, b) -> (a + upper, a - upper)` for all pairs at distance `half`.
fn butterflies(points: &mut [Point], upper: &[Point], half: usize) {
    let lower = |k: usize| k / half * 2 * half + k % half;
    let results: Vec<[Point; 2]> = upper
        .par_chunks(BATCH)
        .enumerate()
        .flat_map_iter(|(batch, upper)| {
            let mut operands: Vec<Point> = Vec::with_capacity(4 * upper.len());
            for (i, &term) in upper.iter().enumerate() {
                let base = points[lower(batch * BATCH + i)];
                operands.extend([base, term, base, term.negated()]);
            }
            sum_neighbours(&mut operands, &mut Scratch::default());
            operands.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect::<Vec<_>>()
        })
        .collect();
    for (k, [sum, difference]) in results.into_iter().enumerate() {
        points[lower(k)] = sum;
        points[lower(k) + half] = difference;
    }
}

/// Sums of points 0 and 1, 2 and 3, ...; the vector becomes half as long.
fn sum_neighbours(operands: &mut Vec<Point>, scratch: &mut Scratch) {
    let pairs: Vec<(u32, u32)> = (0..operands.len() as u32 / 2).map(|i| (2 * i, i)).collect();
    sum_pairs(operands, &pairs, scratch);
    operands.truncate(pairs.len());
}

/// Each point times its scalar, in place.
fn multiply_all(points: &mut [Point], scalars: &[Fr]) {
    if scalars.iter().all(|scalar| *scalar == Fr::ONE) {
        return;
    }
    let mut scratch = Scratch::default();
    let count = points.len();
    // multiples[d - 1] holds d times every point
    let mut multiples: Vec<Vec<Point>> = vec![points.to_vec()];
    for d in 2..=MULTIPLES {
        let mut operands: Vec<Point> =
            multiples[d - 2].iter().zip(points.iter()).flat_map(|(a, b)| [*a, *b]).collect();
        sum_neighbours(&mut operands, &mut scratch);
        multiples.push(operands);
    }
    let digits: Vec<[[i8; DIGITS]; 2]> = scalars.iter().map(digits_of).collect();
    let mut sums = vec![Point::IDENTITY; count];
    for position in (0..DIGITS).rev() {
        for _ in 0..WINDOW {
            double_all(&mut sums, &mut scratch);
        }
        for half in [0, 1] {
            let mut operands: Vec<Point> = Vec::with_capacity(2 * count);
            for (i, sum) in sums.iter().enumerate() {
                let digit = digits[i][half][position];
                let mut term = match digit {
                    0 => Point::IDENTITY,
                    _ => multiples[usize::from(digit.unsigned_abs()) - 1][i],
                };
                if half == 1 {
                    term.x *= Fq::ZETA;
                }
                operands.extend([*sum, if digit < 0 { term.negated() } else { term }]);
            }
            sum_neighbours(&mut operands, &mut scratch);
            sums = operands;
        }
    }
    points.copy_from_slice(&sums);
}

/// Signed digits of the two halves of a scalar.
fn digits_of(scalar: &Fr) -> [[i8; DIGITS]; 2] {
    halves(scalar).map(|half| {
        let mut digits = [0; DIGITS];
        let mut carry = 0;
        for (i, digit) in digits.iter_mut().enumerate() {
            let mut value = ((half.size >> (WINDOW as usize * i)) & 15) as i8 + carry;
            carry = i8::from(value >= MULTIPLES as i8);
            value -= carry << WINDOW;
            *digit = if half.negative { -value } else { value };
        }
        digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::point::tests::multiples;

    /// A scalar that fills its words.
    fn large() -> Fr {
        Fr::from(7).pow([1000])
    }

    #[test]
    fn products_side_by_side_agree_with_one_at_a_time() {
        let mut points = multiples(6);
        let scalars = [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(77), large(), Fr::ZETA];
        let expected: Vec<Point> =
            points.iter().zip(&scalars).map(|(point, scalar)| point.times(scalar).into()).collect();
        multiply_all(&mut points, &scalars);
        assert_eq!(points, expected);
    }

    #[test]
    fn lagrange_points_commit_to_unit_vectors() {
        let domain = Domain::new(4).unwrap();
        let tau = large();
        let powers: Vec<Point> = crate::arithmetic::field::powers(Fr::ONE, tau, 16)
            .map(|power| Point::generator().times(&power).into())
            .collect();
        let points = lagrange_points(&domain, &powers, &Progress::silent()).unwrap();
        for (i, point) in points.iter().enumerate() {
            let mut unit = vec![Fr::ZERO; 16];
            unit[i] = Fr::ONE;
            let value = crate::arithmetic::polynomial::evaluate(&domain.interpolate(&unit).unwrap(), tau);
            assert_eq!(*point, Point::generator().times(&value).into());
        }
    }
}
