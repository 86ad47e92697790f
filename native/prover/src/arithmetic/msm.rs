//! Multi-scalar multiplication with signed windows and the curve's endomorphism.
//!
//! A scalar k is split as k1 + k2 * zeta with halves of 127 bits (zeta * P is one product away from P), each
//! half into signed digits. Digit d at a position goes to bucket |d| of that position; buckets are summed as
//! trees of affine additions, and the sum of b * bucket_b follows from row and column sums of the buckets laid
//! out as a square. Zero digits cost nothing: small scalars, and negatives of small ones, fill few buckets.
//!
//! Tables of multiples, which let all positions share one set of buckets, were tried and dropped: reading 16 MB
//! at random costs what they save (bench/results/native.md).

use halo2curves::bn256::{Fq, Fr, G1};
use halo2curves::ff::WithSmallOrderMulGroup;
use halo2curves::group::Group;
use rayon::prelude::*;

use crate::arithmetic::digits::{Entry, Sorted, Windows};
use crate::arithmetic::point::Point;
use crate::arithmetic::tree::Groups;
use crate::error::{filled, Error, Result};
use crate::progress::Progress;

/// Points of one sum: their numbers share 32 bits with two flags.
const MAX_POINTS: usize = 1 << 28;

/// Points that scalars are multiplied with.
#[derive(Clone, Copy)]
pub struct Bases<'a>(pub &'a [Point]);

impl Bases<'_> {
    /// Sum of `scalars[i] * points[i]`; there may be fewer scalars than points.
    pub fn sum(&self, scalars: &[Fr], progress: &Progress) -> Result<G1> {
        if scalars.len() > self.0.len() || self.0.len() > MAX_POINTS {
            return Err(Error::Internal(format!("{} scalars for {} points", scalars.len(), self.0.len())));
        }
        self.sum_with(scalars, Windows::for_points(scalars.len()), progress)
    }

    fn sum_with(&self, scalars: &[Fr], windows: Windows, progress: &Progress) -> Result<G1> {
        let sorted = Sorted::new(windows, scalars)?;
        let sums = self.bucket_sums(&sorted, progress)?;
        let positions: Vec<G1> = sums.par_chunks(windows.buckets()).map(weighted_sum).collect();
        Ok(positions.iter().rev().fold(G1::identity(), |total, position| {
            (0..windows.bits).fold(total, |total, _| total.double()) + position
        }))
    }

    fn bucket_sums(&self, sorted: &Sorted, progress: &Progress) -> Result<Vec<Point>> {
        let mut sums = filled(Point::IDENTITY, sorted.offsets.len() - 1)?;
        let entries = sorted.entries.len();
        let size = (entries / (4 * rayon::current_num_threads())).clamp(512, 8192);
        split_by_load(&mut sums, &sorted.offsets, size).into_par_iter().try_for_each(|(first, sums)| {
            progress.check()?;
            let mut groups = Groups::default();
            let offsets = &sorted.offsets[first..=first + sums.len()];
            let entries = &sorted.entries[offsets[0]..offsets[sums.len()]];
            groups.push_many(offsets.windows(2).map(|pair| pair[1] - pair[0]), |points| {
                gather(self.0, entries, points);
            });
            for (sum, total) in sums.iter_mut().zip(groups.sums()) {
                *sum = total;
            }
            Ok(())
        })?;
        Ok(sums)
    }
}

/// Appends the points of all entries.
fn gather(bases: &[Point], entries: &[Entry], points: &mut Vec<Point>) {
    #[cfg(target_arch = "x86_64")]
    if crate::arithmetic::ifma::available() {
        // SAFETY: the processor has the instructions.
        return unsafe { crate::arithmetic::ifma::gather(bases, entries, points) };
    }
    gather_scalar(bases, entries, points);
}

fn gather_scalar(bases: &[Point], entries: &[Entry], points: &mut Vec<Point>) {
    points.extend(entries.iter().map(|entry| {
        let mut point = bases[entry.index()];
        if entry.endomorphism() {
            point.x *= Fq::ZETA;
        }
        if entry.negative() {
            point.y = -point.y;
        }
        point
    }));
}

