//! JavaScript option objects as JSON, which the engine checks name by name.

use js_sys::{Object, Reflect};
use serde_json::{Map, Value};
use wasm_bindgen::{JsCast, JsValue};

use crate::error::{Error, Result};

/// The options that are not undefined.
///
/// # Errors
/// `InvalidOption` for what is no object, and for values that JSON does not know.
pub fn object(options: &JsValue) -> Result<Map<String, Value>> {
    let mut out = Map::new();
    if options.is_undefined() || options.is_null() {
        return Ok(out);
    }
    let object: &Object = options.dyn_ref().ok_or_else(|| invalid("options", "an object", "another type"))?;
    for key in Object::keys(object).iter() {
        let name = key.as_string().unwrap_or_default();
        let value = Reflect::get(object, &key).map_err(|_| invalid(&name, "a readable value", "one that is not"))?;
        if value.is_undefined() {
            continue;
        }
        if let Some(number) = value.as_f64().filter(|number| !number.is_finite()) {
            return Err(invalid(&name, "a finite number", &number.to_string()));
        }
        let plain = serde_wasm_bindgen::from_value(value);
        out.insert(name.clone(), plain.map_err(|_| invalid(&name, "a plain value", "another type"))?);
    }
    Ok(out)
}

/// The options of a call that generates: where the caller gives no seed, each draws its own.
pub fn seeded(options: &JsValue) -> Result<Map<String, Value>> {
    let mut out = object(options)?;
    if !out.contains_key("seed") {
        let seed = js_sys::Math::random() * (1u64 << 53) as f64;
        out.insert("seed".into(), (seed as u64).into());
    }
    Ok(out)
}

fn invalid(name: &str, expected: &str, found: &str) -> Error {
    Error::InvalidOption { name: name.into(), expected: expected.into(), found: found.into() }
}
