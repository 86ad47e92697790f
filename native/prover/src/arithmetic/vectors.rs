//! Which arithmetic this process uses: vectors where the processor has them, unless somebody says otherwise.
//!
//! `TWOPM_ZK_VECTORS` is read once: `auto` (or unset), `avx512`, or `off` for the plain path, which every
//! machine has. It is there for tests and benches; all paths give the same numbers.

use std::sync::OnceLock;

use crate::error::{Error, Result};

/// The environment variable that chooses.
pub const VARIABLE: &str = "TWOPM_ZK_VECTORS";

/// A way to do arithmetic on many numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vectors {
    /// One number at a time.
    Off,
    /// Eight numbers at a time, with 52-bit multiply-add.
    Avx512,
}

impl Vectors {
    /// What the variable's value means on this processor; the error says why a value is refused.
    fn parse(value: &str) -> std::result::Result<Self, String> {
        match (value, available()) {
            ("" | "auto", true) | ("avx512", true) => Ok(Vectors::Avx512),
            ("" | "auto", false) | ("off", _) => Ok(Vectors::Off),
            ("avx512", false) => Err(format!("{VARIABLE}=avx512: this processor has no AVX-512 IFMA")),
            _ => Err(format!("{VARIABLE} is {value:?}; it can be auto, avx512 or off")),
        }
    }

    /// The name of this path, as the variable spells it.
    pub fn name(self) -> &'static str {
        match self {
            Vectors::Off => "off",
            Vectors::Avx512 => "avx512",
        }
    }
}

/// Whether the processor has what [`Vectors::Avx512`] needs.
fn available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return crate::arithmetic::ifma::available();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

fn chosen() -> &'static std::result::Result<Vectors, String> {
    static CHOSEN: OnceLock<std::result::Result<Vectors, String>> = OnceLock::new();
    CHOSEN.get_or_init(|| match std::env::var_os(VARIABLE) {
        None => Vectors::parse(""),
        Some(value) => Vectors::parse(&value.to_string_lossy()),
    })
}

/// The path of this process, or why the variable's value is refused.
pub fn path() -> Result<Vectors> {
    chosen().clone().map_err(Error::Setting)
}

/// The path of this process; the plain one where the variable's value is refused, which [`path`] reports.
#[inline]
pub fn active() -> Vectors {
    *chosen().as_ref().unwrap_or(&Vectors::Off)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_mean_nothing_are_refused() {
        assert_eq!(Vectors::parse("off"), Ok(Vectors::Off));
        assert!(Vectors::parse("auto").is_ok() && Vectors::parse("").is_ok());
        assert!(Vectors::parse("AVX").unwrap_err().contains("auto, avx512 or off"));
        assert_eq!(Vectors::parse("avx512").is_ok(), available());
    }
}
