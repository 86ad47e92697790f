//! The compact key: all that a proof needs of a circuit and a ceremony, and nothing that is quickly computed.
//!
//! Made by setup, or in memory from a `.zkey`. The file is mapped, so that processes share it. Contents, after a
//! head with sizes, origin and verification key: the signals of every gate, the number of its kind (its five
//! selectors, of which circuits have few), the place before each use of a signal (that is the permutation), the
//! kinds, powers of tau and Lagrange points. Additions are gates whose output is a signal that no gate had before.
//!
//! Damage is noticed by a checksum. What a forger writes cannot make a wrong proof: every number that is an index
//! is checked here, and every proof is verified against the verification key before it is handed out.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use memmap2::Mmap;
use rayon::prelude::*;

use crate::arithmetic::fft::Domain;
use crate::arithmetic::msm::Bases;
use crate::arithmetic::point::Point;
use crate::error::{filled, AtPath, Error, Result};
use crate::files::columns::{Column, Wire};
use crate::files::views::{
    as_bytes, as_bytes_mut, as_elements, as_elements_mut, as_numbers, as_numbers_mut, as_points,
    as_points_mut,
};
use crate::files::zkey::{Addition, Header, EXTRA_POINTS, HEADER_BYTES};
use crate::plonk::gates::{Gates, Selectors};

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

/// What a key consists of, before it is laid out.
pub struct Content {
    /// Gates and their kinds.
    pub gates: Gates,
    /// The place before each use of a signal, of all three wires: `wire * size + row`.
    pub permutation: Vec<u32>,
    /// Powers of tau, as many as the domain has rows, and [`EXTRA_POINTS`].
    pub tau: Vec<Point>,
    /// Lagrange points of the domain.
    pub lagrange: Vec<Point>,
}

/// A compact key, in memory or mapped from its file.
pub struct CompactKey {
    /// Sizes and verification key.
    pub header: Header,
    /// What it was made from.
    pub origin: Origin,
    regions: Regions,
    words: Storage,
    /// Rows of the gates that define the signals beyond the witness, in order.
    additions: Vec<u32>,
}

enum Storage {
    Mapped(Mmap),
    Owned(Vec<u64>),
}

/// Where each part begins and ends, in words.
struct Regions {
    wires: [Range<usize>; Wire::COUNT],
    gate_kinds: Range<usize>,
    permutation: Range<usize>,
    kinds: Range<usize>,
    tau: Range<usize>,
    lagrange: Range<usize>,
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

impl CompactKey {
    /// Lays out a key in memory.
    pub fn new(header: Header, origin: Origin, content: Content) -> Result<Self> {
        let Content { gates, permutation, tau, lagrange } = content;
        let regions =
            Regions::new(&header, gates.kinds.len()).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let mut words = filled(0u64, regions.total)?;
        let head = as_bytes_mut(&mut words[..HEAD_WORDS]);
        head[..MAGIC.len()].copy_from_slice(MAGIC);
        head[TOTAL_AT..TOTAL_AT + 8].copy_from_slice(&(regions.total as u64).to_le_bytes());
        head[KINDS_AT..KINDS_AT + 8].copy_from_slice(&(gates.kinds.len() as u64).to_le_bytes());
        head[ORIGIN_AT..ORIGIN_AT + 32].copy_from_slice(&origin.r1cs);
        head[ORIGIN_AT + 32..HEADER_AT].copy_from_slice(&origin.ptau);
        for wire in Wire::ALL {
            let signals = as_numbers_mut(&mut words[regions.wires[wire.index()].clone()]);
            for (signal, gate) in signals.iter_mut().zip(&gates.gates) {
                *signal = gate.wires[wire.index()];
            }
        }
        let numbers = as_numbers_mut(&mut words[regions.gate_kinds.clone()]);
        for (number, gate) in numbers.iter_mut().zip(&gates.gates) {
            *number = gate.kind;
        }
        as_numbers_mut(&mut words[regions.permutation.clone()])[..permutation.len()]
            .copy_from_slice(&permutation);
        let selectors = as_elements_mut(&mut words[regions.kinds.clone()]);
        for (place, kind) in selectors.chunks_exact_mut(Column::SELECTORS.len()).zip(&gates.kinds) {
            place.copy_from_slice(kind);
        }
        as_points_mut(&mut words[regions.tau.clone()])[..tau.len()].copy_from_slice(&tau);
        as_points_mut(&mut words[regions.lagrange.clone()])[..lagrange.len()].copy_from_slice(&lagrange);
        let words = Storage::Owned(words);
        let mut key = CompactKey { header, origin, regions, words, additions: Vec::new() };
        key.additions = key.checked_additions().map_err(Error::Key)?;
        Ok(key)
    }

