//! Signed digits of scalars, sorted by the bucket that they belong to.

use halo2curves::bn256::Fr;
use rayon::prelude::*;

use crate::arithmetic::glv::{halves, Half};
use crate::error::{filled, reserved, Result};

/// Bits of a half scalar, with one to spare for the last carry.
const HALF_BITS: u32 = 128;

/// How half scalars are cut into digits.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// Bits of a digit.
    pub bits: u32,
}

impl Windows {
    /// Buckets about a sixteenth of the digits, so that summing them costs little beside filling them.
    pub fn for_points(points: usize) -> Self {
        Windows { bits: (points.max(1).ilog2() + 1).saturating_sub(3).clamp(3, 16) }
    }

    /// Digits of a half scalar.
    pub fn count(self) -> usize {
        HALF_BITS.div_ceil(self.bits) as usize
    }

    /// Sizes that a digit can have.
    pub fn buckets(self) -> usize {
        1 << (self.bits - 1)
    }
}

/// Entry of a digit: which point, whether it takes the endomorphism, whether it is negated.
#[derive(Clone, Copy)]
pub struct Entry(u32);

impl Entry {
    /// Entry of a digit that is not zero.
    pub fn new(index: u32, endomorphism: bool, negative: bool) -> Self {
        Entry(index << 2 | u32::from(endomorphism) << 1 | u32::from(negative))
    }

    /// Number of the point.
    #[inline(always)]
    pub fn index(self) -> usize {
        (self.0 >> 2) as usize
    }

    /// Whether the point is to be multiplied by zeta.
    #[inline(always)]
    pub fn endomorphism(self) -> bool {
        self.0 & 2 != 0
    }

    /// Whether the point is to be negated.
    #[inline(always)]
    pub fn negative(self) -> bool {
        self.0 & 1 != 0
    }
}

/// Digits of all scalars, sorted by bucket.
pub struct Sorted {
    /// Entries of all buckets, one bucket after the other.
    pub entries: Vec<Entry>,
    /// Where each bucket's entries begin; one more at the end.
    pub offsets: Vec<usize>,
}

impl Sorted {
    /// Splits, recodes and sorts all scalars.
    pub fn new(windows: Windows, scalars: &[Fr]) -> Result<Self> {
        let digits = Digits::new(windows, scalars)?;
        let offsets = digits.offsets()?;
        let mut entries = filled(Entry(0), offsets[offsets.len() - 1])?;
        let parts = split_entries(&mut entries, &offsets, rayon::current_num_threads().min(8));
        parts
            .into_par_iter()
            .try_for_each(|(first, last, entries)| digits.place(&offsets[..=last], first, entries))?;
        Ok(Sorted { entries, offsets })
    }
}

/// Digits of all scalars: those of the first half, then those of the second, scalar by scalar.
struct Digits {
    windows: Windows,
    digits: Vec<i32>,
}

impl Digits {
    fn new(windows: Windows, scalars: &[Fr]) -> Result<Self> {
        let count = windows.count();
        let mut digits = filled(0i32, scalars.len() * 2 * count)?;
        digits.par_chunks_mut(2 * count).zip(scalars).with_min_len(256).for_each(|(digits, scalar)| {
            let [k1, k2] = halves(scalar);
            let (low, high) = digits.split_at_mut(count);
            recode(k1, windows.bits, low);
            recode(k2, windows.bits, high);
        });
        Ok(Digits { windows, digits })
    }

    /// Every digit that is not zero: its scalar, its position in both halves, its value.
    fn each(&self) -> impl Iterator<Item = (usize, usize, i32)> + '_ {
        self.digits.chunks_exact(2 * self.windows.count()).enumerate().flat_map(|(scalar, digits)| {
            let digits = digits.iter().enumerate().filter(|(_, &digit)| digit != 0);
            digits.map(move |(position, &digit)| (scalar, position, digit))
        })
    }

    fn bucket_of(&self, position: usize, digit: i32) -> usize {
        (position % self.windows.count()) * self.windows.buckets() + digit.unsigned_abs() as usize - 1
    }

    /// Where the entries of each bucket begin, and where the last one's end.
    fn offsets(&self) -> Result<Vec<usize>> {
        let mut offsets = filled(0usize, self.windows.count() * self.windows.buckets() + 1)?;
        for (_, position, digit) in self.each() {
            offsets[self.bucket_of(position, digit) + 1] += 1;
        }
        for i in 1..offsets.len() {
            offsets[i] += offsets[i - 1];
        }
        Ok(offsets)
    }

    /// Writes the entries of the buckets from `first` to the last of `offsets`.
    fn place(&self, offsets: &[usize], first: usize, entries: &mut [Entry]) -> Result<()> {
        let (base, buckets) = (offsets[first], first..offsets.len() - 1);
        let mut next = reserved(buckets.len())?;
        next.extend(offsets[buckets.clone()].iter().map(|offset| offset - base));
        for (scalar, position, digit) in self.each() {
            let bucket = self.bucket_of(position, digit);
            if buckets.contains(&bucket) {
                let slot = &mut next[bucket - first];
                entries[*slot] = Entry::new(scalar as u32, position >= self.windows.count(), digit < 0);
                *slot += 1;
            }
        }
        Ok(())
    }
}

/// Cuts the entries at bucket borders into `parts` about equal ones: first bucket, last bucket, entries.
fn split_entries<'e>(
    entries: &'e mut [Entry],
    offsets: &[usize],
    parts: usize,
) -> Vec<(usize, usize, &'e mut [Entry])> {
    let total = entries.len();
    let buckets = offsets.len() - 1;
    let (mut rest, mut first) = (entries, 0);
    let mut result = Vec::new();
    for part in 1..=parts {
        let last = if part == parts {
            buckets
        } else {
            offsets.partition_point(|&offset| offset < total * part / parts).clamp(first, buckets)
        };
        let (head, after) = rest.split_at_mut(offsets[last] - offsets[first]);
        result.push((first, last, head));
        rest = after;
        first = last;
    }
    result
}

/// Digits in [-2^(window-1), 2^(window-1)) of a value below 2^127, lowest first.
fn recode(half: Half, window: u32, digits: &mut [i32]) {
    let (mask, top) = ((1u128 << window) - 1, 1i32 << (window - 1));
    let mut rest = half.size;
    let mut carry = 0;
    for digit in digits {
        if rest == 0 && carry == 0 {
            return;
        }
        let mut value = (rest & mask) as i32 + carry;
        carry = i32::from(value >= top);
        value -= carry << window;
        *digit = if half.negative { -value } else { value };
        rest >>= window;
    }
}
