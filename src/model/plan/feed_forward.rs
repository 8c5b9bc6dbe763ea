//! The steps of a layer's feed-forward: one, or a mixture of experts.

use super::build::{Buffers, Builder};
use crate::model::config::{Activation, ExpertsConfig, Ffn, FfnConfig, LayerConfig, ModelConfig};
use crate::model::op::{BufferId, MatrixId, Op};

impl Builder<'_> {
    /// Reads the residual stream from `y`, leaves it in `x`.
    pub(super) fn feed_forward(&mut self, i: usize, layer: &LayerConfig) {
        let Buffers { x, y, norm, .. } = self.buffers;
        let f = &layer.ffn;
        let side = self.side;
        let name = |part: &str| format!("{side}blk.{i}.{part}");

        let read = match (layer.parallel, f.norms.before) {
            (true, None) => norm,
            (true, before) => self.read(&name("ffn_norm"), before, x),
            (false, before) => self.read(&name("ffn_norm"), before, y),
        };
        match (f.kind, f.experts) {
            (Ffn::Gated(activation), Some(experts)) => self.experts(i, read, experts, activation),
            _ => self.feed(i, read, f),
        }
        let names = [name("post_ffw_norm"), name("ffn_scale"), name("ffn_residual"), name("layer_output_norm")];
        self.add(names, layer, [f.norms.after, f.norms.sum], y, x, false);
    }

    /// One feed-forward, from `read` to `branch`.
    fn feed(&mut self, i: usize, read: BufferId, f: &FfnConfig) {
        let Buffers { branch, up, act, .. } = self.buffers;
        let side = self.side;
        let name = |part: &str| format!("{side}blk.{i}.{part}");
        let op = match f.kind {
            // The layer ends before it: see `build`.
            Ffn::None => return,
            Ffn::Gated(activation) => {
                let gate = self.buffer("gate", self.config.d_ff);
                self.linear(name("ffn_gate"), read, gate, f.bias);
                self.linear(name("ffn_up"), read, up, f.bias);
                Op::GatedActivation { gate, up, activation, out: act }
            }
            Ffn::Plain(activation) => {
                self.linear(name("ffn_up"), read, up, f.bias);
                Op::Activation { x: up, activation, out: act }
            }
        };
        self.step(name("ffn_act"), op);
        self.linear(name("ffn_down"), act, branch, f.bias);
    }

    /// Several, of which each row takes some, from `read` to `branch`.
    fn experts(&mut self, i: usize, read: BufferId, experts: ExpertsConfig, activation: Activation) {
        let branch = self.buffers.branch;
        let &ModelConfig { d_model, d_ff, .. } = self.config;
        let ExpertsConfig { n, used, normalise, shared } = experts;
        let out = if shared > 0 { self.buffer("mixed", d_model) } else { branch };
        let (logits, routes) = (self.buffer("router", n), self.buffer("routes", n));
        self.linear(format!("blk.{i}.ffn_gate_inp"), read, logits, false);
        self.step(format!("blk.{i}.ffn_route"), Op::Route { x: logits, n_used: used, normalise, out: routes });
        let parts = [("gate", d_ff, d_model), ("up", d_ff, d_model), ("down", d_model, d_ff)];
        let [gate, up, down] = parts.map(|(part, rows, cols)| {
            let first = MatrixId(self.plan.matrices.len());
            for e in 0..n {
                self.matrix(format!("blk.{i}.ffn_{part}_exps.{e}.weight"), rows, cols);
            }
            first
        });
        let op = Op::Experts { x: read, routes, n_used: used, gate, up, down, activation, out };
        self.step(format!("blk.{i}.ffn_experts"), op);
        if shared > 0 {
            let [gate, up, act] = ["shared_gate", "shared_up", "shared_act"].map(|name| self.buffer(name, shared));
            let own = self.buffer("shared", d_model);
            self.linear(format!("blk.{i}.ffn_gate_shexp"), read, gate, false);
            self.linear(format!("blk.{i}.ffn_up_shexp"), read, up, false);
            self.step(format!("blk.{i}.ffn_shared_act"), Op::GatedActivation { gate, up, activation, out: act });
            self.linear(format!("blk.{i}.ffn_down_shexp"), act, own, false);
            self.step(format!("blk.{i}.ffn_sum"), Op::Add { a: out, b: own, out: branch });
        }
    }
}
