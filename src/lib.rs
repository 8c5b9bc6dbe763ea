//! Nano language models that run inside the web page.
//!
//! Data flows one way; a module imports only from its left:
//!
//! ```text
//! quant -> format -> model (config, plan) -> weights -> cpu | gpu -> backend -> session -> sample -> text -> run -> task -> js
//! ```
//!
//! A file's bytes come in at [`format`]. [`language`] imports none of these. [`error`], [`tensor`] (types and bytes, no operations) and `order` (sorting) are open to all. `tests/architecture.rs` holds the rule.

// What only tasks use stays where it is in a build without them.
#![cfg_attr(not(feature = "tasks"), allow(dead_code))]

pub mod backend;
pub mod cpu;
pub mod error;
pub mod format;
#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(target_arch = "wasm32")]
pub mod js;
pub mod language;
pub mod model;
mod order;
pub mod quant;
pub mod run;
pub mod sample;
pub mod session;
#[cfg(feature = "tasks")]
pub mod task;
pub mod tensor;
pub mod text;
pub mod weights;

pub use error::{Error, Result};
