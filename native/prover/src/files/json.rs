//! Proofs, public inputs and verification keys as snarkjs' JSON; every number is checked on the way in.

use std::fmt::Write;

use halo2curves::bn256::{Fq, Fq2, Fr, G2Affine};
use halo2curves::ff::{Field, PrimeField};
use halo2curves::group::prime::PrimeCurveAffine;
use halo2curves::CurveAffine;
use serde_json::Value;

use crate::arithmetic::curve::{point2_from_bytes, point2_to_bytes, Point};
use crate::arithmetic::field::root_of_unity;
use crate::error::{Error, Result};
use crate::files::zkey::{Header, MIN_POWER};

/// A PLONK proof: nine commitments and six evaluations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Commitments to the wires a, b, c.
    pub wires: [Point; 3],
    /// Commitment to the permutation's running product.
    pub z: Point,
    /// Commitments to the three parts of the quotient.
    pub quotient: [Point; 3],
    /// Opening at xi.
    pub opening: Point,
    /// Opening at xi times the root of unity.
    pub opening_next: Point,
    /// a, b, c, s1, s2 at xi, then z at the next row.
    pub evaluations: [Fr; 6],
}

const POINTS: [&str; 9] = ["A", "B", "C", "Z", "T1", "T2", "T3", "Wxi", "Wxiw"];
const EVALUATIONS: [&str; 6] = ["eval_a", "eval_b", "eval_c", "eval_s1", "eval_s2", "eval_zw"];

impl Proof {
    /// Parses snarkjs' `proof.json`.
    pub fn parse(text: &str) -> Result<Self> {
        let value = object(text, "proof")?;
        let point = |name: &str| point(&value, name);
        let mut evaluations = [Fr::ZERO; 6];
        for (evaluation, name) in evaluations.iter_mut().zip(EVALUATIONS) {
            *evaluation = number(value.get(name), name)?;
        }
        Ok(Proof {
            wires: [point("A")?, point("B")?, point("C")?],
            z: point("Z")?,
            quotient: [point("T1")?, point("T2")?, point("T3")?],
            opening: point("Wxi")?,
            opening_next: point("Wxiw")?,
            evaluations,
        })
    }

    /// snarkjs' `proof.json`.
    pub fn to_json(&self) -> String {
        let points =
            [&self.wires[..], &[self.z], &self.quotient, &[self.opening, self.opening_next]].concat();
        let mut text = String::from("{\n");
        for (name, point) in POINTS.iter().zip(points) {
            write_point(&mut text, name, &point);
        }
        for (name, value) in EVALUATIONS.iter().zip(&self.evaluations) {
            let _ = writeln!(text, " \"{name}\": \"{}\",", decimal(value));
        }
        text + " \"protocol\": \"plonk\",\n \"curve\": \"bn128\"\n}"
    }
}

/// Parses snarkjs' `public.json`: a list of decimal strings below the field order.
pub fn parse_publics(text: &str) -> Result<Vec<Fr>> {
    let value: Value = serde_json::from_str(text).map_err(|e| Error::Proof(format!("public inputs: {e}")))?;
    let list = value.as_array().ok_or_else(|| Error::Proof("public inputs are not a list".into()))?;
    list.iter().enumerate().map(|(i, value)| number(Some(value), &format!("public input {i}"))).collect()
}

/// snarkjs' `public.json`.
pub fn publics_to_json(publics: &[Fr]) -> String {
    if publics.is_empty() {
        return "[]".into();
    }
    let lines: Vec<String> = publics.iter().map(|value| format!(" \"{}\"", decimal(value))).collect();
    format!("[\n{}\n]", lines.join(",\n"))
}

/// Parses snarkjs' `verification_key.json`; sizes that only a proving key has are left zero.
pub fn parse_verification_key(text: &str) -> Result<Header> {
    let value = object(text, "verification key")?;
    let whole = |name: &str| {
        let number = value.get(name).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| Error::Proof(format!("verification key: {name} is not a whole number")))
    };
    let point = |name: &str| point(&value, name);
    let power = whole("power")?;
    if !(MIN_POWER..=26).contains(&power) {
        return Err(Error::Proof(format!("verification key: power {power}")));
    }
    if number::<Fr>(value.get("w"), "w")? != root_of_unity(power) {
        return Err(Error::Proof("verification key: w is not the root of unity of its power".into()));
    }
    let publics = whole("nPublic")?;
    if publics > 1 << power {
        return Err(Error::Proof(format!(
            "verification key: {publics} public inputs of {} rows",
            1u64 << power
        )));
    }
    Ok(Header {
        signals: 0,
        publics,
        power,
        additions: 0,
        gates: 0,
        k1: number(value.get("k1"), "k1")?,
        k2: number(value.get("k2"), "k2")?,
        selectors: [point("Qm")?, point("Ql")?, point("Qr")?, point("Qo")?, point("Qc")?],
        sigmas: [point("S1")?, point("S2")?, point("S3")?],
        x2: point2(&value, "X_2")?,
    })
}

