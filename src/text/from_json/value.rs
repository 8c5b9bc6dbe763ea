//! Reading the parts of a `tokenizer.json`, with errors that name them.

use serde_json::Value;

use crate::error::Error;

/// The file that errors name.
pub const FILE: &str = "tokenizer.json";

/// A value that is not what its key must hold.
pub fn invalid(what: &str, expected: &str, found: impl std::fmt::Display) -> Error {
    let found = found.to_string();
    let found = match found.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &found[..end]),
        None => found,
    };
    Error::Format { file: FILE.into(), what: what.into(), expected: expected.into(), found }
}

/// A value that may be right, but that this crate does not know.
pub fn unsupported(what: &str, found: impl std::fmt::Display, supported: &str) -> Error {
    Error::Unsupported { what: format!("{FILE}: {what}"), found: found.to_string(), supported: supported.into() }
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
