//! From constraints to PLONK gates, as snarkjs 0.7.6 does it: same gates, same order.
//!
//! A gate says `qm*a*b + ql*a + qr*b + qo*c + qc = 0`. Sums of more terms than a gate holds are folded from
//! the front, two terms into one new signal, which goes to the back of the queue. snarkjs never drops a
//! coefficient that is zero (it compares bytes with a number), so neither does this.

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;

use crate::error::{Error, Result};
use crate::files::r1cs::{Combination, R1cs};

/// One row: three signals and five selectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Signals of left input, right input and output.
    pub wires: [u32; 3],
    /// Selectors in the order of the proving key: qm, ql, qr, qo, qc.
    pub selectors: [Fr; 5],
}

/// A signal that is the sum of two others: `factors[0] * signals[0] + factors[1] * signals[1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addition {
    /// The two signals, both known before.
    pub signals: [u32; 2],
    /// Their factors.
    pub factors: [Fr; 2],
}

/// All gates of a circuit.
#[derive(Default)]
pub struct Gates {
    /// Rows, the public inputs' first.
    pub gates: Vec<Gate>,
    /// Signals beyond those of the R1CS, in order.
    pub additions: Vec<Addition>,
    /// Signals of the R1CS and of `additions`.
    pub signals: u32,
}

impl Gates {
    /// Gates of a whole system.
    pub fn new(r1cs: &R1cs) -> Result<Self> {
        let mut gates = Gates { signals: r1cs.signals, ..Gates::default() };
        for signal in 1..=r1cs.publics {
            gates.push([signal, 0, 0], [Fr::ZERO, Fr::ONE, Fr::ZERO, Fr::ZERO, Fr::ZERO]);
        }
        for constraint in &r1cs.constraints {
            let (a, b, c) = (&constraint.a, &constraint.b, &constraint.c);
            match (Kind::of(a), Kind::of(b)) {
                (Kind::Empty, _) | (_, Kind::Empty) => gates.sum(c)?,
                (Kind::Constant(factor), _) => gates.sum(&scaled_minus(b, factor, c))?,
                (_, Kind::Constant(factor)) => gates.sum(&scaled_minus(a, factor, c))?,
                (Kind::Signals, Kind::Signals) => gates.product(a, b, c)?,
            }
        }
        Ok(gates)
    }

    fn push(&mut self, wires: [u32; 3], selectors: [Fr; 5]) {
        self.gates.push(Gate { wires, selectors });
    }

    /// `combination = 0` in one gate, after folding to three terms.
    fn sum(&mut self, combination: &Combination) -> Result<()> {
        let ([a, b, c], [ql, qr, qo], qc) = self.fold::<3>(combination)?;
        self.push([a, b, c], [Fr::ZERO, ql, qr, qo, qc]);
        Ok(())
    }

    /// `a * b - c = 0` in one gate, after folding each side to one term and a constant.
    fn product(&mut self, a: &Combination, b: &Combination, c: &Combination) -> Result<()> {
        let ([left], [fa], ka) = self.fold::<1>(a)?;
        let ([right], [fb], kb) = self.fold::<1>(b)?;
        let ([out], [fc], kc) = self.fold::<1>(c)?;
        self.push([left, right, out], [fa * fb, fa * kb, ka * fb, -fc, ka * kb - kc]);
        Ok(())
    }

    /// Signals, factors and constant of a combination, folded until it has at most `N` terms.
    fn fold<const N: usize>(&mut self, combination: &Combination) -> Result<([u32; N], [Fr; N], Fr)> {
        let constant = combination.get(&0).copied().unwrap_or(Fr::ZERO);
        let terms = combination.iter().filter(|(signal, _)| **signal != 0);
        let mut terms: std::collections::VecDeque<(u32, Fr)> = terms.map(|(s, f)| (*s, *f)).collect();
        while terms.len() > N {
            let (Some(first), Some(second)) = (terms.pop_front(), terms.pop_front()) else { break };
            let sum = self.signals;
            self.signals = sum
                .checked_add(1)
                .ok_or_else(|| Error::Internal("more signals than 32 bits can number".into()))?;
            self.push([first.0, second.0, sum], [Fr::ZERO, -first.1, -second.1, Fr::ONE, Fr::ZERO]);
            self.additions.push(Addition { signals: [first.0, second.0], factors: [first.1, second.1] });
            terms.push_back((sum, Fr::ONE));
        }
        let (mut signals, mut factors) = ([0; N], [Fr::ZERO; N]);
        for (i, (signal, factor)) in terms.into_iter().enumerate() {
            (signals[i], factors[i]) = (signal, factor);
        }
        Ok((signals, factors, constant))
    }
}

enum Kind {
    Empty,
    Constant(Fr),
    Signals,
}

impl Kind {
    fn of(combination: &Combination) -> Self {
        match (combination.len(), combination.get(&0)) {
            (0, _) => Kind::Empty,
            (1, Some(constant)) => Kind::Constant(*constant),
            _ => Kind::Signals,
        }
    }
}

/// `factor * a - b`, with a term for every signal of either.
fn scaled_minus(a: &Combination, factor: Fr, b: &Combination) -> Combination {
    let mut result: Combination = a.iter().map(|(signal, value)| (*signal, factor * value)).collect();
    for (signal, value) in b {
        *result.entry(*signal).or_insert(Fr::ZERO) -= value;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::r1cs::Constraint;

    fn combination(terms: &[(u32, i64)]) -> Combination {
        let number = |v: i64| if v < 0 { -Fr::from(v.unsigned_abs()) } else { Fr::from(v as u64) };
        terms.iter().map(|&(signal, value)| (signal, number(value))).collect()
    }

    fn gates(publics: u32, a: &[(u32, i64)], b: &[(u32, i64)], c: &[(u32, i64)]) -> Gates {
        let constraint = Constraint { a: combination(a), b: combination(b), c: combination(c) };
        Gates::new(&R1cs { signals: 9, publics, constraints: vec![constraint] }).unwrap()
    }

    #[test]
    fn a_product_with_constants_is_one_gate() {
        let gates = gates(1, &[(0, 2), (3, 5)], &[(4, 1)], &[(0, 7), (5, 3)]);
        let expected: Vec<Fr> =
            combination(&[(0, 5), (1, 0), (2, 2), (3, -3), (4, -7)]).into_values().collect();
        assert_eq!(gates.gates.len(), 2);
        assert_eq!(gates.gates[1].wires, [3, 4, 5]);
        assert_eq!(gates.gates[1].selectors.to_vec(), expected);
    }

    #[test]
    fn k_linear_terms_take_k_minus_two_gates() {
        let gates = gates(0, &[(0, 1)], &[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)], &[]);
        assert_eq!((gates.gates.len(), gates.additions.len(), gates.signals), (3, 2, 11));
        assert_eq!(gates.gates[2].wires, [5, 9, 10]);
    }

    #[test]
    fn zero_coefficients_still_take_their_place() {
        let gates = gates(0, &[(1, 0), (2, 1)], &[(3, 1)], &[(4, 1)]);
        assert_eq!(gates.gates.len(), 2);
    }
}