    /// Sets the verification key's commitments to the columns.
    pub fn commit(&mut self, commitments: [Point; Column::COUNT]) {
        self.header.verification_key.commitments = commitments;
    }

    /// Maps the file of a key, after checking it.
    pub fn open(path: &Path) -> Result<Self> {
        let wrong = |reason: String| Error::format(path, reason);
        let file = File::open(path).at(path)?;
        if file.metadata().at(path)?.len() < (HEAD_WORDS * 8) as u64 {
            return Err(wrong("too short for a proving key".into()));
        }
        // SAFETY: the file is ours, written under a temporary name and renamed, never changed in place.
        let map = unsafe { Mmap::map(&file) }.at(path)?;
        if !CompactKey::is_one(&map) {
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
        let words = Storage::Mapped(map);
        let mut key = CompactKey { header, origin, regions, words, additions: Vec::new() };
        let (head, rest) = key.words().split_at(HEAD_WORDS);
        if head[CHECKSUM_AT] != checksum(head, rest) {
            return Err(wrong("damaged: its checksum is another".into()));
        }
        key.additions = key.checked_additions().map_err(wrong)?;
        Ok(key)
    }

    /// Whether a file that begins so is a compact key.
    pub fn is_one(content: &[u8]) -> bool {
        content.starts_with(MAGIC)
    }

    /// Writes the file. Whoever wants readers to see all of it or nothing gives a temporary name, and renames.
    pub fn write(&self, path: &Path) -> Result<()> {
        let words = self.words();
        let mut head = words[..HEAD_WORDS].to_vec();
        as_bytes_mut(&mut head)[HEADER_AT..HEADER_AT + HEADER_BYTES].copy_from_slice(&self.header.to_bytes());
        head[CHECKSUM_AT] = checksum(&head, &words[HEAD_WORDS..]);
        let write = |mut file: File| {
            file.write_all(as_bytes(&head))?;
            file.write_all(as_bytes(&words[HEAD_WORDS..]))
        };
        File::create(path).and_then(write).at(path)
    }

    fn words(&self) -> &[u64] {
        match &self.words {
            Storage::Owned(words) => words,
            // SAFETY: mapped pages are aligned, and the length was checked to be a multiple of 8.
            Storage::Mapped(map) => unsafe {
                std::slice::from_raw_parts(map.as_ptr().cast::<u64>(), map.len() / 8)
            },
        }
    }

    fn numbers(&self, region: &Range<usize>) -> &[u32] {
        as_numbers(&self.words()[region.clone()])
    }

    /// Checks every number that is an index, and finds the rows of the additions.
    fn checked_additions(&self) -> std::result::Result<Vec<u32>, String> {
        let (kinds, [a, b, c]) = (self.gate_kinds(), Wire::ALL.map(|wire| self.wire(wire)));
        let (signals, count) = (self.header.signals, self.kinds().len());
        let places = (Wire::COUNT * self.header.size()) as u32;
        if let Some(at) = self.permutation().par_iter().position_any(|place| *place >= places) {
            return Err(format!("place {at} of the permutation is outside it"));
        }
        let first = self.header.witness_length() as u32;
        let mut rows = Vec::new();
        for (row, kind) in kinds.iter().enumerate() {
            if *kind as usize >= count || [a[row], b[row], c[row]].iter().any(|signal| *signal >= signals) {
                return Err(format!("gate {row} has a signal or a kind that is not there"));
            }
            let next = first + rows.len() as u32;
            if c[row] == next {
                let [qm, _, _, qo, qc] = self.kinds()[*kind as usize];
                if a[row] >= next || b[row] >= next || [qm, qo, qc] != [Fr::ZERO, Fr::ONE, Fr::ZERO] {
                    return Err(format!("gate {row} does not define its signal"));
                }
                rows.push(row as u32);
            }
        }
        match rows.len() == self.header.additions as usize {
            true => Ok(rows),
            false => Err(format!("{} additions; its header has {}", rows.len(), self.header.additions)),
        }
    }

    /// Signals beyond the witness, in order: each from signals that are known before it.
    pub fn additions(&self) -> impl ExactSizeIterator<Item = Addition> + '_ {
        let [a, b] = [Wire::A, Wire::B].map(|wire| self.wire(wire));
        self.additions.iter().map(move |row| {
            let row = *row as usize;
            let [_, ql, qr, _, _] = self.kinds()[self.gate_kinds()[row] as usize];
            Addition { signals: [a[row], b[row]], factors: [-ql, -qr] }
        })
    }

