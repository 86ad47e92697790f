//! A witness laid out in rows: what each gate's wires carry.

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::field::batch_invert;
use crate::error::{filled, reserved, Error, Result};
use crate::files::columns::Wire;
use crate::files::zkey::Addition;
use crate::plonk::key::CompactKey;
use crate::plonk::proving_key::ProvingKey;

const CHUNK: usize = 1 << 10;

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
            let mut values = reserved(key.header.size())?;
            for signal in key.wire(wire) {
                values.push(*witness.get(*signal as usize).ok_or_else(missing)?);
            }
            values.resize(key.header.size(), Fr::ZERO);
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
        let [a, b, c] = &self.0;
        let (kinds, gates) = (key.kinds(), key.gate_kinds());
        let broken = |i: &usize| {
            let i = *i;
            let [qm, ql, qr, qo, qc] = kinds[gates[i] as usize];
            let public = publics.get(i).copied().unwrap_or(Fr::ZERO);
            (qm * b[i] + ql) * a[i] + qr * b[i] + qo * c[i] + qc != public
        };
        match (0..gates.len()).into_par_iter().with_min_len(CHUNK).find_any(broken) {
            None => Ok(()),
            Some(gate) => {
                Err(Error::Witness(format!("the witness does not satisfy the circuit (gate {gate})")))
            }
        }
    }

    /// z at every row: product of all ratios before it.
    pub fn running_product(&self, key: &ProvingKey, beta: Fr, gamma: Fr) -> Result<Vec<Fr>> {
        let [a, b, c] = &self.0;
        let (k1, k2) = (key.compact.header.verification_key.k1, key.compact.header.verification_key.k2);
        let mut ratios = filled(Fr::ZERO, key.domain.size())?;
        ratios.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, ratios)| {
            let first = chunk * CHUNK;
            let mut scratch = vec![Fr::ZERO; ratios.len()];
            let [s1, s2, s3] = Wire::ALL.map(|wire| {
                let mut values = vec![Fr::ZERO; ratios.len()];
                key.compact.sigmas(wire, &key.domain, first, &mut values);
                values
            });
            for (j, ratio) in ratios.iter_mut().enumerate() {
                let i = first + j;
                let (a, b, c) = (a[i] + gamma, b[i] + gamma, c[i] + gamma);
                *ratio = (a + beta * s1[j]) * (b + beta * s2[j]) * (c + beta * s3[j]);
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
            return Err(Error::Key("the proving key's permutation contradicts its wires".into()));
        }
        Ok(ratios)
    }
}
