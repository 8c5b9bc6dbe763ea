//! The wasm-bindgen surface: what `pkg-scripts/npm/src/engine.d.ts` declares, and nothing else.
//!
//! Fetching, caching, queueing and workers live in TypeScript; here begins what needs the model's bytes. Objects hold
//! shared ownership inside, so JavaScript may free any of them at any time, also while a promise is pending.

mod engine;
mod error;
mod event;
mod files;
mod object;
mod options;
mod property;
mod session;
#[cfg(target_feature = "atomics")]
mod threads;

pub use engine::{Engine, Job};
pub use files::ModelFiles;
pub use session::Session;

use wasm_bindgen::prelude::wasm_bindgen;

/// A bug that stops the module says where on the console; the browser is asked for properties of characters.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
    crate::text::ask_for_properties(property::property);
}

#[wasm_bindgen]
unsafe extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    safe fn performance_now() -> f64;
}

/// Milliseconds since the worker started.
pub(crate) fn clock() -> f64 {
    performance_now()
}
