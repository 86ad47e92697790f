//! The protocol: from constraints to gates and keys, from witnesses to proofs, and the verifier.

pub mod blinding;
pub mod gates;
pub mod key;
pub mod key_file;
pub mod prover;
pub mod proving_key;
pub mod quotient;
pub mod rows;
pub mod setup;
pub mod terms;
pub mod transcript;
pub mod verifier;
pub mod zkey_form;
