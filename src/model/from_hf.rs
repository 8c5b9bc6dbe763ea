//! [`ModelConfig`] from a Hugging Face `config.json`. Keys that may be absent have the default that the architecture's
//! configuration class in `transformers` documents; sizes have none.

use super::config::{Activation, Ffn, ModelConfig, Norm, Position, Rope, RopeLayout, RopeScaling};
use super::settings::{Settings, limits, unsupported};
use crate::error::Result;
use crate::format::ModelFile;

pub(super) fn config(file: &ModelFile) -> Result<ModelConfig> {
    let s = Settings::new(file, "");
    let architecture = match s.get("architectures").and_then(|v| v.as_strings()) {
        Some([architecture]) => architecture.as_str(),
        _ => return Err(s.wrong("architectures", "an array of one class name", &describe(&s, "architectures"))),
    };
    match architecture {
        "LlamaForCausalLM" | "MistralForCausalLM" | "Qwen2ForCausalLM" => llama(&s, architecture),
        "GPT2LMHeadModel" => gpt2(&s, architecture),
        other => Err(unsupported(
            "the model class",
            other,
            "LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, GPT2LMHeadModel",
        )),
    }
}

fn describe(s: &Settings, key: &str) -> String {
    s.get(key).map_or_else(|| "no such key".to_string(), |v| v.describe())
}

fn name(s: &Settings) -> String {
    s.get("_name_or_path").and_then(|v| v.as_str()).unwrap_or_default().to_string()
}

fn llama(s: &Settings, architecture: &str) -> Result<ModelConfig> {
    let d_model = s.size("hidden_size", limits::WIDTH)?;
    let n_heads = s.size("num_attention_heads", limits::N_HEADS)?;
    let head_dim = s.size_or("head_dim", d_model / n_heads, limits::HEAD_DIM)?;
    let context_len = s.size("max_position_embeddings", limits::CONTEXT_LEN)?;
    if architecture != "LlamaForCausalLM" {
        sliding_window(s, architecture, context_len)?;
    }
    let qwen2 = architecture == "Qwen2ForCausalLM";
    let attention_bias = !qwen2 && s.bool_or("attention_bias", false)?;
    Ok(ModelConfig {
        architecture: architecture.to_string(),
        name: name(s),
        n_vocab: s.size("vocab_size", limits::N_VOCAB)?,
        d_model,
        d_ff: s.size("intermediate_size", limits::WIDTH)?,
        n_layers: s.size("num_hidden_layers", limits::N_LAYERS)?,
        n_heads,
        n_kv_heads: s.size_or("num_key_value_heads", n_heads, limits::N_HEADS)?,
        head_dim,
        context_len,
        norm: Norm::Rms { eps: s.positive_or("rms_norm_eps", 1e-6)? },
        position: Position::Rope(rope(s, head_dim, context_len)?),
        ffn: Ffn::Gated(activation(s, "hidden_act", "silu")?),
        qkv_bias: qwen2 || attention_bias,
        attn_out_bias: attention_bias,
        ffn_bias: s.bool_or("mlp_bias", false)?,
        tied_embeddings: s.bool_or("tie_word_embeddings", false)?,
        rope_factors: false,
    })
}

/// A window at least as long as the context changes nothing; a shorter one is refused.
fn sliding_window(s: &Settings, architecture: &str, context_len: usize) -> Result<()> {
    if architecture == "Qwen2ForCausalLM" && !s.bool_or("use_sliding_window", false)? {
        return Ok(());
    }
    match s.get("sliding_window") {
        None if s.file.metadata.contains_key("sliding_window") => Ok(()),
        // What Mistral's configuration class puts where the key is absent, unlike null.
        None if architecture == "MistralForCausalLM" && context_len > 4096 => {
            Err(s.unsupported("sliding_window", "no such key, which means 4096", "attention over the whole context"))
        }
        None => Ok(()),
        Some(v) if v.as_usize().is_some_and(|window| window >= context_len) => Ok(()),
        Some(v) => Err(s.unsupported("sliding_window", &v.describe(), "attention over the whole context")),
    }
}

