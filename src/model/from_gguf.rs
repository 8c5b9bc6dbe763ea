//! [`ModelConfig`] from GGUF metadata (`general.*` and `<architecture>.*`) and from which tensors are there.

use super::config::{Activation, Ffn, ModelConfig, Norm, Position, Rope, RopeLayout, RopeScaling};
use super::settings::{Settings, limits, unsupported};
use crate::error::{Error, Result};
use crate::format::ModelFile;

/// Settings of any architecture that no plan has, with the value besides 0 that means "off".
const REFUSED: [(&str, f64); 11] = [
    ("expert_count", 0.0),
    ("attention.sliding_window", 0.0),
    ("attn_logit_softcapping", 0.0),
    ("final_logit_softcapping", 0.0),
    ("logit_scale", 1.0),
    ("embedding_scale", 1.0),
    ("residual_scale", 1.0),
    ("attention.scale", 0.0),
    ("attention.clamp_kqv", 0.0),
    ("attention.max_alibi_bias", 0.0),
    ("use_parallel_residual", 0.0),
];

pub(super) fn config(file: &ModelFile) -> Result<ModelConfig> {
    let general = Settings::new(file, "general.");
    let Some(architecture) = general.str("architecture")? else {
        return Err(general.wrong("architecture", "the name of an architecture", "no such key"));
    };
    let s = Settings::new(file, format!("{architecture}."));
    for (key, neutral) in REFUSED {
        s.must_be_off(key, neutral)?;
    }
    if !s.bool_or("attention.causal", true)? {
        return Err(s.unsupported("attention.causal", "false", "decoders"));
    }

    let d_model = s.size("embedding_length", limits::WIDTH)?;
    let n_layers = s.size("block_count", limits::N_LAYERS)?;
    let n_heads = s.size("attention.head_count", limits::N_HEADS)?;
    let has = |name: &str| file.tensor(name).is_some() || file.unsupported_tensors.iter().any(|(n, _)| n == name);
    let biased = |stem: &str| has(&format!("blk.0.{stem}.bias"));
    let base = ModelConfig {
        architecture: architecture.to_string(),
        name: general.str("name")?.unwrap_or_default().to_string(),
        n_vocab: n_vocab(file, &s)?,
        d_model,
        d_ff: s.size("feed_forward_length", limits::WIDTH)?,
        n_layers,
        n_heads,
        n_kv_heads: s.size_or("attention.head_count_kv", n_heads, limits::N_HEADS)?,
        head_dim: head_dim(&s, d_model, n_heads)?,
        context_len: s.size("context_length", limits::CONTEXT_LEN)?,
        norm: Norm::Rms { eps: 0.0 },
        position: Position::Learned,
        ffn: Ffn::Gated(Activation::Silu),
        qkv_bias: biased("attn_q") || biased("attn_qkv"),
        attn_out_bias: biased("attn_output"),
        ffn_bias: biased("ffn_up"),
        tied_embeddings: !has("output.weight"),
        rope_factors: has("rope_freqs.weight"),
    };
    let rms = |s: &Settings| Ok::<_, Error>(Norm::Rms { eps: s.positive("attention.layer_norm_rms_epsilon")? });
    match architecture {
        "llama" => Ok(ModelConfig {
            norm: rms(&s)?,
            position: Position::Rope(rope(&s, base.head_dim, RopeLayout::Interleaved)?),
            ..base
        }),
        "qwen2" => Ok(ModelConfig {
            norm: rms(&s)?,
            position: Position::Rope(rope(&s, base.head_dim, RopeLayout::HalfSplit)?),
            ..base
        }),
        "gpt2" => Ok(ModelConfig {
            norm: Norm::Layer { eps: s.positive("attention.layer_norm_epsilon")? },
            ffn: Ffn::Plain(Activation::GeluTanh),
            ..base
        }),
        other => Err(unsupported("the GGUF architecture", other, "llama, qwen2, gpt2")),
    }
}

/// How many tokens there are. The embedding table may have more rows where a converter padded it; the padding's logits
/// mean nothing, so where several counts are given the smallest one is of real tokens.
fn n_vocab(file: &ModelFile, s: &Settings) -> Result<usize> {
    let tokens = file.metadata.get("tokenizer.ggml.tokens").and_then(|v| v.as_strings()).map(<[String]>::len);
    let rows = || file.tensor("token_embd.weight").and_then(|t| t.shape.first().copied());
    let n = match (s.get("vocab_size"), tokens) {
        (Some(_), tokens) => {
            let n = s.size("vocab_size", limits::N_VOCAB)?;
            tokens.map_or(n, |tokens| tokens.min(n))
        }
        (None, Some(tokens)) => tokens,
        (None, None) => match rows() {
            Some(rows) => rows,
            None => return s.size("vocab_size", limits::N_VOCAB),
        },
    };
    match n {
        1..=limits::N_VOCAB => Ok(n),
        _ => Err(s.wrong("vocab_size", format!("1 to {} tokens", limits::N_VOCAB), &n.to_string())),
    }
}

fn head_dim(s: &Settings, d_model: usize, n_heads: usize) -> Result<usize> {
    let head_dim = s.size_or("attention.key_length", d_model / n_heads, limits::HEAD_DIM)?;
    let value_dim = s.size_or("attention.value_length", head_dim, limits::HEAD_DIM)?;
    if value_dim != head_dim {
        return Err(s.unsupported(
            "attention.value_length",
            &value_dim.to_string(),
            "the same as attention.key_length",
        ));
    }
    Ok(head_dim)
}

fn rope(s: &Settings, head_dim: usize, layout: RopeLayout) -> Result<Rope> {
    let scaling = match s.str("rope.scaling.type")? {
        None | Some("none") => RopeScaling::None,
        Some("linear") => RopeScaling::Linear { factor: s.positive("rope.scaling.factor")? },
        Some(other) => {
            return Err(s.unsupported("rope.scaling.type", other, "none, linear, and Llama 3's rope_freqs.weight"));
        }
    };
    // Files from before rope.scaling.type.
    let scaling = match s.positive_or("rope.scale_linear", 1.0)? {
        factor if factor != 1.0 && scaling == RopeScaling::None => RopeScaling::Linear { factor },
        _ => scaling,
    };
    Ok(Rope {
        layout,
        theta: s.positive_or("rope.freq_base", 10_000.0)?,
        n_dims: s.size_or("rope.dimension_count", head_dim, limits::HEAD_DIM)?,
        scaling,
    })
}
