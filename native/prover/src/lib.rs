//! PLONK on BN254 for the files of circom and snarkjs: setup, prover, verifier and powers of tau.
//!
//! The protocol is that of Gabizon, Williamson and Ciobotaru, ePrint 2019/953, section 8, in the variant that
//! snarkjs 0.7.6 speaks: Keccak-256 transcript, gates with two inputs and one output, one permutation.
//!
//! ```text
//! .r1cs + .ptau ── setup ── .zkey ── PreparedKey ─┐
//!                                        .wtns ───┴── prove ── Proof, public inputs ── verify
//! ```
//!
//! Files are untrusted: sizes are checked before anything is allocated, field elements must be reduced, points
//! must lie on the curve. Nothing here knows Python; the crate beside it does.

#[cfg(target_endian = "big")]
compile_error!("field elements are read from files as little-endian words");

pub mod binfile;
pub mod blinding;
pub mod curve;
pub mod digits;
pub mod error;
pub mod fft;
pub mod field;
pub mod gates;
pub mod glv;
#[cfg(target_arch = "x86_64")]
pub mod ifma;
pub mod json;
pub mod msm;
pub mod point_fft;
pub mod polynomial;
pub mod prepared;
pub mod progress;
pub mod prover;
pub mod ptau;
pub mod ptau_check;
pub mod ptau_dev;
pub mod quotient;
pub mod r1cs;
pub mod setup;
pub mod transcript;
pub mod tree;
pub mod verifier;
pub mod views;
pub mod witness;
pub mod zkey;

pub use error::{Error, Result};
