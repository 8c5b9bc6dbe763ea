//! The time.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
unsafe extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    safe fn performance_now() -> f64;
}

/// Milliseconds since the worker started.
pub fn clock() -> f64 {
    performance_now()
}
