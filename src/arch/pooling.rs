//! What becomes of an encoder's rows: how a text's rows become one vector, by the files of sentence-transformers (`modules.json`,
//! `1_Pooling/config.json`, `sentence_bert_config.json`), or by GGUF's `pooling_type`.

use super::dense::dense;
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::format::Dialect;
use crate::model::{EncoderConfig, ModelConfig, Output, Pooling};

/// Whether the files of a decoder say that it makes vectors, as Qwen3-Embedding: a text's rows are pooled.
pub(super) fn is_said(s: &Settings<'_>) -> bool {
    s.get("modules").is_some() || s.get("pooling_type").is_some_and(|value| value.as_usize() != Some(0))
}

/// Whether a model's rows become logits of its vocabulary.
pub(super) fn is_masked(config: &ModelConfig) -> bool {
    config.architecture.ends_with("ForMaskedLM")
}

/// The model gives vectors, not logits.
pub(super) fn encoder(s: &Settings<'_>, config: ModelConfig) -> Result<ModelConfig> {
    if config.layers.iter().any(|layer| layer.short_conv.is_some() || layer.ssm.is_some()) {
        return Err(s.unsupported(
            "pooling",
            "a model with short convolutions or states",
            "models with attention alone",
        ));
    }
    let (width, context_len) = (config.d_model, config.context_len);
    let dimensions = dense(s.file)?.last().map_or(width, |(_, outputs)| *outputs);
    let (pooling, normalize) = match s.file.dialect {
        Dialect::Gguf => (of_gguf(s)?, true),
        Dialect::HuggingFace => of_hugging_face(s)?,
    };
    // Sentence-transformers cut texts off earlier than the positions would need.
    let max_tokens = s.optional_size("sentence_bert.max_seq_length", limits::CONTEXT_LEN)?;
    let max_tokens = max_tokens.unwrap_or(context_len).min(context_len);
    let output = Output::Rows(EncoderConfig { pooling, width, dimensions, normalize, max_tokens });
    Ok(ModelConfig { output, ..config })
}

fn of_gguf(s: &Settings<'_>) -> Result<Pooling> {
    match s.get("pooling_type") {
        None => Ok(Pooling::Mean),
        Some(value) => match value.as_usize() {
            // 0: the file leaves it open.
            Some(0 | 1) => Ok(Pooling::Mean),
            Some(2) => Ok(Pooling::Cls),
            Some(3) => Ok(Pooling::Last),
            _ => Err(s.unsupported("pooling_type", &value.describe(), "0 to 3 (none, mean, cls, last)")),
        },
    }
}

/// How sentence-transformers' files have a text's rows made into a vector, and whether that gets length 1. Without such files: the
/// mean, at length 1.
fn of_hugging_face(s: &Settings<'_>) -> Result<(Pooling, bool)> {
    const KINDS: [(&str, &str, Pooling); 3] = [
        ("cls", "cls_token", Pooling::Cls),
        ("mean", "mean_tokens", Pooling::Mean),
        ("lasttoken", "lasttoken", Pooling::Last),
    ];
    let modules = s.get("modules").and_then(|value| value.as_strings());
    const KNOWN: [&str; 4] = ["Transformer", "Pooling", "Dense", "Normalize"];
    let mut reached = 0;
    for module in modules.into_iter().flatten() {
        let place = KNOWN.iter().position(|known| known == module);
        reached = place
            .filter(|place| *place >= reached)
            .ok_or_else(|| s.unsupported("modules", module, &format!("{}, in this order", KNOWN.join(", "))))?;
    }
    let normalize = modules.is_none_or(|modules| modules.iter().any(|module| module == "Normalize"));
    let on = |key: &str| s.bool_or(&format!("pooling.pooling_mode_{key}"), false);
    for other in ["max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens"] {
        if on(other)? {
            return Err(s.unsupported(&format!("pooling.pooling_mode_{other}"), "true", "cls, mean, lasttoken"));
        }
    }
    if let Some(named) = s.str("pooling.pooling_mode")? {
        let kind = KINDS.iter().find(|(name, ..)| *name == named).map(|(.., kind)| *kind);
        let kind = kind.ok_or_else(|| s.unsupported("pooling.pooling_mode", named, "cls, mean, lasttoken"))?;
        return Ok((kind, normalize));
    }
    let mut found = None;
    for (_, key, kind) in KINDS {
        if on(key)? && found.replace(kind).is_some() {
            return Err(s.unsupported("pooling", "several kinds at once", "one kind"));
        }
    }
    Ok((found.unwrap_or(Pooling::Mean), normalize))
}
