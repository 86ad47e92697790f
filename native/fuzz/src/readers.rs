//! Every function of the native module that reads, called as `native/python` calls it.

use std::sync::OnceLock;

use twopm_zk_prover::arithmetic::baby_jubjub;
use twopm_zk_prover::files::proof::{parse_publics, publics_to_json, Proof};
use twopm_zk_prover::files::verification_key::VerificationKey;
use twopm_zk_prover::files::zkey::Zkey;
use twopm_zk_prover::plonk::key::CompactKey;
use twopm_zk_prover::plonk::proving_key::{has_zkey_magic, ProvingKey, KEPT_BYTES};
use twopm_zk_prover::plonk::{prover, setup, verifier, zkey_form};
use twopm_zk_prover::progress::Progress;
use twopm_zk_prover::tau::check;
use twopm_zk_prover::Result;

use crate::{planted, Files};

/// What reads an input, with sound files beside it.
pub type Reader = fn(&Files, &[u8]) -> Result<()>;

/// Readers by name, those of the native module as `tests/soundness/inputs/readers.py` has them.
pub const READERS: [(&str, Reader); 13] = [
    ("_native:setup", setup_of_r1cs),
    ("_native:setup with a ptau", setup_with_ptau),
    ("_native:write_zkey", write_zkey),
    ("_native:export_verification_key", export_verification_key),
    ("_native:ProvingKey", proving_key),
    ("_native:ProvingKey.prove", prove),
    ("_native:check_ptau", check_ptau),
    ("_native:blake2b_512", blake2b_512),
    ("_native:verify", verify),
    ("_native:sum_of_multiples", sum_of_multiples),
    ("planted: overflow", planted::overflow),
    ("planted: memory", planted::memory),
    ("planted: endless", planted::endless),
];

fn setup_of_r1cs(files: &Files, content: &[u8]) -> Result<()> {
    let path = files.with(content);
    let key = setup::setup(&path, &files.sound("ptau"), [0; 64], &Progress::silent())?;
    written(files, &key)
}

fn setup_with_ptau(files: &Files, content: &[u8]) -> Result<()> {
    let path = files.with(content);
    let key = setup::setup(&files.sound("r1cs"), &path, [0; 64], &Progress::silent())?;
    written(files, &key)
}

/// What setup makes is read again.
fn written(files: &Files, key: &CompactKey) -> Result<()> {
    let path = files.made("made.key");
    key.write(&path)?;
    let again = CompactKey::open(&path).map(|read| read.header == key.header);
    assert!(matches!(again, Ok(true)), "a key that was made cannot be read: {again:?}");
    Ok(())
}

fn write_zkey(files: &Files, content: &[u8]) -> Result<()> {
    let path = files.with(content);
    zkey_form::write_zkey(&CompactKey::open(&path)?, &files.made("made.zkey"), &Progress::silent())?;
    let again = Zkey::open(&files.made("made.zkey")).map(|_| ());
    assert!(again.is_ok(), "a .zkey that was written cannot be read: {again:?}");
    Ok(())
}

fn export_verification_key(files: &Files, content: &[u8]) -> Result<()> {
    let path = files.with(content);
    let header = match has_zkey_magic(&path)? {
        true => Zkey::open(&path)?.header,
        false => CompactKey::open(&path)?.header,
    };
    let again = VerificationKey::parse(&header.verification_key.to_json());
    assert!(matches!(&again, Ok(key) if *key == header.verification_key), "it is written as {again:?}");
    Ok(())
}

fn proving_key(files: &Files, content: &[u8]) -> Result<()> {
    let path = files.with(content);
    let key = ProvingKey::load(&path, KEPT_BYTES, &Progress::silent())?;
    prover::prove(&key, &files.sound("wtns"), &Progress::silent()).map(drop)
}

fn prove(files: &Files, content: &[u8]) -> Result<()> {
    static KEY: OnceLock<Result<ProvingKey>> = OnceLock::new();
    let key = KEY.get_or_init(|| ProvingKey::load(&files.sound("key"), KEPT_BYTES, &Progress::silent()));
    let Ok(key) = key else { panic!("the sound key cannot be read") };
    prover::prove(key, &files.with(content), &Progress::silent()).map(drop)
}

fn check_ptau(files: &Files, content: &[u8]) -> Result<()> {
    check::check_ptau(&files.with(content), &Progress::silent()).map(drop)
}

fn blake2b_512(files: &Files, content: &[u8]) -> Result<()> {
    check::file_digest(&files.with(content), &Progress::silent()).map(drop)
}

/// Verification key, public inputs and proof, with a line `---` between them. What is read is written the same.
fn verify(_: &Files, content: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(content);
    let mut parts = text.splitn(3, "\n---\n");
    let mut next = || parts.next().unwrap_or_default();
    let (key, publics, proof) = (VerificationKey::parse(next()), parse_publics(next()), Proof::parse(next()));
    let (key, publics, proof) = (key?, publics?, proof?);
    assert!(matches!(VerificationKey::parse(&key.to_json()), Ok(again) if again == key));
    assert!(matches!(parse_publics(&publics_to_json(&publics)), Ok(again) if again == publics));
    assert!(matches!(Proof::parse(&proof.to_json()), Ok(again) if again == proof));
    verifier::verify(&key, &publics, &proof).map(drop)
}

fn sum_of_multiples(_: &Files, content: &[u8]) -> Result<()> {
    let (points, scalars) = content.split_at(content.len() / 3 * 2);
    let (points, scalars) = baby_jubjub::terms(points, scalars)?;
    baby_jubjub::sum_of_multiples(&points, &scalars);
    Ok(())
}
