//! Numbers and points of snarkjs' JSON; everything is checked on the way in.

use std::fmt::Write;

use halo2curves::bn256::{Fq, Fq2, G2Affine};
use halo2curves::ff::{Field, PrimeField};
use halo2curves::group::prime::PrimeCurveAffine;
use halo2curves::CurveAffine;
use serde_json::Value;

use crate::arithmetic::point::{point2_from_bytes, point2_to_bytes, Point};
use crate::error::{Error, Result};

/// Parses a JSON object of PLONK on BN254; `what` names it in messages.
pub fn object(text: &str, what: &str) -> Result<Value> {
    let value: Value = serde_json::from_str(text).map_err(|e| Error::Proof(format!("{what}: {e}")))?;
    for (name, expected) in [("protocol", "plonk"), ("curve", "bn128")] {
        match value.get(name).and_then(Value::as_str) {
            Some(found) if found == expected => {}
            found => return Err(Error::Proof(format!("{what}: {name} is {found:?}, not {expected:?}"))),
        }
    }
    Ok(value)
}

/// A decimal string below the order of its field.
pub fn number<F: PrimeField>(value: Option<&Value>, name: &str) -> Result<F> {
    // `from_str_vartime` refuses everything but digits; the comparison of text refuses what was reduced.
    let text = value.and_then(Value::as_str).filter(|text| text.len() <= 78);
    let text = text.ok_or_else(|| Error::Proof(format!("{name} is not a decimal string")))?;
    let number = F::from_str_vartime(text).filter(|number| decimal(number) == text);
    number.ok_or_else(|| Error::Proof(format!("{name} is not a number below the field order")))
}

/// The member `name` of an object, as a point of the first group.
pub fn point(value: &Value, name: &str) -> Result<Point> {
    let wrong = || Error::Proof(format!("{name} is not a point of BN254"));
    let coordinates = value.get(name).and_then(Value::as_array).ok_or_else(wrong)?;
    let [x, y, z] = coordinates.as_slice() else { return Err(wrong()) };
    let (x, y): (Fq, Fq) = (number(Some(x), name)?, number(Some(y), name)?);
    let point = match z.as_str() {
        Some("1") => Point { x, y },
        Some("0") if x == Fq::ZERO && y == Fq::ONE => return Ok(Point::IDENTITY),
        _ => return Err(wrong()),
    };
    (point.is_on_curve() && !point.is_identity()).then_some(point).ok_or_else(wrong)
}

/// The member `name` of an object, as a point of the second group that is not the identity.
pub fn point2(value: &Value, name: &str) -> Result<G2Affine> {
    let wrong = || Error::Proof(format!("{name} is not a point of BN254's second group"));
    let rows = value.get(name).and_then(Value::as_array).ok_or_else(wrong)?;
    let [x, y, z] = rows.as_slice() else { return Err(wrong()) };
    let pair = |row: &Value| match row.as_array().map(Vec::as_slice) {
        Some([c0, c1]) => Ok(Fq2::new(number(Some(c0), name)?, number(Some(c1), name)?)),
        _ => Err(wrong()),
    };
    let point = G2Affine { x: pair(x)?, y: pair(y)? };
    if pair(z)? != Fq2::new(Fq::ONE, Fq::ZERO) || bool::from(point.is_identity() | !point.is_on_curve()) {
        return Err(wrong());
    }
    point2_from_bytes(&point2_to_bytes(&point)).ok_or_else(wrong)
}

/// Appends a member with a point of the first group, as snarkjs lays it out.
pub fn write_point(text: &mut String, name: &str, point: &Point) {
    let [x, y, z] = if point.is_identity() {
        ["0".into(), "1".into(), "0".into()]
    } else {
        [decimal(&point.x), decimal(&point.y), "1".into()]
    };
    let _ = writeln!(text, " \"{name}\": [\n  \"{x}\",\n  \"{y}\",\n  \"{z}\"\n ],");
}

/// Appends a member with a point of the second group, as snarkjs lays it out.
pub fn write_point2(text: &mut String, name: &str, point: &G2Affine) {
    let pair =
        |value: &Fq2| format!("  [\n   \"{}\",\n   \"{}\"\n  ]", decimal(value.c0()), decimal(value.c1()));
    let one = "  [\n   \"1\",\n   \"0\"\n  ]";
    let _ = writeln!(text, " \"{name}\": [\n{},\n{},\n{one}\n ],", pair(&point.x), pair(&point.y));
}

/// Decimal digits of a field element.
pub fn decimal<F: PrimeField>(value: &F) -> String {
    // Divides the little-endian words by 10^18 until nothing is left.
    const STEP: u128 = 1_000_000_000_000_000_000;
    let repr = value.to_repr();
    let mut words: Vec<u64> = repr
        .as_ref()
        .chunks(8)
        .map(|chunk| chunk.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)))
        .collect();
    let mut groups = Vec::new();
    while words.iter().any(|word| *word != 0) {
        let mut remainder = 0u128;
        for word in words.iter_mut().rev() {
            let value = remainder << 64 | u128::from(*word);
            *word = (value / STEP) as u64;
            remainder = value % STEP;
        }
        groups.push(remainder);
    }
    let mut digits = groups.pop().unwrap_or(0).to_string();
    for group in groups.iter().rev() {
        let _ = write!(digits, "{group:018}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2curves::bn256::Fr;

    #[test]
    fn numbers_are_written_in_decimal() {
        let text = "21888242871839275222246405745257275088548364400416034343698204186575808495616";
        assert_eq!(decimal(&-Fr::ONE), text);
        assert_eq!(decimal(&Fr::ZERO), "0");
    }
}
