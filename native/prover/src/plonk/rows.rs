//! A witness laid out in rows: what each gate's wires carry.

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::field::batch_invert;
use crate::error::{filled, reserved, Error, Result};
use crate::files::columns::{Column, Wire};
use crate::plonk::prepared::PreparedKey;

const CHUNK: usize = 1 << 10;

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
        let [a, b, c] = &self.0;
        let [qm, ql, qr, qo, qc] = Column::SELECTORS.map(|column| key.values(column));
        let broken = |i: &usize| {
            let i = *i;
            let public = publics.get(i).copied().unwrap_or(Fr::ZERO);
            (qm[i] * b[i] + ql[i]) * a[i] + qr[i] * b[i] + qo[i] * c[i] + qc[i] != public
        };
        match (0..a.len()).into_par_iter().with_min_len(CHUNK).find_any(broken) {
            None => Ok(()),
            Some(gate) => {
                Err(Error::Witness(format!("the witness does not satisfy the circuit (gate {gate})")))
            }
        }
    }

    /// z at every row: product of all ratios before it.
    pub fn running_product(&self, key: &PreparedKey, beta: Fr, gamma: Fr) -> Result<Vec<Fr>> {
        let [a, b, c] = &self.0;
        let [s1, s2, s3] = Column::SIGMAS.map(|column| key.values(column));
        let (k1, k2) = (key.header.verification_key.k1, key.header.verification_key.k2);
        let mut ratios = filled(Fr::ZERO, key.domain.size())?;
        ratios.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, ratios)| {
            let first = chunk * CHUNK;
            let mut scratch = vec![Fr::ZERO; ratios.len()];
            for (i, ratio) in (first..).zip(ratios.iter_mut()) {
                let (a, b, c) = (a[i] + gamma, b[i] + gamma, c[i] + gamma);
                *ratio = (a + beta * s1[i]) * (b + beta * s2[i]) * (c + beta * s3[i]);
            }
            batch_invert(ratios, &mut scratch);
            for (i, ratio) in (first..).zip(ratios.iter_mut()) {
                let (a, b, c) = (a[i] + gamma, b[i] + gamma, c[i] + gamma);
                let x = beta * key.domain.element(i);
                *ratio *= (a + x) * (b + x * k1) * (c + x * k2);
            }
        });
        let mut product = Fr::ONE;
        for ratio in &mut ratios {
            let next = product * *ratio;
            *ratio = product;
            product = next;
        }
        if product != Fr::ONE {
            return Err(Error::Internal("the proving key's permutation contradicts its wires".into()));
        }
        Ok(ratios)
    }
}
