//! Nano language models that run inside the web page.
//!
//! Data flows one way; a module imports only from its left:
//!
//! ```text
//! bytes -> format -> model (config, plan) -> weights -> cpu | gpu -> backend -> session -> sample -> text -> task -> js
//! ```
//!
//! [`language`] imports none of these. [`error`] and [`tensor`] (dtype and shape, no operations) are open to all. `tests/architecture.rs` holds the rule.

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
pub mod sample;
pub mod session;
pub mod task;
pub mod tensor;
pub mod text;
pub mod weights;

pub use error::{Error, Result};
