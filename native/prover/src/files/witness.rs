//! Witnesses as circom's programs write them: `.wtns`, version 2.

use std::path::Path;

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;

use crate::arithmetic::field::{from_plain, ELEMENT};
use crate::error::{Error, Result};
use crate::files::container::{word, BinFile};
use crate::files::r1cs::check_field;

/// Reads every signal's value; the first is the constant 1.
pub fn read_witness(path: &Path) -> Result<Vec<Fr>> {
    let file = BinFile::open(path, b"wtns", 2)?;
    let header = file.all_bytes(file.section_of(1, 8 + ELEMENT as u64)?)?;
    check_field(path, &header)?;
    let count = word(&header, 4 + ELEMENT);
    let section = file.section_of(2, u64::from(count) * ELEMENT as u64)?;
    let values = file.records::<_, ELEMENT>(section, 0, count as usize, "value", from_plain)?;
    if values.first() != Some(&Fr::ONE) {
        return Err(Error::format(path, "the first value of a witness must be 1"));
    }
    Ok(values)
}
