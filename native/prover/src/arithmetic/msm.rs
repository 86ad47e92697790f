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
use halo2curves::ff::{Field, WithSmallOrderMulGroup};
use halo2curves::group::Group;
use rayon::prelude::*;

use crate::arithmetic::digits::{Entry, Sorted, Windows};
use crate::arithmetic::point::Point;
use crate::arithmetic::tree::Groups;
use crate::arithmetic::vectors::{active, Vectors};
use crate::error::{Error, Result};
use crate::memory::filled;
use crate::progress::Progress;

/// Points of one sum: their numbers share 32 bits with two flags.
const MAX_POINTS: usize = 1 << 28;

/// Points that a thread sums up at a time: they stay in its cache.
const LINE_POINTS: usize = 8192;

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
        let positions = weighted_sums(&sums, windows.buckets());
        Ok(positions.iter().rev().fold(G1::identity(), |total, position| {
            (0..windows.bits).fold(total, |total, _| total.double()) + position
        }))
    }

    fn bucket_sums(&self, sorted: &Sorted, progress: &Progress) -> Result<Vec<Point>> {
        let mut sums = filled(Point::IDENTITY, sorted.offsets.len() - 1)?;
        let entries = sorted.entries.len();
        let images = self.images(entries)?;
        let size = (entries / (4 * rayon::current_num_threads())).clamp(512, LINE_POINTS);
        split_by_load(&mut sums, &sorted.offsets, size).into_par_iter().try_for_each(|(first, sums)| {
            progress.check()?;
            let mut groups = Groups::default();
            let offsets = &sorted.offsets[first..=first + sums.len()];
            let entries = &sorted.entries[offsets[0]..offsets[sums.len()]];
            groups.push_many(offsets.windows(2).map(|pair| pair[1] - pair[0]), |points| {
                gather(self.0, &images, entries, points);
            });
            for (sum, total) in sums.iter_mut().zip(groups.sums()) {
                *sum = total;
            }
            Ok(())
        })?;
        Ok(sums)
    }

    /// The abscissas of all points' images under the endomorphism, where so many entries want them more than once;
    /// none where vectors make them faster than memory brings them.
    fn images(&self, entries: usize) -> Result<Vec<Fq>> {
        if active() != Vectors::Off || entries < 4 * self.0.len() {
            return Ok(Vec::new());
        }
        let mut images = filled(Fq::ZERO, self.0.len())?;
        images.par_iter_mut().zip(self.0).with_min_len(1 << 10).for_each(|(image, point)| {
            *image = point.x * Fq::ZETA;
        });
        Ok(images)
    }
}

/// Appends the points of all entries; `images` as [`Bases::images`] makes them.
fn gather(bases: &[Point], images: &[Fq], entries: &[Entry], points: &mut Vec<Point>) {
    #[cfg(target_arch = "x86_64")]
    if active() == Vectors::Avx512 {
        // SAFETY: the processor has the instructions.
        return unsafe { crate::arithmetic::ifma::gather(bases, entries, points) };
    }
    gather_scalar(bases, images, entries, points);
}

fn gather_scalar(bases: &[Point], images: &[Fq], entries: &[Entry], points: &mut Vec<Point>) {
    points.extend(entries.iter().map(|entry| {
        let mut point = bases[entry.index()];
        if entry.endomorphism() {
            point.x = images.get(entry.index()).copied().unwrap_or_else(|| point.x * Fq::ZETA);
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

/// Sum of `(i + 1) * buckets[i]` for each run of `length` buckets: with `i = row * columns + column`, from sums of
/// rows and of columns.
fn weighted_sums(buckets: &[Point], length: usize) -> Vec<G1> {
    let columns = 1usize << (length.ilog2() / 2);
    let rows = length / columns;
    let runs = buckets.len() / length;
    let (row_sums, column_sums) = rayon::join(
        || line_sums(runs * rows, columns, |line| buckets[line * columns..].iter().take(columns)),
        || {
            line_sums(runs * columns, rows, |line| {
                buckets[line / columns * length + line % columns..].iter().step_by(columns).take(rows)
            })
        },
    );
    let sum = |(rows, columns): (&[Point], &[Point])| {
        // sum of i * row_i from the running sums of the upper rows
        let (by_row, by_column) = rayon::join(|| running_sum(&rows[1..]), || running_sum(columns));
        (0..columns.len().ilog2()).fold(by_row, |total, _| total.double()) + by_column
    };
    row_sums.par_chunks(rows).zip(column_sums.par_chunks(columns)).map(sum).collect()
}

/// Sum of each line of `length` points. A thread takes many lines at once: their additions share inversions.
fn line_sums<'p, I: Iterator<Item = &'p Point>>(
    lines: usize,
    length: usize,
    line: impl Fn(usize) -> I + Sync,
) -> Vec<Point> {
    let step = lines.div_ceil(2 * rayon::current_num_threads()).clamp(1, LINE_POINTS.div_ceil(length));
    (0..lines.div_ceil(step))
        .into_par_iter()
        .flat_map_iter(|part| {
            let mut groups = Groups::default();
            for i in part * step..((part + 1) * step).min(lines) {
                groups.push(line(i).copied());
            }
            groups.sums().collect::<Vec<_>>()
        })
        .collect()
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
        let images: Vec<Fq> = points.iter().map(|point| point.x * Fq::ZETA).collect();
        let [mut one, mut other, mut third] = [(); 3].map(|()| Vec::new());
        gather(&points, &[], &entries, &mut one);
        gather_scalar(&points, &[], &entries, &mut other);
        gather_scalar(&points, &images, &entries, &mut third);
        assert_eq!(one, other);
        assert_eq!(one, third);
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
