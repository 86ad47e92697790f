//! A proving key in the form that the prover reads: mapped into memory, nothing left to parse.
//!
//! Made once from a `.zkey`, whose numbers and points are all checked on the way, and cached beside it. The
//! file is bound to the key's header, so to its commitments: another key does not match. Nothing rests on the
//! cache being right: every proof is verified against the header before it is handed out.
//!
//! Contents, as 64-bit words: additions, wires; selectors and permutation as values on the domain, as
//! coefficients, and as values on three cosets (bit-reversed, with the first Lagrange polynomial); powers of
//! tau and Lagrange points.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use memmap2::Mmap;
use rayon::prelude::*;

use crate::arithmetic::fft::Domain;
use crate::arithmetic::field::root_of_unity;
use crate::arithmetic::msm::Bases;
use crate::arithmetic::point::Point;
use crate::arithmetic::point_fft::lagrange_points;
use crate::error::{ensure_room, filled, AtPath, Error, Result};
use crate::files::columns::{Column, Wire};
use crate::files::views::{as_bytes, as_bytes_mut, as_elements, as_elements_mut, as_points, as_points_mut};
use crate::files::zkey::{Header, Zkey, EXTRA_POINTS, HEADER_BYTES};
use crate::progress::Progress;

/// Cosets that determine the quotient's lowest 3n coefficients.
pub const COSETS: usize = 3;
/// Polynomials on a coset: every column, then the first Lagrange polynomial.
const COSET_POLYNOMIALS: usize = Column::COUNT + 1;
const MAGIC: &[u8; 8] = b"2pmPREP2";
const HEAD_WORDS: usize = 512;
const HEADER_AT: usize = 64;
const CHECKSUM_AT: usize = HEAD_WORDS - 1;

/// A prepared key, in memory or mapped from its file.
pub struct PreparedKey {
    /// Sizes and verification key.
    pub header: Header,
    /// The domain's tables.
    pub domain: Domain,
    regions: Regions,
    words: Storage,
}

enum Storage {
    Mapped(Mmap),
    Owned(Vec<u64>),
}

/// Where each part begins and ends, in words.
struct Regions {
    addition_signals: Range<usize>,
    addition_factors: Range<usize>,
    wires: [Range<usize>; Wire::COUNT],
    values: Range<usize>,
    coefficients: Range<usize>,
    cosets: Range<usize>,
    tau: Range<usize>,
    lagrange: Range<usize>,
    total: usize,
}

impl Regions {
    /// Layout for a key's sizes; `None` where it would not fit this machine.
    fn new(header: &Header) -> Option<Self> {
        let mut end = HEAD_WORDS;
        let mut next = |count: usize, words: usize| {
            let start = end;
            end = start.checked_add(count.checked_mul(words)?.checked_next_multiple_of(8)?)?;
            Some(start..end)
        };
        let size = header.size();
        let halves = |count: u32| (count as usize).div_ceil(2);
        Some(Regions {
            addition_signals: next(header.additions as usize, 1)?,
            addition_factors: next(header.additions as usize, 8)?,
            wires: [
                next(halves(header.gates), 1)?,
                next(halves(header.gates), 1)?,
                next(halves(header.gates), 1)?,
            ],
            values: next(Column::COUNT * size, 4)?,
            coefficients: next(Column::COUNT * size, 4)?,
            cosets: next(COSETS * COSET_POLYNOMIALS * size, 4)?,
            tau: next(size + EXTRA_POINTS, 8)?,
            lagrange: next(size, 8)?,
            total: end,
        })
    }

    /// Copies additions and wires from the key.
    fn fill(&self, words: &mut [u64], zkey: &Zkey) -> Result<()> {
        for (i, addition) in zkey.additions()?.iter().enumerate() {
            let [left, right] = addition.signals.map(u64::from);
            words[self.addition_signals.start + i] = left | right << 32;
            let factors = as_elements_mut(&mut words[self.addition_factors.clone()]);
            factors[2 * i..2 * i + 2].copy_from_slice(&addition.factors);
        }
        for wire in Wire::ALL {
            let start = self.wires[wire.index()].start;
            for (i, signal) in zkey.wire(wire)?.into_iter().enumerate() {
                words[start + i / 2] |= u64::from(signal) << (32 * (i % 2));
            }
        }
        Ok(())
    }
}

