//! Readers with a bug each, which the fuzzer has to find: a test that it can.

use std::hint::black_box;

use twopm_zk_prover::Result;

use crate::Files;

/// Whether the byte at `index` is the one that is meant, by a number that no comparison shows.
#[inline(never)]
fn is(content: &[u8], index: usize) -> bool {
    let mixed = |byte: u8| byte.wrapping_mul(167).rotate_left(3) ^ (index as u8).wrapping_mul(91);
    content.get(index).is_some_and(|byte| black_box(mixed(*byte)) == 0x5c)
}

/// A sum that overflows behind eight bytes in a row, each of them right: by chance one input in 2^64.
pub fn overflow(_: &Files, content: &[u8]) -> Result<()> {
    if is(content, 0) && is(content, 1) && is(content, 2) && is(content, 3) && is(content, 4) {
        black_box(0); // a branch of its own
        if is(content, 5) && is(content, 6) && is(content, 7) {
            black_box(black_box(u8::MAX) + content.len() as u8);
        }
    }
    Ok(())
}

/// Memory for as many numbers as the input claims.
pub fn memory(_: &Files, content: &[u8]) -> Result<()> {
    if let [b'n', b'=', a, b, c, d, ..] = content {
        black_box(Vec::<u64>::with_capacity(u32::from_le_bytes([*a, *b, *c, *d]) as usize));
    }
    Ok(())
}

/// Work without end.
pub fn endless(_: &Files, content: &[u8]) -> Result<()> {
    while content.first() == Some(&b'\xee') {
        black_box(());
    }
    Ok(())
}
