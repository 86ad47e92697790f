//! PLONK proving keys as snarkjs writes them: `.zkey`, protocol 2.
//!
//! A polynomial is stored as n coefficients, then its values on the subgroup of order 4n.

use std::path::Path;

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;

use super::columns::{Column, Wire};
use super::container::{check_order, word, Container};
use super::verification_key::{VerificationKey, POWERS};
use crate::arithmetic::field::{bytes_of, from_montgomery, BASE_FIELD_ORDER, ELEMENT, FIELD_ORDER};
use crate::arithmetic::point::{point2_from_bytes, point2_to_bytes, Point, POINT, POINT2};
use crate::error::{Error, Result};

/// The number of PLONK in [`SectionId::Protocol`].
pub const PLONK: u32 = 2;
/// The number of bytes of [`SectionId::Header`].
pub const HEADER_BYTES: usize = 2 * ORDER + 5 * 4 + 2 * ELEMENT + Column::COUNT * POINT + POINT2;
/// Powers of tau beyond the domain's size: degrees of blinded polynomials.
pub const EXTRA_POINTS: usize = 6;

const ORDER: usize = 4 + ELEMENT;
const ADDITION: usize = 8 + 2 * ELEMENT;

/// The sections of a proving key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum SectionId {
    /// Which proof system the key is for.
    Protocol = 1,
    /// Sizes and the verification key.
    Header,
    /// Signals that are sums of two others.
    Additions,
    /// Signals of the left inputs.
    WireA,
    /// Signals of the right inputs.
    WireB,
    /// Signals of the outputs.
    WireC,
    /// The selector of the product.
    Qm,
    /// The selector of the left input.
    Ql,
    /// The selector of the right input.
    Qr,
    /// The selector of the output.
    Qo,
    /// The selector of the constant.
    Qc,
    /// All three permutation polynomials.
    Permutation,
    /// The Lagrange polynomials of the public inputs' rows.
    Lagrange,
    /// Powers of tau in the first group.
    PowersOfTau,
}

impl SectionId {
    /// The number of sections.
    pub const COUNT: u32 = SectionId::PowersOfTau as u32;

    /// The section with the signals of a wire.
    pub const fn of_wire(wire: Wire) -> Self {
        match wire {
            Wire::A => SectionId::WireA,
            Wire::B => SectionId::WireB,
            Wire::C => SectionId::WireC,
        }
    }

    /// The section that holds a column.
    pub const fn of_column(column: Column) -> Self {
        match column {
            Column::Qm => SectionId::Qm,
            Column::Ql => SectionId::Ql,
            Column::Qr => SectionId::Qr,
            Column::Qo => SectionId::Qo,
            Column::Qc => SectionId::Qc,
            Column::S1 | Column::S2 | Column::S3 => SectionId::Permutation,
        }
    }
}

impl From<SectionId> for u32 {
    fn from(id: SectionId) -> u32 {
        id as u32
    }
}

/// A signal that is the sum of two others: `factors[0] * signals[0] + factors[1] * signals[1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addition {
    /// The two signals, both known before.
    pub signals: [u32; 2],
    /// The factor of each signal.
    pub factors: [Fr; 2],
}

/// Sizes of a circuit, and its verification key.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The number of signals, those of the witness and those of the additions.
    pub signals: u32,
    /// The number of additions.
    pub additions: u32,
    /// The number of gates.
    pub gates: u32,
    /// What verifiers know.
    pub verification_key: VerificationKey,
}

impl Header {
    /// The number of rows of the domain.
    pub fn size(&self) -> usize {
        1 << self.verification_key.power
    }

    /// The number of values that a witness must have.
    pub fn witness_length(&self) -> usize {
        (self.signals - self.additions) as usize
    }

