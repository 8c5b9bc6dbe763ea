//! Typed, limited access to a file's metadata, with errors that name the key.

use crate::error::{Error, Result};
use crate::format::{ModelFile, Value};

/// The metadata of a model file, its keys prefixed by `prefix`.
pub(super) struct Settings<'a> {
    pub(super) file: &'a ModelFile,
    prefix: String,
}

impl<'a> Settings<'a> {
    pub(super) fn new(file: &'a ModelFile, prefix: impl Into<String>) -> Self {
        Settings { file, prefix: prefix.into() }
    }

    /// The value of a key; JSON null counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.file.metadata.get(&self.full(key)).filter(|value| **value != Value::Null)
    }

    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// A whole number from 1 to `max` that the file has to give.
    pub(super) fn size(&self, key: &str, max: usize) -> Result<usize> {
        match self.get(key) {
            None => Err(self.wrong(key, format!("a whole number from 1 to {max}"), "no such key")),
            Some(_) => self.size_or(key, 1, max),
        }
    }

    /// A whole number from 1 to `max`, `default` where the file gives none.
    pub(super) fn size_or(&self, key: &str, default: usize, max: usize) -> Result<usize> {
        let Some(value) = self.get(key) else { return Ok(default) };
        // One number per layer is fine where all are the same: the plan has one shape for every layer.
        let n = match value.as_ints() {
            Some([first, rest @ ..]) if rest.iter().all(|n| n == first) => usize::try_from(*first).ok(),
            Some([_, ..]) => {
                return Err(self.unsupported(key, "different values per layer", "one value for all layers"));
            }
            _ => value.as_usize(),
        };
        match n {
            Some(n) if (1..=max).contains(&n) => Ok(n),
            _ => Err(self.wrong(key, format!("a whole number from 1 to {max}"), &value.describe())),
        }
    }

    /// A whole number from 1 to `max`, where the file gives one.
    pub(super) fn optional_size(&self, key: &str, max: usize) -> Result<Option<usize>> {
        self.get(key).map(|_| self.size(key, max)).transpose()
    }

    /// A finite number above zero that f32 holds, where the file gives one; zero counts as none.
    pub(super) fn optional_positive(&self, key: &str) -> Result<Option<f32>> {
        match self.get(key) {
            None => Ok(None),
            Some(value) if value.as_f64() == Some(0.0) => Ok(None),
            Some(_) => self.positive(key).map(Some),
        }
    }

    /// A finite number above zero that f32 holds, `default` where the file gives none.
    pub(super) fn positive_or(&self, key: &str, default: f32) -> Result<f32> {
        let Some(value) = self.get(key) else { return Ok(default) };
        match value.as_f64().map(|n| n as f32) {
            Some(n) if n.is_finite() && n > 0.0 => Ok(n),
            _ => Err(self.wrong(key, "a number above 0", &value.describe())),
        }
    }

    /// A finite number above zero that the file has to give.
    pub(super) fn positive(&self, key: &str) -> Result<f32> {
        match self.get(key) {
            None => Err(self.wrong(key, "a number above 0", "no such key")),
            Some(_) => self.positive_or(key, 1.0),
        }
    }

    pub(super) fn bool_or(&self, key: &str, default: bool) -> Result<bool> {
        let Some(value) = self.get(key) else { return Ok(default) };
        value.as_bool().ok_or_else(|| self.wrong(key, "true or false", &value.describe()))
    }

    pub(super) fn str(&self, key: &str) -> Result<Option<&'a str>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_str() {
            Some(s) => Ok(Some(s)),
            None => Err(self.wrong(key, "a string", &value.describe())),
        }
    }

    /// Refuses a setting that changes the computation in a way no plan has. Zero, one where `neutral` is one, `false`
    /// and absence mean that it is off.
    pub(super) fn must_be_off(&self, key: &str, neutral: f64) -> Result<()> {
        match self.get(key) {
            None | Some(Value::Bool(false)) => Ok(()),
            Some(value) if value.as_f64().is_some_and(|n| n == 0.0 || n == neutral) => Ok(()),
            Some(value) => Err(self.unsupported(key, &value.describe(), "models without it")),
        }
    }

    /// A value that asks for something no plan does.
    pub(super) fn unsupported(&self, key: &str, found: &str, supported: &str) -> Error {
        unsupported(&self.full(key), found, supported)
    }

    /// A value that contradicts what the key means.
    pub(super) fn wrong(&self, key: &str, expected: impl ToString, found: &str) -> Error {
        Error::Format {
            file: self.file.name.clone(),
            what: self.full(key),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}

pub(super) fn unsupported(what: &str, found: &str, supported: &str) -> Error {
    Error::Unsupported { what: what.to_string(), found: found.to_string(), supported: supported.to_string() }
}

/// Upper limits: far above every nano model, low enough that no product of a few of them overflows 64 bits and that a
/// damaged number is refused here, not by an allocation.
pub(super) mod limits {
    pub const N_VOCAB: usize = 1 << 22;
    pub const WIDTH: usize = 1 << 18;
    pub const N_LAYERS: usize = 512;
    pub const N_HEADS: usize = 1024;
    pub const N_EXPERTS: usize = 1024;
    pub const HEAD_DIM: usize = 1024;
    pub const CONTEXT_LEN: usize = 1 << 24;
}
