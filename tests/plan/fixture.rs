//! The tiny models of `tests/golden`.

use std::path::PathBuf;

use nanolm::format::{self, ModelFile};
use nanolm::tensor::Bytes;

/// The bytes of a fixture's file.
pub fn read(folder: &str, name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder).join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Parses some files of a fixture together.
pub fn parse(folder: &str, names: &[&str]) -> ModelFile {
    format::parse(names.iter().map(|name| (name.to_string(), Bytes::new(read(folder, name)))).collect()).unwrap()
}
