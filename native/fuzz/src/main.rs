//! libFuzzer on the readers of the native module, guided by the branches that inputs reach in Rust.
//!
//! `READER=name FILES=folder fuzz [options of libFuzzer] [corpus]`, or `READER=` for the names. The folder has the files
//! of a small circuit, `sound.r1cs` and so on, and takes what is written. A panic, an error that no input may lead to,
//! or memory that a file merely claims ends the process, and leaves the input.

#![no_main]

mod memory;
mod planted;
mod readers;
mod sections;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use readers::{Reader, READERS};
use twopm_zk_prover::{Error, Result};

static READER: OnceLock<(Reader, Files)> = OnceLock::new();

/// A folder with sound files, and one that is changed.
pub struct Files(PathBuf);

impl Files {
    /// The sound file with this suffix.
    pub fn sound(&self, suffix: &str) -> PathBuf {
        self.0.join("sound").with_extension(suffix)
    }

    /// Where a file of this name is written.
    pub fn made(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file with this content.
    pub fn with(&self, content: &[u8]) -> PathBuf {
        let path = self.0.join("changed");
        assert!(std::fs::write(&path, content).is_ok(), "{} cannot be written", path.display());
        path
    }
}

fn begin() {
    let name = std::env::var("READER").unwrap_or_default();
    let Some((_, reader)) = READERS.iter().find(|(known, _)| *known == name) else {
        READERS.iter().for_each(|(known, _)| println!("{known}"));
        std::process::exit(i32::from(!name.is_empty()));
    };
    let folder = std::env::var_os("FILES").unwrap_or_default();
    READER.get_or_init(|| (*reader, Files(Path::new(&folder).to_owned())));
}

/// Panics for an error that says nothing about the input.
fn judge(result: Result<()>) {
    match result {
        Ok(())
        | Err(
            Error::Format { .. }
            | Error::PtauTooSmall { .. }
            | Error::Ptau { .. }
            | Error::CircuitTooSmall { .. }
            | Error::Key(_)
            | Error::Witness(_)
            | Error::Proof(_)
            | Error::Point(_),
        ) => {}
        Err(error) => panic!("an error of kind {}: {error}", error.kind()),
    }
}

libfuzzer_sys::fuzz_target!(init: begin(), |content: &[u8]| {
    if let Some((reader, files)) = READER.get() {
        judge(reader(files, content));
    }
});

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    let changed = if seed & 1 == 0 { sections::change(data, size, seed / 2) } else { None };
    changed.unwrap_or_else(|| libfuzzer_sys::fuzzer_mutate(data, size, most))
});
