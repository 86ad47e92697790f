//! Powers of tau as snarkjs keeps them: `.ptau`, version 1, prepared for phase 2.

use std::path::Path;

use halo2curves::bn256::G2Affine;

use super::container::{check_order, word, Container, Section};
use crate::arithmetic::field::{BASE_FIELD_ORDER, ELEMENT, MAX_POWER};
use crate::arithmetic::point::{point2_from_bytes, Point, POINT, POINT2};
use crate::error::{Error, Result};

/// The sections of a ptau that PLONK uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum SectionId {
    /// The field and the power.
    Header = 1,
    /// Powers of tau in the first group.
    TauG1 = 2,
    /// Powers of tau in the second group.
    TauG2 = 3,
    /// Lagrange points of every power.
    Lagrange = 12,
}

impl From<SectionId> for u32 {
    fn from(id: SectionId) -> u32 {
        id as u32
    }
}

/// An open ptau file with a sound header.
pub struct Ptau {
    file: Container,
    /// The file covers circuits of `2^power` gates; at least 1.
    pub power: u32,
    /// The power of the ceremony that the file was cut from.
    pub ceremony_power: u32,
}

impl Ptau {
    /// Opens a file and checks its header against the lengths of its sections.
    pub fn open(path: &Path) -> Result<Self> {
        let file = Container::open(path, b"ptau", 1)?;
        let header = file.all_bytes(file.section_of(SectionId::Header, 4 + ELEMENT as u64 + 8)?)?;
        check_order(path, &header, &BASE_FIELD_ORDER)?;
        let (power, ceremony_power) = (word(&header, 4 + ELEMENT), word(&header, 8 + ELEMENT));
        // A single point would be the generator: a file of power 0 says nothing about tau.
        if !(1..=MAX_POWER).contains(&power) {
            return Err(Error::format(path, format!("power {power}; powers go from 1 to {MAX_POWER}")));
        }
        let ptau = Ptau { file, power, ceremony_power };
        ptau.section_at_least(SectionId::TauG1, ptau.tau_count() as u64 * POINT as u64)?;
        ptau.section_at_least(SectionId::TauG2, 2 * POINT2 as u64)?;
        Ok(ptau)
    }

    /// The number of powers of tau in the first group.
    pub fn tau_count(&self) -> usize {
        (2usize << self.power) - 1
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Whether the file was prepared for phase 2.
    pub fn has_lagrange(&self) -> bool {
        self.file.has(SectionId::Lagrange)
    }

    /// An error of this file, which is well formed and still not what it claims to be.
    pub fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::Ptau { path: self.path().to_owned(), reason: reason.into() }
    }

    fn section_at_least(&self, id: SectionId, length: u64) -> Result<Section> {
        let section = self.file.section(id)?;
        if section.length < length {
            let reason = format!(
                "section {} has {} bytes; power {} needs {length}",
                id as u32, section.length, self.power
            );
            return Err(Error::format(self.path(), reason));
        }
        Ok(section)
    }

    /// `count` powers of tau from `first` on.
    pub fn tau(&self, first: usize, count: usize) -> Result<Vec<Point>> {
        let section = self.file.section(SectionId::TauG1)?;
        self.file.points(section, (first * POINT) as u64, count, "power of tau")
    }

    /// Lagrange points of the domain of `2^power` rows.
    pub fn lagrange(&self, power: u32) -> Result<Vec<Point>> {
        if !self.has_lagrange() {
            return Err(self.wrong("no Lagrange points (section 12): prepare it for phase 2"));
        }
        let size = 1usize << power;
        let needed = ((2 * size - 1) * POINT) as u64;
        let section = self.section_at_least(SectionId::Lagrange, needed)?;
        self.file.points(section, ((size - 1) * POINT) as u64, size, "Lagrange point")
    }

    /// The number of points of the second group that the file holds.
    pub fn tau2_count(&self) -> Result<usize> {
        Ok((self.file.section(SectionId::TauG2)?.length / POINT2 as u64) as usize)
    }

    /// `count` powers of tau in the second group from `first` on.
    pub fn tau2(&self, first: usize, count: usize) -> Result<Vec<G2Affine>> {
        let section = self.file.section(SectionId::TauG2)?;
        let what = "power of tau in the second group";
        self.file.records::<_, POINT2>(section, (first * POINT2) as u64, count, what, point2_from_bytes)
    }

    /// tau times the second generator, after checking that the powers begin with the generators.
    pub fn x2(&self) -> Result<G2Affine> {
        match (self.tau(0, 1)?.as_slice(), self.tau2(0, 2)?.as_slice()) {
            ([one], [one2, x2]) if *one == Point::generator() && *one2 == G2Affine::generator() => Ok(*x2),
            _ => Err(self.wrong("the powers of tau do not begin with the generators")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::field::bytes_of;
    use crate::arithmetic::point::point2_to_bytes;
    use crate::files::container::tests::{container, temporary};

    /// A file that claims a power, with so many points in each group.
    fn file(name: &str, power: u32, points: usize, points2: usize) -> std::path::PathBuf {
        let mut header = (ELEMENT as u32).to_le_bytes().to_vec();
        header.extend(bytes_of(&BASE_FIELD_ORDER));
        header.extend([power.to_le_bytes(); 2].concat());
        let tau = Point::generator().to_bytes().repeat(points);
        let tau2 = point2_to_bytes(&G2Affine::generator()).repeat(points2);
        temporary(name, &container(b"ptau", &[(1, header), (2, tau), (3, tau2)]))
    }

    #[test]
    fn powers_that_no_file_has_and_points_that_are_missing_are_refused() {
        for (i, (power, points, points2, message)) in [
            (0, 1, 1, "powers go from 1 to 28"),
            (0, 1, 2, "powers go from 1 to 28"),
            (29, 1, 2, "powers go from 1 to 28"),
            (u32::MAX, 1, 2, "powers go from 1 to 28"),
            (1, 2, 2, "section 2 has 128 bytes"),
            (1, 3, 1, "section 3 has 128 bytes"),
            (28, 3, 2, "power 28 needs 34359738304"),
        ]
        .into_iter()
        .enumerate()
        {
            let path = file(&format!("power-{i}.ptau"), power, points, points2);
            let error = Ptau::open(&path).err().unwrap().to_string();
            assert!(error.contains(message), "{error}");
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn the_smallest_file_opens() {
        let path = file("smallest.ptau", 1, 3, 2);
        assert_eq!(Ptau::open(&path).unwrap().tau_count(), 3);
        std::fs::remove_file(path).unwrap();
    }
}
