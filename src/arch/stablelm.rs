//! StableLM: Llama with layer norms and a rotation of a quarter of each head; in some models attention and feed-forward stand side by
//! side behind one norm.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, Rotation, llama_names};
use super::names::Names;
use super::settings::Settings;
use crate::error::Result;
use crate::model::{Activation, Ffn, LayerConfig, ModelConfig, Norm, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["stablelm"], config: from_gguf, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["StableLmForCausalLM"],
        config: from_hugging_face,
        names: llama_names(&[hf::LLAMA]),
    },
};

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Layer { eps: s.positive(gguf::LAYER_EPS)? };
    let mut config = gguf::decoder(s, norm, Ffn::Gated(Activation::Silu), &["use_parallel_residual"])?;
    // The key says so in models of either kind; those side by side have one norm.
    let parallel = !gguf::has(s.file, "blk.0.ffn_norm.weight");
    let rope = gguf::rope(s, config.head_dim, RopeLayout::HalfSplit)?;
    for layer in &mut config.layers {
        layer.attention.rope = Some(rope);
        beside(parallel, layer);
    }
    Ok(config)
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    s.must_be_off("qk_layernorm", 0.0)?;
    let norm = Norm::Layer { eps: s.positive_or("layer_norm_eps", 1e-5)? };
    let mut config = hf::decoder(s, norm, ("hidden_act", "silu"))?;
    let rope = hf::rope(s, &Rotation { partial: 0.25, ..Rotation::of(&config) })?;
    let (bias, parallel) = (s.bool_or("use_qkv_bias", false)?, s.bool_or("use_parallel_residual", false)?);
    for layer in &mut config.layers {
        (layer.attention.rope, layer.attention.qkv_bias) = (Some(rope), bias);
        beside(parallel, layer);
    }
    Ok(config)
}

fn beside(parallel: bool, layer: &mut LayerConfig) {
    if parallel {
        layer.parallel = true;
        layer.ffn.norms.before = None;
    }
}
