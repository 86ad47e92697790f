//! Where the parts of a compact key lie, in memory and in its file: one run of words.
//!
//! The head has sizes, origin, verification key and a checksum; [`Regions`] has what follows it. Damage is noticed by
//! the checksum. What forged numbers could do is checked by [`crate::plonk::key::CompactKey`].

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;
use rayon::prelude::*;

use crate::error::{AtPath, Error, Result};
use crate::files::columns::{Column, Wire};
use crate::files::views::{as_bytes, as_bytes_mut};
use crate::files::zkey::{Header, EXTRA_POINTS, HEADER_BYTES};
use crate::memory::filled;

/// What the file begins with: its kind, and the version of its layout.
const MAGIC: &[u8; 8] = b"2pmKEY01";
const HEAD_WORDS: usize = 512;
const TOTAL_AT: usize = 16;
const KINDS_AT: usize = 24;
const ORIGIN_AT: usize = 32;
const HEADER_AT: usize = ORIGIN_AT + Origin::BYTES;
const CHECKSUM_AT: usize = HEAD_WORDS - 1;
const KIND_WORDS: usize = 4 * Column::SELECTORS.len();

/// What a key was made from; all zeros where that is not known (a `.zkey` does not say).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// SHA-256 of the constraint system's file.
    pub r1cs: [u8; 32],
    /// BLAKE2b-512 of the powers of tau's file.
    pub ptau: [u8; 64],
}

impl Origin {
    const BYTES: usize = 32 + 64;
    /// Nothing is known.
    pub const UNKNOWN: Origin = Origin { r1cs: [0; 32], ptau: [0; 64] };
}

/// Where each part begins and ends, in words.
pub struct Regions {
    /// The signals of every gate, for each wire.
    pub wires: [Range<usize>; Wire::COUNT],
    /// The number of every gate's kind.
    pub gate_kinds: Range<usize>,
    /// The place before each use of a signal.
    pub permutation: Range<usize>,
    /// The selectors of each kind.
    pub kinds: Range<usize>,
    /// Powers of tau.
    pub tau: Range<usize>,
    /// Lagrange points.
    pub lagrange: Range<usize>,
    total: usize,
}

impl Regions {
    /// Layout for a key's sizes; `None` where it would not fit this machine.
    fn new(header: &Header, kinds: usize) -> Option<Self> {
        let mut end = HEAD_WORDS;
        let mut next = |count: usize, words: usize| {
            let start = end;
            end = start.checked_add(count.checked_mul(words)?.checked_next_multiple_of(8)?)?;
            Some(start..end)
        };
        let (size, halves) = (header.size(), (header.gates as usize).div_ceil(2));
        Some(Regions {
            wires: [next(halves, 1)?, next(halves, 1)?, next(halves, 1)?],
            gate_kinds: next(halves, 1)?,
            permutation: next((Wire::COUNT * size).div_ceil(2), 1)?,
            kinds: next(kinds, KIND_WORDS)?,
            tau: next(size + EXTRA_POINTS, 8)?,
            lagrange: next(size, 8)?,
            total: end,
        })
    }
}

/// The words of a key.
pub enum Words {
    /// Mapped from a file: processes share it.
    Mapped(Mmap),
    /// In memory.
    Owned(Vec<u64>),
}

impl Words {
    /// Words for a key's sizes: a head without verification key and checksum, and zeros, to be written.
    pub fn blank(header: &Header, origin: &Origin, kinds: usize) -> Result<(Regions, Vec<u64>)> {
        let regions = Regions::new(header, kinds).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let mut words = filled(0u64, regions.total)?;
        let head = as_bytes_mut(&mut words[..HEAD_WORDS]);
        head[..MAGIC.len()].copy_from_slice(MAGIC);
        head[TOTAL_AT..TOTAL_AT + 8].copy_from_slice(&(regions.total as u64).to_le_bytes());
        head[KINDS_AT..KINDS_AT + 8].copy_from_slice(&(kinds as u64).to_le_bytes());
        head[ORIGIN_AT..ORIGIN_AT + 32].copy_from_slice(&origin.r1cs);
        head[ORIGIN_AT + 32..HEADER_AT].copy_from_slice(&origin.ptau);
        Ok((regions, words))
    }

