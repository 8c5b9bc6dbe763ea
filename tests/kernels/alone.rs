//! What `pkg-scripts/wasm-test` runs in a browser: the kernels, and what the browser is asked instead of tables.

#[path = "mod.rs"]
mod kernels;
#[cfg(target_arch = "wasm32")]
#[path = "../text/normal_forms.rs"]
mod normal_forms;
#[path = "../reference/mod.rs"]
mod reference;
#[path = "../support/mod.rs"]
mod support;
