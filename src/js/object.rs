//! Plain JavaScript objects from Rust values.

use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;

/// `{ key: value, ... }`
pub fn object<const N: usize>(entries: [(&str, JsValue); N]) -> JsValue {
    let object = Object::new();
    for (key, value) in entries {
        set(&object, key, &value);
    }
    object.into()
}

/// Sets a property. This cannot fail on objects made here.
pub fn set(object: &Object, key: &str, value: &JsValue) {
    let _ = Reflect::set(object, &JsValue::from_str(key), value);
}
