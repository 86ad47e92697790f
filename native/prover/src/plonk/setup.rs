//! Proving keys: `.r1cs` and `.ptau` to the `.zkey` that snarkjs would write, byte for byte.

use std::path::Path;

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use rayon::prelude::*;

use crate::arithmetic::fft::Domain;
use crate::arithmetic::field::{bytes_of, powers, BASE_FIELD_ORDER, ELEMENT, FIELD_ORDER};
use crate::arithmetic::msm::Bases;
use crate::arithmetic::point::{point2_to_bytes, Point};
use crate::error::{ensure_room, filled, reserved, AtPath, Error, Result};
use crate::files::columns::{Column, Wire};
use crate::files::container::ContainerWriter;
use crate::files::ptau::Ptau;
use crate::files::r1cs::R1cs;
use crate::files::verification_key::VerificationKey;
use crate::files::verification_key::POWERS;
use crate::files::zkey::{SectionId, Zkey, EXTRA_POINTS, PLONK};
use crate::plonk::gates::Gates;
use crate::plonk::prepared::PreparedKey;
use crate::progress::Progress;

/// Memory of a constraint, over its place in the file.
const R1CS_FACTOR: u64 = 8;
/// Memory of a setup: measured, rounded up.
const BYTES_PER_ROW: usize = 2304;
const BYTES_AT_LEAST: usize = 8 << 20;

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
    let (gates, summary) = read_gates(r1cs, &ptau)?;
    let power = summary.power;
    progress.stage("reading powers of tau", 0.1)?;
    let x2 = ptau.x2()?;
    let lagrange = ptau.lagrange(power)?;
    let tau = ptau.tau(0, (1 << power) + EXTRA_POINTS)?;
    let mut writer = Writer {
        out: ContainerWriter::create(zkey, b"zkey", 1, SectionId::COUNT)?,
        gates,
        domain: Domain::new(power)?,
        extended: Domain::new(power + 2)?,
        lagrange: Bases(&lagrange),
        progress,
    };
    progress.stage("writing gates", 0.2)?;
    writer.additions()?;
    writer.wires()?;
    progress.stage("selectors", 0.25)?;
    let mut commitments = writer.selectors()?;
    progress.stage("permutation", 0.6)?;
    let (k1, k2) = coset_factors(power)?;
    commitments.extend(writer.sigmas([Fr::ONE, k1, k2])?);
    progress.stage("Lagrange polynomials", 0.85)?;
    writer.lagrange_polynomials(summary.publics.max(1) as usize)?;
    writer.section(SectionId::PowersOfTau, |out| out.write_points(&tau))?;
    let commitments = commitments.try_into().map_err(|_| Error::Internal("a commitment too few".into()))?;
    writer.header(&VerificationKey { publics: summary.publics, power, k1, k2, commitments, x2 })?;
    writer.out.finish()?;
    if let Some(cache) = cache {
        PreparedKey::make(&Zkey::open(zkey)?, Some(lagrange), progress)?.write(cache)?;
    }
    progress.stage("done", 1.0)?;
    Ok(summary)
}

/// Reads a constraint system, and makes its gates once it is known that the ptau covers them.
fn read_gates(path: &Path, ptau: &Ptau) -> Result<(Gates, SetupSummary)> {
    let length = std::fs::metadata(path).at(path)?.len();
    ensure_room(usize::try_from(length.saturating_mul(R1CS_FACTOR)).unwrap_or(usize::MAX))?;
    let r1cs = R1cs::read(path)?;
    let summary = fit(&r1cs, path, ptau.power)?;
    ensure_room((BYTES_PER_ROW << summary.power) + BYTES_AT_LEAST)?;
    Ok((Gates::new(&r1cs)?, summary))
}

/// Sizes of a system's key, from counts alone: nothing is allocated for what a file merely claims.
fn fit(r1cs: &R1cs, path: &Path, ptau_power: u32) -> Result<SetupSummary> {
    let gates = Gates::count(r1cs);
    if gates < 2 {
        return Err(Error::CircuitTooSmall { gates });
    }
    let power = gates.next_power_of_two().ilog2().max(*POWERS.start());
    if power > *POWERS.end() {
        let most = 1u32 << POWERS.end();
        return Err(Error::format(path, format!("{gates} gates; PLONK on BN254 has room for {most}")));
    }
    if power > ptau_power {
        return Err(Error::PtauTooSmall { gates, needed: power, power: ptau_power });
    }
    // Every gate may add a signal.
    if u64::from(r1cs.signals) + gates as u64 > u64::from(u32::MAX) {
        let reason = format!("{} signals and {gates} gates are too many to number", r1cs.signals);
        return Err(Error::format(path, reason));
    }
    Ok(SetupSummary { gates, power, publics: r1cs.publics })
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

/// The use before each use of a signal, and the last before the first; a use is `wire * size + row`.
fn permutation(gates: &Gates, size: usize) -> Result<Vec<u32>> {
    let mut uses = reserved(Wire::COUNT * size)?;
    for row in 0..size {
        let signals = gates.gates.get(row).map_or([0; Wire::COUNT], |gate| gate.wires);
        uses.extend(Wire::ALL.map(|wire| (signals[wire.index()], (wire.index() * size + row) as u32)));
    }
    uses.par_sort_by_key(|(signal, _)| *signal); // stable: the uses of one signal stay in order
    let mut previous = filled(0u32, uses.len())?;
    for uses in uses.chunk_by(|(signal, _), (next, _)| signal == next) {
        let mut before = uses[uses.len() - 1].1;
        for (_, position) in uses {
            previous[*position as usize] = before;
            before = *position;
        }
    }
    Ok(previous)
}

struct Writer<'a> {
    out: ContainerWriter,
    gates: Gates,
    domain: Domain,
    extended: Domain,
    lagrange: Bases<'a>,
    progress: &'a Progress,
}

