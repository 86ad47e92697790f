//! Proving keys: `.r1cs` and `.ptau` to the `.zkey` that snarkjs would write, byte for byte.

use std::path::Path;

use halo2curves::bn256::{Fr, G2Affine};
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::curve::{point2_to_bytes, Point};
use crate::arithmetic::fft::Domain;
use crate::arithmetic::field::{bytes_of, powers, BASE_FIELD_ORDER, FIELD_ORDER};
use crate::arithmetic::msm::Bases;
use crate::error::{ensure_room, filled, reserved, AtPath, Error, Result};
use crate::files::container::BinWriter;
use crate::files::ptau::Ptau;
use crate::files::r1cs::R1cs;
use crate::files::zkey::{Zkey, EXTRA_POINTS, MIN_POWER, PLONK};
use crate::plonk::gates::Gates;
use crate::plonk::prepared::PreparedKey;
use crate::progress::Progress;

const NONE: u32 = u32::MAX;

/// Sizes of a key that was made.
#[derive(Clone, Copy, Debug)]
pub struct SetupSummary {
    /// PLONK gates.
    pub gates: usize,
    /// Base-two logarithm of the domain.
    pub power: u32,
    /// Public inputs.
    pub publics: u32,
}

/// Writes the proving key of a constraint system, and to `cache` the prepared key: the Lagrange points are at
/// hand here, and dear to compute later.
pub fn setup(
    r1cs: &Path,
    ptau: &Path,
    zkey: &Path,
    cache: Option<&Path>,
    progress: &Progress,
) -> Result<SetupSummary> {
    progress.stage("reading the constraint system", 0.0)?;
    let ptau = Ptau::open(ptau)?;
    // A constraint takes about eight times its place in the file.
    let length = std::fs::metadata(r1cs).at(r1cs)?.len();
    ensure_room(usize::try_from(length.saturating_mul(8)).unwrap_or(usize::MAX))?;
    let r1cs = R1cs::read(r1cs)?;
    let gates = Gates::new(&r1cs)?;
    let count = gates.gates.len();
    if count < 2 {
        return Err(Error::CircuitTooSmall { gates: count });
    }
    let power = count.next_power_of_two().ilog2().max(MIN_POWER);
    if power > ptau.power {
        return Err(Error::PtauTooSmall { gates: count, needed: power, power: ptau.power });
    }
    ensure_room((2048 << power) + (8 << 20))?;
    progress.stage("reading powers of tau", 0.1)?;
    let x2 = ptau.x2()?;
    let lagrange = ptau.lagrange(power)?;
    let tau = ptau.tau(0, (1 << power) + EXTRA_POINTS)?;
    let mut writer = Writer {
        out: BinWriter::create(zkey, b"zkey", 1, 14)?,
        domain: Domain::new(power)?,
        extended: Domain::new(power + 2)?,
        lagrange: Bases(&lagrange),
        progress,
    };
    progress.stage("writing gates", 0.2)?;
    writer.additions(&gates)?;
    writer.wires(&gates)?;
    progress.stage("selectors", 0.25)?;
    let selectors = writer.selectors(&gates)?;
    progress.stage("permutation", 0.6)?;
    let (k1, k2) = coset_factors(power)?;
    let sigmas = writer.sigmas(&gates, [Fr::ONE, k1, k2])?;
    progress.stage("Lagrange polynomials", 0.85)?;
    writer.lagrange_polynomials(r1cs.publics.max(1) as usize)?;
    writer.section(14, |out| out.write_points(&tau))?;
    writer.headers(&gates, r1cs.publics, power, [k1, k2], &[selectors, sigmas].concat(), &x2)?;
    writer.out.finish()?;
    if let Some(cache) = cache {
        PreparedKey::make(&Zkey::open(zkey)?, Some(lagrange), progress)?.write(cache)?;
    }
    progress.stage("done", 1.0)?;
    Ok(SetupSummary { gates: count, power, publics: r1cs.publics })
}

/// Smallest k1, k2 from 2 on such that H, k1 H and k2 H are disjoint.
fn coset_factors(power: u32) -> Result<(Fr, Fr)> {
    let in_subgroup = |value: Fr| value.pow_vartime([1u64 << power]) == Fr::ONE;
    let candidates = || (2u64..64).map(Fr::from);
    let ratio_apart =
        |a: Fr, b: Fr| Option::<Fr>::from(b.invert()).is_some_and(|inverse| !in_subgroup(a * inverse));
    let missing = || Error::Internal("no coset factors".into());
    let k1 = candidates().find(|k| !in_subgroup(*k)).ok_or_else(missing)?;
    let k2 = candidates()
        .skip_while(|k| *k != k1 + Fr::ONE)
        .find(|k| !in_subgroup(*k) && ratio_apart(*k, k1))
        .ok_or_else(missing)?;
    Ok((k1, k2))
}

struct Writer<'a> {
    out: BinWriter,
    domain: Domain,
    extended: Domain,
    lagrange: Bases<'a>,
    progress: &'a Progress,
}