    /// Parses the bytes of [`SectionId::Header`]; `path` is for messages.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let wrong = |reason: String| Error::format(path, reason);
        if bytes.len() != HEADER_BYTES {
            return Err(wrong(format!("header of {} bytes instead of {HEADER_BYTES}", bytes.len())));
        }
        check_order(path, bytes, &BASE_FIELD_ORDER)?;
        check_order(path, &bytes[ORDER..], &FIELD_ORDER)?;
        let rest = &bytes[2 * ORDER..];
        let [signals, publics, size, additions, gates] = [0, 4, 8, 12, 16].map(|i| word(rest, i));
        let power = size.checked_ilog2().unwrap_or(0);
        if !size.is_power_of_two() || !POWERS.contains(&power) {
            let (least, most) = (1u32 << POWERS.start(), 1u32 << POWERS.end());
            return Err(wrong(format!("domain of {size} rows, not a power of two from {least} to {most}")));
        }
        // Signal 0 is the constant; public inputs follow; each has a gate.
        if additions >= signals || publics >= signals - additions || publics > gates || gates > size {
            return Err(wrong(format!(
                "{signals} signals, {additions} additions, {publics} publics and {gates} gates contradict"
            )));
        }
        let verification_key = commitments(&rest[20..], publics, power)
            .ok_or_else(|| wrong("a number or point of the header is not valid".into()))?;
        let (k1, k2) = (verification_key.k1, verification_key.k2);
        if k1 == k2 || k1 == Fr::ZERO || k2 == Fr::ZERO {
            return Err(wrong("k1 and k2 do not separate the wires".into()));
        }
        Ok(Header { signals, additions, gates, verification_key })
    }

    /// The bytes of [`SectionId::Header`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let key = &self.verification_key;
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        for order in [BASE_FIELD_ORDER, FIELD_ORDER] {
            bytes.extend((ELEMENT as u32).to_le_bytes());
            bytes.extend(bytes_of(&order));
        }
        let sizes = [self.signals, key.publics, 1 << key.power, self.additions, self.gates];
        bytes.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
        bytes.extend([key.k1, key.k2].iter().flat_map(|factor| bytes_of(&factor.0)));
        bytes.extend(key.commitments.iter().flat_map(Point::to_bytes));
        bytes.extend(point2_to_bytes(&key.x2));
        bytes
    }
}

