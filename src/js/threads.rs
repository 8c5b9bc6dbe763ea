//! What a thread of the engine calls: see `pkg-scripts/npm/src/thread.ts`. Only in the build with shared memory.
//!
//! Numbers only, no JavaScript values: a thread instantiates the module without its JavaScript side.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::cpu::threads::POOL;

/// Shares the engine's work for as long as the page lives.
#[wasm_bindgen]
pub fn thread_run() {
    POOL.help();
}

/// Says of a thread that trapped that nobody may wait for it.
#[wasm_bindgen]
pub fn thread_failed() {
    POOL.bury();
}
