//! The one place where an [`Error`] becomes a JavaScript `Error`, with `code` and `details`.

use std::borrow::Cow;

use js_sys::{Array, Object};
use wasm_bindgen::JsValue;

use super::object::set;
use crate::error::Error;

/// A JavaScript `Error` whose `code` is [`Error::code`] and whose `details` hold the fields by name.
pub fn to_js(error: Error) -> JsValue {
    let js = js_sys::Error::new(&shortened(&error.to_string()));
    set(&js, "code", &error.code().into());
    set(&js, "details", &details(&error));
    js.into()
}

/// Bytes of a message, and of each of its facts: names come from files, which may hold anything.
const LONGEST: usize = 2000;

/// A text with its middle left out where it is longer: the end says what to do.
fn shortened(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return text.into();
    }
    let head = (0..LONGEST * 3 / 4 - 4).rev().find_map(|at| text.get(..at)).unwrap_or_default();
    let tail = (text.len() - LONGEST / 4..text.len()).find_map(|at| text.get(at..)).unwrap_or_default();
    format!("{head} … {tail}").into()
}

fn details(error: &Error) -> JsValue {
    let object = Object::new();
    let text = |key: &str, value: &str| set(&object, key, &JsValue::from_str(&shortened(value)));
    let number = |key: &str, value: f64| set(&object, key, &value.into());
    match error {
        Error::Truncated { file, what, expected, found } => {
            text("file", file);
            text("what", what);
            number("expected", *expected as f64);
            number("found", *found as f64);
        }
        Error::Format { file, what, expected, found } => {
            text("file", file);
            text("what", what);
            text("expected", expected);
            text("found", found);
        }
        Error::Unsupported { what, found, supported } => {
            text("what", what);
            text("found", found);
            text("supported", supported);
        }
        Error::MissingFile { expected, found } => {
            text("expected", expected);
            text("found", found);
        }
        Error::Weights { problems } => {
            let list: Array = problems.iter().map(|p| JsValue::from_str(&shortened(p))).collect();
            set(&object, "problems", &list);
        }
        Error::Session { what, expected, found } => {
            text("what", what);
            text("expected", expected);
            text("found", found);
        }
        Error::Tokenizer { what } | Error::Internal { what } => text("what", what),
        Error::ContextFull { limit, found } => {
            number("limit", *limit as f64);
            number("found", *found as f64);
        }
        Error::InvalidOption { name, expected, found } => {
            text("name", name);
            text("expected", expected);
            text("found", found);
        }
        Error::UnsupportedTask { task, why } => {
            text("task", task);
            text("why", why);
        }
        Error::Gpu { what, why } => {
            text("what", what);
            text("why", why);
        }
        Error::OutOfMemory { what, bytes } => {
            text("what", what);
            number("bytes", *bytes as f64);
        }
        Error::NotFinite { token, found } => {
            number("token", *token as f64);
            text("found", found);
        }
        Error::Busy => {}
    }
    object.into()
}
