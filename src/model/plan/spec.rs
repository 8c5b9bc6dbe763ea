//! A plan's parts: weights, buffers, steps.

use crate::model::config::ModelConfig;
use crate::model::op::{BufferId, Op};

/// A weight matrix `[rows, cols]` that a step multiplies by, rows outermost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatrixSpec {
    /// Canonical (GGUF-style) name, for example `blk.0.attn_q.weight`.
    pub name: String,
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub cols: usize,
}

/// The name of a vector that is in no file: it is zero, as the bias of a norm that has none.
pub const ZEROS: &str = "zeros";

/// A small f32 vector: norm weight, bias, rotary factors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorSpec {
    /// Canonical name, for example `blk.0.attn_norm.weight`.
    pub name: String,
    /// Number of elements.
    pub len: usize,
}

/// An activation buffer: f32 `[n, width]`, n up to the backend's batch limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferSpec {
    /// For traces.
    pub name: &'static str,
    /// Elements of a row.
    pub width: usize,
}

/// One operation with the name that traces, tests and errors use, for example `blk.0.attn_norm`.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Unique in the plan.
    pub name: String,
    /// What is computed.
    pub op: Op,
}

/// The whole computation from token ids to logits, or to an encoder's rows.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it was built from.
    pub config: ModelConfig,
    /// By [`MatrixId`](crate::model::op::MatrixId).
    pub matrices: Vec<MatrixSpec>,
    /// By [`VectorId`](crate::model::op::VectorId).
    pub vectors: Vec<VectorSpec>,
    /// By [`BufferId`].
    pub buffers: Vec<BufferSpec>,
    /// In the order of computation.
    pub steps: Vec<Step>,
    /// How many of them, the first, read the source of an encoder-decoder: those run once for it, the others for each batch.
    pub source_steps: usize,
    /// What the last step leaves: logits `[selected rows, n_vocab]`, or an encoder's rows `[selected rows, d_model]`.
    pub output: BufferId,
}
