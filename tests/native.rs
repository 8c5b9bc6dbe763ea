//! Every native test in one binary, so that `cargo test` links once and the cases of all folders share the cores.
//!
//! `cargo test --test native models::jobs` runs one module. `kernels`, `gpu` and `architecture` are also binaries of
//! their own: the first two because they run in a browser too, the last because it needs no engine.

mod architecture;
mod formats;
mod fuzz;
#[cfg(feature = "gpu")]
mod gpu;
mod kernels;
mod models;
mod plan;
mod reference;
mod shaders;
mod support;
mod surface;
mod text;
mod threads;

/// Measures what a load allocates.
#[global_allocator]
static ALLOCATOR: formats::memory::Counting = formats::memory::Counting;
