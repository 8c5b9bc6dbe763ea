//! What a model computes, as data: [`ModelConfig`] says what its layers are made of, [`plan::build`] turns that into named steps.

pub mod config;
pub mod op;
pub mod plan;
pub mod rope;
pub mod sampling;

pub use config::{Activation, AttentionConfig, EncoderConfig, Ffn, FfnConfig, LayerConfig, ModelConfig, Norm, Norms};
pub use config::{Output, Pooling, QkNorm, Relative, SourceConfig};
pub use op::{BufferId, MatrixId, Op, RowIds, VectorId};
pub use plan::{Batch, BufferSpec, LogitRows, MatrixSpec, Plan, Step, Texts, VectorSpec};
pub use rope::{Rope, RopeLayout, RopeScaling};
pub use sampling::{Sampled, Sampling};
