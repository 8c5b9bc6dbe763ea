//! The GPU backend on a real adapter (Debian's `mesa-vulkan-drivers` is one): every kernel against the naive f64
//! reference, and whole models against the reference and the CPU. Without an adapter it says so and passes.
#![cfg(all(feature = "gpu", not(target_arch = "wasm32")))]

#[path = "../reference/mod.rs"]
mod reference;
#[path = "../support/mod.rs"]
mod support;

mod builder;
mod kernels;
mod lane;
mod model;
