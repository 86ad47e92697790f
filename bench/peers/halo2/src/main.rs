//! A chain of squarings in halo2 with KZG on BN254: `setup FOLDER GATES`, or `serve FOLDER`, which proves once for each
//! line that it reads, verifies what it proved, and answers with the seconds of the proof. ../run.py drives it.
//!
//! The gate is PLONK's: three wires, five selectors, ql a + qr b + qm ab + qo c + qc + public = 0.

use std::error::Error as AnyError;
use std::fs::{read_to_string, write, File};
use std::io::{stdin, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use ff::{Field, PrimeField};
use halo2_axiom::circuit::{Layouter, Region, SimpleFloorPlanner, Value};
use halo2_axiom::plonk::{
    create_proof, keygen_pk, keygen_vk, verify_proof, Advice, Circuit, Column, ConstraintSystem, Error,
    Fixed, Instance, ProvingKey,
};
use halo2_axiom::poly::commitment::{Params, ParamsProver};
use halo2_axiom::poly::kzg::commitment::{KZGCommitmentScheme, ParamsKZG};
use halo2_axiom::poly::kzg::multiopen::{ProverSHPLONK, VerifierSHPLONK};
use halo2_axiom::poly::kzg::strategy::SingleStrategy;
use halo2_axiom::poly::Rotation;
use halo2_axiom::transcript::{
    Blake2bRead, Blake2bWrite, Challenge255, TranscriptReadBuffer, TranscriptWriterBuffer,
};
use halo2_axiom::SerdeFormat;
use halo2curves::bn256::{Bn256, Fr, G1Affine};
use rand_chacha::ChaCha20Rng;
use rand_core::{OsRng, SeedableRng};

/// Unchecked, as every peer reads its own files.
const FORMAT: SerdeFormat = SerdeFormat::RawBytesUnchecked;

#[derive(Clone)]
struct Gate {
    wires: [Column<Advice>; 3],
    selectors: [Column<Fixed>; 5],
}

/// One public input and a square of the value before it in every further row.
#[derive(Clone)]
struct Chain {
    gates: usize,
    values: Vec<Value<Fr>>,
}

impl Chain {
    /// Without values, for keys.
    fn blank(gates: usize) -> Self {
        Chain { gates, values: vec![Value::unknown(); gates] }
    }

    fn from(start: Fr, gates: usize) -> Self {
        let values = std::iter::successors(Some(start), |value| Some(value.square()));
        Chain { gates, values: values.take(gates).map(Value::known).collect() }
    }

    fn power(&self) -> u32 {
        self.gates.next_power_of_two().ilog2()
    }
}

impl Circuit<Fr> for Chain {
    type Config = Gate;
    type FloorPlanner = SimpleFloorPlanner;
    type Params = ();

    fn without_witnesses(&self) -> Self {
        Chain::blank(self.gates)
    }

    fn configure(meta: &mut ConstraintSystem<Fr>) -> Gate {
        meta.set_minimum_degree(5); // one running product for all three wires
        let wires = [(); 3].map(|()| meta.advice_column());
        wires.iter().for_each(|wire| meta.enable_equality(*wire));
        let selectors = [(); 5].map(|()| meta.fixed_column());
        let public: Column<Instance> = meta.instance_column();
        meta.create_gate("PLONK", |meta| {
            let [a, b, c] = wires.map(|wire| meta.query_advice(wire, Rotation::cur()));
            let [ql, qr, qm, qo, qc] = selectors.map(|selector| meta.query_fixed(selector, Rotation::cur()));
            let public = meta.query_instance(public, Rotation::cur());
            vec![ql * a.clone() + qr * b.clone() + qm * a * b + qo * c + qc + public]
        });
        Gate { wires, selectors }
    }

    fn synthesize(&self, gate: Gate, mut layouter: impl Layouter<Fr>) -> Result<(), Error> {
        layouter.assign_region(|| "chain", |mut region| self.assign(&gate, &mut region))
    }
}

impl Chain {
    fn assign(&self, gate: &Gate, region: &mut Region<Fr>) -> Result<(), Error> {
        let minus = -Fr::ONE;
        let [a, b, c] = gate.wires;
        let mut selectors = |row, values: [Fr; 5]| {
            for (column, value) in gate.selectors.into_iter().zip(values) {
                region.assign_fixed(column, row, value);
            }
        };
        selectors(0, [minus, Fr::ZERO, Fr::ZERO, Fr::ZERO, Fr::ZERO]);
        for row in 1..self.gates {
            selectors(row, [Fr::ZERO, Fr::ZERO, Fr::ONE, minus, Fr::ZERO]);
        }
        let mut last = region.assign_advice(a, 0, self.values[0]).cell();
        for row in 1..self.gates {
            let left = region.assign_advice(a, row, self.values[row - 1]).cell();
            let right = region.assign_advice(b, row, self.values[row - 1]).cell();
            let square = region.assign_advice(c, row, self.values[row]).cell();
            region.constrain_equal(left, last);
            region.constrain_equal(left, right);
            last = square;
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn AnyError>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["setup", folder, gates] => setup(Path::new(folder), gates.parse()?),
        ["serve", folder] => serve(Path::new(folder)),
        _ => Err("usage: setup FOLDER GATES | serve FOLDER".into()),
    }
}

fn setup(folder: &Path, gates: usize) -> Result<(), Box<dyn AnyError>> {
    let circuit = Chain::blank(gates);
    let params = ParamsKZG::<Bn256>::setup(circuit.power(), OsRng);
    let verifying = keygen_vk(&params, &circuit)?;
    let key = keygen_pk(&params, verifying, &circuit)?;
    let mut file = BufWriter::new(File::create(folder.join("params"))?);
    params.write(&mut file)?;
    file.flush()?;
    let mut file = BufWriter::new(File::create(folder.join("proving.key"))?);
    key.write(&mut file, FORMAT)?;
    file.flush()?;
    Ok(write(folder.join("gates"), gates.to_string())?)
}

fn serve(folder: &Path) -> Result<(), Box<dyn AnyError>> {
    let gates = read_to_string(folder.join("gates"))?.parse()?;
    let params = ParamsKZG::<Bn256>::read(&mut BufReader::new(File::open(folder.join("params"))?))?;
    let mut bytes = BufReader::new(File::open(folder.join("proving.key"))?);
    let key = ProvingKey::<G1Affine>::read::<_, Chain>(&mut bytes, FORMAT, ())?;
    let start = Fr::from_str_vartime(&std::env::var("CHAIN_START")?).ok_or("CHAIN_START is no number")?;
    let circuit = Chain::from(start, gates);
    for line in stdin().lines() {
        line?;
        let begun = Instant::now();
        let mut transcript = Blake2bWrite::<_, _, Challenge255<_>>::init(vec![]);
        create_proof::<KZGCommitmentScheme<Bn256>, ProverSHPLONK<_>, _, _, _, _>(
            &params,
            &key,
            &[circuit.clone()],
            &[&[&[start]]],
            ChaCha20Rng::from_rng(OsRng)?,
            &mut transcript,
        )?;
        let proof = transcript.finalize();
        let seconds = begun.elapsed().as_secs_f64();
        let mut transcript = Blake2bRead::<_, _, Challenge255<_>>::init(&proof[..]);
        let strategy = SingleStrategy::new(params.verifier_params());
        verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<_>, _, _, _>(
            params.verifier_params(),
            key.get_vk(),
            strategy,
            &[&[&[start]]],
            &mut transcript,
        )?;
        println!("{{\"seconds\": {seconds}}}");
    }
    Ok(())
}
