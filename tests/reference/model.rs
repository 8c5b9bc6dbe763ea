//! A whole model in f64: the naive kernels composed over a plan.

use super::attention::Shape;
use super::{attention, elementwise, experts, matrix, norm, rope, short_conv, ssm};
use nanolm::model::{Batch, LogitRows, Op, Plan};
use nanolm::weights::Weights;

/// Keys and values of every layer, `[position, n_kv_heads * head_dim]`, and of state spaces all rows that they have read.
#[derive(Clone, Default)]
pub struct Cache {
    layers: Vec<(Vec<f64>, Vec<f64>)>,
    read: Vec<Vec<f64>>,
}

/// Runs the plan over one batch; gives the logits `[selected rows, n_vocab]`, and shows `observe` each step's name and
/// output rows.
pub fn forward(
    plan: &Plan,
    weights: &Weights,
    cache: &mut Cache,
    batch: Batch<'_>,
    observe: &mut dyn FnMut(&str, &[f64]),
) -> Vec<f64> {
    let wide = |v: &Vec<f32>| v.iter().map(|&x| x as f64).collect::<Vec<f64>>();
    let p = batch.position;
    let mut buffers = vec![Vec::new(); plan.buffers.len()];
    for step in &plan.steps {
        let b = |id: nanolm::model::BufferId| &buffers[id.0];
        let out = match step.op {
            Op::Embed { table, .. } => matrix::embed(&weights.matrices[table.0], batch.tokens),
            Op::PositionEmbed { x, table, .. } => matrix::position_embed(b(x), &weights.matrices[table.0], p),
            Op::RmsNorm { x, weight, eps, .. } => norm::rms_norm(b(x), &wide(&weights.vectors[weight.0]), eps as f64),
            Op::LayerNorm { x, weight, bias, eps, .. } => {
                let (weight, bias) = (wide(&weights.vectors[weight.0]), wide(&weights.vectors[bias.0]));
                norm::layer_norm(b(x), &weight, &bias, eps as f64)
            }
            Op::Linear { x, weight, bias, .. } => {
                let bias = bias.map(|id| wide(&weights.vectors[id.0]));
                matrix::linear(b(x), &weights.matrices[weight.0], bias.as_deref())
            }
            Op::Rope { x, n_heads, head_dim, rope: ref spec, factors, .. } => {
                let factors = factors.map(|id| wide(&weights.vectors[id.0]));
                rope::rope(b(x), head_dim, n_heads * head_dim, spec, factors.as_deref(), p)
            }
            Op::StoreKv { k, v, layer } => {
                if cache.layers.len() <= layer {
                    cache.layers.resize(layer + 1, Default::default());
                }
                let (keys, values) = &mut cache.layers[layer];
                for (rows, new, width) in
                    [(keys, b(k), plan.buffers[k.0].width), (values, b(v), plan.buffers[v.0].width)]
                {
                    rows.truncate(p * width);
                    rows.extend_from_slice(new);
                }
                continue;
            }
            Op::Attention { q, layer, n_heads, n_kv_heads, head_dim, scale, causal, window, soft_cap, .. } => {
                let (scale, soft_cap) = (scale as f64, soft_cap.map(|cap| cap as f64));
                let shape = Shape { n_heads, n_kv_heads, head_dim, scale, causal, window, soft_cap };
                let (k, v) = &cache.layers[layer];
                attention::attention(b(q), k, v, shape, p)
            }
            Op::ShortConv { x, weight, kernel, layer, out } => {
                if cache.layers.len() <= layer {
                    cache.layers.resize(layer + 1, Default::default());
                }
                let width = plan.buffers[out.0].width;
                let (kept, _) = &mut cache.layers[layer];
                kept.truncate(p * width);
                kept.extend(short_conv::gated(b(x), width));
                short_conv::short_conv(b(x), kept, &wide(&weights.vectors[weight.0]), kernel, p)
            }
            Op::Ssm { x, ssm: ref config, conv, conv_bias, step_bias, a, d, norm, layer, .. } => {
                if cache.read.len() <= layer {
                    cache.read.resize(layer + 1, Vec::new());
                }
                let rows = &mut cache.read[layer];
                rows.truncate(p * config.row_width());
                rows.extend_from_slice(b(x));
                let vectors = [conv, conv_bias, step_bias, a, d, norm].map(|id| wide(&weights.vectors[id.0]));
                ssm::ssm(rows, config, &vectors).split_off(p * config.inner())
            }
            Op::Route { x, n_used, normalise, out } => {
                experts::route(b(x), plan.buffers[out.0].width, n_used, normalise)
            }
            Op::Experts { x, routes, gate, up, down, activation, .. } => {
                let n = plan.buffers[routes.0].width;
                let of = |first: nanolm::model::MatrixId| &weights.matrices[first.0..first.0 + n];
                experts::experts(b(x), b(routes), [gate, up, down].map(of), activation)
            }
            Op::GatedActivation { gate, up, activation, .. } => {
                elementwise::gated_activation(b(gate), b(up), activation)
            }
            Op::Activation { x, activation, .. } => elementwise::activation(b(x), activation),
            Op::Scale { x, factor, .. } => elementwise::scale(b(x), factor as f64),
            Op::SoftCap { x, cap, .. } => elementwise::soft_cap(b(x), cap as f64),
            Op::Add { a, b: other, .. } => elementwise::add(b(a), b(other)),
            Op::SelectRows { x, .. } => {
                let width = plan.buffers[x.0].width;
                let rows = match batch.logits {
                    LogitRows::None => return Vec::new(),
                    LogitRows::Last => vec![batch.tokens.len() - 1],
                    LogitRows::Rows(rows) => rows.to_vec(),
                    LogitRows::All => (0..batch.tokens.len()).collect(),
                };
                rows.iter().flat_map(|row| b(x)[row * width..(row + 1) * width].to_vec()).collect()
            }
        };
        observe(&step.name, &out);
        if let Some(id) = step.op.out() {
            buffers[id.0] = out;
        }
    }
    buffers[plan.output.0].clone()
}
