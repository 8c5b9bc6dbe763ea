//! A model as a list of named steps over named buffers and weights.

use std::fmt;

use super::config::{Ffn, ModelConfig, Norm, Position, Rope};
use super::op::{BufferId, MatrixId, Op, VectorId};
use crate::error::{Error, Result};

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

/// Which rows of a batch need logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogitRows<'a> {
    /// None: a prefill chunk that is not the last. Steps from `SelectRows` on are skipped.
    None,
    /// The last row only.
    Last,
    /// These rows of the batch, counted from 0: each below the number of tokens, and no more than those.
    Rows(&'a [usize]),
    /// Every row.
    All,
}

impl LogitRows<'_> {
    /// How many rows of a batch of `n` tokens these are.
    pub fn count(self, n: usize) -> usize {
        match self {
            LogitRows::None => 0,
            LogitRows::Last => n.min(1),
            LogitRows::Rows(rows) => rows.len(),
            LogitRows::All => n,
        }
    }

    /// Which rows of a batch of `n` tokens these are, in the order of their logits.
    pub fn of(self, n: usize) -> impl ExactSizeIterator<Item = usize> {
        let first = if self == LogitRows::Last { n.saturating_sub(1) } else { 0 };
        (0..self.count(n)).map(move |k| match self {
            LogitRows::Rows(rows) => rows.get(k).copied().unwrap_or(0),
            _ => first + k,
        })
    }

    /// # Errors
    /// `Internal` for rows that a batch of `n` tokens does not have.
    pub fn check(self, n: usize) -> Result<()> {
        match self.of(n).find(|row| *row >= n) {
            None if self.count(n) <= n => Ok(()),
            _ => Err(Error::Internal { what: format!("logits of the rows {self:?} of a batch of {n} tokens") }),
        }
    }
}

/// One forward pass: consecutive tokens of one session.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// 1 to the backend's `max_batch` token ids, each below `n_vocab`.
    pub tokens: &'a [u32],
    /// Position of the first token: how many rows of the KV cache are already valid.
    pub position: usize,
    pub logits: LogitRows<'a>,
}

/// Builds the plan of a model.
///
/// Steps of one layer: norm, q k v, rotation, cache, attention, output projection, residual; norm, feed-forward,
/// residual. Buffers serve every layer again; the residual stream goes back and forth between `x` and `y`, because no
/// operation writes what it reads.
pub fn build(config: &ModelConfig) -> Plan {
    let mut b = Builder::new(config);
    let x = b.buffers.x;
    b.embed();
    for layer in 0..config.n_layers {
        b.attention(layer);
        b.feed_forward(layer);
    }
    // The rows without logits are dropped before the last norm and the widest matrix, not after.
    let selected = b.buffers.y;
    b.step("select_rows", Op::SelectRows { x, out: selected });
    b.norm("output_norm", selected);
    let head = match config.tied_embeddings {
        true => b.token_table,
        false => b.matrix("output.weight", config.n_vocab, config.d_model),
    };
    let (norm, logits) = (b.buffers.norm, b.buffers.logits);
    b.step("output", Op::Linear { x: norm, weight: head, bias: None, out: logits });
    b.plan
}

/// The buffers every plan has. `act` is the feed-forward's hidden row, `branch` what is added to the residual stream.
struct Buffers {
    x: BufferId,
    y: BufferId,
    norm: BufferId,
    q: BufferId,
    k: BufferId,
    v: BufferId,
    attn: BufferId,
    branch: BufferId,
    up: BufferId,
    act: BufferId,
    logits: BufferId,
}

struct Builder<'a> {
    config: &'a ModelConfig,
    plan: Plan,
    buffers: Buffers,
    token_table: MatrixId,
    /// Rotated q and k, with rotary positions.
    rotated: Option<(Rope, BufferId, BufferId, Option<VectorId>)>,
    /// The gate's hidden row, with a gated feed-forward.
    gate: Option<BufferId>,
}

impl<'a> Builder<'a> {
    fn new(config: &'a ModelConfig) -> Self {
        let c = config;
        let (q_width, kv_width) = (c.n_heads * c.head_dim, c.n_kv_heads * c.head_dim);
        let mut plan = Plan {
            config: c.clone(),
            matrices: Vec::new(),
            vectors: Vec::new(),
            buffers: Vec::new(),
            steps: Vec::new(),
            logits: BufferId(0),
        };
        let mut buffer = |name, width| {
            plan.buffers.push(BufferSpec { name, width });
            BufferId(plan.buffers.len() - 1)
        };
        let buffers = Buffers {
            x: buffer("x", c.d_model),
            y: buffer("y", c.d_model),
            norm: buffer("norm", c.d_model),
            q: buffer("q", q_width),
            k: buffer("k", kv_width),
            v: buffer("v", kv_width),
            attn: buffer("attn", q_width),
            branch: buffer("branch", c.d_model),
            up: buffer("up", c.d_ff),
            act: buffer("act", c.d_ff),
            logits: buffer("logits", c.n_vocab),
        };
        let rotated = match c.position {
            Position::Learned => None,
            Position::Rope(rope) => Some((rope, buffer("q_rot", q_width), buffer("k_rot", kv_width), None)),
        };
        let gate = match c.ffn {
            Ffn::Plain(_) => None,
            Ffn::Gated(_) => Some(buffer("gate", c.d_ff)),
        };
        plan.logits = buffers.logits;
        let mut b = Builder { config, plan, buffers, token_table: MatrixId(0), rotated, gate };
        b.token_table = b.matrix("token_embd.weight", c.n_vocab, c.d_model);
        if c.rope_factors
            && let Some((rope, q, k, None)) = b.rotated
        {
            let factors = b.vector("rope_freqs.weight", rope.n_dims / 2);
            b.rotated = Some((rope, q, k, Some(factors)));
        }
        b
    }

