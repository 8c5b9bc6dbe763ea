//! What a model computes, as data: [`ModelConfig`] says what its layers are made of, [`plan::build`] turns that into named steps.

pub mod config;
pub mod op;
mod output;
pub mod plan;
pub mod rope;
pub mod sampling;
mod ssm;

pub use config::{Activation, AttentionConfig, ExpertsConfig, Ffn, FfnConfig, LayerConfig, ModelConfig};
pub use config::{Masked, Norm, Norms, QkNorm, Relative, SourceConfig};
pub use op::{BufferId, MatrixId, Op, RowIds, VectorId};
pub use output::{EncoderConfig, Output, Pooling};
pub use plan::{Batch, BufferSpec, LogitRows, MatrixSpec, Plan, Step, Texts, VectorSpec, ZEROS};
pub use rope::{Rope, RopeLayout, RopeScaling};
pub use sampling::{Sampled, Sampling};
pub use ssm::SsmConfig;
