//! Proofs and public inputs, and their JSON: snarkjs' `proof.json` and `public.json`.

use std::fmt::Write;

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use serde_json::Value;

use super::columns::Wire;
use super::json::{decimal, number, object, point, write_point};
use crate::arithmetic::point::Point;
use crate::error::{Error, Result};

/// A PLONK proof: nine commitments and six evaluations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Commitments to the values of each wire.
    pub wires: [Point; Wire::COUNT],
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
    /// Parses snarkjs' `proof.json`. No point is at infinity: verifier contracts refuse such a proof.
    pub fn parse(text: &str) -> Result<Self> {
        let value = object(text, "proof")?;
        let point = |name: &str| {
            let point = point(&value, name)?;
            let wrong = || Error::Proof(format!("{name} is the point at infinity"));
            (!point.is_identity()).then_some(point).ok_or_else(wrong)
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_decimal() {
        let text = "21888242871839275222246405745257275088548364400416034343698204186575808495616";
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
        }
    }
}
