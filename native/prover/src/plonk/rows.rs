//! A witness laid out in rows: what each gate's wires carry.

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::field::batch_invert;
use crate::arithmetic::polynomial::{power_table, scale};
use crate::error::{Error, Result};
use crate::files::columns::{Column, Wire};
use crate::files::zkey::Addition;
use crate::memory::{filled, reserved};
use crate::plonk::key::CompactKey;
use crate::plonk::proving_key::ProvingKey;
use crate::plonk::terms::{GateValues, PermutationBlock, PermutationFactors, BLOCK, UNIT};

/// The values of each wire in every row.
pub struct Rows([Vec<Fr>; Wire::COUNT]);

impl Rows {
    /// Computes the additions' signals, and puts every gate's signals into its row.
    pub fn new(key: &CompactKey, mut witness: Vec<Fr>) -> Result<Self> {
        // Signal 0 appears only with factor zero; a zero costs nothing.
        witness[0] = Fr::ZERO;
        let additions = key.additions();
        witness
            .try_reserve_exact(additions.len())
            .map_err(|_| Error::OutOfMemory { bytes: additions.len() * std::mem::size_of::<Fr>() })?;
        for Addition { signals: [left, right], factors: [f, g] } in additions {
            let (Some(left), Some(right)) = (witness.get(left as usize), witness.get(right as usize)) else {
                return Err(Error::Internal("an addition of signals that are not there".into()));
            };
            witness.push(f * left + g * right);
        }
        let missing = || Error::Internal("a gate of a signal that is not there".into());
        let wire = |wire| {
            let mut values = filled(Fr::ZERO, key.header.size())?;
            let rows = values.par_iter_mut().zip(key.wire(wire)).with_min_len(BLOCK);
            rows.try_for_each(|(value, signal)| {
                *value = *witness.get(*signal as usize).ok_or_else(missing)?;
                Ok::<_, Error>(())
            })?;
            Ok(values)
        };
        Ok(Rows([wire(Wire::A)?, wire(Wire::B)?, wire(Wire::C)?]))
    }

    /// The values of a wire.
    pub fn wire(&self, wire: Wire) -> &[Fr] {
        &self.0[wire.index()]
    }

    /// Every gate holds: qm a b + ql a + qr b + qo c + qc + PI = 0.
    pub fn check(&self, key: &CompactKey, publics: &[Fr]) -> Result<()> {
        let (kinds, gates) = (key.kinds(), key.gate_kinds());
        let broken = |(block, gates): (usize, &[u32])| {
            let range = block * BLOCK..block * BLOCK + gates.len();
            let mut selectors = [const { [Fr::ZERO; BLOCK] }; Column::SELECTORS.len()];
            for (row, gate) in gates.iter().enumerate() {
                for (values, selector) in selectors.iter_mut().zip(kinds[*gate as usize]) {
                    values[row] = selector;
                }
            }
            let mut values = [Fr::ZERO; BLOCK];
            let values = &mut values[..range.len()];
            let wires = self.0.each_ref().map(|wire| &wire[range.clone()]);
            GateValues { selectors: selectors.each_ref().map(|column| &column[..gates.len()]), wires }
                .fill(values);
            let public = |row: usize| publics.get(range.start + row).copied().unwrap_or(Fr::ZERO);
            (0..values.len()).find(|&row| values[row] != public(row)).map(|row| range.start + row)
        };
        match gates.par_chunks(BLOCK).enumerate().find_map_any(broken) {
            None => Ok(()),
            Some(gate) => {
                Err(Error::Witness(format!("the witness does not satisfy the circuit (gate {gate})")))
            }
        }
    }

    /// z at every row: product of all ratios before it.
    pub fn running_product(&self, key: &ProvingKey, beta: Fr, gamma: Fr) -> Result<Vec<Fr>> {
        let size = key.domain.size();
        let points = power_table(key.domain.root(), BLOCK.min(size))?;
        let mut products = filled(Fr::ZERO, size)?;
        let units: Vec<[Fr; 2]> = products
            .par_chunks_mut(BLOCK)
            .enumerate()
            .flat_map_iter(|(block, out)| {
                let range = block * BLOCK..block * BLOCK + out.len();
                let wires = self.0.each_ref().map(|wire| &wire[range.clone()]);
                let sigmas = Wire::ALL.map(|wire| {
                    let mut values = vec![Fr::ZERO; range.len()];
                    key.compact.sigmas(wire, &key.domain, range.start, &mut values);
                    values
                });
                let sigmas = sigmas.each_ref().map(Vec::as_slice);
                let factors = &PermutationFactors::new(key, beta, gamma, key.domain.element(range.start));
                PermutationBlock { wires, sigmas, points: &points, factors, out }.fill()
            })
            .collect();
        // A zero, which comes with a chance of 3n in 2^254, has no inverse: it makes the last product zero.
        let mut inverses: Vec<Fr> = units.iter().map(|[_, sigma]| *sigma).collect();
        batch_invert(&mut inverses, &mut filled(Fr::ZERO, units.len())?);
        let mut product = Fr::ONE;
        let mut scales = reserved(units.len())?;
        for ([identity, _], inverse) in units.iter().zip(&inverses) {
            scales.push(product * inverse);
            product *= identity * inverse;
        }
        if product != Fr::ONE {
            return Err(Error::Key("the proving key's permutation contradicts its wires".into()));
        }
        products.par_chunks_mut(UNIT).zip(scales).for_each(|(unit, factor)| scale(unit, factor));
        Ok(products)
    }
}
