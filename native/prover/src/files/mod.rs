//! The files of circom and snarkjs, read and written: sizes checked first, then every number and point.

pub mod columns;
pub mod container;
pub mod json;
pub mod proof;
pub mod ptau;
pub mod r1cs;
pub mod verification_key;
pub mod views;
pub mod witness;
pub mod zkey;
