//! What a Hugging Face `config.json` says the same way for most families, and the names that most classes give their tensors. Keys
//! that may be absent have the default that the architecture's configuration class in `transformers` documents; sizes have none.

use super::names::{Name, Names, name};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::format::{ModelFile, Value};
use crate::model::{Activation, Ffn, LayerConfig, ModelConfig, Norm, Output, Rope, RopeLayout, RopeScaling};

/// The model class.
///
/// # Errors
/// `Format` where the file does not give exactly one.
pub(super) fn class(file: &ModelFile) -> Result<&str> {
    let s = Settings::new(file, "");
    match s.get("architectures").and_then(|v| v.as_strings()) {
        Some([class]) => Ok(class),
        _ => {
            let found = s.get("architectures").map_or_else(|| "no such key".to_string(), Value::describe);
            Err(s.wrong("architectures", "an array of one class name", &found))
        }
    }
}

/// The names of Llama's tensors, which most later classes took over.
pub(super) const LLAMA: &[Name] = &[
    name("token_embd", "model.embed_tokens"),
    name("output_norm", "model.norm"),
    name("output", "lm_head"),
    name("blk.{}.attn_norm", "model.layers.{}.input_layernorm"),
    name("blk.{}.attn_q", "model.layers.{}.self_attn.q_proj"),
    name("blk.{}.attn_k", "model.layers.{}.self_attn.k_proj"),
    name("blk.{}.attn_v", "model.layers.{}.self_attn.v_proj"),
    name("blk.{}.attn_q_norm", "model.layers.{}.self_attn.q_norm"),
    name("blk.{}.attn_k_norm", "model.layers.{}.self_attn.k_norm"),
    name("blk.{}.attn_output", "model.layers.{}.self_attn.o_proj"),
    name("blk.{}.ffn_norm", "model.layers.{}.post_attention_layernorm"),
    name("blk.{}.ffn_gate", "model.layers.{}.mlp.gate_proj"),
    name("blk.{}.ffn_up", "model.layers.{}.mlp.up_proj"),
    name("blk.{}.ffn_down", "model.layers.{}.mlp.down_proj"),
];

/// The names of most classes' experts.
pub(super) const EXPERTS: &[Name] = &[
    name("blk.{}.ffn_gate_inp", "model.layers.{}.mlp.gate"),
    name("blk.{}.ffn_gate_exps.{}", "model.layers.{}.mlp.experts.{}.gate_proj"),
    name("blk.{}.ffn_up_exps.{}", "model.layers.{}.mlp.experts.{}.up_proj"),
    name("blk.{}.ffn_down_exps.{}", "model.layers.{}.mlp.experts.{}.down_proj"),
];

/// Llama's names; those of `own` come first.
pub(super) const fn llama_names(tables: &'static [&'static [Name]]) -> Names {
    Names { tables, prefix: "model.", ignored: &[".rotary_emb.inv_freq"] }
}

/// A decoder with Llama's keys: equal layers with RMS norms, rotation over whole heads, a gated feed-forward. `activation`: the key of
/// its activation with the default.
pub(super) fn decoder(s: &Settings, norm: Norm, activation: (&str, &str)) -> Result<ModelConfig> {
    decoder_with(s, norm, activation, ("intermediate_size", None))
}

/// The same with a plain feed-forward, and biases everywhere or nowhere.
pub(super) fn plain_decoder(
    s: &Settings,
    norm: Norm,
    activation: (&str, &str),
    sizes: (&str, Option<usize>),
    bias: bool,
) -> Result<ModelConfig> {
    let mut config = decoder_with(s, norm, activation, sizes)?;
    for layer in &mut config.layers {
        if let Ffn::Gated(activation) = layer.ffn.kind {
            layer.ffn.kind = Ffn::Plain(activation);
        }
        (layer.attention.qkv_bias, layer.attention.out_bias, layer.ffn.bias) = (bias, bias, bias);
    }
    Ok(config)
}

/// The same with the key of the feed-forward's width, and as many positions where the file does not say.
pub(super) fn decoder_with(
    s: &Settings,
    norm: Norm,
    activation: (&str, &str),
    (d_ff, positions): (&str, Option<usize>),
) -> Result<ModelConfig> {
    let mut config = sized(s, norm, sizes_with(d_ff), positions)?;
    config.head_dim = s.size_or("head_dim", config.head_dim, limits::HEAD_DIM)?;
    config.n_kv_heads = s.size_or("num_key_value_heads", config.n_heads, limits::N_HEADS)?;
    config.tied_embeddings = s.bool_or("tie_word_embeddings", false)?;
    let ffn = Ffn::Gated(self::activation(s, activation.0, activation.1)?);
    let mut layer = LayerConfig::decoder(norm, ffn);
    let bias = s.bool_or("attention_bias", false)?;
    (layer.attention.qkv_bias, layer.attention.out_bias) = (bias, bias);
    layer.ffn.bias = s.bool_or("mlp_bias", false)?;
    config.layers = vec![layer];
    Ok(config)
}

/// The keys of [`sized`] that most files have, with that of the feed-forward's width.
pub(super) fn sizes_with(d_ff: &str) -> [&str; 5] {
    ["hidden_size", d_ff, "num_hidden_layers", "num_attention_heads", "max_position_embeddings"]
}

