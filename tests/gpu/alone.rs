//! The GPU's tests alone: what `pkg-scripts/wasm-test --gpu` runs in a browser.
#![cfg(feature = "gpu")]

#[path = "mod.rs"]
mod gpu;
#[path = "../reference/mod.rs"]
mod reference;
#[path = "../support/mod.rs"]
mod support;