    /// Maps a file, after checking its head, its length and its checksum.
    pub fn open(path: &Path) -> Result<(Header, Origin, Regions, Self)> {
        let wrong = |reason: String| Error::format(path, reason);
        let file = File::open(path).at(path)?;
        if file.metadata().at(path)?.len() < (HEAD_WORDS * 8) as u64 {
            return Err(wrong("too short for a proving key".into()));
        }
        // SAFETY: the file is ours, written under a temporary name and renamed, never changed in place.
        let map = unsafe { Mmap::map(&file) }.at(path)?;
        if !map.starts_with(MAGIC) {
            return Err(wrong("neither a .zkey nor a compact key of this version".into()));
        }
        let header = Header::parse(path, &map[HEADER_AT..HEADER_AT + HEADER_BYTES])?;
        let kinds = usize::try_from(number(&map, KINDS_AT)).ok().filter(|kinds| *kinds <= header.size());
        let regions = kinds
            .and_then(|kinds| Regions::new(&header, kinds))
            .ok_or_else(|| wrong("more kinds of gates than rows".into()))?;
        let total = regions.total as u64;
        if number(&map, TOTAL_AT) != total || map.len() as u64 != total * 8 {
            return Err(wrong(format!("{} bytes; {} follow from its head", map.len(), total * 8)));
        }
        let mut origin = Origin::UNKNOWN;
        origin.r1cs.copy_from_slice(&map[ORIGIN_AT..ORIGIN_AT + 32]);
        origin.ptau.copy_from_slice(&map[ORIGIN_AT + 32..HEADER_AT]);
        let words = Words::Mapped(map);
        let (head, rest) = words.all().split_at(HEAD_WORDS);
        // A fuzzer is a forger: it does not stop at a sum that anybody can compute.
        if !cfg!(fuzzing) && head[CHECKSUM_AT] != checksum(head, rest) {
            return Err(wrong("damaged: its checksum is another".into()));
        }
        Ok((header, origin, regions, words))
    }

    /// Writes the file, with this header.
    pub fn write(&self, header: &Header, path: &Path) -> Result<()> {
        let (head, rest) = self.all().split_at(HEAD_WORDS);
        let mut head = head.to_vec();
        as_bytes_mut(&mut head)[HEADER_AT..HEADER_AT + HEADER_BYTES].copy_from_slice(&header.to_bytes());
        head[CHECKSUM_AT] = checksum(&head, rest);
        let write = |mut file: File| {
            file.write_all(as_bytes(&head))?;
            file.write_all(as_bytes(rest))
        };
        File::create(path).and_then(write).at(path)
    }

    /// All words, the head's first.
    pub fn all(&self) -> &[u64] {
        match self {
            Words::Owned(words) => words,
            // SAFETY: mapped pages are aligned, and the length was checked to be a multiple of 8.
            Words::Mapped(map) => unsafe {
                std::slice::from_raw_parts(map.as_ptr().cast::<u64>(), map.len() / 8)
            },
        }
    }

    /// How many kinds of gates the head names.
    pub fn kinds(&self) -> usize {
        number(as_bytes(&self.all()[..HEAD_WORDS]), KINDS_AT) as usize
    }
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let mut buffer = [0; 8];
    buffer.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(buffer)
}

/// Of all words but its own. It notices a file that was damaged, not one that was forged: that is what verifying every
/// proof is for.
fn checksum(head: &[u64], rest: &[u64]) -> u64 {
    let chunk = |(k, words): (usize, &[u64])| {
        let mut lanes = [(k as u64).wrapping_add(1); 8];
        for group in words.chunks(8) {
            for (lane, word) in lanes.iter_mut().zip(group) {
                *lane = (*lane ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
            }
        }
        lanes.iter().fold(0u64, |sum, lane| sum.rotate_left(7) ^ lane)
    };
    let rest = rest.par_chunks(1 << 16).enumerate().map(chunk).reduce(|| 0, |a, b| a ^ b);
    chunk((rest as usize, &head[..CHECKSUM_AT]))
}
