//! Architecture as data: [`ModelConfig`] says what the model is, [`plan::build`] turns it into named steps.

pub mod config;
mod from_gguf;
mod from_hf;
pub mod op;
pub mod plan;
pub mod sampling;
mod settings;

pub use config::{Activation, Ffn, ModelConfig, Norm, Position, Rope, RopeLayout, RopeScaling};
pub use op::{BufferId, MatrixId, Op, VectorId};
pub use plan::{Batch, BufferSpec, LogitRows, MatrixSpec, Plan, Step, VectorSpec};
pub use sampling::{Sampled, Sampling};
