//! Compact keys as snarkjs' `.zkey`, byte for byte the one that it would write, and from one.
//!
//! A `.zkey` holds every polynomial twice, five numbers for each row; a compact key says of which few things they
//! consist.

use std::collections::HashMap;
use std::path::Path;

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;

use crate::arithmetic::fft::Domain;
use crate::arithmetic::field::powers;
use crate::arithmetic::point_fft::lagrange_points;
use crate::error::{Error, Result};
use crate::files::columns::{Column, Wire};
use crate::files::container::ContainerWriter;
use crate::files::zkey::{SectionId, Zkey, PLONK};
use crate::memory::{ensure_room, filled, reserved};
use crate::plonk::gates::Gates;
use crate::plonk::key::{CompactKey, Content};
use crate::plonk::key_file::Origin;
use crate::progress::Progress;

/// Memory that either direction needs: measured, rounded up.
const BYTES_PER_ROW: usize = 2048;
const BYTES_AT_LEAST: usize = 8 << 20;

/// Reads and checks a whole `.zkey`. The Lagrange points, which it lacks, are computed: that takes longer than all
/// the rest.
pub fn read_zkey(zkey: &Zkey, progress: &Progress) -> Result<CompactKey> {
    let header = zkey.header.clone();
    ensure_room(BYTES_PER_ROW * header.size() + BYTES_AT_LEAST)?;
    let domain = Domain::new(header.verification_key.power)?;
    progress.stage("reading the key: gates", 0.0)?;
    let gates = gates(zkey, &domain)?;
    progress.stage("reading the key: permutation", 0.1)?;
    let permutation = permutation(zkey, &domain)?;
    progress.stage("reading the key: powers of tau", 0.2)?;
    let tau = zkey.tau_points()?;
    progress.stage("reading the key: Lagrange points", 0.3)?;
    let lagrange = lagrange_points(&domain, &tau, progress)?;
    let key = CompactKey::new(header, Origin::UNKNOWN, Content { gates, permutation, tau, lagrange })
        .map_err(|error| match error {
            Error::Key(reason) => wrong(zkey, reason),
            other => other,
        })?;
    match zkey.additions()?.into_iter().eq(key.additions()) {
        true => Ok(key),
        false => Err(wrong(zkey, "an addition does not agree with its gate")),
    }
}

fn wrong(zkey: &Zkey, reason: impl Into<String>) -> Error {
    Error::format(zkey.path(), reason)
}

/// The gates of a `.zkey`, from the values of its selectors.
fn gates(zkey: &Zkey, domain: &Domain) -> Result<Gates> {
    let count = zkey.header.gates as usize;
    zkey.additions()?;
    let [a, b, c] = [zkey.wire(Wire::A)?, zkey.wire(Wire::B)?, zkey.wire(Wire::C)?];
    let mut selectors = Vec::with_capacity(Column::SELECTORS.len());
    for column in Column::SELECTORS {
        selectors.push(domain.evaluate(&zkey.coefficients(column)?)?);
    }
    if selectors.iter().any(|values| values[count..].iter().any(|value| *value != Fr::ZERO)) {
        return Err(wrong(zkey, "a selector does not end with the gates"));
    }
    let mut gates = Gates::empty(count)?;
    for row in 0..count {
        gates.push([a[row], b[row], c[row]], std::array::from_fn(|column| selectors[column][row]));
    }
    Ok(gates)
}

/// The places that the permutation polynomials of a `.zkey` point at.
fn permutation(zkey: &Zkey, domain: &Domain) -> Result<Vec<u32>> {
    let (size, key) = (domain.size(), &zkey.header.verification_key);
    let mut places = HashMap::with_capacity(Wire::COUNT * size);
    for (wire, factor) in [Fr::ONE, key.k1, key.k2].into_iter().enumerate() {
        let elements = powers(factor, domain.root(), size).enumerate();
        places.extend(elements.map(|(row, element)| (element.0, (wire * size + row) as u32)));
    }
    let mut permutation = reserved(Wire::COUNT * size)?;
    for sigma in Column::SIGMAS {
        for (row, value) in domain.evaluate(&zkey.coefficients(sigma)?)?.iter().enumerate() {
            let place = places.get(&value.0).copied();
            permutation.push(place.ok_or_else(|| {
                wrong(zkey, format!("{} does not point at a use of a signal in row {row}", sigma.name()))
            })?);
        }
    }
    Ok(permutation)
}

/// Writes the `.zkey` of a key.
pub fn write_zkey(key: &CompactKey, path: &Path, progress: &Progress) -> Result<()> {
    let power = key.header.verification_key.power;
    ensure_room((BYTES_PER_ROW << power) + BYTES_AT_LEAST)?;
    let mut writer = Writer {
        out: ContainerWriter::create(path, b"zkey", 1, SectionId::COUNT)?,
        domain: Domain::new(power)?,
        extended: Domain::new(power + 2)?,
        progress,
    };
    progress.stage("writing gates", 0.0)?;
    writer.section(SectionId::Additions, |writer| {
        for addition in key.additions() {
            addition.signals.iter().try_for_each(|signal| writer.out.write_u32(*signal as usize))?;
            writer.out.write_elements(&addition.factors)?;
        }
        Ok(())
    })?;
    for wire in Wire::ALL {
        writer.section(SectionId::of_wire(wire), |writer| {
            key.wire(wire).iter().try_for_each(|signal| writer.out.write_u32(*signal as usize))
        })?;
    }
    progress.stage("selectors", 0.1)?;
    for selector in Column::SELECTORS {
        writer.section(SectionId::of_column(selector), |writer| {
            writer.polynomial(&key.values(selector, &writer.domain)?)
        })?;
    }
    progress.stage("permutation", 0.5)?;
    writer.section(SectionId::Permutation, |writer| {
        Column::SIGMAS
            .into_iter()
            .try_for_each(|sigma| writer.polynomial(&key.values(sigma, &writer.domain)?))
    })?;
    progress.stage("Lagrange polynomials", 0.8)?;
    writer.section(SectionId::Lagrange, |writer| {
        (0..key.header.verification_key.publics.max(1)).try_for_each(|index| {
            let mut values = filled(Fr::ZERO, writer.domain.size())?;
            values[index as usize] = Fr::ONE;
            writer.polynomial(&values)
        })
    })?;
    writer.section(SectionId::PowersOfTau, |writer| writer.out.write_points(key.tau().0))?;
    writer.section(SectionId::Protocol, |writer| writer.out.write_u32(PLONK as usize))?;
    writer.section(SectionId::Header, |writer| writer.out.write(&key.header.to_bytes()))?;
    writer.out.finish()?;
    progress.stage("done", 1.0)
}

struct Writer<'a> {
    out: ContainerWriter,
    domain: Domain,
    extended: Domain,
    progress: &'a Progress,
}

impl Writer<'_> {
    fn section(&mut self, id: SectionId, write: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.out.begin(id)?;
        write(self)?;
        self.out.end()
    }

    /// Writes a polynomial given by its values: coefficients, then values on four times the domain.
    fn polynomial(&mut self, values: &[Fr]) -> Result<()> {
        self.progress.check()?;
        let coefficients = self.domain.interpolate(values)?;
        self.out.write_elements(&coefficients)?;
        self.out.write_elements(&self.extended.evaluate(&coefficients)?)
    }
}