/// `rope_theta` and `rope_scaling`, or the newer `rope_parameters` that holds both.
fn rope(s: &Settings, head_dim: usize, context_len: usize) -> Result<Rope> {
    let theta = s.positive_or("rope_theta", 10_000.0)?;
    let theta = s.positive_or("rope_parameters.rope_theta", theta)?;
    s.must_be_off("partial_rotary_factor", 1.0)?;
    s.must_be_off("rope_parameters.partial_rotary_factor", 1.0)?;
    let mut kind = None;
    for group in ["rope_scaling", "rope_parameters"] {
        for key in ["rope_type", "type"] {
            if let Some(found) = s.str(&format!("{group}.{key}"))? {
                kind = kind.or(Some((group, found)));
            }
        }
    }
    let scaling = match kind {
        None | Some((_, "default")) => RopeScaling::None,
        Some((group, "linear")) => RopeScaling::Linear { factor: s.positive(&format!("{group}.factor"))? },
        Some((group, "llama3")) => {
            let low = s.positive(&format!("{group}.low_freq_factor"))?;
            let high = s.positive(&format!("{group}.high_freq_factor"))?;
            if high <= low {
                let key = format!("{group}.high_freq_factor");
                return Err(s.wrong(&key, format!("more than low_freq_factor, {low}"), &high.to_string()));
            }
            let original = format!("{group}.original_max_position_embeddings");
            RopeScaling::Llama3 {
                factor: s.positive(&format!("{group}.factor"))?,
                low_freq_factor: low,
                high_freq_factor: high,
                original_context_len: s.size_or(&original, context_len, limits::CONTEXT_LEN)?,
            }
        }
        Some((group, other)) => {
            return Err(s.unsupported(&format!("{group}.rope_type"), other, "default, linear, llama3"));
        }
    };
    Ok(Rope { layout: RopeLayout::HalfSplit, theta, n_dims: head_dim, scaling })
}

fn gpt2(s: &Settings, architecture: &str) -> Result<ModelConfig> {
    if !s.bool_or("scale_attn_weights", true)? {
        return Err(s.unsupported("scale_attn_weights", "false", "attention scaled by the root of the head size"));
    }
    s.must_be_off("scale_attn_by_inverse_layer_idx", 0.0)?;
    s.must_be_off("add_cross_attention", 0.0)?;
    let d_model = s.size("n_embd", limits::WIDTH)?;
    let n_heads = s.size("n_head", limits::N_HEADS)?;
    Ok(ModelConfig {
        architecture: architecture.to_string(),
        name: name(s),
        n_vocab: s.size("vocab_size", limits::N_VOCAB)?,
        d_model,
        d_ff: s.size_or("n_inner", d_model * 4, limits::WIDTH * 4)?,
        n_layers: s.size("n_layer", limits::N_LAYERS)?,
        n_heads,
        n_kv_heads: n_heads,
        head_dim: d_model / n_heads,
        context_len: s.size("n_positions", limits::CONTEXT_LEN)?,
        norm: Norm::Layer { eps: s.positive_or("layer_norm_epsilon", 1e-5)? },
        position: Position::Learned,
        ffn: Ffn::Plain(activation(s, "activation_function", "gelu_new")?),
        qkv_bias: true,
        attn_out_bias: true,
        ffn_bias: true,
        tied_embeddings: s.bool_or("tie_word_embeddings", true)?,
        rope_factors: false,
    })
}

fn activation(s: &Settings, key: &str, default: &str) -> Result<Activation> {
    match s.str(key)?.unwrap_or(default) {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Ok(Activation::GeluTanh),
        "gelu" => Ok(Activation::Gelu),
        other => Err(s.unsupported(key, other, "silu, gelu, gelu_new, gelu_pytorch_tanh")),
    }
}