impl Writer<'_> {
    fn section(&mut self, id: u32, write: impl FnOnce(&mut BinWriter) -> Result<()>) -> Result<()> {
        self.out.begin(id)?;
        write(&mut self.out)?;
        self.out.end()
    }

    fn additions(&mut self, gates: &Gates) -> Result<()> {
        self.section(3, |out| {
            gates.additions.iter().try_for_each(|addition| {
                addition.signals.iter().try_for_each(|signal| out.write_u32(*signal as usize))?;
                out.write_elements(&addition.factors)
            })
        })
    }

    fn wires(&mut self, gates: &Gates) -> Result<()> {
        for wire in 0..3 {
            self.section(4 + wire as u32, |out| {
                gates.gates.iter().try_for_each(|gate| out.write_u32(gate.wires[wire] as usize))
            })?;
        }
        Ok(())
    }

    /// Coefficients, then values on four times the domain; several polynomials at a time.
    fn polynomials(&mut self, values: Vec<Vec<Fr>>) -> Result<()> {
        self.progress.check()?;
        let (domain, extended) = (&self.domain, &self.extended);
        let parts: Vec<(Vec<Fr>, Vec<Fr>)> = values
            .into_par_iter()
            .map(|values| {
                let coefficients = domain.interpolate(&values)?;
                let evaluations = extended.evaluate(&coefficients)?;
                Ok((coefficients, evaluations))
            })
            .collect::<Result<_>>()?;
        for (coefficients, evaluations) in parts {
            self.out.write_elements(&coefficients)?;
            self.out.write_elements(&evaluations)?;
        }
        Ok(())
    }

    fn selectors(&mut self, gates: &Gates) -> Result<Vec<Point>> {
        let mut commitments = Vec::new();
        for index in 0..5 {
            let mut values = filled(Fr::ZERO, self.domain.size())?;
            for (value, gate) in values.iter_mut().zip(&gates.gates) {
                *value = gate.selectors[index];
            }
            commitments.push(self.lagrange.sum(&values, self.progress)?.into());
            self.out.begin(7 + index as u32)?;
            self.polynomials(vec![values])?;
            self.out.end()?;
        }
        Ok(commitments)
    }

    /// The permutation: each use of a signal points at the one before it, the first at the last.
    fn sigmas(&mut self, gates: &Gates, factors: [Fr; 3]) -> Result<Vec<Point>> {
        let size = self.domain.size();
        let signals = gates.signals as usize;
        let (mut first, mut last) = (filled(NONE, signals)?, filled(NONE, signals)?);
        let mut previous = filled(0u32, 3 * size)?;
        for row in 0..size {
            let wires = gates.gates.get(row).map_or([0; 3], |gate| gate.wires);
            for (column, signal) in wires.iter().enumerate() {
                let (position, signal) = (column * size + row, *signal as usize);
                match last[signal] {
                    NONE => first[signal] = position as u32,
                    before => previous[position] = before,
                }
                last[signal] = position as u32;
            }
        }
        for (first, last) in first.iter().zip(&last).filter(|(first, _)| **first != NONE) {
            previous[*first as usize] = *last;
        }
        let mut roots = reserved(size)?;
        roots.extend(powers(Fr::ONE, self.domain.root(), size));
        let mut commitments = Vec::new();
        self.out.begin(12)?;
        for column in 0..3 {
            let mut values = reserved(size)?;
            values.extend(previous[column * size..(column + 1) * size].iter().map(|position| {
                let position = *position as usize;
                roots[position % size] * factors[position / size]
            }));
            commitments.push(self.lagrange.sum(&values, self.progress)?.into());
            self.polynomials(vec![values])?;
        }
        self.out.end()?;
        Ok(commitments)
    }

    fn lagrange_polynomials(&mut self, count: usize) -> Result<()> {
        self.out.begin(13)?;
        for index in 0..count {
            let mut values = filled(Fr::ZERO, self.domain.size())?;
            values[index] = Fr::ONE;
            self.polynomials(vec![values])?;
        }
        self.out.end()
    }

    fn headers(
        &mut self,
        gates: &Gates,
        publics: u32,
        power: u32,
        factors: [Fr; 2],
        commitments: &[Point],
        x2: &G2Affine,
    ) -> Result<()> {
        self.section(1, |out| out.write_u32(PLONK as usize))?;
        self.section(2, |out| {
            for order in [BASE_FIELD_ORDER, FIELD_ORDER] {
                out.write_u32(32)?;
                out.write(&bytes_of(&order))?;
            }
            let counts = [gates.signals as usize, publics as usize, 1 << power];
            counts.iter().try_for_each(|count| out.write_u32(*count))?;
            out.write_u32(gates.additions.len())?;
            out.write_u32(gates.gates.len())?;
            out.write_elements(&factors)?;
            out.write_points(commitments)?;
            out.write(&point2_to_bytes(x2))
        })
    }
}
