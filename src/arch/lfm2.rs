//! LFM2: layers of gated short convolutions among layers of attention with norms of each head.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, Rotation, llama_names};
use super::names::{Name, Names, name};
use super::period::shortest;
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, ModelConfig, Norm, QkNorm, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["lfm2"], config: from_gguf, names: Names { tables: &[GGUF], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["Lfm2ForCausalLM"],
        config: from_hugging_face,
        names: llama_names(&[HUGGING_FACE, hf::LLAMA]),
    },
};

/// The last norm has the name of one behind the embeddings.
const GGUF: &[Name] = &[name("output_norm", "token_embd_norm"), name("output_norm", "output_norm")];

const HUGGING_FACE: &[Name] = &[
    name("output_norm", "model.embedding_norm"),
    name("blk.{}.attn_norm", "model.layers.{}.operator_norm"),
    name("blk.{}.attn_q_norm", "model.layers.{}.self_attn.q_layernorm"),
    name("blk.{}.attn_k_norm", "model.layers.{}.self_attn.k_layernorm"),
    name("blk.{}.attn_output", "model.layers.{}.self_attn.out_proj"),
    name("blk.{}.shortconv.in_proj", "model.layers.{}.conv.in_proj"),
    name("blk.{}.shortconv.conv", "model.layers.{}.conv.conv"),
    name("blk.{}.shortconv.out_proj", "model.layers.{}.conv.out_proj"),
    name("blk.{}.ffn_norm", "model.layers.{}.ffn_norm"),
    name("blk.{}.ffn_gate", "model.layers.{}.feed_forward.w1"),
    name("blk.{}.ffn_up", "model.layers.{}.feed_forward.w3"),
    name("blk.{}.ffn_down", "model.layers.{}.feed_forward.w2"),
];

/// Positions that a convolution may see: far more than any does.
const KERNEL: usize = 64;

/// A layer without key-value heads is a convolution; the others have as many each.
fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let ffn = Ffn::Gated(Activation::Silu);
    let mut config = gguf::rms_decoder(s, ffn, RopeLayout::HalfSplit, &[gguf::KV_HEADS])?;
    let kernel = s.size("shortconv.l_cache", KERNEL)?;
    let attention = gguf::attention_layers(s, &mut config)?;
    Ok(mixed(config, kernel, |i| attention.get(i) == Some(&false)))
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    s.must_be_off("conv_bias", 0.0)?;
    let norm = Norm::Rms { eps: s.positive_or("norm_eps", 1e-5)? };
    // Files from before the key that other classes have.
    let width = if s.get("block_ff_dim").is_some() { "block_ff_dim" } else { "intermediate_size" };
    let mut config = hf::decoder_with(s, norm, ("hidden_act", "silu"), (width, None))?;
    if s.bool_or("block_auto_adjust_ff_dim", true)? {
        let factor = f64::from(s.positive_or("block_ffn_dim_multiplier", 1.0)?);
        let of = s.size_or("block_multiple_of", 256, limits::WIDTH)?;
        config.d_ff = ((factor * (2 * config.d_ff / 3) as f64) as usize).clamp(1, limits::WIDTH).next_multiple_of(of);
    }
    let tied = s.bool_or("tie_embedding", s.bool_or("tie_word_embeddings", true)?)?;
    config.tied_embeddings = tied;
    let rope = hf::rope(s, &Rotation { theta: 1_000_000.0, ..Rotation::of(&config) })?;
    config.layers.iter_mut().for_each(|layer| layer.attention.rope = Some(rope));
    let kernel = s.size_or("conv_L_cache", 3, KERNEL)?;
    let n = config.n_layers;
    let conv = match s.get("layer_types") {
        Some(_) => hf::kinds(s, n, ["conv", "full_attention"])?,
        None => {
            let attention = s.get("full_attn_idxs").and_then(|value| value.as_ints());
            (0..n).map(|i| attention.is_some_and(|list| !list.contains(&(i as i64)))).collect()
        }
    };
    Ok(mixed(config, kernel, |i| conv.get(i) == Some(&true)))
}

/// Norms of heads have the epsilon of the others.
fn mixed(mut config: ModelConfig, kernel: usize, conv: impl Fn(usize) -> bool) -> ModelConfig {
    if let (Some(&first), Some(Norm::Rms { eps })) = (config.layers.first(), config.output_norm) {
        let layer = |i: usize| {
            let mut layer = first;
            layer.attention.qk_norm = Some(QkNorm::Head { eps });
            layer.short_conv = conv(i).then_some(kernel);
            layer
        };
        config.layers = shortest((0..config.n_layers).map(layer).collect());
    }
    config
}
