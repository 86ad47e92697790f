//! Field, curve, polynomials and sums of points. Knows neither files nor the protocol.

pub mod baby_jubjub;
pub mod curve;
pub mod digits;
pub mod fft;
pub mod field;
pub mod glv;
#[cfg(target_arch = "x86_64")]
pub mod ifma;
pub mod msm;
pub mod packed;
pub mod pairing;
pub mod point;
pub mod point_fft;
pub mod polynomial;
pub mod tree;
pub mod vectors;