impl Writer<'_> {
    fn section(
        &mut self,
        id: SectionId,
        write: impl FnOnce(&mut ContainerWriter) -> Result<()>,
    ) -> Result<()> {
        self.out.begin(id)?;
        write(&mut self.out)?;
        self.out.end()
    }

    fn additions(&mut self) -> Result<()> {
        self.out.begin(SectionId::Additions)?;
        for addition in &self.gates.additions {
            addition.signals.iter().try_for_each(|signal| self.out.write_u32(*signal as usize))?;
            self.out.write_elements(&addition.factors)?;
        }
        self.out.end()
    }

    fn wires(&mut self) -> Result<()> {
        for wire in Wire::ALL {
            self.out.begin(SectionId::of_wire(wire))?;
            for gate in &self.gates.gates {
                self.out.write_u32(gate.wires[wire.index()] as usize)?;
            }
            self.out.end()?;
        }
        Ok(())
    }

    /// Writes a polynomial given by its values: coefficients, then values on four times the domain.
    fn polynomial(&mut self, values: &[Fr]) -> Result<()> {
        self.progress.check()?;
        let coefficients = self.domain.interpolate(values)?;
        self.out.write_elements(&coefficients)?;
        self.out.write_elements(&self.extended.evaluate(&coefficients)?)
    }

    fn selectors(&mut self) -> Result<Vec<Point>> {
        let mut commitments = Vec::new();
        for selector in Column::SELECTORS {
            let mut values = filled(Fr::ZERO, self.domain.size())?;
            for (value, gate) in values.iter_mut().zip(&self.gates.gates) {
                *value = gate.selectors[selector.index()];
            }
            commitments.push(self.lagrange.sum(&values, self.progress)?.into());
            self.out.begin(SectionId::of_column(selector))?;
            self.polynomial(&values)?;
            self.out.end()?;
        }
        Ok(commitments)
    }

    /// The permutation polynomials: where each use of a signal points, as an element of one of three cosets.
    fn sigmas(&mut self, factors: [Fr; Wire::COUNT]) -> Result<Vec<Point>> {
        let size = self.domain.size();
        let previous = permutation(&self.gates, size)?;
        let mut roots = reserved(size)?;
        roots.extend(powers(Fr::ONE, self.domain.root(), size));
        let mut commitments = Vec::new();
        self.out.begin(SectionId::Permutation)?;
        for uses in previous.chunks_exact(size) {
            let mut values = reserved(size)?;
            values.extend(uses.iter().map(|before| {
                let before = *before as usize;
                roots[before % size] * factors[before / size]
            }));
            commitments.push(self.lagrange.sum(&values, self.progress)?.into());
            self.polynomial(&values)?;
        }
        self.out.end()?;
        Ok(commitments)
    }

    fn lagrange_polynomials(&mut self, count: usize) -> Result<()> {
        self.out.begin(SectionId::Lagrange)?;
        for index in 0..count {
            let mut values = filled(Fr::ZERO, self.domain.size())?;
            values[index] = Fr::ONE;
            self.polynomial(&values)?;
        }
        self.out.end()
    }

    fn header(&mut self, key: &VerificationKey) -> Result<()> {
        self.section(SectionId::Protocol, |out| out.write_u32(PLONK as usize))?;
        let (additions, gates) = (self.gates.additions.len(), self.gates.gates.len());
        let signals = self.gates.signals as usize;
        self.section(SectionId::Header, |out| {
            for order in [BASE_FIELD_ORDER, FIELD_ORDER] {
                out.write_u32(ELEMENT)?;
                out.write(&bytes_of(&order))?;
            }
            let counts = [signals, key.publics as usize, 1 << key.power, additions, gates];
            counts.iter().try_for_each(|count| out.write_u32(*count))?;
            out.write_elements(&[key.k1, key.k2])?;
            out.write_points(&key.commitments)?;
            out.write(&point2_to_bytes(&key.x2))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plonk::gates::Gate;

    #[test]
    fn every_use_of_a_signal_points_at_the_one_before_it() {
        let gate = |wires| Gate { wires, selectors: [Fr::ZERO; 5] };
        let gates = Gates { gates: vec![gate([7, 3, 7]), gate([3, 7, u32::MAX])], ..Gates::default() };
        // Uses by row: 7 at 0, 3 at 4, 7 at 8; 3 at 1, 7 at 5, the last signal at 9; signal 0 fills both rows below.
        let expected = [5, 4, 11, 10, 1, 8, 2, 3, 0, 9, 6, 7];
        assert_eq!(permutation(&gates, 4).unwrap(), expected);
    }

    #[test]
    fn claims_of_a_system_are_refused_before_memory_is_asked_for() {
        let refusal = |signals, publics| {
            let r1cs = R1cs { signals, publics, constraints: Vec::new() };
            fit(&r1cs, Path::new("some.r1cs"), 10).unwrap_err()
        };
        assert!(matches!(refusal(1, 0), Error::CircuitTooSmall { gates: 0 }));
        assert!(matches!(refusal(9, 1), Error::CircuitTooSmall { gates: 1 }));
        assert!(matches!(refusal(1030, 1025), Error::PtauTooSmall { gates: 1025, needed: 11, power: 10 }));
        let most = u32::MAX;
        assert_eq!(
            refusal(most, most - 1).to_string(),
            "some.r1cs: 4294967294 gates; PLONK on BN254 has room for 67108864"
        );
        assert_eq!(
            refusal(most, 2).to_string(),
            "some.r1cs: 4294967295 signals and 2 gates are too many to number"
        );
    }
}
