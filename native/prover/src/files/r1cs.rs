//! Constraint systems as circom writes them: `.r1cs`, version 1.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use halo2curves::bn256::Fr;

use super::container::{check_order, word, Container};
use crate::arithmetic::field::{from_plain, ELEMENT, FIELD_ORDER};
use crate::error::{Error, Result};

const HEADER_BYTES: u64 = 4 + ELEMENT as u64 + 4 * 4 + 8 + 4;
/// A constraint has at least three counts of terms.
const CONSTRAINT_AT_LEAST: u64 = 3 * 4;

/// The sections of a constraint system that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum SectionId {
    /// The field and all sizes.
    Header = 1,
    /// The constraints.
    Constraints = 2,
    /// Gates of circom's own kinds, which PLONK here does not know.
    CustomGates = 4,
}

impl From<SectionId> for u32 {
    fn from(id: SectionId) -> u32 {
        id as u32
    }
}

/// Linear combination: signal to coefficient, in order of signals. Zero coefficients are kept, as snarkjs does.
pub type Combination = BTreeMap<u32, Fr>;

/// `a * b = c` over the signals.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// The first factor.
    pub a: Combination,
    /// The second factor.
    pub b: Combination,
    /// The product.
    pub c: Combination,
}

/// A whole constraint system, its constraints unread.
pub struct R1cs {
    /// The number of signals, the constant 1 included.
    pub signals: u32,
    /// The number of outputs and public inputs, which are the signals from 1 on.
    pub publics: u32,
    path: PathBuf,
    count: u32,
    bytes: Vec<u8>,
}

impl R1cs {
    /// Reads a file; [`R1cs::constraints`] checks every signal and coefficient in it.
    ///
    /// The numbers of signals and public inputs are claims that no length in the file backs: whoever allocates
    /// by them must hold them against something else first.
    pub fn read(path: &Path) -> Result<Self> {
        let file = Container::open(path, b"r1cs", 1)?;
        let header = file.all_bytes(file.section_of(SectionId::Header, HEADER_BYTES)?)?;
        check_order(path, &header, &FIELD_ORDER)?;
        let at = |i: usize| word(&header, 4 + ELEMENT + 4 * i);
        let (signals, outputs, inputs, count) = (at(0), at(1), at(2), at(6));
        if signals == 0 {
            return Err(Error::format(path, "no signals: even the constant 1 is missing"));
        }
        let publics = outputs.checked_add(inputs).filter(|publics| *publics < signals).ok_or_else(|| {
            Error::format(path, format!("{outputs} + {inputs} publics of {signals} signals"))
        })?;
        if has_custom_gates(&file)? {
            return Err(Error::format(path, "custom gates have no PLONK gates"));
        }
        let bytes = file.all_bytes(file.section(SectionId::Constraints)?)?;
        if u64::from(count) * CONSTRAINT_AT_LEAST > bytes.len() as u64 {
            return Err(Error::format(path, format!("{count} constraints in {} bytes", bytes.len())));
        }
        if count == 0 && !bytes.is_empty() {
            return Err(Error::format(path, format!("no constraints in {} bytes", bytes.len())));
        }
        Ok(R1cs { signals, publics, path: path.to_owned(), count, bytes })
    }

    /// Every constraint, in the file's order, read one by one: all together would take several times the file.
    pub fn constraints(&self) -> impl Iterator<Item = Result<Constraint>> + '_ {
        let mut reader = Reader { path: &self.path, bytes: &self.bytes, signals: self.signals };
        (1..=self.count).map(move |number| {
            let constraint = reader.constraint()?;
            if number == self.count && !reader.bytes.is_empty() {
                let reason = format!("{} bytes after the last constraint", reader.bytes.len());
                return Err(Error::format(&self.path, reason));
            }
            Ok(constraint)
        })
    }
}

fn has_custom_gates(file: &Container) -> Result<bool> {
    if !file.has(SectionId::CustomGates) {
        return Ok(false);
    }
    let bytes = file.all_bytes(file.section(SectionId::CustomGates)?)?;
    Ok(bytes.iter().take(4).any(|byte| *byte != 0))
}

struct Reader<'b> {
    path: &'b Path,
    bytes: &'b [u8],
    signals: u32,
}

impl Reader<'_> {
    fn constraint(&mut self) -> Result<Constraint> {
        Ok(Constraint { a: self.combination()?, b: self.combination()?, c: self.combination()? })
    }

    fn combination(&mut self) -> Result<Combination> {
        let terms = u32::from_le_bytes(self.take()?);
        let mut combination = Combination::new();
        for _ in 0..terms {
            let signal = u32::from_le_bytes(self.take()?);
            let coefficient = from_plain(&self.take()?)
                .ok_or_else(|| Error::format(self.path, "a coefficient is not below the field order"))?;
            if signal >= self.signals {
                let reason = format!("signal {signal} of {}", self.signals);
                return Err(Error::format(self.path, reason));
            }
            combination.insert(signal, coefficient);
        }
        Ok(combination)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self
            .bytes
            .split_first_chunk::<N>()
            .ok_or_else(|| Error::format(self.path, "the constraints end early"))?;
        self.bytes = rest;
        Ok(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::field::bytes_of;
    use crate::files::container::tests::{container, temporary};

    /// A file with these sizes: signals, outputs, public inputs, constraints; no constraint is in it.
    fn file(name: &str, sizes: [u32; 4]) -> std::path::PathBuf {
        let [signals, outputs, inputs, constraints] = sizes;
        let mut header = (ELEMENT as u32).to_le_bytes().to_vec();
        header.extend(bytes_of(&FIELD_ORDER));
        for size in [signals, outputs, inputs, 0, 0, 0, constraints] {
            header.extend(size.to_le_bytes());
        }
        temporary(name, &container(b"r1cs", &[(1, header), (2, Vec::new())]))
    }

    #[test]
    fn systems_without_signals_or_with_impossible_sizes_are_refused() {
        let most = u32::MAX;
        for (i, (sizes, message)) in [
            ([0, 0, 0, 0], "no signals"),
            ([1, 1, 0, 0], "1 + 0 publics of 1 signals"),
            ([most, most, most, 0], "publics of"),
            ([most, most, 0, 0], "publics of"),
            ([2, 0, 0, most], "constraints in 0 bytes"),
        ]
        .into_iter()
        .enumerate()
        {
            let path = file(&format!("sizes-{i}.r1cs"), sizes);
            let error = R1cs::read(&path).err().unwrap().to_string();
            assert!(error.contains(message), "{error}");
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_system_without_constraints_is_read() {
        let path = file("empty.r1cs", [3, 1, 1, 0]);
        let read = R1cs::read(&path).unwrap();
        assert_eq!((read.signals, read.publics, read.constraints().count()), (3, 2, 0));
        std::fs::remove_file(path).unwrap();
    }
}
