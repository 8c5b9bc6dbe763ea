//! GPT-NeoX and Pythia: layer norms, biases everywhere, a plain feed-forward beside the attention, a rotation of a quarter of each head.
//! In `transformers` each head has its q, k and v together; converters to GGUF put them apart.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, Rotation, activation, class, model_name};
use super::names::{Name, Names, Part, name};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, LayerConfig, ModelConfig, Norm, Output, RopeLayout};

pub(super) const FAMILY: Family = Family {
    gguf: Origin { known: &["gptneox"], config: from_gguf, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &["GPTNeoXForCausalLM"],
        config: from_hugging_face,
        names: Names {
            tables: &[NAMES],
            prefix: "gpt_neox.",
            ignored: &[".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq"],
        },
    },
};

const NAMES: &[Name] = &[
    name("token_embd", "gpt_neox.embed_in"),
    name("output_norm", "gpt_neox.final_layer_norm"),
    name("output", "embed_out"),
    name("blk.{}.attn_norm", "gpt_neox.layers.{}.input_layernorm"),
    name("blk.{}.attn_q", "gpt_neox.layers.{}.attention.query_key_value").part(Part::HeadQ),
    name("blk.{}.attn_k", "gpt_neox.layers.{}.attention.query_key_value").part(Part::HeadK),
    name("blk.{}.attn_v", "gpt_neox.layers.{}.attention.query_key_value").part(Part::HeadV),
    name("blk.{}.attn_output", "gpt_neox.layers.{}.attention.dense"),
    name("blk.{}.ffn_norm", "gpt_neox.layers.{}.post_attention_layernorm"),
    name("blk.{}.ffn_up", "gpt_neox.layers.{}.mlp.dense_h_to_4h"),
    name("blk.{}.ffn_down", "gpt_neox.layers.{}.mlp.dense_4h_to_h"),
];

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Layer { eps: s.positive(gguf::LAYER_EPS)? };
    let mut config = gguf::decoder(s, norm, Ffn::Plain(Activation::Gelu), &["use_parallel_residual"])?;
    let rope = gguf::rope(s, config.head_dim, RopeLayout::HalfSplit)?;
    let parallel = s.bool_or("use_parallel_residual", true)?;
    for layer in &mut config.layers {
        (layer.attention.rope, layer.parallel) = (Some(rope), parallel);
    }
    Ok(config)
}

fn from_hugging_face(s: &Settings<'_>) -> Result<ModelConfig> {
    let d_model = s.size("hidden_size", limits::WIDTH)?;
    let n_heads = s.size("num_attention_heads", limits::N_HEADS)?;
    let norm = Norm::Layer { eps: s.positive_or("layer_norm_eps", 1e-5)? };
    let mut layer = LayerConfig::decoder(norm, Ffn::Plain(activation(s, "hidden_act", "gelu")?));
    let bias = s.bool_or("attention_bias", true)?;
    (layer.attention.qkv_bias, layer.attention.out_bias, layer.ffn.bias) = (bias, bias, true);
    layer.parallel = s.bool_or("use_parallel_residual", true)?;
    let mut config = ModelConfig {
        architecture: class(s.file)?.to_string(),
        name: model_name(s),
        n_vocab: s.size("vocab_size", limits::N_VOCAB)?,
        d_model,
        d_ff: s.size("intermediate_size", limits::WIDTH)?,
        n_layers: s.size("num_hidden_layers", limits::N_LAYERS)?,
        n_heads,
        n_kv_heads: n_heads,
        head_dim: d_model / n_heads,
        context_len: s.size("max_position_embeddings", limits::CONTEXT_LEN)?,
        embedding_scale: 1.0,
        learned_positions: false,
        segments: 0,
        embedding_norm: None,
        layers: vec![layer],
        output: Output::Logits,
        output_norm: Some(norm),
        tied_embeddings: s.bool_or("tie_word_embeddings", false)?,
        output_bias: false,
        logit_scale: 1.0,
        logit_soft_cap: None,
        rope_factors: false,
        source: None,
    };
    // Older files have their own names for the two settings of the rotation.
    let rotation = Rotation {
        theta: s.positive_or("rotary_emb_base", 10_000.0)?,
        partial: s.positive_or("rotary_pct", 0.25)?,
        ..Rotation::of(&config)
    };
    let rope = hf::rope(s, &rotation)?;
    config.layers.iter_mut().for_each(|layer| layer.attention.rope = Some(rope));
    Ok(config)
}
