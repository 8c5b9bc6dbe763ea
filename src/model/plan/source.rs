//! What an encoder-decoder has beside a decoder: the encoder's steps, and attention over what it leaves.

use super::build::{Buffers, Builder};
use crate::model::config::{LayerConfig, ModelConfig, Norms, Relative, SourceConfig};
use crate::model::op::{Op, VectorId};

impl Builder<'_> {
    /// The encoder's layers over the source, and what the decoder's attend to.
    pub(super) fn source(&mut self, source: &SourceConfig) {
        self.side = "enc.";
        self.embed();
        for i in 0..source.n_layers {
            self.attention(i, &source.layer);
            self.feed_forward(i, &source.layer);
        }
        let name = self.named("output_norm");
        let rows = self.read(&name, source.output_norm, self.buffers.x);
        (self.side, self.relative) = ("dec.", None);
        for (i, layer) in (0..self.config.n_layers).zip(self.config.layers.iter().cycle()) {
            let Buffers { k, v, .. } = self.buffers;
            let name = |part: &str| format!("dec.blk.{i}.{part}");
            self.linear(name("cross_attn_k"), rows, k, layer.attention.qkv_bias);
            self.linear(name("cross_attn_v"), rows, v, layer.attention.qkv_bias);
            // The first is the encoder's own.
            self.step(name("store_source"), Op::StoreKv { k, v, layer: i + 1 });
        }
        self.plan.source_steps = self.plan.steps.len();
    }

    /// Of the side; the first layer's name is every layer's.
    pub(super) fn relative_table(&mut self, relative: Relative) -> VectorId {
        let (name, len) = (self.of_layer(0, "attn_rel_b.weight"), relative.buckets * self.config.n_heads);
        let table = self.relative.unwrap_or_else(|| self.vector(name, len));
        self.relative = Some(table);
        table
    }

    /// Over the source. Reads the residual stream from `y` and leaves it in `x`, which then change their places.
    pub(super) fn cross_attention(&mut self, i: usize, layer: &LayerConfig, norms: Norms) {
        let Buffers { x, y, q, attn, branch, .. } = self.buffers;
        let &ModelConfig { n_heads, n_kv_heads, head_dim, .. } = self.config;
        let a = &layer.attention;
        let side = self.side;
        let name = |part: &str| format!("{side}blk.{i}.{part}");
        let read = self.read(&name("cross_attn_norm"), norms.before, y);
        self.linear(name("cross_attn_q"), read, q, a.qkv_bias);
        let scale = a.scale.unwrap_or(1.0 / (head_dim as f32).sqrt());
        self.step(
            name("cross_attn"),
            Op::Attention {
                q,
                layer: i + 1,
                n_heads,
                n_kv_heads,
                head_dim,
                scale,
                causal: false,
                window: None,
                soft_cap: None,
                relative: None,
                cross: true,
                out: attn,
            },
        );
        self.linear(name("cross_attn_output"), attn, branch, a.out_bias);
        let names = ["post_cross_attn_norm", "cross_attn_scale", "cross_attn_residual", "cross_attn_output_norm"];
        self.add(names.map(name), layer, [norms.after, norms.sum], y, x, false);
        (self.buffers.x, self.buffers.y) = (y, x);
    }
}
