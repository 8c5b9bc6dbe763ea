//! What GGUF metadata says the same way for all families: `general.*` and `<architecture>.*`, and which tensors are there.

use super::settings::{Settings, limits};
use crate::error::Result;
use crate::format::ModelFile;
use crate::model::{Ffn, LayerConfig, ModelConfig, Norm, Output, Rope, RopeLayout, RopeScaling};

/// Settings that change the computation, with the value besides 0 that means "off". A family that has one names it, see [`decoder`].
const REFUSED: [(&str, f64); 12] = [
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
    ("rope.scaling.attn_factor", 1.0),
];

/// The architecture's name.
///
/// # Errors
/// `Format` where the file gives none.
pub(super) fn architecture(file: &ModelFile) -> Result<&str> {
    let general = Settings::new(file, "general.");
    general
        .str("architecture")?
        .ok_or_else(|| general.wrong("architecture", "the name of an architecture", "no such key"))
}

/// The key of the norms' epsilon.
pub(super) const RMS_EPS: &str = "attention.layer_norm_rms_epsilon";
/// The key of the number of heads of keys and values.
pub(super) const KV_HEADS: &str = "attention.head_count_kv";
/// The key of the number of heads, and of whether there are any.
pub(super) const HEADS: &str = "attention.head_count";
pub(super) const LAYER_EPS: &str = "attention.layer_norm_epsilon";
/// The key of whether tokens see those before them alone.
pub(super) const CAUSAL: &str = "attention.causal";

/// A decoder of equal layers without rotation: its sizes, which biases it has and whether the head is tied, by its tensors. `reads`:
/// settings that change the computation, or the number of key-value heads, that the family reads itself.
pub(super) fn decoder(s: &Settings, norm: Norm, ffn: Ffn, reads: &[&str]) -> Result<ModelConfig> {
    let file = s.file;
    for (key, neutral) in REFUSED.iter().filter(|(key, _)| !reads.contains(key)) {
        s.must_be_off(key, *neutral)?;
    }
    if !reads.contains(&CAUSAL) && !s.bool_or(CAUSAL, true)? {
        return Err(s.unsupported(CAUSAL, "false", "decoders"));
    }
    let d_model = s.size("embedding_length", limits::WIDTH)?;
    // A family that reads this itself has layers without attention and feed-forward.
    let (n_heads, d_ff) = match reads.contains(&HEADS) {
        true => (1, d_model),
        false => (s.size(HEADS, limits::N_HEADS)?, s.size("feed_forward_length", limits::WIDTH)?),
    };
    let biased = |stem: &str| has(file, &format!("blk.0.{stem}.bias"));
    let mut layer = LayerConfig::decoder(norm, ffn);
    layer.attention.qkv_bias = biased("attn_q") || biased("attn_qkv");
    layer.attention.out_bias = biased("attn_output");
    layer.ffn.bias = biased("ffn_up");
    Ok(ModelConfig {
        architecture: architecture(file)?.to_string(),
        name: Settings::new(file, "general.").str("name")?.unwrap_or_default().to_string(),
        n_vocab: n_vocab(s)?,
        d_model,
        d_ff,
        n_layers: s.size("block_count", limits::N_LAYERS)?,
        n_heads,
        n_kv_heads: match reads.contains(&KV_HEADS) {
            true => n_heads,
            false => s.size_or(KV_HEADS, n_heads, limits::N_HEADS)?,
        },
        head_dim: head_dim(s, d_model, n_heads)?,
        context_len: s.size("context_length", limits::CONTEXT_LEN)?,
        embedding_scale: 1.0,
        learned_positions: false,
        segments: 0,
        embedding_norm: None,
        layers: vec![layer],
        output: Output::Logits,
        output_norm: Some(norm),
        masked: None,
        tied_embeddings: !has(file, "output.weight"),
        output_bias: has(file, "output.bias"),
        logit_scale: 1.0,
        logit_soft_cap: None,
        rope_factors: has(file, "rope_freqs.weight"),
        side: "",
        source: None,
    })
}

/// An encoder: the same, in which a token sees what comes after it, so that `reads` has [`CAUSAL`]. How many segments it tells apart its
/// table says.
pub(super) fn encoder(s: &Settings, norm: Norm, ffn: Ffn, reads: &[&str]) -> Result<ModelConfig> {
    let mut config = decoder(s, norm, ffn, reads)?;
    if s.bool_or(CAUSAL, true)? {
        return Err(s.unsupported(CAUSAL, "true", "false, as encoders have it"));
    }
    let types = s.file.tensor("token_types.weight");
    config.segments = types.and_then(|tensor| tensor.shape.first().copied()).unwrap_or(0);
    config.embedding_norm = Some(norm);
    config.layers.iter_mut().for_each(|layer| layer.attention.causal = false);
    Ok(config)
}

/// A [`decoder`] with RMS norms and rotation.
pub(super) fn rms_decoder(s: &Settings, ffn: Ffn, layout: RopeLayout, reads: &[&str]) -> Result<ModelConfig> {
    let mut config = decoder(s, Norm::Rms { eps: s.positive(RMS_EPS)? }, ffn, reads)?;
    let rope = rope(s, config.head_dim, layout)?;
    config.layers.iter_mut().for_each(|layer| layer.attention.rope = Some(rope));
    Ok(config)
}

/// Whether the file has a tensor, of whichever type.
pub(super) fn has(file: &ModelFile, name: &str) -> bool {
    file.tensor(name).is_some() || file.unsupported_tensors.iter().any(|(n, _)| n == name)
}

/// How many tokens there are. The embedding table may have more rows where a converter padded it; the padding's logits
/// mean nothing, so where several counts are given the smallest one is of real tokens.
fn n_vocab(s: &Settings) -> Result<usize> {
    let tokens = s.file.metadata.get("tokenizer.ggml.tokens").and_then(|v| v.as_strings()).map(<[String]>::len);
    let rows = || s.file.tensor("token_embd.weight").and_then(|t| t.shape.first().copied());
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

/// Whether each layer has attention, where not all have: its number of key-value heads is 0 or that of the others, which becomes the
/// model's. The family reads [`KV_HEADS`].
pub(super) fn attention_layers(s: &Settings, config: &mut ModelConfig) -> Result<Vec<bool>> {
    let heads = s.get(KV_HEADS).and_then(|value| value.as_ints()).unwrap_or_default();
    let most = heads.iter().copied().max().unwrap_or(0);
    let each = |n: &i64| *n == 0 || *n == most;
    match usize::try_from(most) {
        Ok(n @ 1..=limits::N_HEADS) if heads.len() == config.n_layers && heads.iter().all(each) => {
            config.n_kv_heads = n;
            Ok(heads.iter().map(|n| *n > 0).collect())
        }
        _ => {
            let found = s.get(KV_HEADS).map_or_else(|| "no such key".to_string(), |value| value.describe());
            let expected = format!("0 or the same number for each of {} layers", config.n_layers);
            Err(s.wrong(KV_HEADS, expected, &found))
        }
    }
}

/// The rotation of all layers.
pub(super) fn rope(s: &Settings, head_dim: usize, layout: RopeLayout) -> Result<Rope> {
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
