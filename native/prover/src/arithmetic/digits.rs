//! Signed digits of scalars, sorted by the bucket that they belong to.

use halo2curves::bn256::Fr;
use rayon::prelude::*;

use crate::arithmetic::glv::{halves, Half};
use crate::error::Result;
use crate::memory::{filled, reserved};

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
#[repr(transparent)]
pub struct Entry(u32);

impl Entry {
    /// The bit of negation.
    pub const NEGATIVE: u32 = 1;
    /// The bit of the endomorphism.
    pub const ENDOMORPHISM: u32 = 2;

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
        self.0 & Self::ENDOMORPHISM != 0
    }

    /// Whether the point is to be negated.
    #[inline(always)]
    pub fn negative(self) -> bool {
        self.0 & Self::NEGATIVE != 0
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
    /// Splits, recodes and sorts all scalars: a counting sort of each position by itself, in several ranges of its
    /// buckets where there are more threads than positions.
    pub fn new(windows: Windows, scalars: &[Fr]) -> Result<Self> {
        let digits = Digits::new(windows, scalars)?;
        let mut offsets = filled(0usize, windows.count() * windows.buckets() + 1)?;
        let ranges = rayon::current_num_threads().div_ceil(windows.count()).next_power_of_two();
        let span = (windows.buckets() / ranges).max(1);
        let place = |range: usize| (range * span / windows.buckets(), range * span % windows.buckets());
        offsets[1..].par_chunks_mut(span).enumerate().for_each(|(range, counts)| {
            let (position, first) = place(range);
            digits.each(position, |_, digit, _| {
                if let Some(count) = counts.get_mut(bucket(digit).wrapping_sub(first)) {
                    *count += 1;
                }
            });
        });
        for i in 1..offsets.len() {
            offsets[i] += offsets[i - 1];
        }
        let mut entries = filled(Entry(0), offsets[offsets.len() - 1])?;
        let mut rest = entries.as_mut_slice();
        let mut parts = Vec::with_capacity(offsets.len() / span);
        for first in (0..offsets.len() - 1).step_by(span) {
            let offsets = &offsets[first..=first + span];
            let (entries, after) = rest.split_at_mut(offsets[span] - offsets[0]);
            parts.push((first / span, offsets, entries));
            rest = after;
        }
        parts.into_par_iter().try_for_each(|(range, offsets, entries)| {
            let (position, first) = place(range);
            let mut next = reserved(span)?;
            next.extend(offsets[..span].iter().map(|offset| offset - offsets[0]));
            digits.each(position, |scalar, digit, second| {
                if let Some(slot) = next.get_mut(bucket(digit).wrapping_sub(first)) {
                    entries[*slot] = Entry::new(scalar as u32, second, digit < 0);
                    *slot += 1;
                }
            });
            Ok::<_, crate::Error>(())
        })?;
        Ok(Sorted { entries, offsets })
    }
}

/// The bucket of a digit that is not zero, within its position.
fn bucket(digit: i16) -> usize {
    digit.unsigned_abs() as usize - 1
}

/// Digits of all scalars, by chunk of scalars, position and half.
struct Digits {
    scalars: usize,
    windows: Windows,
    digits: Vec<i16>,
}

impl Digits {
    /// Scalars whose digits of one position lie together.
    const CHUNK: usize = 1024;

    fn new(windows: Windows, scalars: &[Fr]) -> Result<Self> {
        let lines = 2 * windows.count();
        let mut digits = filled(0i16, scalars.len().div_ceil(Self::CHUNK) * Self::CHUNK * lines)?;
        digits.par_chunks_mut(Self::CHUNK * lines).zip(scalars.par_chunks(Self::CHUNK)).for_each(
            |(digits, scalars)| {
                for (i, scalar) in scalars.iter().enumerate() {
                    for (half, value) in halves(scalar).into_iter().enumerate() {
                        let mut place = half * Self::CHUNK + i;
                        recode(value, windows.bits, |digit| {
                            digits[place] = digit;
                            place += 2 * Self::CHUNK;
                        });
                    }
                }
            },
        );
        Ok(Digits { scalars: scalars.len(), windows, digits })
    }

    /// Every digit of a position that is not zero: its scalar, its value, whether it is of the second half.
    #[inline(always)]
    fn each(&self, position: usize, mut visit: impl FnMut(usize, i16, bool)) {
        let chunks = self.digits.chunks_exact(2 * self.windows.count() * Self::CHUNK);
        for (chunk, digits) in chunks.enumerate() {
            let first = chunk * Self::CHUNK;
            let count = Self::CHUNK.min(self.scalars - first);
            for half in [0, 1] {
                let line = (2 * position + half) * Self::CHUNK;
                for (i, &digit) in digits[line..line + count].iter().enumerate() {
                    if digit != 0 {
                        visit(first + i, digit, half == 1);
                    }
                }
            }
        }
    }
}

/// Digits in [-2^(window-1), 2^(window-1)) of a value below 2^127, lowest first, up to the last that is not zero.
/// The sign belongs to the range: a negative value's digits are carried one later, so that all fit 16 bits.
fn recode(half: Half, window: u32, mut next: impl FnMut(i16)) {
    let (mask, top) = ((1u128 << window) - 1, 1i32 << (window - 1));
    let mut rest = half.size;
    let mut carry = 0;
    while rest != 0 || carry != 0 {
        let mut value = (rest & mask) as i32 + carry;
        carry = i32::from(value >= top + i32::from(half.negative));
        value -= carry << window;
        next((if half.negative { -value } else { value }) as i16);
        rest >>= window;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2curves::ff::Field;

    #[test]
    fn digits_are_sorted_alike_on_any_number_of_threads() {
        let mut scalar = Fr::from(7);
        let scalars: Vec<Fr> = (0..3000)
            .map(|_| {
                scalar = scalar.square() + Fr::ONE;
                scalar
            })
            .collect();
        for bits in [3, 9, 16] {
            let sorted = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| Sorted::new(Windows { bits }, &scalars)).unwrap()
            };
            let one = sorted(1);
            assert!(one.entries.len() > 2 * 3000);
            for threads in [2, 21, 64] {
                let other = sorted(threads);
                assert_eq!(one.offsets, other.offsets);
                assert!(one.entries.iter().zip(&other.entries).all(|(a, b)| a.0 == b.0));
            }
        }
    }

    #[test]
    fn digits_add_up_at_both_ends_of_their_range() {
        for size in [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff_8000, (1u128 << 126) - 1, 0x8000_8000_8000_8000] {
            for (negative, window) in [(false, 16), (true, 16), (false, 3), (true, 3), (true, 13)] {
                let (mut sum, mut place) = (0i128, 0);
                recode(Half { size, negative }, window, |digit| {
                    assert!(i32::from(digit).abs() <= 1 << (window - 1));
                    sum += i128::from(digit) << place;
                    place += window;
                });
                assert_eq!(sum, if negative { -(size as i128) } else { size as i128 });
            }
        }
    }
}
