//! The compact key: all that a proof needs of a circuit and a ceremony, and nothing that is quickly computed.
//!
//! Made by setup, or in memory from a `.zkey`. The file is mapped, so that processes share it. Contents, after a
//! head with sizes, origin and verification key: the signals of every gate, the number of its kind (its five
//! selectors, of which circuits have few), the place before each use of a signal (that is the permutation), the
//! kinds, powers of tau and Lagrange points. Additions are gates whose output is a signal that no gate had before.
//!
//! Damage is noticed by a checksum. What a forger writes cannot make a wrong proof: every number that is an index
//! is checked here, and every proof is verified against the verification key before it is handed out.

use std::ops::Range;
use std::path::Path;

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::fft::Domain;
use crate::arithmetic::msm::Bases;
use crate::arithmetic::point::Point;
use crate::error::{Error, Result};
use crate::files::columns::{Column, Wire};
use crate::files::views::{
    as_elements, as_elements_mut, as_numbers, as_numbers_mut, as_points, as_points_mut,
};
use crate::files::zkey::{Addition, Header, EXTRA_POINTS};
use crate::memory::filled;
use crate::plonk::gates::{Gates, Selectors};
use crate::plonk::key_file::{Origin, Regions, Words};

/// Rows that a thread takes at a time.
const CHUNK: usize = 1 << 11;

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
    words: Words,
    /// Rows of the gates that define the signals beyond the witness, in order.
    additions: Vec<u32>,
}

impl CompactKey {
    /// Lays out a key in memory.
    pub fn new(header: Header, origin: Origin, content: Content) -> Result<Self> {
        let Content { gates, permutation, tau, lagrange } = content;
        let (regions, mut words) = Words::blank(&header, &origin, gates.kinds.len())?;
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
        let words = Words::Owned(words);
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
        let (header, origin, regions, words) = Words::open(path)?;
        let mut key = CompactKey { header, origin, regions, words, additions: Vec::new() };
        key.additions = key.checked_additions().map_err(|reason| Error::format(path, reason))?;
        Ok(key)
    }

    /// Writes the file. Whoever wants readers to see all of it or nothing gives a temporary name, and renames.
    pub fn write(&self, path: &Path) -> Result<()> {
        self.words.write(&self.header, path)
    }

    fn numbers(&self, region: &Range<usize>) -> &[u32] {
        as_numbers(&self.words.all()[region.clone()])
    }

    /// Checks every number that is an index, and finds the rows of the additions.
    fn checked_additions(&self) -> std::result::Result<Vec<u32>, String> {
        let (kinds, [a, b, c]) = (self.gate_kinds(), Wire::ALL.map(|wire| self.wire(wire)));
        let (signals, count) = (self.header.signals, self.kinds().len());
        let places = (Wire::COUNT * self.header.size()) as u32;
        if let Some(at) = self.permutation().par_iter().position_any(|place| *place >= places) {
            return Err(format!("place {at} of the permutation is outside it"));
        }
        let outside = |row: usize| {
            kinds[row] as usize >= count || [a[row], b[row], c[row]].iter().any(|signal| *signal >= signals)
        };
        if let Some(row) = (0..kinds.len()).into_par_iter().with_min_len(CHUNK).position_first(outside) {
            return Err(format!("gate {row} has a signal or a kind that is not there"));
        }
        let first = self.header.witness_length() as u32;
        let mut rows = Vec::new();
        for (row, kind) in kinds.iter().enumerate() {
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
        let elements = as_elements(&self.words.all()[self.regions.kinds.clone()]);
        let (kinds, _) = elements.as_chunks();
        &kinds[..self.words.kinds()]
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
        let Some(wire) = Column::SIGMAS.iter().position(|sigma| *sigma == column) else {
            let kinds = self.kinds();
            return self.in_rows(|kind| kinds[kind][column.index()]);
        };
        let mut values = filled(Fr::ZERO, self.header.size())?;
        values.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, values)| {
            self.sigmas(Wire::ALL[wire], domain, chunk * CHUNK, values);
        });
        Ok(values)
    }

    /// What each row's kind of gate has; zero in rows without a gate.
    pub fn in_rows(&self, of_kind: impl Fn(usize) -> Fr + Sync) -> Result<Vec<Fr>> {
        let mut values = filled(Fr::ZERO, self.header.size())?;
        let rows = values.par_iter_mut().zip(self.gate_kinds()).with_min_len(CHUNK);
        rows.for_each(|(value, kind)| *value = of_kind(*kind as usize));
        Ok(values)
    }

    /// Powers of tau: bases for coefficients.
    pub fn tau(&self) -> Bases<'_> {
        Bases(&as_points(&self.words.all()[self.regions.tau.clone()])[..self.header.size() + EXTRA_POINTS])
    }

    /// Lagrange points: bases for values on the domain.
    pub fn lagrange(&self) -> Bases<'_> {
        Bases(&as_points(&self.words.all()[self.regions.lagrange.clone()])[..self.header.size()])
    }
}