    fn matrix(&mut self, name: impl Into<String>, rows: usize, cols: usize) -> MatrixId {
        self.plan.matrices.push(MatrixSpec { name: name.into(), rows, cols });
        MatrixId(self.plan.matrices.len() - 1)
    }

    fn vector(&mut self, name: impl Into<String>, len: usize) -> VectorId {
        self.plan.vectors.push(VectorSpec { name: name.into(), len });
        VectorId(self.plan.vectors.len() - 1)
    }

    fn step(&mut self, name: impl Into<String>, op: Op) {
        self.plan.steps.push(Step { name: name.into(), op });
    }

    fn embed(&mut self) {
        let Buffers { x, y, .. } = self.buffers;
        let table = self.token_table;
        match self.config.position {
            Position::Rope(_) => self.step("token_embd", Op::Embed { table, out: x }),
            Position::Learned => {
                let positions = self.matrix("position_embd.weight", self.config.context_len, self.config.d_model);
                self.step("token_embd", Op::Embed { table, out: y });
                self.step("position_embd", Op::PositionEmbed { x: y, table: positions, out: x });
            }
        }
    }

    /// Norms `x` into the buffer `norm`.
    fn norm(&mut self, name: &str, x: BufferId) {
        let d_model = self.config.d_model;
        let out = self.buffers.norm;
        let weight = self.vector(format!("{name}.weight"), d_model);
        let op = match self.config.norm {
            Norm::Rms { eps } => Op::RmsNorm { x, weight, n_heads: 1, eps, out },
            Norm::Layer { eps } => {
                let bias = self.vector(format!("{name}.bias"), d_model);
                Op::LayerNorm { x, weight, bias, eps, out }
            }
        };
        self.step(name, op);
    }

    fn linear(&mut self, name: String, x: BufferId, out: BufferId, biased: bool) {
        let width = |id: BufferId| self.plan.buffers[id.0].width;
        let (rows, cols) = (width(out), width(x));
        let weight = self.matrix(format!("{name}.weight"), rows, cols);
        let bias = biased.then(|| self.vector(format!("{name}.bias"), rows));
        self.step(name, Op::Linear { x, weight, bias, out });
    }

    /// Reads the residual stream from `x`, leaves it in `y`.
    fn attention(&mut self, layer: usize) {
        let Buffers { x, y, norm, q, k, v, attn, branch, .. } = self.buffers;
        let &ModelConfig { n_heads, n_kv_heads, head_dim, qkv_bias, attn_out_bias, .. } = self.config;
        let name = |part: &str| format!("blk.{layer}.{part}");

        self.norm(&name("attn_norm"), x);
        self.linear(name("attn_q"), norm, q, qkv_bias);
        self.linear(name("attn_k"), norm, k, qkv_bias);
        self.linear(name("attn_v"), norm, v, qkv_bias);
        let (q, k) = match self.rotated {
            None => (q, k),
            Some((rope, q_rot, k_rot, factors)) => {
                self.step(name("rope_q"), Op::Rope { x: q, n_heads, head_dim, rope, factors, out: q_rot });
                self.step(name("rope_k"), Op::Rope { x: k, n_heads: n_kv_heads, head_dim, rope, factors, out: k_rot });
                (q_rot, k_rot)
            }
        };
        self.step(name("store_kv"), Op::StoreKv { k, v, layer });
        let scale = 1.0 / (head_dim as f32).sqrt();
        let (causal, window, soft_cap) = (true, None, None);
        let op = Op::Attention { q, layer, n_heads, n_kv_heads, head_dim, scale, causal, window, soft_cap, out: attn };
        self.step(name("attn"), op);
        self.linear(name("attn_output"), attn, branch, attn_out_bias);
        self.step(name("attn_residual"), Op::Add { a: x, b: branch, out: y });
    }