/// snarkjs' `verification_key.json`.
pub fn verification_key_to_json(key: &Header) -> String {
    let mut text = format!(
        "{{\n \"protocol\": \"plonk\",\n \"curve\": \"bn128\",\n \"nPublic\": {},\n \"power\": {},\n",
        key.publics, key.power
    );
    let _ = writeln!(text, " \"k1\": \"{}\",\n \"k2\": \"{}\",", decimal(&key.k1), decimal(&key.k2));
    let names = ["Qm", "Ql", "Qr", "Qo", "Qc", "S1", "S2", "S3"];
    for (name, point) in names.iter().zip(key.selectors.iter().chain(&key.sigmas)) {
        write_point(&mut text, name, point);
    }
    let pair =
        |value: &Fq2| format!("  [\n   \"{}\",\n   \"{}\"\n  ]", decimal(value.c0()), decimal(value.c1()));
    let one = "  [\n   \"1\",\n   \"0\"\n  ]";
    let _ = writeln!(text, " \"X_2\": [\n{},\n{},\n{one}\n ],", pair(&key.x2.x), pair(&key.x2.y));
    let _ = write!(text, " \"w\": \"{}\"\n}}", decimal(&root_of_unity(key.power)));
    text
}

fn write_point(text: &mut String, name: &str, point: &Point) {
    let [x, y, z] = match point.is_identity() {
        true => ["0".into(), "1".into(), "0".into()],
        false => [decimal(&point.x), decimal(&point.y), "1".into()],
    };
    let _ = writeln!(text, " \"{name}\": [\n  \"{x}\",\n  \"{y}\",\n  \"{z}\"\n ],");
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

fn object(text: &str, what: &str) -> Result<Value> {
    let value: Value = serde_json::from_str(text).map_err(|e| Error::Proof(format!("{what}: {e}")))?;
    for (name, expected) in [("protocol", "plonk"), ("curve", "bn128")] {
        match value.get(name).and_then(Value::as_str) {
            Some(found) if found == expected => {}
            found => return Err(Error::Proof(format!("{what}: {name} is {found:?}, not {expected:?}"))),
        }
    }
    Ok(value)
}

/// A decimal string below the order of its field. `from_str_vartime` refuses everything but digits; the
/// comparison of text refuses numbers that were reduced.
fn number<F: PrimeField>(value: Option<&Value>, name: &str) -> Result<F> {
    let text = value.and_then(Value::as_str).filter(|text| text.len() <= 78);
    let text = text.ok_or_else(|| Error::Proof(format!("{name} is not a decimal string")))?;
    let number = F::from_str_vartime(text).filter(|number| decimal(number) == text);
    number.ok_or_else(|| Error::Proof(format!("{name} is not a number below the field order")))
}

fn point(value: &Value, name: &str) -> Result<Point> {
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

fn point2(value: &Value, name: &str) -> Result<G2Affine> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_and_read_in_decimal() {
        let text = "21888242871839275222246405745257275088548364400416034343698204186575808495616";
        assert_eq!(decimal(&-Fr::ONE), text);
        assert_eq!(decimal(&Fr::ZERO), "0");
        assert_eq!(parse_publics(&format!("[\"{text}\", \"0\"]")).unwrap(), [-Fr::ONE, Fr::ZERO]);
    }

    #[test]
    fn numbers_from_the_field_order_upwards_are_refused() {
        let order = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
        for text in [order, "-1", "01", "", "1e3", "0x1"] {
            assert!(parse_publics(&format!("[\"{text}\"]")).is_err(), "{text}");
        }
        assert!(parse_publics("[1]").is_err());
    }

    #[test]
    fn nonsense_is_refused_without_a_panic() {
        for text in ["", "[]", "{}", "{\"protocol\": \"groth16\", \"curve\": \"bn128\"}", "null"] {
            assert!(Proof::parse(text).is_err());
            assert!(parse_verification_key(text).is_err());
        }
    }
}
