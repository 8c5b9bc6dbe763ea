//! Reading the parts of a `tokenizer.json`, with errors that name them.

use serde_json::Value;

use crate::error::Error;
use crate::format::shown;

/// The file that errors name.
pub const FILE: &str = "tokenizer.json";

/// What was found in the place of something else.
pub trait Found {
    /// It, for a message.
    fn words(&self) -> String;
}

impl Found for &Value {
    fn words(&self) -> String {
        shown(self)
    }
}

macro_rules! found {
    ($($kind:ty),*) => {$(
        impl Found for $kind {
            fn words(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
found!(&str, String, &String, usize, u64, serde_json::Error);

/// A value that is not what its key must hold.
pub fn invalid(what: &str, expected: &str, found: impl Found) -> Error {
    let found = found.words();
    let found = match found.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &found[..end]),
        None => found,
    };
    Error::Format { file: FILE.into(), what: what.into(), expected: expected.into(), found }
}

/// A value that may be right, but that this crate does not know.
pub fn unsupported(what: &str, found: impl Found, supported: &str) -> Error {
    Error::Unsupported { what: format!("{FILE}: {what}"), found: found.words(), supported: supported.into() }
}

/// The `type` of a part.
pub fn kind_of(part: &Value) -> &str {
    part["type"].as_str().unwrap_or("(none)")
}

/// A part and, where it is a `Sequence`, its members under `key`.
pub fn members<'a>(part: &'a Value, key: &str) -> Vec<&'a Value> {
    match kind_of(part) {
        "Sequence" => {
            part[key].as_array().map(|m| m.iter().flat_map(|p| members(p, key)).collect()).unwrap_or_default()
        }
        _ if part.is_null() => Vec::new(),
        _ => vec![part],
    }
}
