//! Witnesses as circom's programs write them: `.wtns`, version 2.

use std::path::Path;

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;

use super::container::{check_order, word, Container};
use crate::arithmetic::field::{from_plain, ELEMENT, FIELD_ORDER};
use crate::error::{Error, Result};

/// The sections of a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum SectionId {
    /// The field and the number of values.
    Header = 1,
    /// The value of every signal.
    Values,
}

impl From<SectionId> for u32 {
    fn from(id: SectionId) -> u32 {
        id as u32
    }
}

/// Reads every signal's value; the first is the constant 1.
pub fn read_witness(path: &Path) -> Result<Vec<Fr>> {
    let file = Container::open(path, b"wtns", 2)?;
    let header = file.all_bytes(file.section_of(SectionId::Header, 8 + ELEMENT as u64)?)?;
    check_order(path, &header, &FIELD_ORDER)?;
    let count = word(&header, 4 + ELEMENT);
    let section = file.section_of(SectionId::Values, u64::from(count) * ELEMENT as u64)?;
    let values = file.records::<_, ELEMENT>(section, 0, count as usize, "value", from_plain)?;
    if values.first() != Some(&Fr::ONE) {
        return Err(Error::format(path, "the first value of a witness must be 1"));
    }
    Ok(values)
}
