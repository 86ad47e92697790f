//! Python module `twopm_zk._native`: paths and text in, text out. All work happens in `twopm-zk-prover`.
//!
//! Long calls run on a thread of their own. The calling thread lets go of the interpreter, hands progress to
//! Python, and looks for signals, so that Ctrl-C stops the work within a few milliseconds.

mod work;

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use twopm_zk_prover::arithmetic::baby_jubjub;
use twopm_zk_prover::files::proof::{parse_publics, publics_to_json, Proof};
use twopm_zk_prover::files::verification_key::VerificationKey;
use twopm_zk_prover::files::zkey::Zkey;
use twopm_zk_prover::plonk::blinding::{Blinding, COUNT};
use twopm_zk_prover::plonk::key::CompactKey;
use twopm_zk_prover::plonk::proving_key::{has_zkey_magic, ProvingKey as Key, KEPT_BYTES};
use twopm_zk_prover::plonk::{prover, setup as setups, verifier, zkey_form};
use twopm_zk_prover::tau::{check, insecure};
use twopm_zk_prover::Error;
use work::{raise, run, NativeError};

/// Why this build cannot run on this machine, or None.
#[pyfunction]
fn unsupported() -> Option<String> {
    #[cfg(all(target_arch = "x86_64", feature = "asm"))]
    if !(std::is_x86_feature_detected!("bmi2") && std::is_x86_feature_detected!("adx")) {
        return Some(
            "built for a processor with bmi2 and adx, which this one lacks; build it again here".into(),
        );
    }
    None
}

/// The arithmetic of this process, `avx512` or `off`; fails where TWOPM_ZK_VECTORS has another value.
#[pyfunction]
fn vectors() -> PyResult<&'static str> {
    use twopm_zk_prover::arithmetic::vectors::{path, Vectors};
    path().map(Vectors::name).map_err(raise)
}

/// Write the compact key of a circuit; `ptau_digest` is the BLAKE2b-512 of the ptau. Returns (gates, power, publics).
#[pyfunction]
#[pyo3(signature = (r1cs, ptau, key, ptau_digest, progress=None))]
fn setup(
    py: Python<'_>,
    r1cs: PathBuf,
    ptau: PathBuf,
    key: PathBuf,
    ptau_digest: [u8; 64],
    progress: Option<Py<PyAny>>,
) -> PyResult<(u32, u32, u32)> {
    let header = run(py, progress, move |progress| {
        let made = setups::setup(&r1cs, &ptau, ptau_digest, progress)?;
        made.write(&key)?;
        Ok(made.header)
    })?;
    Ok((header.gates, header.verification_key.power, header.verification_key.publics))
}

/// Write the `.zkey` of a compact key: the one that snarkjs makes from the same R1CS and ptau, byte for byte.
#[pyfunction]
#[pyo3(signature = (key, zkey, progress=None))]
fn write_zkey(py: Python<'_>, key: PathBuf, zkey: PathBuf, progress: Option<Py<PyAny>>) -> PyResult<()> {
    run(py, progress, move |progress| zkey_form::write_zkey(&CompactKey::open(&key)?, &zkey, progress))
}

/// The verification key inside a proving key of either form, as snarkjs' JSON.
#[pyfunction]
fn export_verification_key(py: Python<'_>, key: PathBuf) -> PyResult<String> {
    run(py, None, move |_| {
        let header = match has_zkey_magic(&key)? {
            true => Zkey::open(&key)?.header,
            false => CompactKey::open(&key)?.header,
        };
        Ok(header.verification_key.to_json())
    })
}

/// Whether a proof convinces; everything as snarkjs' JSON.
#[pyfunction]
fn verify(py: Python<'_>, verification_key: &str, public: &str, proof: &str) -> PyResult<bool> {
    let parsed =
        || Ok((VerificationKey::parse(verification_key)?, parse_publics(public)?, Proof::parse(proof)?));
    let (key, publics, proof) = parsed().map_err(raise)?;
    py.detach(|| verifier::verify(&key, &publics, &proof)).map_err(raise)
}

/// Write a powers-of-tau file whose secret everybody knows.
#[pyfunction]
#[pyo3(signature = (power, path, progress=None))]
fn write_insecure_ptau(
    py: Python<'_>,
    power: u32,
    path: PathBuf,
    progress: Option<Py<PyAny>>,
) -> PyResult<()> {
    run(py, progress, move |progress| insecure::write_insecure_ptau(power, &path, progress))
}

/// Check that a powers-of-tau file is well formed, by pairings; returns what it holds.
#[pyfunction]
#[pyo3(signature = (path, progress=None))]
fn check_ptau<'py>(
    py: Python<'py>,
    path: PathBuf,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let report = run(py, progress, move |progress| check::check_ptau(&path, progress))?;
    let result = PyDict::new(py);
    result.set_item("power", report.power)?;
    result.set_item("ceremony_power", report.ceremony_power)?;
    result.set_item("tau2_points", report.tau2_points)?;
    result.set_item("prepared", report.prepared)?;
    Ok(result)
}

