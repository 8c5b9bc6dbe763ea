//! StarCoder 2: Llama with layer norms, a plain feed-forward and biases everywhere.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, Rotation, llama_names};
use super::names::{Name, Names, name};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, ModelConfig, Norm, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["starcoder2"], config: from_gguf, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["Starcoder2ForCausalLM"],
        config: from_hugging_face,
        names: llama_names(&[FEED_FORWARD, hf::LLAMA]),
    },
};

const FEED_FORWARD: &[Name] =
    &[name("blk.{}.ffn_up", "model.layers.{}.mlp.c_fc"), name("blk.{}.ffn_down", "model.layers.{}.mlp.c_proj")];

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Layer { eps: s.positive(gguf::LAYER_EPS)? };
    let mut config = gguf::decoder(s, norm, Ffn::Plain(Activation::GeluTanh), &[])?;
    let rope = gguf::rope(s, config.head_dim, RopeLayout::HalfSplit)?;
    config.layers.iter_mut().for_each(|layer| layer.attention.rope = Some(rope));
    Ok(config)
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Layer { eps: s.positive_or("norm_epsilon", 1e-5)? };
    let mut config = hf::decoder(s, norm, ("hidden_act", "gelu_pytorch_tanh"))?;
    config.tied_embeddings = s.bool_or("tie_word_embeddings", true)?;
    let rope = hf::rope(s, &Rotation::of(&config))?;
    let bias = s.bool_or("use_bias", true)?;
    let window = s.optional_size("sliding_window", limits::CONTEXT_LEN)?.filter(|window| *window < config.context_len);
    let activation = hf::activation(s, "hidden_act", "gelu_pytorch_tanh")?;
    for layer in &mut config.layers {
        (layer.attention.rope, layer.attention.window) = (Some(rope), window);
        (layer.attention.qkv_bias, layer.attention.out_bias, layer.ffn.bias) = (bias, bias, bias);
        layer.ffn.kind = Ffn::Plain(activation);
    }
    Ok(config)
}
