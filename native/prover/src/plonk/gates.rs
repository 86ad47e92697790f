//! From constraints to PLONK gates, as snarkjs 0.7.6 does it: same gates, same order.
//!
//! A gate says `qm*a*b + ql*a + qr*b + qo*c + qc = 0`. Sums of more terms than a gate holds are folded from
//! the front, two terms into one new signal, which goes to the back of the queue. snarkjs never drops a
//! coefficient that is zero (it compares bytes with a number), so neither does this.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;

use crate::error::{Error, Result};
use crate::files::columns::{Column, Wire};
use crate::files::r1cs::{Combination, Constraint};
use crate::memory::reserved;

/// The signal that is always 1: its coefficients go into a gate's constant, and unused wires carry it.
const ONE: u32 = 0;

/// The selectors of a gate, in the order of [`Column::SELECTORS`].
pub type Selectors = [Fr; Column::SELECTORS.len()];

/// One row: a signal for each wire, and which selectors it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Signals, in the order of [`Wire::ALL`].
    pub wires: [u32; Wire::COUNT],
    /// Number of its kind in [`Gates::kinds`].
    pub kind: u32,
}

/// All gates of a circuit.
#[derive(Default)]
pub struct Gates {
    /// Rows, the public inputs' first.
    pub gates: Vec<Gate>,
    /// Selectors that occur, in order of their first gate. Circuits have few.
    pub kinds: Vec<Selectors>,
    /// The number of signals, those of the R1CS and those that sums are folded into.
    pub signals: u32,
    /// How many signals sums are folded into, each defined by a gate of its own.
    pub additions: u32,
    numbers: HashMap<[[u64; 4]; Column::SELECTORS.len()], u32>,
}

impl Gates {
    /// The number of gates that [`Gates::new`] makes, for which it needs memory; this needs none.
    pub fn count(publics: u32, constraints: impl Iterator<Item = Result<Constraint>>) -> Result<usize> {
        constraints.into_iter().try_fold(publics as usize, |sum, c| Ok(sum + Equation::of(&c?).gates()))
    }

    /// Gates of a whole system with so many signals, of which `publics` are public; `count` is that of
    /// [`Gates::count`].
    pub fn new(
        signals: u32,
        publics: u32,
        count: usize,
        constraints: impl Iterator<Item = Result<Constraint>>,
    ) -> Result<Self> {
        let mut gates = Gates { signals, ..Gates::empty(count)? };
        for signal in 1..=publics {
            gates.push([signal, ONE, ONE], [Fr::ZERO, Fr::ONE, Fr::ZERO, Fr::ZERO, Fr::ZERO]);
        }
        for constraint in constraints {
            match Equation::of(&constraint?) {
                Equation::Sum(terms) => gates.sum(&terms)?,
                Equation::Product(a, b, c) => gates.product(a, b, c)?,
            }
        }
        Ok(gates)
    }

    /// No gates, with room for so many.
    pub fn empty(count: usize) -> Result<Self> {
        Ok(Gates { gates: reserved(count)?, ..Gates::default() })
    }

    /// Appends a gate.
    pub fn push(&mut self, wires: [u32; Wire::COUNT], kind: Selectors) {
        let next = self.kinds.len() as u32;
        let number = *self.numbers.entry(kind.map(|selector| selector.0)).or_insert(next);
        if number == next {
            self.kinds.push(kind);
        }
        self.gates.push(Gate { wires, kind: number });
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
            self.additions += 1;
            self.signals = sum
                .checked_add(1)
                .ok_or_else(|| Error::Internal("more signals than 32 bits can number".into()))?;
            self.push([first.0, second.0, sum], [Fr::ZERO, -first.1, -second.1, Fr::ONE, Fr::ZERO]);
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
        let constraints = || [Ok(constraint.clone())].into_iter();
        let count = Gates::count(publics, constraints()).unwrap();
        let gates = Gates::new(9, publics, count, constraints()).unwrap();
        assert_eq!(count, gates.gates.len());
        gates
    }

    #[test]
    fn a_product_with_constants_is_one_gate() {
        let gates = gates(1, &[(0, 2), (3, 5)], &[(4, 1)], &[(0, 7), (5, 3)]);
        let expected: Vec<Fr> =
            combination(&[(0, 5), (1, 0), (2, 2), (3, -3), (4, -7)]).into_values().collect();
        assert_eq!(gates.gates.len(), 2);
        assert_eq!(gates.gates[1].wires, [3, 4, 5]);
        assert_eq!(gates.kinds[gates.gates[1].kind as usize].to_vec(), expected);
    }

    #[test]
    fn k_linear_terms_take_k_minus_two_gates() {
        let gates = gates(0, &[(0, 1)], &[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)], &[]);
        assert_eq!((gates.gates.len(), gates.signals), (3, 11));
        assert_eq!(gates.gates[2].wires, [5, 9, 10]);
        assert_eq!((gates.gates[0].kind, gates.gates[1].kind, gates.kinds.len()), (0, 0, 2));
    }

    #[test]
    fn zero_coefficients_still_take_their_place() {
        let gates = gates(0, &[(1, 0), (2, 1)], &[(3, 1)], &[(4, 1)]);
        assert_eq!(gates.gates.len(), 2);
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
