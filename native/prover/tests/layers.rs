//! The layers of the crate: each folder uses only itself and those before it.

use std::path::Path;
use std::{fs, io};

const LAYERS: [&str; 4] = ["arithmetic", "files", "plonk", "tau"];

/// Every `crate::layer` that the sources below a folder mention.
fn uses(folder: &Path, found: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            uses(&path, found)?;
            continue;
        }
        for mention in fs::read_to_string(&path)?.split("crate::").skip(1) {
            let layer = mention.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            found.push((path.display().to_string(), layer.to_owned()));
        }
    }
    Ok(())
}

#[test]
fn imports_point_down() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (place, layer) in LAYERS.iter().enumerate() {
        let mut found = Vec::new();
        uses(&sources.join(layer), &mut found).unwrap();
        assert!(!found.is_empty());
        for (path, used) in found {
            let above = LAYERS[place + 1..].contains(&used.as_str());
            assert!(!above, "{path} uses {used}, which is above {layer}");
        }
    }
}