/// A model of these sizes whose layers are not said yet. The keys are those of its width, its feed-forward's width, the numbers of layers
/// and of heads, and of positions, of which there are as many where the file does not say.
pub(super) fn sized(s: &Settings, norm: Norm, keys: [&str; 5], positions: Option<usize>) -> Result<ModelConfig> {
    let [d_model, d_ff, n_layers, n_heads, context_len] = keys;
    let d_model = s.size(d_model, limits::WIDTH)?;
    let n_heads = s.size(n_heads, limits::N_HEADS)?;
    Ok(ModelConfig {
        architecture: class(s.file)?.to_string(),
        name: model_name(s),
        n_vocab: s.size("vocab_size", limits::N_VOCAB)?,
        d_model,
        d_ff: s.size(d_ff, limits::WIDTH)?,
        n_layers: s.size(n_layers, limits::N_LAYERS)?,
        n_heads,
        n_kv_heads: n_heads,
        head_dim: d_model / n_heads,
        context_len: match positions {
            Some(positions) => s.size_or(context_len, positions, limits::CONTEXT_LEN)?,
            None => s.size(context_len, limits::CONTEXT_LEN)?,
        },
        embedding_scale: 1.0,
        learned_positions: false,
        segments: 0,
        embedding_norm: None,
        layers: Vec::new(),
        output: Output::Logits,
        output_norm: Some(norm),
        masked: None,
        tied_embeddings: true,
        output_bias: false,
        logit_scale: 1.0,
        logit_soft_cap: None,
        rope_factors: false,
        side: "",
        source: None,
    })
}

/// [`decoder`] with `rms_norm_eps` and one rotation of whole heads for all layers.
pub(super) fn rms_decoder(s: &Settings, eps: f32, theta: f32) -> Result<ModelConfig> {
    let norm = Norm::Rms { eps: s.positive_or("rms_norm_eps", eps)? };
    let mut config = decoder(s, norm, ("hidden_act", "silu"))?;
    let rope = rope(s, &Rotation { theta, ..Rotation::of(&config) })?;
    config.layers.iter_mut().for_each(|layer| layer.attention.rope = Some(rope));
    Ok(config)
}

/// The model's name, where the file gives one.
pub(super) fn model_name(s: &Settings) -> String {
    s.get("_name_or_path").and_then(|v| v.as_str()).unwrap_or_default().to_string()
}

/// What a family's rotation is where the file says nothing.
pub(super) struct Rotation {
    pub(super) theta: f32,
    /// How much of a head rotates.
    pub(super) partial: f32,
    pub(super) head_dim: usize,
    pub(super) context_len: usize,
}

impl Rotation {
    /// Whole heads, with the paper's base.
    pub(super) fn of(config: &ModelConfig) -> Rotation {
        Rotation { theta: 10_000.0, partial: 1.0, head_dim: config.head_dim, context_len: config.context_len }
    }
}

/// `rope_theta` and `rope_scaling`, or the newer `rope_parameters` that holds both.
pub(super) fn rope(s: &Settings, default: &Rotation) -> Result<Rope> {
    let theta = s.positive_or("rope_theta", default.theta)?;
    rope_in(s, &["rope_scaling", "rope_parameters"], &Rotation { theta, ..*default })
}

/// The rotation that groups of settings describe, later ones first.
pub(super) fn rope_in(s: &Settings, groups: &[&str], default: &Rotation) -> Result<Rope> {
    let (mut theta, mut partial) = (default.theta, s.positive_or("partial_rotary_factor", default.partial)?);
    let mut kind = None;
    for group in groups {
        theta = s.positive_or(&format!("{group}.rope_theta"), theta)?;
        partial = s.positive_or(&format!("{group}.partial_rotary_factor"), partial)?;
        for key in ["rope_type", "type"] {
            if let Some(found) = s.str(&format!("{group}.{key}"))? {
                kind = kind.or(Some((*group, found)));
            }
        }
    }
    if partial > 1.0 {
        return Err(s.wrong("partial_rotary_factor", "at most 1", &partial.to_string()));
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
                original_context_len: s.size_or(&original, default.context_len, limits::CONTEXT_LEN)?,
            }
        }
        Some((group, other)) => {
            return Err(s.unsupported(&format!("{group}.rope_type"), other, "default, linear, llama3"));
        }
    };
    let n_dims = (f64::from(partial) * default.head_dim as f64) as usize;
    Ok(Rope { layout: RopeLayout::HalfSplit, theta, n_dims, scaling })
}

/// One kind of layer after another by `layer_types`: whether layer i has a sliding window; `other(i)` where the file does not say.
pub(super) fn windowed(s: &Settings, n_layers: usize, other: impl Fn(usize) -> bool) -> Result<Vec<bool>> {
    match s.get("layer_types") {
        None => Ok((0..n_layers).map(other).collect()),
        Some(_) => kinds(s, n_layers, ["sliding_attention", "full_attention"]),
    }
}

/// Whether each layer is of the first of two kinds by `layer_types`, which the file has.
pub(super) fn kinds(s: &Settings, n_layers: usize, [first, second]: [&str; 2]) -> Result<Vec<bool>> {
    let types = s.get("layer_types").and_then(|value| value.as_strings()).filter(|types| types.len() == n_layers);
    let found = || s.get("layer_types").map_or_else(String::new, Value::describe);
    let types = types.ok_or_else(|| s.wrong("layer_types", format!("{n_layers} kinds of layers"), &found()))?;
    let kinds = types.iter().map(|kind| match kind {
        kind if kind == first => Ok(true),
        kind if kind == second => Ok(false),
        other => Err(s.unsupported("layer_types", other, &format!("{second}, {first}"))),
    });
    kinds.collect()
}

/// An activation by its name in `transformers`.
pub(super) fn activation(s: &Settings, key: &str, default: &str) -> Result<Activation> {
    match s.str(key)?.unwrap_or(default) {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Ok(Activation::GeluTanh),
        "gelu" => Ok(Activation::Gelu),
        other => Err(s.unsupported(key, other, "silu, gelu, gelu_new, gelu_pytorch_tanh")),
    }
}
