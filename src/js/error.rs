//! The one place where an [`Error`] becomes a JavaScript `Error`, with `code` and `details`.

use js_sys::{Array, Object};
use wasm_bindgen::JsValue;

use super::object::set;
use crate::error::Error;

/// A JavaScript `Error` whose `code` is [`Error::code`] and whose `details` hold the fields by name.
pub fn to_js(error: Error) -> JsValue {
    let js = js_sys::Error::new(&error.to_string());
    set(&js, "code", &error.code().into());
    set(&js, "details", &details(&error));
    js.into()
}

fn details(error: &Error) -> JsValue {
    let object = Object::new();
    let text = |key: &str, value: &str| set(&object, key, &value.into());
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
            let list: Array = problems.iter().map(|p| JsValue::from_str(p)).collect();
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