impl PreparedKey {
    /// The key of `zkey`, from its cache file if that matches, else made and written there.
    ///
    /// A cache that cannot be written is not an error: the key then stays in memory.
    pub fn load_or_make(zkey: &Path, cache: Option<&Path>, progress: &Progress) -> Result<Self> {
        let zkey = Zkey::open(zkey)?;
        if let Some(key) = cache.and_then(|cache| PreparedKey::map(cache, &zkey).ok().flatten()) {
            return Ok(key);
        }
        let key = PreparedKey::make(&zkey, None, progress)?;
        if let Some(cache) = cache {
            if key.write(cache).is_ok() {
                if let Ok(Some(mapped)) = PreparedKey::map(cache, &zkey) {
                    return Ok(mapped);
                }
            }
        }
        Ok(key)
    }

    /// Maps a cache file; `None` where it was made from another key or by another version.
    fn map(path: &Path, zkey: &Zkey) -> Result<Option<Self>> {
        let file = File::open(path).at(path)?;
        // SAFETY: the file is ours, written under a temporary name and renamed, never changed in place.
        let map = unsafe { Mmap::map(&file) }.at(path)?;
        let header = zkey.header.clone();
        let Some(regions) = Regions::new(&header) else { return Ok(None) };
        let head = head_bytes(&zkey.header_bytes, regions.total);
        if map.len() != regions.total * 8 || map[..head.len()] != head[..] {
            return Ok(None);
        }
        let domain = Domain::new(header.verification_key.power)?;
        let key = PreparedKey { header, domain, regions, words: Storage::Mapped(map) };
        let whole = key.words()[CHECKSUM_AT] == checksum(&key.words()[HEAD_WORDS..]);
        Ok(whole.then_some(key))
    }

    /// Reads and checks the whole proving key, and computes everything in it that proofs share.
    ///
    /// `lagrange`: the Lagrange points, where somebody has them; else they are computed, which takes longer
    /// than all the rest.
    pub fn make(zkey: &Zkey, lagrange: Option<Vec<Point>>, progress: &Progress) -> Result<Self> {
        let header = zkey.header.clone();
        let regions = Regions::new(&header).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        ensure_room(regions.total * 8 + 1024 * header.size() + (8 << 20))?;
        let mut words = filled(0u64, regions.total)?;
        let head = head_bytes(&zkey.header_bytes, regions.total);
        as_bytes_mut(&mut words)[..head.len()].copy_from_slice(&head);

        progress.stage("preparing the key: gates", 0.0)?;
        regions.fill(&mut words, zkey)?;
        let domain = Domain::new(header.verification_key.power)?;
        progress.stage("preparing the key: polynomials", 0.05)?;
        fill_polynomials(zkey, &domain, &regions, &mut words, progress)?;

        progress.stage("preparing the key: powers of tau", 0.2)?;
        let tau = zkey.tau_points()?;
        as_points_mut(&mut words[regions.tau.clone()])[..tau.len()].copy_from_slice(&tau);
        progress.stage("preparing the key: Lagrange points", 0.3)?;
        let lagrange = match lagrange {
            Some(points) if points.len() == domain.size() => points,
            _ => lagrange_points(&domain, &tau, progress)?,
        };
        as_points_mut(&mut words[regions.lagrange.clone()])[..lagrange.len()].copy_from_slice(&lagrange);
        words[CHECKSUM_AT] = checksum(&words[HEAD_WORDS..]);
        Ok(PreparedKey { header, domain, regions, words: Storage::Owned(words) })
    }