/// Cuts bucket sums into runs of buckets that hold about `size` entries.
fn split_by_load<'s>(sums: &'s mut [Point], offsets: &[usize], size: usize) -> Vec<(usize, &'s mut [Point])> {
    let mut runs = Vec::new();
    let (mut rest, mut first) = (sums, 0);
    while !rest.is_empty() {
        let mut length = 1;
        while length < rest.len() && offsets[first + length] - offsets[first] < size {
            length += 1;
        }
        let (run, after) = rest.split_at_mut(length);
        runs.push((first, run));
        rest = after;
        first += length;
    }
    runs
}

/// Sum of `(i + 1) * buckets[i]`: with `i = row * columns + column`, from sums of rows and of columns.
fn weighted_sum(buckets: &[Point]) -> G1 {
    let columns = 1usize << (buckets.len().ilog2() / 2);
    let rows = buckets.len() / columns;
    let line_sums = |lines: usize, line: &(dyn Fn(usize) -> Vec<Point> + Sync)| -> Vec<Point> {
        let step = lines.div_ceil(8);
        (0..lines.div_ceil(step))
            .into_par_iter()
            .flat_map_iter(|part| {
                let mut groups = Groups::default();
                for i in part * step..((part + 1) * step).min(lines) {
                    groups.push(line(i).into_iter());
                }
                groups.sums().collect::<Vec<_>>()
            })
            .collect()
    };
    let row_sums = line_sums(rows, &|row| buckets[row * columns..(row + 1) * columns].to_vec());
    let column_sums =
        line_sums(columns, &|column| buckets[column..].iter().step_by(columns).copied().collect());
    // sum of i * row_i from the running sums of the upper rows
    let (by_row, by_column) =
        rayon::join(|| running_sum(row_sums.get(1..).unwrap_or(&[])), || running_sum(&column_sums));
    (0..columns.ilog2()).fold(by_row, |total, _| total.double()) + by_column
}

/// Sum of `(i + 1) * points[i]`.
fn running_sum(points: &[Point]) -> G1 {
    let mut sum = G1::identity();
    let mut total = G1::identity();
    for &point in points.iter().rev() {
        sum += halo2curves::bn256::G1Affine::from(point);
        total += sum;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::point::tests::multiples;
    use halo2curves::ff::Field;

    fn scalars(count: usize) -> Vec<Fr> {
        let mut scalar = Fr::from(0x1234_5678_9abc_def1);
        (0..count as u64)
            .map(|i| match i % 7 {
                0 => Fr::ZERO,
                1 => Fr::from(i),
                2 => -Fr::from(i),
                3 => -Fr::ONE,
                _ => {
                    scalar = scalar.square() + Fr::from(i);
                    scalar
                }
            })
            .collect()
    }

    #[test]
    fn sums_agree_with_one_product_at_a_time() {
        let progress = Progress::silent();
        for count in [1, 2, 9, 150] {
            let (points, scalars) = (multiples(count), scalars(count));
            let expected: G1 = points.iter().zip(&scalars).map(|(point, scalar)| point.times(scalar)).sum();
            assert_eq!(Bases(&points).sum(&scalars, &progress).unwrap(), expected);
            for bits in [3, 5, 13, 16] {
                let sum = Bases(&points).sum_with(&scalars, Windows { bits }, &progress).unwrap();
                assert_eq!(sum, expected, "{bits} bits");
            }
        }
    }

    #[test]
    fn vectors_and_scalars_gather_the_same_points() {
        let mut points = multiples(9);
        points[4] = Point::IDENTITY;
        let entries: Vec<Entry> = (0..45).map(|i| Entry::new(i % 9, i % 2 == 0, i % 3 == 0)).collect();
        let (mut one, mut other) = (Vec::new(), Vec::new());
        gather(&points, &entries, &mut one);
        gather_scalar(&points, &entries, &mut other);
        assert_eq!(one, other);
    }

    #[test]
    fn equal_points_and_fewer_scalars_are_fine() {
        let points = vec![Point::generator(); 40];
        let sum = Bases(&points).sum(&vec![Fr::from(5); 30], &Progress::silent()).unwrap();
        assert_eq!(sum, Point::generator().times(&Fr::from(150)));
    }

    #[test]
    fn a_cancelled_sum_stops() {
        let progress = Progress::silent();
        progress.cancel();
        let result = Bases(&multiples(4)).sum(&[Fr::ONE; 4], &progress);
        assert!(matches!(result, Err(Error::Cancelled)));
    }
}
