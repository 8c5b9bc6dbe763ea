//! Falcon (7B, 11B, 40B and what was trained like them): layer norms, a plain feed-forward beside the attention, and q, k and v in one
//! tensor, by groups of the heads that share keys and values: one group for all in the first models. Falcon 3 is a Llama.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, Rotation, activation, class, model_name};
use super::names::{Name, Names, Part, name};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::format::ModelFile;
use crate::model::{Activation, Ffn, LayerConfig, ModelConfig, Norm, Norms, Output, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["falcon"], config: from_gguf, names: Names { tables: &[GGUF], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["FalconForCausalLM"],
        config: from_hugging_face,
        names: Names { tables: &[HUGGING_FACE], prefix: "transformer.", ignored: &[".rotary_emb.inv_freq"] },
    },
};

/// The attention's norm is the second of two, the feed-forward's the first, which otherwise both read.
const GGUF: &[Name] = &[
    name("blk.{}.attn_norm", "blk.{}.attn_norm_2"),
    name("blk.{}.attn_norm", "blk.{}.attn_norm"),
    name("blk.{}.ffn_norm", "blk.{}.attn_norm"),
];

const HUGGING_FACE: &[Name] = &[
    name("token_embd", "transformer.word_embeddings"),
    name("output_norm", "transformer.ln_f"),
    name("output", "lm_head"),
    name("blk.{}.attn_norm", "transformer.h.{}.ln_attn"),
    name("blk.{}.attn_norm", "transformer.h.{}.input_layernorm"),
    name("blk.{}.attn_q", "transformer.h.{}.self_attention.query_key_value").part(Part::GroupQ),
    name("blk.{}.attn_k", "transformer.h.{}.self_attention.query_key_value").part(Part::GroupK),
    name("blk.{}.attn_v", "transformer.h.{}.self_attention.query_key_value").part(Part::GroupV),
    name("blk.{}.attn_output", "transformer.h.{}.self_attention.dense"),
    name("blk.{}.ffn_norm", "transformer.h.{}.ln_mlp"),
    name("blk.{}.ffn_norm", "transformer.h.{}.post_attention_layernorm"),
    name("blk.{}.ffn_up", "transformer.h.{}.mlp.dense_h_to_4h"),
    name("blk.{}.ffn_down", "transformer.h.{}.mlp.dense_4h_to_h"),
];

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Layer { eps: s.positive(gguf::LAYER_EPS)? };
    let mut config = gguf::decoder(s, norm, Ffn::Plain(Activation::Gelu), &[])?;
    let rope = gguf::rope(s, config.head_dim, RopeLayout::HalfSplit)?;
    let two = has_two_norms(s.file);
    for layer in &mut config.layers {
        (layer.attention.rope, layer.parallel) = (Some(rope), true);
        if !two {
            layer.ffn.norms = Norms::default();
        }
    }
    Ok(config)
}

fn has_two_norms(file: &ModelFile) -> bool {
    gguf::has(file, "blk.0.attn_norm_2.weight")
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    s.must_be_off("alibi", 0.0)?;
    let d_model = s.size("hidden_size", limits::WIDTH)?;
    let n_heads = s.size("num_attention_heads", limits::N_HEADS)?;
    let grouped = s.bool_or("new_decoder_architecture", false)?;
    let norm = Norm::Layer { eps: s.positive_or("layer_norm_epsilon", 1e-5)? };
    let mut layer = LayerConfig::decoder(norm, Ffn::Plain(activation(s, "activation", "gelu")?));
    let bias = s.bool_or("bias", false)?;
    (layer.attention.qkv_bias, layer.attention.out_bias, layer.ffn.bias) = (bias, bias, bias);
    layer.parallel = grouped || s.bool_or("parallel_attn", true)?;
    let two = grouped && s.size_or("num_ln_in_parallel_attn", 2, 2)? == 2;
    if layer.parallel && !two {
        layer.ffn.norms = Norms::default();
    }
    let mut config = ModelConfig {
        architecture: class(s.file)?.to_string(),
        name: model_name(s),
        n_vocab: s.size("vocab_size", limits::N_VOCAB)?,
        d_model,
        d_ff: s.size_or("ffn_hidden_size", 4 * d_model, limits::WIDTH)?,
        n_layers: s.size("num_hidden_layers", limits::N_LAYERS)?,
        n_heads,
        n_kv_heads: match (grouped, s.bool_or("multi_query", true)?) {
            (true, _) => s.size_or("num_kv_heads", n_heads, limits::N_HEADS)?,
            (false, true) => 1,
            (false, false) => n_heads,
        },
        head_dim: d_model / n_heads,
        // The first models do not say.
        context_len: s.size_or("max_position_embeddings", 2048, limits::CONTEXT_LEN)?,
        embedding_scale: 1.0,
        learned_positions: false,
        segments: 0,
        embedding_norm: None,
        layers: vec![layer],
        output: Output::Logits,
        output_norm: Some(norm),
        tied_embeddings: s.bool_or("tie_word_embeddings", true)?,
        output_bias: false,
        logit_scale: 1.0,
        logit_soft_cap: None,
        rope_factors: false,
    };
    let rope = hf::rope(s, &Rotation::of(&config))?;
    config.layers.iter_mut().for_each(|layer| layer.attention.rope = Some(rope));
    Ok(config)
}
