//! PLONK proving keys as snarkjs writes them: `.zkey`, protocol 2.
//!
//! Sections: 1 protocol, 2 header, 3 additions, 4..=6 wire maps, 7..=11 selectors, 12 permutation,
//! 13 Lagrange polynomials, 14 powers of tau. A polynomial is stored as n coefficients, then its values on the
//! subgroup of order 4n.

use std::path::Path;

use halo2curves::bn256::{Fr, G2Affine};
use halo2curves::ff::Field;

use crate::arithmetic::curve::{point2_from_bytes, Point, POINT, POINT2};
use crate::arithmetic::field::{from_montgomery, words, BASE_FIELD_ORDER, ELEMENT, FIELD_ORDER, MAX_POWER};
use crate::error::{reserved, Error, Result};
use crate::files::container::{word, BinFile};
use crate::plonk::gates::Addition;

/// Protocol number of PLONK in section 1.
pub const PLONK: u32 = 2;
/// Bytes of section 2.
pub const HEADER_BYTES: usize = 2 * (4 + ELEMENT) + 5 * 4 + 2 * ELEMENT + 8 * POINT + POINT2;
/// Bytes of one addition.
pub const ADDITION: usize = 8 + 2 * ELEMENT;
/// Points of section 14 beyond the domain's size: degrees of blinded polynomials.
pub const EXTRA_POINTS: usize = 6;
/// Smallest domain: the quotient's parts must be longer than its blinding.
pub const MIN_POWER: u32 = 3;

/// Section 2: sizes and the verification key.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Signals of the witness and of the additions.
    pub signals: u32,
    /// Number of public inputs.
    pub publics: u32,
    /// Base-two logarithm of the domain's size.
    pub power: u32,
    /// Number of additions.
    pub additions: u32,
    /// Number of gates.
    pub gates: u32,
    /// Coset representatives of the second and third wire.
    pub k1: Fr,
    /// See `k1`.
    pub k2: Fr,
    /// Commitments to qm, ql, qr, qo, qc.
    pub selectors: [Point; 5],
    /// Commitments to the three permutation polynomials.
    pub sigmas: [Point; 3],
    /// tau times the second group's generator.
    pub x2: G2Affine,
}

impl Header {
    /// Number of rows of the domain.
    pub fn size(&self) -> usize {
        1 << self.power
    }

    /// Values that a witness file must have.
    pub fn witness_length(&self) -> usize {
        (self.signals - self.additions) as usize
    }

    /// Parses section 2; `path` is for messages.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let wrong = |reason: String| Error::format(path, reason);
        if bytes.len() != HEADER_BYTES {
            return Err(wrong(format!("header of {} bytes instead of {HEADER_BYTES}", bytes.len())));
        }
        let mut rest = bytes;
        let curve = [take_field(&mut rest), take_field(&mut rest)];
        if curve != [Some(BASE_FIELD_ORDER), Some(FIELD_ORDER)] {
            return Err(wrong("made for another curve than BN254 (bn128)".into()));
        }
        let [signals, publics, size, additions, gates] = [0, 4, 8, 12, 16].map(|i| word(rest, i));
        rest = &rest[20..];
        let power = size.checked_ilog2().unwrap_or(0);
        if !size.is_power_of_two() || !(MIN_POWER..=MAX_POWER - 2).contains(&power) {
            return Err(wrong(format!("domain of {size} rows")));
        }
        // Signal 0 is the constant; public inputs follow; each has a gate.
        if additions >= signals || publics >= signals - additions || publics > gates || gates > size {
            return Err(wrong(format!(
                "{signals} signals, {additions} additions, {publics} publics and {gates} gates contradict"
            )));
        }
        let mut element = || take(&mut rest).and_then(|bytes| from_montgomery(&bytes));
        let (k1, k2) = (element(), element());
        let mut point = || take(&mut rest).and_then(|bytes| Point::from_bytes(&bytes));
        let points: Option<Vec<Point>> = (0..8).map(|_| point()).collect();
        let x2 = take(&mut rest).and_then(|bytes| point2_from_bytes(&bytes));
        let (Some(k1), Some(k2), Some(points), Some(x2)) = (k1, k2, points, x2) else {
            return Err(wrong("a number or point of the header is not valid".into()));
        };
        let (Ok(selectors), Ok(sigmas)) = (points[..5].try_into(), points[5..].try_into()) else {
            return Err(Error::Internal("eight points".into()));
        };
        if k1 == k2 || k1 == Fr::ZERO || k2 == Fr::ZERO {
            return Err(wrong("k1 and k2 do not separate the wires".into()));
        }
        Ok(Header { signals, publics, power, additions, gates, k1, k2, selectors, sigmas, x2 })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

fn take_field(bytes: &mut &[u8]) -> Option<[u64; 4]> {
    let size = u32::from_le_bytes(take(bytes)?);
    let order = words(&take(bytes)?);
    (size as usize == ELEMENT).then_some(order)
}

/// An open proving key whose header and section lengths agree.
pub struct Zkey {
    file: BinFile,
    /// Sizes and verification key.
    pub header: Header,
    /// Bytes of section 2: what a prepared key is bound to.
    pub header_bytes: Vec<u8>,
}

impl Zkey {
    /// Opens a file and checks its header against the lengths of all sections.
    pub fn open(path: &Path) -> Result<Self> {
        let file = BinFile::open(path, b"zkey", 1)?;
        let protocol = word(&file.all_bytes(file.section_of(1, 4)?)?, 0);
        if protocol != PLONK {
            let name = match protocol {
                1 => "a Groth16".into(),
                10 => "an FFLONK".into(),
                other => format!("a protocol {other}"),
            };
            return Err(Error::format(path, format!("{name} proving key, not a PLONK one")));
        }
        let section = file.section_of(2, HEADER_BYTES as u64)?;
        let header_bytes = file.all_bytes(section)?;
        let header = Header::parse(path, &header_bytes)?;
        let polynomial = (header.size() * 5 * ELEMENT) as u64;
        file.section_of(3, u64::from(header.additions) * ADDITION as u64)?;
        for id in 4..=6 {
            file.section_of(id, u64::from(header.gates) * 4)?;
        }
        for id in 7..=11 {
            file.section_of(id, polynomial)?;
        }
        file.section_of(12, 3 * polynomial)?;
        file.section_of(13, u64::from(header.publics.max(1)) * polynomial)?;
        file.section_of(14, ((header.size() + EXTRA_POINTS) * POINT) as u64)?;
        Ok(Zkey { file, header, header_bytes })
    }