/// The verification key from what follows the sizes; `None` where a number or point is not valid.
fn commitments(mut bytes: &[u8], publics: u32, power: u32) -> Option<VerificationKey> {
    let k1 = from_montgomery(&take(&mut bytes)?)?;
    let k2 = from_montgomery(&take(&mut bytes)?)?;
    let mut commitments = [Point::IDENTITY; Column::COUNT];
    for commitment in &mut commitments {
        *commitment = Point::from_bytes(&take(&mut bytes)?)?;
    }
    let x2 = point2_from_bytes(&take(&mut bytes)?)?;
    Some(VerificationKey { publics, power, k1, k2, commitments, x2 })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

/// An open proving key whose header and section lengths agree.
pub struct Zkey {
    file: Container,
    /// Sizes and verification key.
    pub header: Header,
}

impl Zkey {
    /// Opens a file and checks its header against the lengths of all sections.
    pub fn open(path: &Path) -> Result<Self> {
        let file = Container::open(path, b"zkey", 1)?;
        check_protocol(path, word(&file.all_bytes(file.section_of(SectionId::Protocol, 4)?)?, 0))?;
        let section = file.section_of(SectionId::Header, HEADER_BYTES as u64)?;
        let header = Header::parse(path, &file.all_bytes(section)?)?;
        let polynomial = polynomial_bytes(&header);
        file.section_of(SectionId::Additions, u64::from(header.additions) * ADDITION as u64)?;
        for wire in Wire::ALL {
            file.section_of(SectionId::of_wire(wire), u64::from(header.gates) * 4)?;
        }
        for selector in Column::SELECTORS {
            file.section_of(SectionId::of_column(selector), polynomial)?;
        }
        file.section_of(SectionId::Permutation, Column::SIGMAS.len() as u64 * polynomial)?;
        let lagrange = u64::from(header.verification_key.publics.max(1));
        file.section_of(SectionId::Lagrange, lagrange * polynomial)?;
        file.section_of(SectionId::PowersOfTau, ((header.size() + EXTRA_POINTS) * POINT) as u64)?;
        Ok(Zkey { file, header })
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// All additions; each uses signals that come before its own.
    pub fn additions(&self) -> Result<Vec<Addition>> {
        let count = self.header.additions as usize;
        let parse = |bytes: &[u8; ADDITION]| {
            let mut rest = &bytes[..];
            let signals = [take(&mut rest)?, take(&mut rest)?].map(u32::from_le_bytes);
            let factors = [from_montgomery(&take(&mut rest)?)?, from_montgomery(&take(&mut rest)?)?];
            Some(Addition { signals, factors })
        };
        let section = self.file.section(SectionId::Additions)?;
        let additions = self.file.records(section, 0, count, "addition", parse)?;
        let first = self.header.witness_length();
        for (i, addition) in additions.iter().enumerate() {
            if addition.signals.iter().any(|signal| *signal as usize >= first + i) {
                return Err(Error::format(self.path(), format!("addition {i} uses a later signal")));
            }
        }
        Ok(additions)
    }

    /// The signal of every gate on a wire.
    pub fn wire(&self, wire: Wire) -> Result<Vec<u32>> {
        let signals = self.header.signals;
        let parse = |bytes: &[u8; 4]| Some(u32::from_le_bytes(*bytes)).filter(|signal| *signal < signals);
        let section = self.file.section(SectionId::of_wire(wire))?;
        self.file.records(section, 0, self.header.gates as usize, "wire", parse)
    }

    /// The coefficients of a column.
    pub fn coefficients(&self, column: Column) -> Result<Vec<Fr>> {
        let section = self.file.section(SectionId::of_column(column))?;
        let place = Column::SIGMAS.iter().position(|sigma| *sigma == column);
        let what = if place.is_some() { "permutation coefficient" } else { "selector coefficient" };
        let offset = place.unwrap_or(0) as u64 * polynomial_bytes(&self.header);
        self.file.elements(section, offset, self.header.size(), what)
    }

    /// Powers of tau: one more for each degree that blinding adds.
    pub fn tau_points(&self) -> Result<Vec<Point>> {
        let section = self.file.section(SectionId::PowersOfTau)?;
        let points = self.file.points(section, 0, self.header.size() + EXTRA_POINTS, "power of tau")?;
        if points.first() != Some(&Point::generator()) {
            return Err(Error::format(self.path(), "the powers of tau do not begin with the generator"));
        }
        Ok(points)
    }
}

fn check_protocol(path: &Path, protocol: u32) -> Result<()> {
    let name = match protocol {
        PLONK => return Ok(()),
        1 => "a Groth16".into(),
        10 => "an FFLONK".into(),
        other => format!("a protocol {other}"),
    };
    Err(Error::format(path, format!("{name} proving key, not a PLONK one")))
}

/// Bytes of one polynomial: its coefficients, then its values on four times the domain.
fn polynomial_bytes(header: &Header) -> u64 {
    (header.size() * 5 * ELEMENT) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2curves::bn256::G2Affine;

    /// Bytes of a header with these sizes: signals, public inputs, rows, additions, gates.
    fn header(sizes: [u32; 5]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for order in [BASE_FIELD_ORDER, FIELD_ORDER] {
            bytes.extend((ELEMENT as u32).to_le_bytes());
            bytes.extend(bytes_of(&order));
        }
        bytes.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
        bytes.extend([2, 3].iter().flat_map(|k| bytes_of(&Fr::from(*k).0)));
        bytes.extend([Point::generator().to_bytes(); Column::COUNT].concat());
        bytes.extend(point2_to_bytes(&G2Affine::generator()));
        bytes
    }

    fn refusal(bytes: &[u8]) -> String {
        Header::parse(Path::new("some.zkey"), bytes).unwrap_err().to_string()
    }

    #[test]
    fn the_smallest_header_is_read() {
        let parsed = Header::parse(Path::new("some.zkey"), &header([2, 1, 8, 0, 2])).unwrap();
        assert_eq!((parsed.size(), parsed.witness_length(), parsed.gates), (8, 2, 2));
        assert_eq!(parsed.to_bytes(), header([2, 1, 8, 0, 2]));
    }

    #[test]
    fn domains_that_no_key_has_are_refused() {
        for rows in [0, 1, 2, 4, 9, 1 << 27, 1 << 31, u32::MAX] {
            assert!(refusal(&header([2, 1, rows, 0, 2])).contains(&format!("domain of {rows} rows")));
        }
    }

    #[test]
    fn sizes_that_contradict_each_other_are_refused() {
        let most = u32::MAX;
        // signals, public inputs, rows, additions, gates
        for sizes in [
            [0, 0, 8, 0, 2],
            [2, 2, 8, 0, 2],
            [2, 1, 8, 2, 2],
            [2, 1, 8, most, 2],
            [most, 3, 8, 0, 2],
            [2, 1, 8, 0, 9],
            [most, most, 8, 1, most],
        ] {
            assert!(refusal(&header(sizes)).contains("contradict"), "{sizes:?}");
        }
    }

    #[test]
    fn headers_of_every_other_length_are_refused() {
        let whole = header([2, 1, 8, 0, 2]);
        for length in 0..whole.len() {
            assert!(refusal(&whole[..length]).contains("instead of"));
        }
    }

    #[test]
    fn every_column_and_wire_has_a_section() {
        let wires = Wire::ALL.map(|wire| u32::from(SectionId::of_wire(wire)));
        let columns = Column::ALL.map(|column| u32::from(SectionId::of_column(column)));
        assert_eq!((wires, columns), ([4, 5, 6], [7, 8, 9, 10, 11, 12, 12, 12]));
        assert_eq!(SectionId::COUNT, 14);
    }
}
