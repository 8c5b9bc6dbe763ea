//! From what a model is made of to its plan.

use super::spec::{BufferSpec, MatrixSpec, Plan, Step, VectorSpec, ZEROS};
use crate::model::config::{Ffn, LayerConfig, Masked, ModelConfig, Norm, QkNorm};
use crate::model::op::{BufferId, MatrixId, Op, RowIds, VectorId};
use crate::model::output::Output;

/// Builds the plan of a model.
///
/// Steps of one layer: norm, q k v, rotation, cache, attention, output projection, residual; norm, feed-forward, residual. Buffers serve
/// every layer again; the residual stream goes back and forth between `x` and `y`, because no operation writes what it reads. An
/// encoder-decoder begins with what reads the source: the encoder, and what each layer of the decoder attends to of it.
pub fn build(config: &ModelConfig) -> Plan {
    let mut b = Builder::new(config);
    if let Some(source) = &config.source {
        b.source(source);
    }
    b.embed();
    for i in 0..config.n_layers {
        if let Some(layer) = config.layer(i) {
            match (layer.short_conv, layer.ssm) {
                (Some(kernel), _) => b.short_conv(i, layer, kernel),
                (None, Some(ssm)) => b.ssm(i, layer, ssm),
                (None, None) => b.attention(i, layer),
            }
            if let Some(norms) = layer.cross {
                b.cross_attention(i, layer, norms);
            }
            match layer.ffn.kind {
                Ffn::None => std::mem::swap(&mut b.buffers.x, &mut b.buffers.y),
                _ => b.feed_forward(i, layer),
            }
        }
    }
    b.output();
    b.plan
}

/// The buffers every plan has. `act` is the feed-forward's hidden row, `branch` what is added to the residual stream.
pub(super) struct Buffers {
    pub(super) x: BufferId,
    pub(super) y: BufferId,
    pub(super) norm: BufferId,
    pub(super) q: BufferId,
    pub(super) k: BufferId,
    pub(super) v: BufferId,
    pub(super) attn: BufferId,
    pub(super) branch: BufferId,
    pub(super) up: BufferId,
    pub(super) act: BufferId,
    pub(super) output: BufferId,
}

