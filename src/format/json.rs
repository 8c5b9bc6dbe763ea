//! JSON settings files, flattened into [`Value`]s.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::model_file::Value;
use super::stand_in::stand_in;
use crate::error::{Error, Result};

/// Settings files are a few kilobytes, the index of a sharded model with very many tensors a few hundred. In memory,
/// JSON takes up to 50 times its length (`[1,1,1...`).
const MAX_BYTES: usize = 1 << 20;
/// These keep a hostile file from repeating a long prefix in front of very many short keys.
const MAX_KEY_BYTES: usize = 256;
const MAX_KEYS: usize = 10_000;

/// Parses a JSON object of strings, numbers, booleans, arrays and objects; the keys of an object inside an object
/// follow a dot.
///
/// # Errors
/// `Format`, naming line and column, where the text is not a JSON object or is unreasonably large or nested.
pub(super) fn flatten(file: &str, bytes: &[u8]) -> Result<BTreeMap<String, Value>> {
    let mut flat = BTreeMap::new();
    object(file, "", parse(file, bytes)?, &mut flat)?;
    Ok(flat)
}

/// Parses a JSON object.
pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<serde_json::Map<String, Json>> {
    if bytes.len() > MAX_BYTES {
        return Err(invalid(file, "the file", "at most 1 MiB of settings", format!("{} bytes", bytes.len())));
    }
    let bytes = without_mark(bytes);
    let again = |e| without_infinity(bytes).and_then(|text| serde_json::from_slice(&text).ok()).ok_or(e);
    let read = serde_json::from_slice(bytes).or_else(again);
    match read {
        Ok(Json::Object(map)) => Ok(map),
        Ok(_) => Err(invalid(file, "the file", "a JSON object", "another JSON value".to_string())),
        Err(e) => Err(invalid(file, "the file", "JSON", stand_in(bytes).map_or_else(|| e.to_string(), str::to_string))),
    }
}

/// JSON without the byte order mark that some editors put before it.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// JSON with null for each `Infinity` outside of strings, which Python writes and JSON does not know; none where there is none.
fn without_infinity(bytes: &[u8]) -> Option<Vec<u8>> {
    const WORD: &[u8] = b"Infinity";
    let (mut out, mut rest, mut in_string) = (Vec::with_capacity(bytes.len()), bytes, false);
    while let [first, after @ ..] = rest {
        match rest.strip_prefix(WORD).filter(|_| !in_string) {
            Some(after) => {
                out.extend(b"null");
                rest = after;
            }
            None => {
                out.push(*first);
                rest = after;
                if in_string && *first == b'\\' {
                    out.extend(rest.first());
                    rest = rest.get(1..).unwrap_or_default();
                }
                in_string ^= *first == b'"';
            }
        }
    }
    (out.len() < bytes.len()).then_some(out)
}

/// A value in words, for messages: whole where it is short.
pub fn shown(json: &Json) -> String {
    match json {
        Json::Null => "null".to_string(),
        Json::Bool(b) => b.to_string(),
        Json::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
            (Some(n), _, _) => n.to_string(),
            (_, Some(n), _) => n.to_string(),
            (_, _, n) => n.unwrap_or(f64::NAN).to_string(),
        },
        Json::String(text) => match text.char_indices().nth(60) {
            Some((end, _)) => format!("{:?}...", &text[..end]),
            None => format!("{text:?}"),
        },
        Json::Array(list) if list.len() < 5 => format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(",")),
        Json::Array(list) => format!("a list of {}", list.len()),
        Json::Object(object) => match object.iter().next() {
            Some((key, value)) if object.len() == 1 => format!("{{{key:?}:{}}}", shown(value)),
            _ => format!("an object of {} keys", object.len()),
        },
    }
}

pub(super) fn invalid(file: &str, what: &str, expected: &str, found: String) -> Error {
    Error::Format { file: file.to_string(), what: what.to_string(), expected: expected.to_string(), found }
}

