//! Verification keys, and their JSON: snarkjs' `verification_key.json`.

use std::fmt::Write;
use std::ops::RangeInclusive;

use halo2curves::bn256::{Fr, G2Affine};
use serde_json::Value;

use super::columns::Column;
use super::json::{decimal, number, object, point, point2, write_point, write_point2};
use crate::arithmetic::field::{root_of_unity, MAX_POWER};
use crate::arithmetic::point::Point;
use crate::error::{Error, Result};

/// Powers of a domain: the quotient's parts are longer than its blinding, and four times the domain is a subgroup.
pub const POWERS: RangeInclusive<u32> = 3..=MAX_POWER - 2;

/// What a verifier knows about a circuit.
#[derive(Clone, Debug, PartialEq)]
pub struct VerificationKey {
    /// The number of public inputs.
    pub publics: u32,
    /// Base-two logarithm of the domain's size.
    pub power: u32,
    /// Coset representative of the right inputs; that of the left ones is 1.
    pub k1: Fr,
    /// Coset representative of the outputs.
    pub k2: Fr,
    /// Commitments to the columns, in their order.
    pub commitments: [Point; Column::COUNT],
    /// tau times the second group's generator.
    pub x2: G2Affine,
}

impl VerificationKey {
    /// The commitment to a column.
    pub fn commitment(&self, column: Column) -> Point {
        self.commitments[column.index()]
    }

    /// Parses snarkjs' `verification_key.json`.
    pub fn parse(text: &str) -> Result<Self> {
        let value = object(text, "verification key")?;
        let wrong = |reason: String| Error::Proof(format!("verification key: {reason}"));
        let whole = |name: &str| {
            let number = value.get(name).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
            number.ok_or_else(|| wrong(format!("{name} is not a whole number")))
        };
        let power = whole("power")?;
        if !POWERS.contains(&power) {
            return Err(wrong(format!("power {power}")));
        }
        if number::<Fr>(value.get("w"), "w")? != root_of_unity(power) {
            return Err(wrong("w is not the root of unity of its power".into()));
        }
        let publics = whole("nPublic")?;
        if publics > 1 << power {
            return Err(wrong(format!("{publics} public inputs of {} rows", 1u64 << power)));
        }
        let mut commitments = [Point::IDENTITY; Column::COUNT];
        for (commitment, column) in commitments.iter_mut().zip(Column::ALL) {
            *commitment = point(&value, column.name())?;
        }
        Ok(VerificationKey {
            publics,
            power,
            k1: number(value.get("k1"), "k1")?,
            k2: number(value.get("k2"), "k2")?,
            commitments,
            x2: point2(&value, "X_2")?,
        })
    }

    /// snarkjs' `verification_key.json`.
    pub fn to_json(&self) -> String {
        let mut text = format!(
            "{{\n \"protocol\": \"plonk\",\n \"curve\": \"bn128\",\n \"nPublic\": {},\n \"power\": {},\n",
            self.publics, self.power
        );
        let _ = writeln!(text, " \"k1\": \"{}\",\n \"k2\": \"{}\",", decimal(&self.k1), decimal(&self.k2));
        for column in Column::ALL {
            write_point(&mut text, column.name(), &self.commitment(column));
        }
        write_point2(&mut text, "X_2", &self.x2);
        let _ = write!(text, " \"w\": \"{}\"\n}}", decimal(&root_of_unity(self.power)));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> VerificationKey {
        VerificationKey {
            publics: 2,
            power: 5,
            k1: Fr::from(2),
            k2: Fr::from(3),
            commitments: std::array::from_fn(|i| Point::generator().times(&Fr::from(i as u64)).into()),
            x2: G2Affine::generator(),
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        assert_eq!(VerificationKey::parse(&key().to_json()).unwrap(), key());
    }

    #[test]
    fn powers_and_counts_that_no_key_has_are_refused() {
        let text = key().to_json();
        for (from, to) in [
            ("\"power\": 5", "\"power\": 0"),
            ("\"power\": 5", "\"power\": 27"),
            ("\"power\": 5", "\"power\": 4294967301"),
            ("\"power\": 5", "\"power\": 6"),
            ("\"nPublic\": 2", "\"nPublic\": 33"),
            ("\"nPublic\": 2", "\"nPublic\": -1"),
        ] {
            assert!(text.contains(from));
            assert!(VerificationKey::parse(&text.replace(from, to)).is_err(), "{to}");
        }
    }

    #[test]
    fn nonsense_is_refused_without_a_panic() {
        for text in ["", "[]", "{}", "{\"protocol\": \"groth16\", \"curve\": \"bn128\"}", "null"] {
            assert!(VerificationKey::parse(text).is_err());
        }
    }
}
