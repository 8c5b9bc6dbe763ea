//! Nano language models that run inside the web page.
//!
//! ```
//! use nanolm::backend::DeviceChoice;
//! use nanolm::run::{Event, GenerateOptions, Model, Prompt};
//! use nanolm::tensor::Bytes;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # pollster::block_on(async {
//! // A random model of some kilobytes; any GGUF file of a known architecture will do.
//! let file = std::fs::read("tests/golden/tiny-llama/model-q8_0.gguf")?;
//! let files = vec![("model.gguf".to_string(), Bytes::new(file))];
//! // Timings need a clock; this one stands still.
//! let model = Model::load(files, DeviceChoice::Cpu, || 0.0, &mut |_, _, _| {}).await?;
//!
//! let options = GenerateOptions { max_new_tokens: Some(4), temperature: Some(0.0), ..GenerateOptions::default() };
//! let mut job = model.generate(Prompt::Tokens(&[1, 2, 3]), &options)?;
//! let mut tokens = Vec::new();
//! loop {
//!     match job.next().await? {
//!         Event::Piece(piece) => tokens.push(piece.token),
//!         Event::Done { usage, .. } => {
//!             assert!(usage.completion_tokens <= 4);
//!             break;
//!         }
//!         _ => {}
//!     }
//! }
//! # Ok(()) })
//! # }
//! ```
//!
//! Data flows one way; a module imports only from its left:
//!
//! ```text
//! quant -> format -> model (config, plan) -> arch -> weights -> cpu | gpu -> backend -> session -> sample -> text -> table, heads -> run -> task -> js
//! ```
//!
//! A file's bytes come in at [`mod@format`]. [`language`] imports none of these. [`error`], [`tensor`] (types and bytes, no operations), `order` (sorting), `case` (of letters) and `checksum` are open to all. `tests/architecture.rs` holds the rule.

// What only tasks use stays where it is in a build without them.
#![cfg_attr(not(feature = "tasks"), allow(dead_code))]

pub mod arch;
pub mod backend;
mod case;
mod checksum;
pub mod cpu;
pub mod error;
pub mod format;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod heads;
#[cfg(target_arch = "wasm32")]
pub mod js;
pub mod language;
pub mod model;
mod order;
pub mod quant;
pub mod run;
pub mod sample;
pub mod session;
pub mod table;
#[cfg(feature = "tasks")]
pub mod task;
pub mod tensor;
pub mod text;
pub mod weights;

pub use error::{Error, Result};
