//! The eleven random scalars b_1 ... b_11 that make a proof reveal nothing (ePrint 2019/953, section 8.3).

use halo2curves::bn256::Fr;
use halo2curves::ff::{Field, FromUniformBytes};

use crate::error::{Error, Result};
use crate::files::columns::Wire;

/// The number of blinding scalars of a proof.
pub const COUNT: usize = 11;

/// Blinding scalars, in the paper's order.
#[derive(Clone)]
pub struct Blinding([Fr; COUNT]);

impl Blinding {
    /// Fresh scalars from the operating system's generator.
    pub fn random() -> Result<Self> {
        let mut scalars = [Fr::ZERO; COUNT];
        for scalar in &mut scalars {
            let mut wide = [0; 64];
            getrandom::fill(&mut wide)
                .map_err(|error| Error::Internal(format!("no randomness from the system: {error}")))?;
            *scalar = Fr::from_uniform_bytes(&wide);
        }
        Ok(Blinding(scalars))
    }

    /// Scalars that somebody else knows: a proof made with them hides nothing. For tests.
    pub fn insecure(scalars: [Fr; COUNT]) -> Self {
        Blinding(scalars)
    }

    /// b_1 ... b_6: coefficients, lowest first, of what is added to a wire as a multiple of X^n - 1.
    pub fn wire(&self, wire: Wire) -> [Fr; 2] {
        let [b1, b2, b3, b4, b5, b6, ..] = self.0;
        match wire {
            Wire::A => [b2, b1],
            Wire::B => [b4, b3],
            Wire::C => [b6, b5],
        }
    }

    /// b_7, b_8, b_9: the same for the permutation's product.
    pub fn product(&self) -> [Fr; 3] {
        let [.., b7, b8, b9, _, _] = self.0;
        [b9, b8, b7]
    }

    /// b_10 and b_11: what the three parts of the quotient pass to each other.
    pub fn quotient(&self) -> [Fr; 2] {
        let [.., b10, b11] = self.0;
        [b10, b11]
    }
}
