//! Words of a compact key as what they hold.
//!
//! SAFETY of all: field elements are four words, points eight, without padding and with the alignment of a word
//! (checked in arithmetic/field.rs and below); every bit pattern is a value.

use halo2curves::bn256::Fr;

use crate::arithmetic::point::Point;

const _: () = assert!(std::mem::size_of::<Point>() == 64 && std::mem::align_of::<Point>() == 8);

/// The field elements that these words hold.
pub fn as_elements(words: &[u64]) -> &[Fr] {
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), words.len() / 4) }
}

/// The field elements that these words hold, to be changed.
pub fn as_elements_mut(words: &mut [u64]) -> &mut [Fr] {
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len() / 4) }
}

/// The points that these words hold.
pub fn as_points(words: &[u64]) -> &[Point] {
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), words.len() / 8) }
}

/// The points that these words hold, to be changed.
pub fn as_points_mut(words: &mut [u64]) -> &mut [Point] {
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len() / 8) }
}

/// The bytes of these words.
pub fn as_bytes(words: &[u64]) -> &[u8] {
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), words.len() * 8) }
}

/// The bytes of these words, to be changed.
pub fn as_bytes_mut(words: &mut [u64]) -> &mut [u8] {
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len() * 8) }
}

/// The numbers that these words hold, two in each.
pub fn as_numbers(words: &[u64]) -> &[u32] {
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), words.len() * 2) }
}

/// The numbers that these words hold, to be changed.
pub fn as_numbers_mut(words: &mut [u64]) -> &mut [u32] {
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len() * 2) }
}
