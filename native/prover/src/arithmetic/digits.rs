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
    /// Splits, recodes and sorts all scalars: a counting sort of each position by itself.
    pub fn new(windows: Windows, scalars: &[Fr]) -> Result<Self> {
        let digits = Digits::new(windows, scalars)?;
        let mut offsets = filled(0usize, windows.count() * windows.buckets() + 1)?;
        let buckets = windows.buckets();
        offsets[1..].par_chunks_mut(buckets).enumerate().for_each(|(position, counts)| {
            digits.each(position, |_, digit, _| counts[digit.unsigned_abs() as usize - 1] += 1);
        });
        for i in 1..offsets.len() {
            offsets[i] += offsets[i - 1];
        }
        let mut entries = filled(Entry(0), offsets[offsets.len() - 1])?;
        let mut rest = entries.as_mut_slice();
        let mut positions = Vec::with_capacity(windows.count());
        for position in 0..windows.count() {
            let offsets = &offsets[position * buckets..=(position + 1) * buckets];
            let (entries, after) = rest.split_at_mut(offsets[buckets] - offsets[0]);
            positions.push((position, offsets, entries));
            rest = after;
        }
        positions.into_par_iter().try_for_each(|(position, offsets, entries)| {
            let mut next = reserved(buckets)?;
            next.extend(offsets[..buckets].iter().map(|offset| offset - offsets[0]));
            digits.each(position, |scalar, digit, second| {
                let slot: &mut usize = &mut next[digit.unsigned_abs() as usize - 1];
                entries[*slot] = Entry::new(scalar as u32, second, digit < 0);
                *slot += 1;
            });
            Ok::<_, crate::Error>(())
        })?;
        Ok(Sorted { entries, offsets })
    }
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
