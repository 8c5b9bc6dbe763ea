//! The operations of a plan. Each variant has one file in `cpu`, one in `gpu`, one shader and one kernel test of the
//! same stem.
//!
//! Activations are f32 matrices `[n, width]`, row-major, one row per token of the batch. An operation never writes a
//! buffer that it reads.

use super::config::{Activation, Relative};
use super::rope::Rope;
use super::ssm::SsmConfig;

/// Index into [`Plan::buffers`](super::Plan::buffers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BufferId(pub usize);
/// Index into [`Plan::matrices`](super::Plan::matrices).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MatrixId(pub usize);
/// Index into [`Plan::vectors`](super::Plan::vectors).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VectorId(pub usize);

/// What a row of the batch chooses a table's row by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowIds {
    /// Its token.
    Tokens,
    /// The segment that it belongs to: 0, but for the second of two texts that are read as one.
    Segments,
}

/// One operation. `p` is a row's position in the session: the batch's start plus the row. Of several texts that an encoder reads at
/// once, each begins at 0, and attention sees none of the others.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each formula names its fields")]
pub enum Op {
    /// `out[i] = table[ids[i]]`. Stem `embed`.
    Embed { table: MatrixId, ids: RowIds, out: BufferId },
    /// `out[i] = x[i] + table[p]`. Stem `position_embed`.
    PositionEmbed { x: BufferId, table: MatrixId, out: BufferId },
    /// `out = x / sqrt(mean(x^2) + eps) * weight`, for each of the `n_heads` equal parts of a row by itself: 1 for the whole row,
    /// more for a norm of each head (QK-norm), whose `weight` is `[head_dim]`. Stem `rms_norm`.
    RmsNorm { x: BufferId, weight: VectorId, n_heads: usize, eps: f32, out: BufferId },
    /// `out = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias`, per row. Stem `layer_norm`.
    LayerNorm { x: BufferId, weight: VectorId, bias: VectorId, eps: f32, out: BufferId },
    /// `out[i, r] = dot(x[i], weight[r]) + bias[r]`, weight `[rows, cols]`. Stem `linear`.
    Linear { x: BufferId, weight: MatrixId, bias: Option<VectorId>, out: BufferId },
    /// Rotates each of `n_heads` heads by its position. `factors` divide the frequencies. Stem `rope`.
    Rope { x: BufferId, n_heads: usize, head_dim: usize, rope: Rope, factors: Option<VectorId>, out: BufferId },
    /// Appends the batch's rows of k and v to the layer's cache at their positions; of the encoder of an encoder-decoder, to one of
    /// the source's, whose first is the encoder's own. Stem `store_kv`.
    StoreKv { k: BufferId, v: BufferId, layer: usize },
    /// Grouped-query attention of q over the layer's cache: `out = softmax(cap(scale * q . K)) V` per head. A row at `p` sees
    /// the positions `0..=p`, or without `causal` all up to the last of the batch; with a `window` only those of them less than
    /// so many away from `p`. `cap(s) = soft_cap * tanh(s / soft_cap)` where there is a `soft_cap`. With `relative`, a table `[buckets,
    /// n_heads]` has a bias for each distance, which is added to `scale * q . K`. With `cross`, the layer is the source's, and every row
    /// sees all of it. Stem `attention`.
    Attention {
        q: BufferId,
        layer: usize,
        n_heads: usize,
        n_kv_heads: usize,
        head_dim: usize,
        /// Factor on the scores.
        scale: f32,
        causal: bool,
        window: Option<usize>,
        soft_cap: Option<f32>,
        relative: Option<(VectorId, Relative)>,
        cross: bool,
        out: BufferId,
    },
    /// Gated convolution of each column over time (LFM2, arXiv 2511.23404). A row of x is `[b; c; u]`, each as wide as out; with
    /// `s[p] = b * u`, which is kept in the layer's cache, `out = c * sum_j(weight[:, j] * s[p - kernel + 1 + j])`, where what
    /// is before the first position is 0. `weight`: `[width, kernel]`. Stem `short_conv`.
    ShortConv { x: BufferId, weight: VectorId, kernel: usize, layer: usize, out: BufferId },
    /// A state space (Mamba-2, arXiv 2405.21060). A row of x is `[z; u; s]`: a gate as wide as out, what is convolved, a step for each
    /// head. With `[x; B; C] = silu(conv(u) + conv_bias)` over time, `s = softplus(s + step_bias)` within limits, of head h in group g
    /// `S = exp(s * a) * S + s * x B^T`, `y = S C + d * x`; and of each group's columns `out = rms_norm(y * silu(z)) * norm`. S and
    /// the last rows of u are kept by `layer`, counted among such layers. `conv: [conv_width, kernel]`, `a`, `d` and
    /// `step_bias`: `[n_heads]`. Stem `ssm`.
    Ssm {
        x: BufferId,
        ssm: SsmConfig,
        conv: VectorId,
        conv_bias: VectorId,
        step_bias: VectorId,
        a: VectorId,
        d: VectorId,
        norm: VectorId,
        layer: usize,
        out: BufferId,
    },
    /// Which experts a row takes, of a router's logits x: `out[i, e] = softmax(x[i])[e]` for the `n_used` of the largest logits (of
    /// equal ones the first), with `normalise` divided by their sum, and 0 for the others. Stem `route`.
    Route { x: BufferId, n_used: usize, normalise: bool, out: BufferId },
    /// A mixture of experts: `out[i] = sum_e(routes[i, e] * down_e(activation(gate_e(x[i])) * up_e(x[i])))` over those of which
    /// `routes` is not 0, at most `n_used` a row. There are as many as `routes` is wide; the matrices of expert e are the e-th
    /// from those given on. Stem `experts`.
    Experts {
        x: BufferId,
        routes: BufferId,
        n_used: usize,
        gate: MatrixId,
        up: MatrixId,
        down: MatrixId,
        activation: Activation,
        out: BufferId,
    },
    /// `out = activation(gate) * up`, elementwise. Stem `gated_activation`.
    GatedActivation { gate: BufferId, up: BufferId, activation: Activation, out: BufferId },
    /// `out = activation(x)`, elementwise. Stem `activation`.
    Activation { x: BufferId, activation: Activation, out: BufferId },
    /// `out = a + b`, elementwise. Stem `add`.
    Add { a: BufferId, b: BufferId, out: BufferId },
    /// `out = factor * x`, elementwise. Stem `scale`.
    Scale { x: BufferId, factor: f32, out: BufferId },
    /// `out = cap * tanh(x / cap)`, elementwise. Stem `soft_cap`.
    SoftCap { x: BufferId, cap: f32, out: BufferId },
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
            Op::ShortConv { .. } => "short_conv",
            Op::Ssm { .. } => "ssm",
            Op::Route { .. } => "route",
            Op::Experts { .. } => "experts",
            Op::GatedActivation { .. } => "gated_activation",
            Op::Activation { .. } => "activation",
            Op::Add { .. } => "add",
            Op::Scale { .. } => "scale",
            Op::SoftCap { .. } => "soft_cap",
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
            | Op::ShortConv { out, .. }
            | Op::Ssm { out, .. }
            | Op::Route { out, .. }
            | Op::Experts { out, .. }
            | Op::GatedActivation { out, .. }
            | Op::Activation { out, .. }
            | Op::Add { out, .. }
            | Op::Scale { out, .. }
            | Op::SoftCap { out, .. }
            | Op::SelectRows { out, .. } => Some(out),
            Op::StoreKv { .. } => None,
        }
    }
}