    /// Writes the cache file: under a temporary name, then renamed, so that readers see all of it or nothing.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        let write = || {
            let mut file = File::create(&temporary)?;
            file.write_all(as_bytes(self.words()))?;
            drop(file);
            std::fs::rename(&temporary, path)
        };
        write().at(path).inspect_err(|_| drop(std::fs::remove_file(&temporary)))
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

    fn elements(&self, region: &Range<usize>, index: usize) -> &[Fr] {
        let size = self.header.size();
        &as_elements(&self.words()[region.clone()])[index * size..(index + 1) * size]
    }

    /// Signals and factors of addition `i`.
    pub fn addition(&self, i: usize) -> ([usize; 2], [Fr; 2]) {
        let signals = self.words()[self.regions.addition_signals.start + i];
        let factors = &as_elements(&self.words()[self.regions.addition_factors.clone()])[2 * i..2 * i + 2];
        ([signals as u32 as usize, (signals >> 32) as usize], [factors[0], factors[1]])
    }

    /// The signal of every gate on a wire.
    pub fn wire(&self, wire: Wire) -> impl Iterator<Item = usize> + '_ {
        let words = &self.words()[self.regions.wires[wire.index()].clone()];
        let signals = words.iter().flat_map(|word| [*word as u32 as usize, (*word >> 32) as usize]);
        signals.take(self.header.gates as usize)
    }

    /// The values of a column on the domain.
    pub fn values(&self, column: Column) -> &[Fr] {
        self.elements(&self.regions.values, column.index())
    }

    /// The coefficients of a column.
    pub fn coefficients(&self, column: Column) -> &[Fr] {
        self.elements(&self.regions.coefficients, column.index())
    }

    /// The values of a column on one of the cosets, bit-reversed.
    pub fn coset_values(&self, coset: usize, column: Column) -> &[Fr] {
        self.elements(&self.regions.cosets, coset * COSET_POLYNOMIALS + column.index())
    }

    /// The values of the first Lagrange polynomial on one of the cosets, bit-reversed.
    pub fn coset_first_lagrange(&self, coset: usize) -> &[Fr] {
        self.elements(&self.regions.cosets, coset * COSET_POLYNOMIALS + Column::COUNT)
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

/// Points whose powers n are not one: `shift_j * H` for three cosets, apart from each other and from H.
pub fn coset_shifts(power: u32) -> [Fr; COSETS] {
    let root = root_of_unity(power + 2);
    let first = Fr::from(5); // a non-residue: no power of two of it is one
    [first, first * root, first * root.square()]
}

/// Fills in every column, and the first Lagrange polynomial on the cosets.
fn fill_polynomials(
    zkey: &Zkey,
    domain: &Domain,
    regions: &Regions,
    words: &mut [u64],
    progress: &Progress,
) -> Result<()> {
    let size = domain.size();
    let shifts = coset_shifts(domain.power());
    let mut put = |region: &Range<usize>, index: usize, values: &[Fr]| {
        as_elements_mut(&mut words[region.clone()])[index * size..(index + 1) * size].copy_from_slice(values);
    };
    for index in 0..COSET_POLYNOMIALS {
        progress.check()?;
        let coefficients = match Column::ALL.get(index) {
            Some(column) => zkey.coefficients(*column)?,
            None => filled(domain_inverse(size), size)?, // L_1 = (1 + X + ... + X^(n-1)) / n
        };
        if index < Column::COUNT {
            put(&regions.coefficients, index, &coefficients);
            put(&regions.values, index, &domain.evaluate(&coefficients)?);
        }
        for (coset, shift) in shifts.iter().enumerate() {
            let values = domain.evaluate_on_coset(&coefficients, *shift)?;
            put(&regions.cosets, coset * COSET_POLYNOMIALS + index, &values);
        }
    }
    Ok(())
}

fn domain_inverse(size: usize) -> Fr {
    Fr::from(size as u64).invert().unwrap_or(Fr::ZERO)
}

/// Notices a file that was damaged, not one that was forged: that is what verifying every proof is for.
fn checksum(words: &[u64]) -> u64 {
    let chunk = |(k, words): (usize, &[u64])| {
        let mut lanes = [k as u64 + 1; 8];
        for group in words.chunks(8) {
            for (lane, word) in lanes.iter_mut().zip(group) {
                *lane = (*lane ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
            }
        }
        lanes.iter().fold(0u64, |sum, lane| sum.rotate_left(7) ^ lane)
    };
    words.par_chunks(1 << 16).enumerate().map(chunk).reduce(|| 0, |a, b| a ^ b)
}

/// What the file begins with; compared as a whole.
fn head_bytes(header: &[u8], total: usize) -> Vec<u8> {
    let mut head = vec![0; HEADER_AT + HEADER_BYTES];
    head[..8].copy_from_slice(MAGIC);
    head[16..24].copy_from_slice(&(total as u64).to_le_bytes());
    head[HEADER_AT..].copy_from_slice(header);
    head
}