fn object(
    file: &str,
    prefix: &str,
    map: serde_json::Map<String, Json>,
    flat: &mut BTreeMap<String, Value>,
) -> Result<()> {
    for (key, json) in map {
        let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        if key.len() > MAX_KEY_BYTES {
            let shown: String = key.chars().take(40).collect();
            return Err(invalid(file, "a key", "at most 256 bytes", format!("{} bytes: {shown}...", key.len())));
        }
        match json {
            Json::Object(map) => object(file, &key, map, flat)?,
            json => {
                let value = value(json);
                if flat.len() >= MAX_KEYS {
                    return Err(invalid(file, "the file", "at most 10000 keys", "more".to_string()));
                }
                if flat.insert(key.clone(), value).is_some() {
                    return Err(invalid(file, &key, "one value", "two".to_string()));
                }
            }
        }
    }
    Ok(())
}

fn value(json: Json) -> Value {
    match json {
        Json::Bool(b) => Value::Bool(b),
        Json::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
            (Some(i), _, _) => Value::Int(i),
            (None, Some(u), _) => Value::UInt(u),
            (None, None, Some(f)) => Value::Float(f),
            (None, None, None) => Value::Null,
        },
        Json::String(s) => Value::String(s),
        Json::Array(items) => array(items),
        // An object here stands inside an array: no setting of interest does.
        Json::Null | Json::Object(_) => Value::Null,
    }
}

/// The narrowest array type that holds all elements.
fn array(items: Vec<Json>) -> Value {
    if items.is_empty() {
        return Value::Null;
    }
    if items.iter().all(Json::is_boolean) {
        return Value::Bools(items.iter().filter_map(Json::as_bool).collect());
    }
    if items.iter().all(Json::is_i64) {
        return Value::Ints(items.iter().filter_map(Json::as_i64).collect());
    }
    if items.iter().all(Json::is_number) {
        return Value::Floats(items.iter().filter_map(Json::as_f64).map(|f| f as f32).collect());
    }
    if items.iter().all(Json::is_string) {
        return Value::Strings(
            items.into_iter().filter_map(|s| if let Json::String(s) = s { Some(s) } else { None }).collect(),
        );
    }
    Value::List(items.into_iter().map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flattens_nested_objects_and_types_arrays() {
        let text = br#"{"a": {"b": 1, "c": {"d": 2.5}}, "s": ["x"], "i": [1, 2], "f": [1, 0.5], "e": [], "n": null,
            "big": 18446744073709551615, "mixed": [1, "x", [true]]}"#;
        let flat = flatten("f", text).unwrap();
        assert_eq!(flat["a.b"], Value::Int(1));
        assert_eq!(flat["a.c.d"], Value::Float(2.5));
        assert_eq!(flat["s"], Value::Strings(vec!["x".to_string()]));
        assert_eq!(flat["i"], Value::Ints(vec![1, 2]));
        assert_eq!(flat["f"], Value::Floats(vec![1.0, 0.5]));
        assert_eq!((&flat["e"], &flat["n"]), (&Value::Null, &Value::Null));
        assert_eq!(flat["big"], Value::UInt(u64::MAX));
        let mixed = vec![Value::Int(1), Value::String("x".to_string()), Value::Bools(vec![true])];
        assert_eq!(flat["mixed"], Value::List(mixed));
    }

    #[test]
    fn infinity_is_no_number() {
        let text = br#"{"limit": [0.0, Infinity], "text": "an \"Infinity\" \\", "last": Infinity}"#;
        let flat = flatten("f", text).unwrap();
        assert_eq!(flat["limit"], Value::List(vec![Value::Float(0.0), Value::Null]));
        assert_eq!((&flat["text"], &flat["last"]), (&Value::String("an \"Infinity\" \\".into()), &Value::Null));
        for text in [&b"{\"a\": Infinit}"[..], b"{\"a\": \"Infinity}", b"{\"a\": Infinity"] {
            assert!(flatten("f", text).is_err());
        }
    }

    #[test]
    fn refuses_what_is_not_an_object_or_is_ambiguous() {
        assert!(flatten("f", b"[1]").is_err());
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n";
        assert!(flatten("f", pointer).unwrap_err().to_string().contains("found a Git LFS pointer"));
        assert!(flatten("f", b"{\"a\": ").is_err());
        assert!(flatten("f", br#"{"a": {"b": 1}, "a.b": 2}"#).is_err());
        let nested = format!("{}1{}", "{\"abcdefgh\":".repeat(100), "}".repeat(100));
        assert!(flatten("f", nested.as_bytes()).unwrap_err().to_string().contains("256 bytes"));
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(flatten("f", format!("{{\"a\":{deep}}}").as_bytes()).is_err());
    }
}
