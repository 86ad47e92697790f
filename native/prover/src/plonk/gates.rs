//! From constraints to PLONK gates, as snarkjs 0.7.6 does it: same gates, same order.
//!
//! A gate says `qm*a*b + ql*a + qr*b + qo*c + qc = 0`. Sums of more terms than a gate holds are folded from
//! the front, two terms into one new signal, which goes to the back of the queue. snarkjs never drops a
//! coefficient that is zero (it compares bytes with a number), so neither does this.

use std::borrow::Cow;
use std::collections::VecDeque;

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;

use crate::error::{reserved, Error, Result};
use crate::files::columns::{Column, Wire};
use crate::files::r1cs::{Combination, Constraint, R1cs};
use crate::files::zkey::Addition;

/// The signal that is always 1: its coefficients go into a gate's constant, and unused wires carry it.
const ONE: u32 = 0;

/// One row: a signal for each wire, a value for each selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Signals, in the order of [`Wire::ALL`].
    pub wires: [u32; Wire::COUNT],
    /// Selectors, in the order of [`Column::SELECTORS`].
    pub selectors: [Fr; Column::SELECTORS.len()],
}

/// All gates of a circuit.
#[derive(Default)]
pub struct Gates {
    /// Rows, the public inputs' first.
    pub gates: Vec<Gate>,
    /// Signals beyond those of the R1CS, in order.
    pub additions: Vec<Addition>,
    /// The number of signals, those of the R1CS and those of `additions`.
    pub signals: u32,
}

impl Gates {
    /// The number of gates that [`Gates::new`] makes, for which it needs memory; this needs none.
    pub fn count(r1cs: &R1cs) -> usize {
        r1cs.publics as usize + r1cs.constraints.iter().map(|c| Equation::of(c).gates()).sum::<usize>()
    }

    /// Gates of a whole system.
    pub fn new(r1cs: &R1cs) -> Result<Self> {
        let gates = reserved(Gates::count(r1cs))?;
        let mut gates = Gates { gates, signals: r1cs.signals, ..Gates::default() };
        for signal in 1..=r1cs.publics {
            gates.push([signal, ONE, ONE], [Fr::ZERO, Fr::ONE, Fr::ZERO, Fr::ZERO, Fr::ZERO]);
        }
        for constraint in &r1cs.constraints {
            match Equation::of(constraint) {
                Equation::Sum(terms) => gates.sum(&terms)?,
                Equation::Product(a, b, c) => gates.product(a, b, c)?,
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
        let constant = combination.get(&ONE).copied().unwrap_or(Fr::ZERO);
        let terms = combination.iter().filter(|(signal, _)| **signal != ONE);
        let mut terms: VecDeque<(u32, Fr)> = terms.map(|(s, f)| (*s, *f)).collect();
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
        let (mut signals, mut factors) = ([ONE; N], [Fr::ZERO; N]);
        for (i, (signal, factor)) in terms.into_iter().enumerate() {
            (signals[i], factors[i]) = (signal, factor);
        }
        Ok((signals, factors, constant))
    }
}

/// A constraint as its last gate sees it.
enum Equation<'a> {
    /// The combination is zero.
    Sum(Cow<'a, Combination>),
    /// The first two, multiplied, are the third.
    Product(&'a Combination, &'a Combination, &'a Combination),
}

impl<'a> Equation<'a> {
    fn of(constraint: &'a Constraint) -> Self {
        let (a, b, c) = (&constraint.a, &constraint.b, &constraint.c);
        match (Kind::of(a), Kind::of(b)) {
            (Kind::Empty, _) | (_, Kind::Empty) => Equation::Sum(Cow::Borrowed(c)),
            (Kind::Constant(factor), _) => Equation::Sum(Cow::Owned(scaled_minus(b, factor, c))),
            (_, Kind::Constant(factor)) => Equation::Sum(Cow::Owned(scaled_minus(a, factor, c))),
            (Kind::Signals, Kind::Signals) => Equation::Product(a, b, c),
        }
    }

    /// The gate itself, and one for each term that is folded away before it.
    fn gates(&self) -> usize {
        let folded = |side: &Combination, room: usize| {
            (side.len() - usize::from(side.contains_key(&ONE))).saturating_sub(room)
        };
        1 + match self {
            Equation::Sum(terms) => folded(terms, 3),
            Equation::Product(a, b, c) => folded(a, 1) + folded(b, 1) + folded(c, 1),
        }
    }
}

enum Kind {
    Empty,
    Constant(Fr),
    Signals,
}

impl Kind {
    fn of(combination: &Combination) -> Self {
        match (combination.len(), combination.get(&ONE)) {
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

    fn combination(terms: &[(u32, i64)]) -> Combination {
        let number = |v: i64| if v < 0 { -Fr::from(v.unsigned_abs()) } else { Fr::from(v as u64) };
        terms.iter().map(|&(signal, value)| (signal, number(value))).collect()
    }

    fn gates(publics: u32, a: &[(u32, i64)], b: &[(u32, i64)], c: &[(u32, i64)]) -> Gates {
        let constraint = Constraint { a: combination(a), b: combination(b), c: combination(c) };
        let r1cs = R1cs { signals: 9, publics, constraints: vec![constraint] };
        let gates = Gates::new(&r1cs).unwrap();
        assert_eq!(Gates::count(&r1cs), gates.gates.len());
        gates
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

    #[test]
    fn claimed_public_inputs_are_counted_without_memory_for_each() {
        let r1cs = R1cs { signals: u32::MAX, publics: u32::MAX - 1, constraints: Vec::new() };
        assert_eq!(Gates::count(&r1cs), u32::MAX as usize - 1);
    }

    #[test]
    fn every_kind_of_constraint_is_counted_as_it_is_made() {
        let long: Vec<(u32, i64)> = (0..9).map(|signal| (signal, 3)).collect();
        let sides: [&[(u32, i64)]; 5] = [&[], &[(0, 4)], &[(5, 1)], &[(0, 2), (1, 0)], &long];
        for a in sides {
            for b in sides {
                for c in sides {
                    gates(2, a, b, c);
                }
            }
        }
    }
}
