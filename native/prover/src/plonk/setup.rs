//! Compact keys: from `.r1cs` and `.ptau`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::arithmetic::fft::Domain;
use crate::arithmetic::point::Point;
use crate::error::{AtPath, Error, Result};
use crate::files::columns::{Column, Wire};
use crate::files::ptau::Ptau;
use crate::files::r1cs::R1cs;
use crate::files::verification_key::{VerificationKey, POWERS};
use crate::files::zkey::{Header, EXTRA_POINTS};
use crate::memory::{ensure_room, filled, reserved};
use crate::plonk::gates::Gates;
use crate::plonk::key::{CompactKey, Content};
use crate::plonk::key_file::Origin;
use crate::progress::Progress;

/// Memory of a setup: measured, rounded up.
const BYTES_PER_ROW: usize = 1024;
const BYTES_AT_LEAST: usize = 8 << 20;

/// Makes the key of a constraint system. `ptau_digest` is the BLAKE2b-512 of the ptau, by which its user trusts it.
pub fn setup(r1cs: &Path, ptau: &Path, ptau_digest: [u8; 64], progress: &Progress) -> Result<CompactKey> {
    progress.stage("reading the constraint system", 0.0)?;
    let ptau = Ptau::open(ptau)?;
    let origin = Origin { r1cs: sha256(r1cs, progress)?, ptau: ptau_digest };
    let (gates, publics, power) = read_gates(r1cs, &ptau)?;
    progress.stage("reading powers of tau", 0.2)?;
    let x2 = ptau.x2()?;
    let lagrange = ptau.lagrange(power)?;
    let tau = ptau.tau(0, (1 << power) + EXTRA_POINTS)?;
    progress.stage("permutation", 0.3)?;
    let permutation = permutation(&gates, 1 << power)?;
    let (k1, k2) = coset_factors(power)?;
    let commitments = [Point::IDENTITY; Column::COUNT];
    let verification_key = VerificationKey { publics, power, k1, k2, commitments, x2 };
    let header = Header {
        signals: gates.signals,
        additions: gates.additions,
        gates: gates.gates.len() as u32,
        verification_key,
    };
    let mut key = CompactKey::new(header, origin, Content { gates, permutation, tau, lagrange })?;
    progress.stage("commitments", 0.4)?;
    let commitments = commitments_of(&key, progress)?;
    key.commit(commitments);
    progress.stage("done", 1.0)?;
    Ok(key)
}

/// Reads a constraint system, and makes its gates once it is known that the ptau covers them.
fn read_gates(path: &Path, ptau: &Ptau) -> Result<(Gates, u32, u32)> {
    let length = std::fs::metadata(path).at(path)?.len();
    ensure_room(usize::try_from(length).unwrap_or(usize::MAX))?;
    let r1cs = R1cs::read(path)?;
    let count = Gates::count(r1cs.publics, r1cs.constraints())?;
    let power = fit(r1cs.signals, count, path, ptau.power)?;
    ensure_room((BYTES_PER_ROW << power) + BYTES_AT_LEAST)?;
    let gates = Gates::new(r1cs.signals, r1cs.publics, count, r1cs.constraints())?;
    Ok((gates, r1cs.publics, power))
}

/// The power of a system's domain, from counts alone: nothing is allocated for what a file merely claims.
fn fit(signals: u32, gates: usize, path: &Path, ptau_power: u32) -> Result<u32> {
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
    if u64::from(signals) + gates as u64 > u64::from(u32::MAX) {
        let reason = format!("{signals} signals and {gates} gates are too many to number");
        return Err(Error::format(path, reason));
    }
    Ok(power)
}

/// SHA-256 of a file.
fn sha256(path: &Path, progress: &Progress) -> Result<[u8; 32]> {
    let mut file = File::open(path).at(path)?;
    let mut hash = Sha256::new();
    let mut buffer = filled(0u8, 1 << 20)?;
    loop {
        progress.check()?;
        match file.read(&mut buffer).at(path)? {
            0 => return Ok(hash.finalize().into()),
            length => hash.update(&buffer[..length]),
        }
    }
}

/// Commitments to every column, through its values.
fn commitments_of(key: &CompactKey, progress: &Progress) -> Result<[Point; Column::COUNT]> {
    let domain = Domain::new(key.header.verification_key.power)?;
    let mut commitments = [Point::IDENTITY; Column::COUNT];
    for column in Column::ALL {
        let values = key.values(column, &domain)?;
        commitments[column.index()] = key.lagrange().sum(&values, progress)?.into();
    }
    Ok(commitments)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_use_of_a_signal_points_at_the_one_before_it() {
        let mut gates = Gates::default();
        gates.push([7, 3, 7], [Fr::ZERO; 5]);
        gates.push([3, 7, u32::MAX], [Fr::ZERO; 5]);
        // Uses by row: 7 at 0, 3 at 4, 7 at 8; 3 at 1, 7 at 5, the last signal at 9; signal 0 fills both rows below.
        let expected = [5, 4, 11, 10, 1, 8, 2, 3, 0, 9, 6, 7];
        assert_eq!(permutation(&gates, 4).unwrap(), expected);
    }

    #[test]
    fn claims_of_a_system_are_refused_before_memory_is_asked_for() {
        let refusal = |signals, publics: u32| {
            let gates = Gates::count(publics, std::iter::empty()).unwrap();
            fit(signals, gates, Path::new("some.r1cs"), 10).unwrap_err()
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