    /// The signal of every gate on a wire.
    pub fn wire(&self, wire: Wire) -> &[u32] {
        &self.numbers(&self.regions.wires[wire.index()])[..self.header.gates as usize]
    }

    /// The kind of every gate.
    pub fn gate_kinds(&self) -> &[u32] {
        &self.numbers(&self.regions.gate_kinds)[..self.header.gates as usize]
    }

    /// The selectors of each kind of gate.
    pub fn kinds(&self) -> &[Selectors] {
        let elements = as_elements(&self.words()[self.regions.kinds.clone()]);
        let (kinds, _) = elements.as_chunks();
        let count = number(as_bytes(&self.words()[..HEAD_WORDS]), KINDS_AT) as usize;
        &kinds[..count]
    }

    /// The place before each use of a signal, wire by wire.
    pub fn permutation(&self) -> &[u32] {
        &self.numbers(&self.regions.permutation)[..Wire::COUNT * self.header.size()]
    }

    /// The values of a permutation column in the rows from `first` on: where each use points, as an element of one
    /// of three cosets.
    pub fn sigmas(&self, wire: Wire, domain: &Domain, first: usize, values: &mut [Fr]) {
        let size = self.header.size();
        let key = &self.header.verification_key;
        let factors = [Fr::ONE, key.k1, key.k2];
        let places = &self.permutation()[wire.index() * size + first..];
        for (value, place) in values.iter_mut().zip(places) {
            let place = *place as usize;
            let element = domain.element(place & (size - 1));
            *value = if place < size { element } else { element * factors[place >> domain.power()] };
        }
    }

    /// The values of a column on the domain.
    pub fn values(&self, column: Column, domain: &Domain) -> Result<Vec<Fr>> {
        const CHUNK: usize = 1 << 11;
        let mut values = filled(Fr::ZERO, self.header.size())?;
        match Column::SIGMAS.iter().position(|sigma| *sigma == column) {
            Some(wire) => values.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, values)| {
                self.sigmas(Wire::ALL[wire], domain, chunk * CHUNK, values);
            }),
            None => {
                let kinds = self.kinds();
                for (value, kind) in values.iter_mut().zip(self.gate_kinds()) {
                    *value = kinds[*kind as usize][column.index()];
                }
            }
        }
        Ok(values)
    }

    /// Powers of tau: bases for coefficients.
    pub fn tau(&self) -> Bases<'_> {
        Bases(&as_points(&self.words()[self.regions.tau.clone()])[..self.header.size() + EXTRA_POINTS])
    }

    /// Lagrange points: bases for values on the domain.
    pub fn lagrange(&self) -> Bases<'_> {
        Bases(&as_points(&self.words()[self.regions.lagrange.clone()])[..self.header.size()])
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
