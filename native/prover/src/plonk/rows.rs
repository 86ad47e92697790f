//! A witness laid out in rows: what each gate's wires carry.

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::field::batch_invert;
use crate::arithmetic::polynomial::{power_table, scale};
use crate::error::{filled, reserved, Error, Result};
use crate::files::columns::{Column, Wire};
use crate::plonk::prepared::PreparedKey;
use crate::plonk::terms::{GateValues, PermutationBlock, PermutationFactors, BLOCK, UNIT};

/// The values of each wire in every row.
pub struct Rows([Vec<Fr>; Wire::COUNT]);

impl Rows {
    /// Computes the additions' signals, and puts every gate's signals into its row.
    pub fn new(key: &PreparedKey, mut witness: Vec<Fr>) -> Result<Self> {
        // Signal 0 appears only with factor zero; a zero costs nothing.
        witness[0] = Fr::ZERO;
        let additions = key.header.additions as usize;
        witness
            .try_reserve_exact(additions)
            .map_err(|_| Error::OutOfMemory { bytes: additions * std::mem::size_of::<Fr>() })?;
        for i in 0..additions {
            let ([left, right], [f, g]) = key.addition(i);
            let (Some(left), Some(right)) = (witness.get(left), witness.get(right)) else {
                return Err(Error::Internal("an addition of signals that are not there".into()));
            };
            witness.push(f * left + g * right);
        }
        let missing = || Error::Internal("a gate of a signal that is not there".into());
        let wire = |wire| {
            let mut values = reserved(key.domain.size())?;
            for signal in key.wire(wire) {
                values.push(*witness.get(signal).ok_or_else(missing)?);
            }
            values.resize(key.domain.size(), Fr::ZERO);
            Ok(values)
        };
        Ok(Rows([wire(Wire::A)?, wire(Wire::B)?, wire(Wire::C)?]))
    }

    /// The values of a wire.
    pub fn wire(&self, wire: Wire) -> &[Fr] {
        &self.0[wire.index()]
    }

    /// Every gate holds: qm a b + ql a + qr b + qo c + qc + PI = 0.
    pub fn check(&self, key: &PreparedKey, publics: &[Fr]) -> Result<()> {
        let selectors = Column::SELECTORS.map(|column| key.values(column));
        let broken = |first: usize| {
            let range = first..key.domain.size().min(first + BLOCK);
            let mut values = [Fr::ZERO; BLOCK];
            let values = &mut values[..range.len()];
            let wires = self.0.each_ref().map(|wire| &wire[range.clone()]);
            GateValues { selectors: selectors.map(|column| &column[range.clone()]), wires }.fill(values);
            let public = |i: usize| publics.get(first + i).copied().unwrap_or(Fr::ZERO);
            (0..values.len()).find(|&i| values[i] != public(i)).map(|i| first + i)
        };
        let blocks = key.domain.size().div_ceil(BLOCK);
        match (0..blocks).into_par_iter().find_map_any(|block| broken(block * BLOCK)) {
            None => Ok(()),
            Some(gate) => {
                Err(Error::Witness(format!("the witness does not satisfy the circuit (gate {gate})")))
            }
        }
    }

    /// z at every row: product of all ratios before it.
    pub fn running_product(&self, key: &PreparedKey, beta: Fr, gamma: Fr) -> Result<Vec<Fr>> {
        let sigmas = Column::SIGMAS.map(|column| key.values(column));
        let size = key.domain.size();
        let points = power_table(key.domain.root(), BLOCK.min(size))?;
        let mut products = filled(Fr::ZERO, size)?;
        let units: Vec<[Fr; 2]> = products
            .par_chunks_mut(BLOCK)
            .enumerate()
            .flat_map_iter(|(block, out)| {
                let range = block * BLOCK..block * BLOCK + out.len();
                let wires = self.0.each_ref().map(|wire| &wire[range.clone()]);
                let sigmas = sigmas.map(|column| &column[range.clone()]);
                let factors = &PermutationFactors::new(key, beta, gamma, key.domain.element(range.start));
                PermutationBlock { wires, sigmas, points: &points, factors, out }.fill()
            })
            .collect();
        // A zero, which needs a one in 2^254 chance, makes its inverse and so the last product zero.
        let mut inverses: Vec<Fr> = units.iter().map(|[_, sigma]| *sigma).collect();
        batch_invert(&mut inverses, &mut filled(Fr::ZERO, units.len())?);
        let mut product = Fr::ONE;
        let mut scales = reserved(units.len())?;
        for ([identity, _], inverse) in units.iter().zip(&inverses) {
            scales.push(product * inverse);
            product *= identity * inverse;
        }
        if product != Fr::ONE {
            return Err(Error::Internal("the proving key's permutation contradicts its wires".into()));
        }
        products.par_chunks_mut(UNIT).zip(scales).for_each(|(unit, factor)| scale(unit, factor));
        Ok(products)
    }
}
