//! The kernels alone: what `pkg-scripts/wasm-test` runs in a browser.

#[path = "mod.rs"]
mod kernels;
#[path = "../reference/mod.rs"]
mod reference;
#[path = "../support/mod.rs"]
mod support;
