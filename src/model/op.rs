//! The operations of a plan. Each variant has one file in `cpu`, one in `gpu`, one shader and one kernel test of the
//! same stem.
//!
//! Activations are f32 matrices `[n, width]`, row-major, one row per token of the batch. An operation never writes a
//! buffer that it reads.

use super::config::{Activation, Rope};

/// Index into [`Plan::buffers`](super::Plan::buffers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BufferId(pub usize);
/// Index into [`Plan::matrices`](super::Plan::matrices).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MatrixId(pub usize);
/// Index into [`Plan::vectors`](super::Plan::vectors).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VectorId(pub usize);

/// One operation. `p` is a row's position in the session: the batch's start plus the row.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// `out[i] = table[token[i]]`. Stem `embed`.
    Embed { table: MatrixId, out: BufferId },
    /// `out[i] = x[i] + table[p]`. Stem `position_embed`.
    PositionEmbed { x: BufferId, table: MatrixId, out: BufferId },
    /// `out = x / sqrt(mean(x^2) + eps) * weight`, per row. Stem `rms_norm`.
    RmsNorm { x: BufferId, weight: VectorId, eps: f32, out: BufferId },
    /// `out = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias`, per row. Stem `layer_norm`.
    LayerNorm { x: BufferId, weight: VectorId, bias: VectorId, eps: f32, out: BufferId },
    /// `out[i, r] = dot(x[i], weight[r]) + bias[r]`, weight `[rows, cols]`. Stem `linear`.
    Linear { x: BufferId, weight: MatrixId, bias: Option<VectorId>, out: BufferId },
    /// Rotates each of `n_heads` heads by its position. `factors` divide the frequencies. Stem `rope`.
    Rope { x: BufferId, n_heads: usize, head_dim: usize, rope: Rope, factors: Option<VectorId>, out: BufferId },
    /// Appends the batch's rows of k and v to the layer's cache at their positions. Stem `store_kv`.
    StoreKv { k: BufferId, v: BufferId, layer: usize },
    /// Causal grouped-query attention of q over the layer's cache, positions `0..=p`:
    /// `out = softmax(scale * q . K) V` per head. Stem `attention`.
    Attention {
        q: BufferId,
        layer: usize,
        n_heads: usize,
        n_kv_heads: usize,
        head_dim: usize,
        scale: f32,
        out: BufferId,
    },
    /// `out = activation(gate) * up`, elementwise. Stem `gated_activation`.
    GatedActivation { gate: BufferId, up: BufferId, activation: Activation, out: BufferId },
    /// `out = activation(x)`, elementwise. Stem `activation`.
    Activation { x: BufferId, activation: Activation, out: BufferId },
    /// `out = a + b`, elementwise. Stem `add`.
    Add { a: BufferId, b: BufferId, out: BufferId },
    /// Keeps the rows whose logits are asked for (the last, all, or some), in order. Every step after this one runs over those
    /// rows only, and is skipped where none is asked for. Stem `select_rows`.
    SelectRows { x: BufferId, out: BufferId },
}

impl Op {
    /// The file stem shared by the CPU kernel, the GPU kernel, the shader and the kernel test.
    pub fn stem(&self) -> &'static str {
        match self {
            Op::Embed { .. } => "embed",
            Op::PositionEmbed { .. } => "position_embed",
            Op::RmsNorm { .. } => "rms_norm",
            Op::LayerNorm { .. } => "layer_norm",
            Op::Linear { .. } => "linear",
            Op::Rope { .. } => "rope",
            Op::StoreKv { .. } => "store_kv",
            Op::Attention { .. } => "attention",
            Op::GatedActivation { .. } => "gated_activation",
            Op::Activation { .. } => "activation",
            Op::Add { .. } => "add",
            Op::SelectRows { .. } => "select_rows",
        }
    }

    /// The buffer that the operation writes; `None` for [`Op::StoreKv`], which writes the cache.
    pub fn out(&self) -> Option<BufferId> {
        match *self {
            Op::Embed { out, .. }
            | Op::PositionEmbed { out, .. }
            | Op::RmsNorm { out, .. }
            | Op::LayerNorm { out, .. }
            | Op::Linear { out, .. }
            | Op::Rope { out, .. }
            | Op::Attention { out, .. }
            | Op::GatedActivation { out, .. }
            | Op::Activation { out, .. }
            | Op::Add { out, .. }
            | Op::SelectRows { out, .. } => Some(out),
            Op::StoreKv { .. } => None,
        }
    }
}
