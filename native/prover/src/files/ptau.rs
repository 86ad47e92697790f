//! Powers of tau as snarkjs keeps them: `.ptau`, version 1, prepared for phase 2.

use std::path::Path;

use halo2curves::bn256::G2Affine;

use crate::arithmetic::curve::{point2_from_bytes, Point, POINT, POINT2};
use crate::arithmetic::field::{words, BASE_FIELD_ORDER, ELEMENT, MAX_POWER};
use crate::error::{Error, Result};
use crate::files::container::{word, BinFile, Section};

/// Section with the powers of tau in the first group.
pub const TAU_G1: u32 = 2;
/// Section with the powers of tau in the second group.
pub const TAU_G2: u32 = 3;
/// Section with the Lagrange points of every power.
pub const LAGRANGE: u32 = 12;

/// An open ptau file with a sound header.
pub struct Ptau {
    file: BinFile,
    /// It covers circuits of `2^power` gates.
    pub power: u32,
    /// Power of the ceremony that it was cut from.
    pub ceremony_power: u32,
}

impl Ptau {
    /// Opens a file and checks its header.
    pub fn open(path: &Path) -> Result<Self> {
        let file = BinFile::open(path, b"ptau", 1)?;
        let header = file.all_bytes(file.section_of(1, 4 + ELEMENT as u64 + 8)?)?;
        let order: Option<[u8; ELEMENT]> = header[4..4 + ELEMENT].try_into().ok();
        if word(&header, 0) as usize != ELEMENT || order.map(|b| words(&b)) != Some(BASE_FIELD_ORDER) {
            return Err(Error::format(path, "made for another curve than BN254 (bn128)"));
        }
        let (power, ceremony_power) = (word(&header, 4 + ELEMENT), word(&header, 8 + ELEMENT));
        if power > MAX_POWER {
            return Err(Error::format(path, format!("power {power}; at most {MAX_POWER} is possible")));
        }
        let ptau = Ptau { file, power, ceremony_power };
        ptau.section_at_least(TAU_G1, ptau.tau_count() as u64 * POINT as u64)?;
        ptau.section_at_least(TAU_G2, 2 * POINT2 as u64)?;
        Ok(ptau)
    }

    /// Powers of tau in section 2.
    pub fn tau_count(&self) -> usize {
        (2usize << self.power) - 1
    }

    /// The container.
    pub fn file(&self) -> &BinFile {
        &self.file
    }

    fn section_at_least(&self, id: u32, length: u64) -> Result<Section> {
        let section = self.file.section(id)?;
        if section.length < length {
            let reason =
                format!("section {id} has {} bytes; power {} needs {length}", section.length, self.power);
            return Err(Error::format(self.file.path(), reason));
        }
        Ok(section)
    }

    /// `count` powers of tau from `first` on.
    pub fn tau(&self, first: usize, count: usize) -> Result<Vec<Point>> {
        let section = self.file.section(TAU_G1)?;
        self.file.points(section, (first * POINT) as u64, count, "power of tau")
    }

    /// Lagrange points of the domain of `2^power` rows.
    pub fn lagrange(&self, power: u32) -> Result<Vec<Point>> {
        if !self.file.has(LAGRANGE) {
            let reason = "no Lagrange points (section 12): prepare it for phase 2".into();
            return Err(Error::Ptau { path: self.file.path().to_owned(), reason });
        }
        let size = 1usize << power;
        let needed = ((2 * size - 1) * POINT) as u64;
        let section = self.section_at_least(LAGRANGE, needed)?;
        self.file.points(section, ((size - 1) * POINT) as u64, size, "Lagrange point")
    }

    /// Points of the second group that the file holds.
    pub fn tau2_count(&self) -> Result<usize> {
        Ok((self.file.section(TAU_G2)?.length / POINT2 as u64) as usize)
    }

    /// `count` powers of tau in the second group from `first` on.
    pub fn tau2(&self, first: usize, count: usize) -> Result<Vec<G2Affine>> {
        let section = self.file.section(TAU_G2)?;
        let what = "power of tau in the second group";
        self.file.records::<_, POINT2>(section, (first * POINT2) as u64, count, what, point2_from_bytes)
    }

    /// tau times the second generator, after checking that the powers begin with the generators.
    pub fn x2(&self) -> Result<G2Affine> {
        let points = self.tau2(0, 2)?;
        match (self.tau(0, 1)?.as_slice(), points.as_slice()) {
            ([one], [one2, x2]) if *one == Point::generator() && *one2 == G2Affine::generator() => Ok(*x2),
            _ => Err(Error::Ptau {
                path: self.file.path().to_owned(),
                reason: "the powers of tau do not begin with the generators".into(),
            }),
        }
    }
}