/// BLAKE2b-512 of a file, in hexadecimal.
#[pyfunction]
fn blake2b_512(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    let digest = run(py, None, move |progress| check::file_digest(&path, progress))?;
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The sum of each scalar times its point on Baby Jubjub, constant time in the scalars; all bytes little-endian.
///
/// `points` are 64 bytes each, x and y, and `scalars` 32 bytes each.
#[pyfunction]
fn sum_of_multiples<'py>(py: Python<'py>, points: &[u8], scalars: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let sum = py.detach(|| {
        let (points, scalars) = baby_jubjub::terms(points, scalars)?;
        Ok(baby_jubjub::sum_of_multiples(&points, &scalars).to_bytes())
    });
    Ok(PyBytes::new(py, &sum.map_err(raise)?))
}

/// A proving key that is loaded once and proves many times, from any thread.
#[pyclass(frozen, module = "twopm_zk._native")]
struct ProvingKey {
    key: Arc<Key>,
}

#[pymethods]
impl ProvingKey {
    /// Load a compact key, or a `.zkey`. What all proofs need of the key on the quotient's cosets stays in memory
    /// where it takes at most `kept` bytes; else every proof computes it.
    #[new]
    #[pyo3(signature = (path, kept=None, progress=None))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        kept: Option<usize>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let key = run(py, progress, move |progress| Key::load(&path, kept.unwrap_or(KEPT_BYTES), progress))?;
        Ok(ProvingKey { key: Arc::new(key) })
    }

    /// Prove a witness; returns proof and public inputs as snarkjs' JSON, and the seconds of each stage.
    ///
    /// `insecure_blinding`, eleven field elements as little-endian bytes, makes the proof reproducible and
    /// reveals the witness to whoever knows them: for tests.
    #[pyo3(signature = (witness, progress=None, insecure_blinding=None))]
    #[allow(clippy::type_complexity)]
    fn prove(
        &self,
        py: Python<'_>,
        witness: PathBuf,
        progress: Option<Py<PyAny>>,
        insecure_blinding: Option<[[u8; 32]; COUNT]>,
    ) -> PyResult<(String, String, Vec<(&'static str, f64)>)> {
        let key = Arc::clone(&self.key);
        run(py, progress, move |progress| {
            let (proof, publics) = match insecure_blinding {
                None => prover::prove(&key, &witness, progress)?,
                Some(bytes) => {
                    prover::prove_with_blinding(&key, &witness, &given_blinding(&bytes)?, progress)?
                }
            };
            Ok((proof.to_json(), publics_to_json(&publics), progress.profile()))
        })
    }

    /// The verification key, as snarkjs' JSON.
    fn verification_key(&self) -> String {
        self.key.compact.header.verification_key.to_json()
    }

    /// Base-two logarithm of the domain's size.
    #[getter]
    fn power(&self) -> u32 {
        self.key.compact.header.verification_key.power
    }

    /// Number of gates.
    #[getter]
    fn gates(&self) -> u32 {
        self.key.compact.header.gates
    }
}

fn given_blinding(bytes: &[[u8; 32]; COUNT]) -> twopm_zk_prover::Result<Blinding> {
    let mut scalars = [Default::default(); COUNT];
    for (scalar, bytes) in scalars.iter_mut().zip(bytes) {
        *scalar = twopm_zk_prover::arithmetic::field::from_plain(bytes)
            .ok_or_else(|| Error::Proof("a blinding scalar is not below the field order".into()))?;
    }
    Ok(Blinding::insecure(scalars))
}

/// Native PLONK setup, prover and verifier of twopm-zk.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("NativeError", module.py().get_type::<NativeError>())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<ProvingKey>()?;
    module.add_function(wrap_pyfunction!(unsupported, module)?)?;
    module.add_function(wrap_pyfunction!(vectors, module)?)?;
    module.add_function(wrap_pyfunction!(setup, module)?)?;
    module.add_function(wrap_pyfunction!(write_zkey, module)?)?;
    module.add_function(wrap_pyfunction!(export_verification_key, module)?)?;
    module.add_function(wrap_pyfunction!(verify, module)?)?;
    module.add_function(wrap_pyfunction!(write_insecure_ptau, module)?)?;
    module.add_function(wrap_pyfunction!(check_ptau, module)?)?;
    module.add_function(wrap_pyfunction!(blake2b_512, module)?)?;
    module.add_function(wrap_pyfunction!(sum_of_multiples, module)?)?;
    Ok(())
}
