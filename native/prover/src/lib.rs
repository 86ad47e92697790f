//! PLONK on BN254 for the files of circom and snarkjs: setup, prover, verifier and powers of tau.
//!
//! The protocol is that of Gabizon, Williamson and Ciobotaru, ePrint 2019/953, section 8, in the variant that
//! snarkjs 0.7.6 speaks: Keccak-256 transcript, gates with two inputs and one output, one permutation.
//!
//! ```text
//! .r1cs + .ptau ── setup ── CompactKey ── ProvingKey ─┐
//!                  .zkey ───┘                .wtns ───┴── prove ── Proof, public inputs ── verify
//! ```
//!
//! Files are untrusted: sizes are checked before anything is allocated, field elements must be reduced, points
//! must lie on the curve. Nothing here knows Python; the crate beside it does.

#![warn(missing_docs)]

#[cfg(not(target_pointer_width = "64"))]
compile_error!("sizes of files are counted in 64 bits");
#[cfg(target_endian = "big")]
compile_error!("field elements are read from files as little-endian words");

pub mod arithmetic;
pub mod error;
pub mod files;
pub mod memory;
pub mod plonk;
pub mod progress;
pub mod tau;

pub use error::{Error, Result};