pub(super) struct Builder<'a> {
    pub(super) config: &'a ModelConfig,
    pub(super) plan: Plan,
    pub(super) buffers: Buffers,
    token_table: MatrixId,
    rope_factors: Option<VectorId>,
    /// What the names of weights and steps begin with: `enc.` and `dec.` for the halves of an encoder-decoder.
    pub(super) side: &'static str,
    /// The side's table of biases by distance.
    pub(super) relative: Option<VectorId>,
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
            source_steps: 0,
            output: BufferId(0),
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
            output: match c.output {
                Output::Rows(_) if c.masked.is_none() => buffer("rows", c.d_model),
                _ => buffer("logits", c.n_vocab),
            },
        };
        plan.output = buffers.output;
        let mut b = Builder {
            config,
            plan,
            buffers,
            token_table: MatrixId(0),
            rope_factors: None,
            side: c.side,
            relative: None,
        };
        b.token_table = b.matrix("token_embd.weight", c.n_vocab, c.d_model);
        let rope = c.layers.iter().find_map(|layer| layer.attention.rope);
        b.rope_factors = rope.filter(|_| c.rope_factors).map(|rope| b.vector("rope_freqs.weight", rope.n_dims / 2));
        b
    }

    /// The buffer of that name; a new one where there is none yet.
    pub(super) fn buffer(&mut self, name: &'static str, width: usize) -> BufferId {
        let found = self.plan.buffers.iter().position(|buffer| buffer.name == name);
        BufferId(found.unwrap_or_else(|| {
            self.plan.buffers.push(BufferSpec { name, width });
            self.plan.buffers.len() - 1
        }))
    }

    pub(super) fn matrix(&mut self, name: impl Into<String>, rows: usize, cols: usize) -> MatrixId {
        self.plan.matrices.push(MatrixSpec { name: name.into(), rows, cols });
        MatrixId(self.plan.matrices.len() - 1)
    }

    pub(super) fn vector(&mut self, name: impl Into<String>, len: usize) -> VectorId {
        self.plan.vectors.push(VectorSpec { name: name.into(), len });
        VectorId(self.plan.vectors.len() - 1)
    }

    pub(super) fn zeros(&mut self, len: usize) -> VectorId {
        let zeros = |vector: &VectorSpec| vector.name == ZEROS && vector.len == len;
        match self.plan.vectors.iter().position(zeros) {
            Some(found) => VectorId(found),
            None => self.vector(ZEROS, len),
        }
    }

    pub(super) fn step(&mut self, name: impl Into<String>, op: Op) {
        self.plan.steps.push(Step { name: name.into(), op });
    }

    /// A name of the side.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{}{name}", self.side)
    }

    /// A name of a layer of the side.
    pub(super) fn of_layer(&self, i: usize, part: &str) -> String {
        format!("{}blk.{i}.{part}", self.side)
    }

    fn width(&self, id: BufferId) -> usize {
        self.plan.buffers.get(id.0).map_or(0, |buffer| buffer.width)
    }

    /// Leaves the residual stream in `x`.
    pub(super) fn embed(&mut self) {
        let Buffers { x, y, norm, .. } = self.buffers;
        let &ModelConfig { d_model, context_len, segments, embedding_scale: factor, .. } = self.config;
        let (scaled, positions, normed) = (factor != 1.0, self.config.learned_positions, self.config.embedding_norm);
        // Back and forth, so that the last one writes x.
        let changes = [scaled, positions, segments > 0, normed.is_some()].into_iter().filter(|change| *change).count();
        let (mut at, mut free) = if changes % 2 == 0 { (x, y) } else { (y, x) };
        let table = self.token_table;
        self.step(self.named("token_embd"), Op::Embed { table, ids: RowIds::Tokens, out: at });
        if scaled {
            self.step(self.named("token_embd_scale"), Op::Scale { x: at, factor, out: free });
            (at, free) = (free, at);
        }
        if positions {
            let table = self.matrix(self.named("position_embd.weight"), context_len, d_model);
            self.step(self.named("position_embd"), Op::PositionEmbed { x: at, table, out: free });
            (at, free) = (free, at);
        }
        if segments > 0 {
            let table = self.matrix("token_types.weight", segments, d_model);
            self.step("token_types", Op::Embed { table, ids: RowIds::Segments, out: norm });
            self.step("token_types_sum", Op::Add { a: at, b: norm, out: free });
            (at, free) = (free, at);
        }
        if let Some(norm) = normed {
            self.norm(&self.named("token_embd_norm"), norm, at, free);
        }
    }

    /// Norms `x` into `out`.
    fn norm(&mut self, name: &str, norm: Norm, x: BufferId, out: BufferId) {
        let width = self.width(x);
        let weight = self.vector(format!("{name}.weight"), width);
        let op = match norm {
            Norm::Rms { eps } => Op::RmsNorm { x, weight, n_heads: 1, eps, out },
            Norm::Layer { eps } => {
                let bias = self.vector(format!("{name}.bias"), width);
                Op::LayerNorm { x, weight, bias, eps, out }
            }
            Norm::Unbiased { eps } => {
                let bias = self.zeros(width);
                Op::LayerNorm { x, weight, bias, eps, out }
            }
        };
        self.step(name, op);
    }

    pub(super) fn linear(&mut self, name: String, x: BufferId, out: BufferId, biased: bool) {
        let (rows, cols) = (self.width(out), self.width(x));
        let weight = self.matrix(format!("{name}.weight"), rows, cols);
        let bias = biased.then(|| self.vector(format!("{name}.bias"), rows));
        self.step(name, Op::Linear { x, weight, bias, out });
    }

    /// Queries or keys as attention multiplies them: normalised and rotated, where the layer does. Gives the buffer.
    fn turned(
        &mut self,
        i: usize,
        layer: &LayerConfig,
        x: BufferId,
        n_heads: usize,
        names: [&'static str; 4],
    ) -> BufferId {
        let [part, norm, normed, rotated] = names;
        let head_dim = self.config.head_dim;
        let width = self.width(x);
        let mut x = x;
        if let Some(qk_norm) = layer.attention.qk_norm {
            let (len, n_heads, eps) = match qk_norm {
                QkNorm::Head { eps } => (head_dim, n_heads, eps),
                QkNorm::Row { eps } => (width, 1, eps),
            };
            let (name, out) = (self.of_layer(i, norm), self.buffer(normed, width));
            let weight = self.vector(format!("{name}.weight"), len);
            self.step(name, Op::RmsNorm { x, weight, n_heads, eps, out });
            x = out;
        }
        if let Some(rope) = layer.attention.rope {
            let (factors, out) = (self.rope_factors, self.buffer(rotated, width));
            self.step(self.of_layer(i, &format!("rope_{part}")), Op::Rope { x, n_heads, head_dim, rope, factors, out });
            x = out;
        }
        x
    }

    /// Reads the residual stream from `x`, leaves it in `y`.
    pub(super) fn attention(&mut self, i: usize, layer: &LayerConfig) {
        let Buffers { x, q, k, v, attn, branch, .. } = self.buffers;
        let &ModelConfig { n_heads, n_kv_heads, head_dim, .. } = self.config;
        let a = &layer.attention;
        let side = self.side;
        let name = |part: &str| format!("{side}blk.{i}.{part}");

        let read = self.read(&name("attn_norm"), a.norms.before, x);
        self.linear(name("attn_q"), read, q, a.qkv_bias);
        self.linear(name("attn_k"), read, k, a.qkv_bias);
        self.linear(name("attn_v"), read, v, a.qkv_bias);
        let q = self.turned(i, layer, q, n_heads, ["q", "attn_q_norm", "q_norm", "q_rot"]);
        let k = self.turned(i, layer, k, n_kv_heads, ["k", "attn_k_norm", "k_norm", "k_rot"]);
        // What an encoder stores nobody reads later, so that its layers share one.
        let cached = match self.config.encoder().is_some() || self.side == "enc." {
            true => 0,
            false => self.config.layers_before(i, |layer| layer.ssm.is_none()),
        };
        self.step(name("store_kv"), Op::StoreKv { k, v, layer: cached });
        let scale = a.scale.unwrap_or(1.0 / (head_dim as f32).sqrt());
        let (causal, window, soft_cap) = (a.causal, a.window, a.soft_cap);
        let relative = a.relative.map(|relative| (self.relative_table(relative), relative));
        self.step(
            name("attn"),
            Op::Attention {
                q,
                layer: cached,
                n_heads,
                n_kv_heads,
                head_dim,
                scale,
                causal,
                window,
                soft_cap,
                relative,
                cross: false,
                out: attn,
            },
        );
        self.linear(name("attn_output"), attn, branch, a.out_bias);
        self.add_mixed(i, layer);
    }

    /// In the attention's place.
    fn short_conv(&mut self, i: usize, layer: &LayerConfig, kernel: usize) {
        let Buffers { x, branch, .. } = self.buffers;
        let width = self.config.d_model;
        let name = |part: &str| format!("blk.{i}.{part}");
        let read = self.read(&name("attn_norm"), layer.attention.norms.before, x);
        let (gates, out) = (self.buffer("gates", 3 * width), self.buffer("conv", width));
        self.linear(name("shortconv.in_proj"), read, gates, false);
        let weight = self.vector(name("shortconv.conv.weight"), kernel * width);
        self.step(name("shortconv.conv"), Op::ShortConv { x: gates, weight, kernel, layer: i, out });
        self.linear(name("shortconv.out_proj"), out, branch, false);
        self.add_mixed(i, layer);
    }

    /// Adds what a layer's first block gives.
    pub(super) fn add_mixed(&mut self, i: usize, layer: &LayerConfig) {
        let Buffers { x, y, .. } = self.buffers;
        let (side, a) = (self.side, &layer.attention);
        let name = |part: &str| format!("{side}blk.{i}.{part}");
        let names = [name("post_attention_norm"), name("attn_scale"), name("attn_residual"), name("attn_output_norm")];
        // A parallel feed-forward may read the attention's norm once more.
        self.add(names, layer, [a.norms.after, a.norms.sum], x, y, layer.parallel);
    }

    /// What a block reads: the residual stream in `x`, or its norm.
    pub(super) fn read(&mut self, name: &str, norm: Option<Norm>, x: BufferId) -> BufferId {
        let out = self.buffers.norm;
        match norm {
            None => x,
            Some(norm) => {
                self.norm(name, norm, x, out);
                out
            }
        }
    }

    /// Adds a block's `branch` to the residual stream in `x`, into `out`. The names are those of its norm, its scale, the sum and the
    /// sum's norm. `keep_norm`: the buffer `norm` will be read again.
    pub(super) fn add(
        &mut self,
        names: [String; 4],
        layer: &LayerConfig,
        [after, sum]: [Option<Norm>; 2],
        x: BufferId,
        out: BufferId,
        keep_norm: bool,
    ) {
        let [after_name, scale_name, name, sum_name] = names;
        let width = self.config.d_model;
        let mut branch = self.buffers.branch;
        let mut free = if keep_norm { self.buffer("branch_norm", width) } else { self.buffers.norm };
        if let Some(norm) = after {
            self.norm(&after_name, norm, branch, free);
            (branch, free) = (free, branch);
        }
        if layer.residual_scale != 1.0 {
            self.step(scale_name, Op::Scale { x: branch, factor: layer.residual_scale, out: free });
            (branch, free) = (free, branch);
        }
        match sum {
            None => self.step(name, Op::Add { a: x, b: branch, out }),
            Some(norm) => {
                self.step(name, Op::Add { a: x, b: branch, out: free });
                self.norm(&sum_name, norm, free, out);
            }
        }
    }

    /// The rows that are not asked for are dropped before the last norm and the widest matrix, not after.
    fn output(&mut self) {
        let c = self.config;
        let Buffers { x, y, norm, branch, output, .. } = self.buffers;
        if let (Output::Rows(_), None) = (c.output, c.masked) {
            match c.output_norm {
                None => self.step("select_rows", Op::SelectRows { x, out: output }),
                Some(norm) => {
                    self.step("select_rows", Op::SelectRows { x, out: y });
                    self.norm(&self.named("output_norm"), norm, y, output);
                }
            }
            return;
        }
        self.step("select_rows", Op::SelectRows { x, out: y });
        let mut rows = self.read(&self.named("output_norm"), c.output_norm, y);
        if let Some(Masked { bias, activation, norm }) = c.masked {
            self.linear("masked_dense".to_string(), rows, branch, bias);
            self.step("masked_act", Op::Activation { x: branch, activation, out: x });
            self.norm("masked_norm", norm, x, y);
            rows = y;
        }
        // A narrow row is scaled, not the logits.
        if c.logit_scale != 1.0 {
            let out = if rows == y { norm } else { y };
            self.step("logit_scale", Op::Scale { x: rows, factor: c.logit_scale, out });
            rows = out;
        }
        let weight = match c.tied_embeddings {
            true => self.token_table,
            false => self.matrix("output.weight", c.n_vocab, c.d_model),
        };
        let bias = c.output_bias.then(|| self.vector("output.bias", c.n_vocab));
        match c.logit_soft_cap {
            None => self.step("output", Op::Linear { x: rows, weight, bias, out: output }),
            Some(cap) => {
                let raw = self.buffer("raw_logits", c.n_vocab);
                self.step("output", Op::Linear { x: rows, weight, bias, out: raw });
                self.step("logit_soft_cap", Op::SoftCap { x: raw, cap, out: output });
            }
        }
    }
}
