//! A model's files, filled chunk by chunk while they are downloaded.

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::to_js;
use crate::error::{Error, Result};
use crate::format::Begun;
use crate::run;
use crate::tensor::Bytes;

/// The most a module with 32-bit addresses could hold of one model, with room to run it.
const LIMIT: f64 = 3.0 * (1u64 << 30) as f64;

/// A file, and how many of its bytes are there.
struct File {
    name: String,
    bytes: Vec<u8>,
    received: usize,
}

/// Named files in wasm memory.
#[wasm_bindgen]
#[derive(Default)]
pub struct ModelFiles {
    files: Vec<File>,
}

#[wasm_bindgen]
impl ModelFiles {
    /// No files yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> ModelFiles {
        ModelFiles::default()
    }

    /// Makes room for a file, zeroed.
    #[wasm_bindgen(js_name = add)]
    pub fn add_js(&mut self, name: String, byte_length: f64) -> Result<(), JsValue> {
        self.add(name, byte_length).map_err(to_js)
    }

    /// Copies `chunk` to `offset` of a file.
    #[wasm_bindgen(js_name = write)]
    pub fn write_js(&mut self, name: &str, offset: f64, chunk: &Uint8Array) -> Result<(), JsValue> {
        self.write(name, offset, chunk).map_err(to_js)
    }

    /// Refuses what cannot be loaded, by what is there of the files, written from their beginnings on. Says whether that was all that
    /// can be told before they are whole.
    pub fn check(&self) -> Result<bool, JsValue> {
        let begun = self.files.iter().map(|file| Begun {
            name: &file.name,
            beginning: &file.bytes[..file.received],
            len: file.bytes.len(),
        });
        run::check(&begun.collect::<Vec<_>>()).map_err(to_js)
    }
}

fn option(name: &str, expected: String, found: impl ToString) -> Error {
    Error::InvalidOption { name: name.into(), expected, found: found.to_string() }
}

impl ModelFiles {
    fn add(&mut self, name: String, byte_length: f64) -> Result<()> {
        if self.files.iter().any(|file| file.name == name) {
            return Err(option("name", "every file once".into(), format!("{name:?} twice")));
        }
        if !(byte_length >= 0.0 && byte_length.fract() == 0.0) {
            return Err(option("byteLength", "a whole number of at least 0".into(), byte_length));
        }
        let held: usize = self.files.iter().map(|file| file.bytes.len()).sum();
        let full = || Error::OutOfMemory { what: format!("the file {name}"), bytes: byte_length as u64 };
        if byte_length + held as f64 > LIMIT {
            return Err(full());
        }
        let n = byte_length as usize;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(n).map_err(|_| full())?;
        bytes.resize(n, 0);
        self.files.push(File { name, bytes, received: 0 });
        Ok(())
    }

    fn write(&mut self, name: &str, offset: f64, chunk: &Uint8Array) -> Result<()> {
        let file = self.files.iter_mut().find(|file| file.name == name);
        let File { bytes, received, .. } =
            file.ok_or_else(|| option("name", "a file that was added".into(), format!("{name:?}")))?;
        let n = chunk.length() as usize;
        let room = bytes.len();
        let is_index = offset >= 0.0 && offset.fract() == 0.0 && offset + n as f64 <= room as f64;
        let start = offset as usize;
        let target = if is_index { bytes.get_mut(start..start + n) } else { None };
        let target = target
            .ok_or_else(|| option("offset", format!("a range within {room} bytes"), format!("{offset}, {n} bytes")))?;
        chunk.copy_to(target);
        *received = start + n;
        Ok(())
    }

    /// The files, ready to be parsed.
    pub(super) fn into_files(self) -> Vec<(String, Bytes)> {
        self.files.into_iter().map(|file| (file.name, Bytes::new(file.bytes))).collect()
    }
}
