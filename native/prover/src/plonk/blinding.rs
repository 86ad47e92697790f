//! The eleven random scalars b_1 ... b_11 that make a proof reveal nothing (ePrint 2019/953, section 8.3).

use halo2curves::bn256::Fr;
use halo2curves::ff::{Field, FromUniformBytes};

use crate::error::{Error, Result};

/// Number of blinding scalars of a proof.
pub const COUNT: usize = 11;

/// Blinding scalars, named as in the paper: `b(1)` to `b(11)`.
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

    /// `b_i` of the paper, 1 to 11.
    pub fn b(&self, i: usize) -> Fr {
        self.0[i - 1]
    }

    /// Coefficients, lowest first, of what is added to wire 0, 1, 2 as a multiple of X^n - 1.
    pub fn wire(&self, wire: usize) -> [Fr; 2] {
        [self.b(2 * wire + 2), self.b(2 * wire + 1)]
    }

    /// The same for the permutation's product.
    pub fn product(&self) -> [Fr; 3] {
        [self.b(9), self.b(8), self.b(7)]
    }
}
