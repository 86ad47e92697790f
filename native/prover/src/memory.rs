//! Large pieces of memory: asked for before they are needed, filled by all threads, and given back.

use std::collections::TryReserveError;

use rayon::prelude::*;

use crate::error::{Error, Result};

/// Bytes that one thread fills: the first write to memory waits for its pages, which all threads do at once for more.
const FILLED_ALONE: usize = 1 << 20;

/// A vector of `len` copies of `value`; memory that is refused becomes an error instead of an abort.
pub fn filled<T: Clone + Send>(value: T, len: usize) -> Result<Vec<T>> {
    filled_with_room(value, len, 0)
}

/// As [`filled`], with room for `more` values after them.
pub fn filled_with_room<T: Clone + Send>(value: T, len: usize, more: usize) -> Result<Vec<T>> {
    let mut vector = reserved(len.saturating_add(more))?;
    let bytes = len.saturating_mul(std::mem::size_of::<T>());
    match bytes <= FILLED_ALONE {
        true => vector.resize(len, value),
        false => {
            let step = len / bytes.div_ceil(FILLED_ALONE);
            rayon::iter::repeat_n(value, len).with_min_len(step).collect_into_vec(&mut vector);
        }
    }
    Ok(vector)
}

/// An empty vector with room for `len` values; memory that is refused becomes an error.
pub fn reserved<T>(len: usize) -> Result<Vec<T>> {
    let mut vector = Vec::new();
    vector.try_reserve_exact(len).map_err(|_: TryReserveError| Error::OutOfMemory {
        bytes: len.saturating_mul(std::mem::size_of::<T>()),
    })?;
    Ok(vector)
}

/// Fails where so many bytes more cannot be had, before work begins that needs about as many in small pieces:
/// a small piece that is refused ends the process.
pub fn ensure_room(bytes: usize) -> Result<()> {
    // Looked at: a compiler leaves out memory that nobody looks at, and calls it had.
    reserved::<u8>(bytes).map(|room| drop(std::hint::black_box(room)))
}

/// Gives memory that is free back to the system. The C library of Linux keeps what threads have freed in holes
/// between what they still use: a fifth of what a large proof needs at most, if nobody asks for it.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        extern "C" {
            fn malloc_trim(pad: usize) -> i32;
        }
        // SAFETY: it may be called at any time, from any thread, and touches no memory that is in use.
        unsafe { malloc_trim(0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_vectors_are_filled_and_have_their_room() {
        for len in [0, 1, FILLED_ALONE, FILLED_ALONE + 1, 5 * FILLED_ALONE + 3] {
            let vector = filled_with_room(7u8, len, 9).unwrap();
            assert!(vector.len() == len && vector.capacity() >= len + 9);
            assert!(vector.iter().all(|value| *value == 7));
            give_back();
            assert!(vector.iter().all(|value| *value == 7));
        }
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        let refused = |result: Result<Vec<u64>>| matches!(result, Err(Error::OutOfMemory { .. }));
        assert!(refused(filled(0, usize::MAX)) && refused(filled_with_room(0, 1, usize::MAX)));
        assert!(ensure_room(usize::MAX / 2).is_err());
    }
}
