//! GPT-2: layer norms, learned positions, biases everywhere, a plain feed-forward. In `transformers` its linear layers are
//! `Conv1D`, stored `[in, out]`.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{activation, class, model_name};
use super::names::{Name, Names, Part, name};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, LayerConfig, ModelConfig, Norm, Output};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["gpt2"], config: from_gguf, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["GPT2LMHeadModel"],
        config: from_hugging_face,
        names: Names { tables: &[NAMES], prefix: "transformer.", ignored: &[".attn.bias", ".attn.masked_bias"] },
    },
};

const NAMES: &[Name] = &[
    name("token_embd", "transformer.wte"),
    name("position_embd", "transformer.wpe"),
    name("output_norm", "transformer.ln_f"),
    name("output", "lm_head"),
    name("blk.{}.attn_norm", "transformer.h.{}.ln_1"),
    name("blk.{}.attn_q", "transformer.h.{}.attn.c_attn").part(Part::Q).transposed(),
    name("blk.{}.attn_k", "transformer.h.{}.attn.c_attn").part(Part::K).transposed(),
    name("blk.{}.attn_v", "transformer.h.{}.attn.c_attn").part(Part::V).transposed(),
    name("blk.{}.attn_output", "transformer.h.{}.attn.c_proj").transposed(),
    name("blk.{}.ffn_norm", "transformer.h.{}.ln_2"),
    name("blk.{}.ffn_up", "transformer.h.{}.mlp.c_fc").transposed(),
    name("blk.{}.ffn_down", "transformer.h.{}.mlp.c_proj").transposed(),
];

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Layer { eps: s.positive(gguf::LAYER_EPS)? };
    let config = gguf::decoder(s, norm, Ffn::Plain(Activation::GeluTanh), &[])?;
    Ok(ModelConfig { learned_positions: true, ..config })
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    if !s.bool_or("scale_attn_weights", true)? {
        return Err(s.unsupported("scale_attn_weights", "false", "attention scaled by the root of the head size"));
    }
    s.must_be_off("scale_attn_by_inverse_layer_idx", 0.0)?;
    s.must_be_off("add_cross_attention", 0.0)?;
    let d_model = s.size("n_embd", limits::WIDTH)?;
    let n_heads = s.size("n_head", limits::N_HEADS)?;
    let norm = Norm::Layer { eps: s.positive_or("layer_norm_epsilon", 1e-5)? };
    let mut layer = LayerConfig::decoder(norm, Ffn::Plain(activation(s, "activation_function", "gelu_new")?));
    (layer.attention.qkv_bias, layer.attention.out_bias, layer.ffn.bias) = (true, true, true);
    Ok(ModelConfig {
        architecture: class(s.file)?.to_string(),
        name: model_name(s),
        n_vocab: s.size("vocab_size", limits::N_VOCAB)?,
        d_model,
        d_ff: s.size_or("n_inner", d_model * 4, limits::WIDTH * 4)?,
        n_layers: s.size("n_layer", limits::N_LAYERS)?,
        n_heads,
        n_kv_heads: n_heads,
        head_dim: d_model / n_heads,
        context_len: s.size("n_positions", limits::CONTEXT_LEN)?,
        embedding_scale: 1.0,
        learned_positions: true,
        segments: 0,
        embedding_norm: None,
        layers: vec![layer],
        output: Output::Logits,
        output_norm: Some(norm),
        masked: None,
        tied_embeddings: s.bool_or("tie_word_embeddings", true)?,
        output_bias: false,
        logit_scale: 1.0,
        logit_soft_cap: None,
        rope_factors: false,
        side: "",
        source: None,
    })
}