    /// Reads the residual stream from `y`, leaves it in `x`.
    fn feed_forward(&mut self, layer: usize) {
        let Buffers { x, y, norm, branch, up, act, .. } = self.buffers;
        let biased = self.config.ffn_bias;
        let name = |part: &str| format!("blk.{layer}.{part}");

        self.norm(&name("ffn_norm"), y);
        if let Some(gate) = self.gate {
            self.linear(name("ffn_gate"), norm, gate, biased);
        }
        self.linear(name("ffn_up"), norm, up, biased);
        let op = match (self.config.ffn, self.gate) {
            (Ffn::Gated(activation), Some(gate)) => Op::GatedActivation { gate, up, activation, out: act },
            (Ffn::Gated(activation) | Ffn::Plain(activation), _) => Op::Activation { x: up, activation, out: act },
        };
        self.step(name("ffn_act"), op);
        self.linear(name("ffn_down"), act, branch, biased);
        self.step(name("ffn_residual"), Op::Add { a: y, b: branch, out: x });
    }
}

impl fmt::Display for Plan {
    /// The plan as text: sizes, buffers, then one line per step with the shapes of its weights.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &self.config;
        writeln!(f, "{}: {} layers, d_model {}, d_ff {}", c.architecture, c.n_layers, c.d_model, c.d_ff)?;
        writeln!(f, "heads {}, kv heads {}, head_dim {}", c.n_heads, c.n_kv_heads, c.head_dim)?;
        writeln!(f, "vocabulary {}, context {}", c.n_vocab, c.context_len)?;
        if let Position::Rope(rope) = c.position {
            writeln!(
                f,
                "rope {:?}, theta {}, n_dims {}, scaling {:?}",
                rope.layout, rope.theta, rope.n_dims, rope.scaling
            )?;
        }
        f.write_str("\nbuffers:")?;
        for buffer in &self.buffers {
            write!(f, " {}[n, {}]", buffer.name, buffer.width)?;
        }
        f.write_str("\n\n")?;
        let width = self.steps.iter().map(|s| s.name.len()).max().unwrap_or(0);
        for step in &self.steps {
            let out = step.op.out().map_or("cache", |id| self.buffers[id.0].name);
            writeln!(f, "{:width$}  {out:6} = {}", step.name, self.describe(&step.op))?;
        }
        Ok(())
    }
}

impl Plan {
    /// An operation with the names behind its ids, for example `rms_norm(x, blk.0.attn_norm.weight[64], eps 1e-5)`.
    fn describe(&self, op: &Op) -> String {
        let buffer = |id: &BufferId| self.buffers[id.0].name;
        let matrix = |id: &MatrixId| {
            let m = &self.matrices[id.0];
            format!("{}[{}, {}]", m.name, m.rows, m.cols)
        };
        let vector = |id: &VectorId| {
            let v = &self.vectors[id.0];
            format!("{}[{}]", v.name, v.len)
        };
        let or_nothing = |id: &Option<VectorId>| id.as_ref().map_or(String::new(), |id| format!(", {}", vector(id)));
        let arguments = match op {
            Op::Embed { table, .. } => format!("tokens, {}", matrix(table)),
            Op::PositionEmbed { x, table, .. } => format!("{}, {}", buffer(x), matrix(table)),
            Op::RmsNorm { x, weight, n_heads, eps, .. } => {
                let heads = if *n_heads > 1 { format!(", {n_heads} heads") } else { String::new() };
                format!("{}, {}{heads}, eps {eps:e}", buffer(x), vector(weight))
            }
            Op::LayerNorm { x, weight, bias, eps, .. } => {
                format!("{}, {}, {}, eps {eps:e}", buffer(x), vector(weight), vector(bias))
            }
            Op::Linear { x, weight, bias, .. } => format!("{}, {}{}", buffer(x), matrix(weight), or_nothing(bias)),
            Op::Rope { x, n_heads, head_dim, factors, .. } => {
                format!("{}, {n_heads} x {head_dim}{}", buffer(x), or_nothing(factors))
            }
            Op::StoreKv { k, v, layer } => format!("{}, {}, layer {layer}", buffer(k), buffer(v)),
            Op::Attention { q, layer, n_heads, n_kv_heads, head_dim, scale, causal, window, soft_cap, .. } => {
                let window = window.map_or(String::new(), |window| format!(", window {window}"));
                let cap = soft_cap.map_or(String::new(), |cap| format!(", soft cap {cap}"));
                let both_ways = if *causal { "" } else { ", both ways" };
                let heads = format!("{n_heads} over {n_kv_heads} x {head_dim}, scale {scale}");
                format!("{}, layer {layer}, {heads}{both_ways}{window}{cap}", buffer(q))
            }
            Op::GatedActivation { gate, up, activation, .. } => {
                format!("{}, {}, {activation:?}", buffer(gate), buffer(up))
            }
            Op::Activation { x, activation, .. } => format!("{}, {activation:?}", buffer(x)),
            Op::Add { a, b, .. } => format!("{}, {}", buffer(a), buffer(b)),
            Op::Scale { x, factor, .. } => format!("{}, {factor}", buffer(x)),
            Op::SoftCap { x, cap, .. } => format!("{}, {cap}", buffer(x)),
            Op::SelectRows { x, .. } => buffer(x).to_string(),
        };
        format!("{}({arguments})", op.stem())
    }
}
