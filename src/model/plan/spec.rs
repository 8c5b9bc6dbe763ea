//! A plan's parts: weights, buffers, steps.

use crate::model::config::ModelConfig;
use crate::model::op::{BufferId, Op};

/// A weight matrix `[rows, cols]` that a step multiplies by, rows outermost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatrixSpec {
    /// Canonical (GGUF-style) name, for example `blk.0.attn_q.weight`.
    pub name: String,
    pub rows: usize,
    pub cols: usize,
}

/// A small f32 vector: norm weight, bias, rotary factors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorSpec {
    pub name: String,
    pub len: usize,
}

/// An activation buffer: f32 `[n, width]`, n up to the backend's batch limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferSpec {
    pub name: &'static str,
    pub width: usize,
}

/// One operation with the name that traces, tests and errors use, for example `blk.0.attn_norm`.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub name: String,
    pub op: Op,
}

/// The whole computation from token ids to logits.
#[derive(Clone, Debug)]
pub struct Plan {
    pub config: ModelConfig,
    pub matrices: Vec<MatrixSpec>,
    pub vectors: Vec<VectorSpec>,
    pub buffers: Vec<BufferSpec>,
    pub steps: Vec<Step>,
    /// The buffer of the logits `[selected rows, n_vocab]` after the last step.
    pub logits: BufferId,
}
