//! Constraint systems as circom writes them: `.r1cs`, version 1.

use std::collections::BTreeMap;
use std::path::Path;

use halo2curves::bn256::Fr;

use crate::arithmetic::field::{from_plain, words, ELEMENT, FIELD_ORDER};
use crate::error::{reserved, Error, Result};
use crate::files::container::{word, BinFile};

const HEADER: u32 = 1;
const CONSTRAINTS: u32 = 2;
const CUSTOM_GATES: u32 = 4;
const HEADER_BYTES: u64 = 4 + ELEMENT as u64 + 4 * 4 + 8 + 4;

/// Linear combination: signal to coefficient, in order of signals. Zero coefficients are kept, as snarkjs does.
pub type Combination = BTreeMap<u32, Fr>;

/// `a * b = c` over the signals.
pub struct Constraint {
    /// First factor.
    pub a: Combination,
    /// Second factor.
    pub b: Combination,
    /// Product.
    pub c: Combination,
}

/// A whole system.
pub struct R1cs {
    /// Signals, the constant 1 included.
    pub signals: u32,
    /// Outputs and public inputs: signals 1 to `publics`.
    pub publics: u32,
    /// Every constraint, in the file's order.
    pub constraints: Vec<Constraint>,
}

impl R1cs {
    /// Reads a file and checks every signal and coefficient in it.
    pub fn read(path: &Path) -> Result<Self> {
        let file = BinFile::open(path, b"r1cs", 1)?;
        let header = file.all_bytes(file.section_of(HEADER, HEADER_BYTES)?)?;
        check_field(path, &header)?;
        let at = |i: usize| word(&header, 4 + ELEMENT + 4 * i);
        let (signals, outputs, inputs, count) = (at(0), at(1), at(2), at(6));
        let publics = outputs.checked_add(inputs).filter(|publics| *publics < signals).ok_or_else(|| {
            Error::format(path, format!("{outputs} + {inputs} publics of {signals} signals"))
        })?;
        let gates = |id| file.section(id).and_then(|section| file.all_bytes(section));
        if file.has(CUSTOM_GATES) && gates(CUSTOM_GATES)?.iter().take(4).any(|byte| *byte != 0) {
            return Err(Error::format(path, "custom gates have no PLONK gates"));
        }
        let bytes = file.all_bytes(file.section(CONSTRAINTS)?)?;
        let mut reader = Reader { path, bytes: &bytes, signals };
        // A constraint has at least three counts: no allocation that the file's length does not back.
        if u64::from(count) * 12 > bytes.len() as u64 {
            return Err(Error::format(path, format!("{count} constraints in {} bytes", bytes.len())));
        }
        let mut constraints = reserved(count as usize)?;
        for _ in 0..count {
            constraints.push(Constraint {
                a: reader.combination()?,
                b: reader.combination()?,
                c: reader.combination()?,
            });
        }
        if !reader.bytes.is_empty() {
            return Err(Error::format(
                path,
                format!("{} bytes after the last constraint", reader.bytes.len()),
            ));
        }
        Ok(R1cs { signals, publics, constraints })
    }
}

/// The field's size and order at the beginning of `header` must be those of BN254.
pub fn check_field(path: &Path, header: &[u8]) -> Result<()> {
    let size = word(header, 0);
    let order: Option<[u8; ELEMENT]> = header.get(4..4 + ELEMENT).and_then(|bytes| bytes.try_into().ok());
    if size as usize != ELEMENT || order.map(|bytes| words(&bytes)) != Some(FIELD_ORDER) {
        return Err(Error::format(path, "made for another curve than BN254 (bn128)"));
    }
    Ok(())
}

struct Reader<'b> {
    path: &'b Path,
    bytes: &'b [u8],
    signals: u32,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self
            .bytes
            .split_first_chunk::<N>()
            .ok_or_else(|| Error::format(self.path, "the constraints end early"))?;
        self.bytes = rest;
        Ok(*head)
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
}
