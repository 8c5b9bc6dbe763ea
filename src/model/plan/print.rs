//! A plan as text.

use std::fmt;

use super::spec::Plan;
use crate::model::config::LayerConfig;
use crate::model::op::{BufferId, MatrixId, Op, RowIds, VectorId};
use crate::model::rope::Rope;

impl fmt::Display for Plan {
    /// The plan as text: sizes, buffers, then one line per step with the shapes of its weights.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &self.config;
        writeln!(f, "{}: {} layers, d_model {}, d_ff {}", c.architecture, c.n_layers, c.d_model, c.d_ff)?;
        writeln!(f, "heads {}, kv heads {}, head_dim {}", c.n_heads, c.n_kv_heads, c.head_dim)?;
        writeln!(f, "vocabulary {}, context {}", c.n_vocab, c.context_len)?;
        let mut ropes: Vec<Rope> = Vec::new();
        for rope in c.layers.iter().filter_map(|layer| layer.attention.rope) {
            if !ropes.contains(&rope) {
                ropes.push(rope);
            }
        }
        for Rope { layout, theta, n_dims, scaling } in ropes {
            writeln!(f, "rope {layout:?}, theta {theta}, n_dims {n_dims}, scaling {scaling:?}")?;
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
            Op::Embed { table, ids: RowIds::Tokens, .. } => format!("tokens, {}", matrix(table)),
            Op::Embed { table, ids: RowIds::Segments, .. } => format!("segments, {}", matrix(table)),
            Op::PositionEmbed { x, table, .. } => format!("{}, {}", buffer(x), matrix(table)),
            Op::RmsNorm { x, weight, n_heads, eps, .. } => {
                let heads = if *n_heads > 1 { format!(", {n_heads} heads") } else { String::new() };
                format!("{}, {}{heads}, eps {eps:e}", buffer(x), vector(weight))
            }
            Op::LayerNorm { x, weight, bias, eps, .. } => {
                format!("{}, {}, {}, eps {eps:e}", buffer(x), vector(weight), vector(bias))
            }
            Op::Linear { x, weight, bias, .. } => format!("{}, {}{}", buffer(x), matrix(weight), or_nothing(bias)),
            Op::Rope { x, n_heads, head_dim, rope, factors, .. } => {
                let other = |layer: &LayerConfig| layer.attention.rope.is_some_and(|other| other != *rope);
                let several = self.config.layers.iter().any(other);
                let theta = if several { format!(", theta {}", rope.theta) } else { String::new() };
                format!("{}, {n_heads} x {head_dim}{theta}{}", buffer(x), or_nothing(factors))
            }
            Op::StoreKv { k, v, layer } => format!("{}, {}, layer {layer}", buffer(k), buffer(v)),
            Op::Attention {
                q,
                layer,
                n_heads,
                n_kv_heads,
                head_dim,
                scale,
                causal,
                window,
                soft_cap,
                relative,
                cross,
                ..
            } => {
                let window = window.map_or(String::new(), |window| format!(", window {window}"));
                let cap = soft_cap.map_or(String::new(), |cap| format!(", soft cap {cap}"));
                let both_ways = match (cross, causal) {
                    (true, _) => ", of the source",
                    (false, true) => "",
                    (false, false) => ", both ways",
                };
                let relative = or_nothing(&relative.map(|(table, _)| table));
                let heads = format!("{n_heads} over {n_kv_heads} x {head_dim}, scale {scale}");
                format!("{}, layer {layer}, {heads}{both_ways}{window}{cap}{relative}", buffer(q))
            }
            Op::ShortConv { x, weight, kernel, layer, .. } => {
                format!("{}, {}, {kernel} positions, layer {layer}", buffer(x), vector(weight))
            }
            Op::Ssm { x, ssm, conv, layer, .. } => {
                let (heads, groups) = (format!("{} x {} x {}", ssm.n_heads, ssm.head_dim, ssm.state), ssm.n_groups);
                format!("{}, {}, {heads}, {groups} groups, states {layer}", buffer(x), vector(conv))
            }
            Op::Route { x, n_used, normalise, .. } => {
                let sum = if *normalise { ", sum 1" } else { "" };
                format!("{}, {n_used} a row{sum}", buffer(x))
            }
            Op::Experts { x, routes, gate, up, down, activation, .. } => {
                let n = self.buffers[routes.0].width;
                let matrices = [gate, up, down].map(matrix).join(", ");
                format!("{}, {}, {n} of {matrices}, {activation:?}", buffer(x), buffer(routes))
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