    /// Path of the file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Additions; each uses signals that come before its own.
    pub fn additions(&self) -> Result<Vec<Addition>> {
        let count = self.header.additions as usize;
        let parse = |bytes: &[u8; ADDITION]| {
            let mut rest = &bytes[..];
            let signals = [take(&mut rest)?, take(&mut rest)?].map(u32::from_le_bytes);
            let factors = [from_montgomery(&take(&mut rest)?)?, from_montgomery(&take(&mut rest)?)?];
            Some(Addition { signals, factors })
        };
        let additions = self.file.records(self.file.section(3)?, 0, count, "addition", parse)?;
        let first = self.header.witness_length();
        for (i, addition) in additions.iter().enumerate() {
            if addition.signals.iter().any(|signal| *signal as usize >= first + i) {
                return Err(Error::format(self.path(), format!("addition {i} uses a later signal")));
            }
        }
        Ok(additions)
    }

    /// Signal of every gate on wire 0, 1 or 2.
    pub fn wire(&self, wire: u32) -> Result<Vec<u32>> {
        let signals = self.header.signals;
        let parse = |bytes: &[u8; 4]| Some(u32::from_le_bytes(*bytes)).filter(|signal| *signal < signals);
        self.file.records(self.file.section(4 + wire)?, 0, self.header.gates as usize, "wire", parse)
    }

    /// Coefficients of selector 0..5: qm, ql, qr, qo, qc.
    pub fn selector(&self, index: u32) -> Result<Vec<Fr>> {
        self.file.elements(self.file.section(7 + index)?, 0, self.header.size(), "selector coefficient")
    }

    /// Coefficients of permutation polynomial 0..3.
    pub fn sigma(&self, index: u32) -> Result<Vec<Fr>> {
        let offset = u64::from(index) * (self.header.size() * 5 * ELEMENT) as u64;
        self.file.elements(self.file.section(12)?, offset, self.header.size(), "permutation coefficient")
    }

    /// Powers of tau: one more for each degree that blinding adds.
    pub fn tau_points(&self) -> Result<Vec<Point>> {
        let points =
            self.file.points(self.file.section(14)?, 0, self.header.size() + EXTRA_POINTS, "power of tau")?;
        let mut checked = reserved(points.len())?;
        checked.extend(points);
        match checked.first() == Some(&Point::generator()) {
            true => Ok(checked),
            false => Err(Error::format(self.path(), "the powers of tau do not begin with the generator")),
        }
    }
}
