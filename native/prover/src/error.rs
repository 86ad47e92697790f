//! What can go wrong, by what the caller can do about it.

use std::fmt;
use std::path::{Path, PathBuf};

/// Result of everything fallible in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Every failure of this crate; the Python package maps each variant to one class of its error tree.
#[derive(Debug)]
pub enum Error {
    /// A file cannot be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A binary file is truncated, corrupted, or of another kind.
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The powers of tau cover fewer gates than the circuit has.
    PtauTooSmall {
        /// The number of gates of the circuit.
        gates: usize,
        /// The power that covers them.
        needed: u32,
        /// The power of the file.
        power: u32,
    },
    /// A powers-of-tau file is well formed and still not what it claims to be.
    Ptau {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A circuit has fewer gates than PLONK can prove.
    CircuitTooSmall {
        /// The number of gates of the circuit.
        gates: usize,
    },
    /// A proving key contradicts itself: what it holds gives no proof that its verification key accepts.
    Key(String),
    /// The witness is not one of this circuit, or does not satisfy it.
    Witness(String),
    /// Proof, public inputs or verification key are text that cannot be parsed.
    Proof(String),
    /// Bytes that should be points or scalars are of a wrong length, not reduced, or off the curve.
    Point(String),
    /// An environment variable has a value that means nothing here.
    Setting(String),
    /// The caller asked to stop.
    Cancelled,
    /// Memory for a buffer was refused.
    OutOfMemory {
        /// The size of the buffer.
        bytes: usize,
    },
    /// A bug: a state that the checks before it exclude.
    Internal(String),
}

impl Error {
    /// A malformed file.
    pub fn format(path: &Path, reason: impl Into<String>) -> Self {
        Error::Format { path: path.to_owned(), reason: reason.into() }
    }

    /// Stable name of the variant, for callers in other languages.
    pub fn kind(&self) -> &'static str {
        match self {
            Error::Io { .. } => "io",
            Error::Format { .. } => "format",
            Error::PtauTooSmall { .. } => "ptau-too-small",
            Error::Ptau { .. } => "ptau",
            Error::CircuitTooSmall { .. } => "circuit-too-small",
            Error::Key(_) => "key",
            Error::Witness(_) => "witness",
            Error::Proof(_) => "proof",
            Error::Point(_) => "point",
            Error::Setting(_) => "setting",
            Error::Cancelled => "cancelled",
            Error::OutOfMemory { .. } => "memory",
            Error::Internal(_) => "internal",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { path, source } => write!(out, "{}: {source}", path.display()),
            Error::Format { path, reason } | Error::Ptau { path, reason } => {
                write!(out, "{}: {reason}", path.display())
            }
            Error::PtauTooSmall { gates, needed, power } => write!(
                out,
                "the circuit needs {gates} gates (power {needed}); the ptau has power {power} and covers {}",
                1u64 << power
            ),
            Error::CircuitTooSmall { gates } => {
                write!(out, "the circuit has {gates} gate(s); PLONK in snarkjs needs at least 2")
            }
            Error::Key(reason)
            | Error::Witness(reason)
            | Error::Proof(reason)
            | Error::Point(reason)
            | Error::Setting(reason)
            | Error::Internal(reason) => write!(out, "{reason}"),
            Error::Cancelled => write!(out, "cancelled"),
            Error::OutOfMemory { bytes } => write!(out, "out of memory: {bytes} bytes were refused"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Adds the file's name to an I/O error.
pub trait AtPath<T> {
    /// Turns an I/O error into one that names `path`.
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> AtPath<T> for std::io::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Io { path: path.to_owned(), source })
    }
}
