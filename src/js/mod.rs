//! The wasm-bindgen surface: what `pkg-scripts/npm/src/engine.d.ts` declares, and nothing else.
//!
//! Fetching, caching, queueing and workers live in TypeScript; here begins what needs the model's bytes. Objects hold
//! shared ownership inside, so JavaScript may free any of them at any time, also while a promise is pending.

mod clock;
mod engine;
mod error;
mod event;
mod files;
mod guide;
mod job;
mod object;
mod options;
mod session;
#[cfg(feature = "tasks")]
mod texts;
#[cfg(target_feature = "atomics")]
mod threads;
mod unicode;

pub use engine::Engine;
pub use files::ModelFiles;
pub use job::Job;
pub use session::Session;

use wasm_bindgen::prelude::wasm_bindgen;

/// A bug that stops the module says where on the console; the browser is asked what the engine has no tables of.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
    crate::text::ask_for_properties(unicode::property);
    crate::text::ask_for_normal_forms(unicode::normal_form);
}
