//! BERT and its kin, encoders that make vectors of texts: BERT itself (MiniLM, E5, BGE and GTE are of its class), RoBERTa and
//! XLM-RoBERTa, whose table of positions begins with two rows that no token has, and DistilBERT, which has no segments. GGUF calls
//! all of them `bert`.
//!
//! Post-norm layers with biases, learned positions, a plain feed-forward. How a text's rows become one vector the files of
//! sentence-transformers say (`modules.json`, `1_Pooling/config.json`, `sentence_bert_config.json`), or GGUF's `pooling_type`.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, activation};
use super::names::{Name, Names, Part, name};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, EncoderConfig, Ffn, LayerConfig, ModelConfig, Norm, Output, Pooling};

pub(super) const BERT: Family = Family {
    gguf: Origin { known: &["bert"], config: from_gguf, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &[
            "BertModel",
            "BertForSequenceClassification",
            "BertForTokenClassification",
            "BertForQuestionAnswering",
        ],
        config: |s| from_hugging_face(s, 1e-12, 0),
        names: Names { tables: &[POSITIONS, NAMES], prefix: "bert.", ignored: IGNORED },
    },
};

pub(super) const ROBERTA: Family = Family {
    gguf: NO_GGUF,
    hugging_face: Origin {
        known: &[
            "RobertaModel",
            "RobertaForSequenceClassification",
            "RobertaForTokenClassification",
            "RobertaForQuestionAnswering",
            "XLMRobertaModel",
            "XLMRobertaForSequenceClassification",
            "XLMRobertaForTokenClassification",
            "XLMRobertaForQuestionAnswering",
            "CamembertModel",
            "CamembertForSequenceClassification",
            "CamembertForTokenClassification",
            "CamembertForQuestionAnswering",
        ],
        config: |s| from_hugging_face(s, 1e-5, UNUSED_POSITIONS),
        names: Names { tables: &[LATER_POSITIONS, NAMES], prefix: "bert.", ignored: IGNORED },
    },
};

pub(super) const DISTILBERT: Family = Family {
    gguf: NO_GGUF,
    hugging_face: Origin {
        known: &[
            "DistilBertModel",
            "DistilBertForSequenceClassification",
            "DistilBertForTokenClassification",
            "DistilBertForQuestionAnswering",
        ],
        config: from_distilbert,
        names: Names { tables: &[DISTILBERT_NAMES], prefix: "distilbert.", ignored: IGNORED },
    },
};

/// Its models come under BERT's name.
const NO_GGUF: Origin = Origin { known: &[], ..BERT.gguf };

/// Rows of RoBERTa's positions that belong to padding.
const UNUSED_POSITIONS: usize = 2;

/// The pooler was trained to tell whether two sentences follow each other, and no vector of a text goes through it.
const IGNORED: &[&str] = &["pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids"];

const POSITIONS: &[Name] = &[name("position_embd", "bert.embeddings.position_embeddings")];
const LATER_POSITIONS: &[Name] =
    &[name("position_embd", "bert.embeddings.position_embeddings").part(Part::After(UNUSED_POSITIONS))];

const NAMES: &[Name] = &[
    name("token_embd", "bert.embeddings.word_embeddings"),
    name("token_types", "bert.embeddings.token_type_embeddings"),
    name("token_embd_norm", "bert.embeddings.LayerNorm"),
    name("blk.{}.attn_q", "bert.encoder.layer.{}.attention.self.query"),
    name("blk.{}.attn_k", "bert.encoder.layer.{}.attention.self.key"),
    name("blk.{}.attn_v", "bert.encoder.layer.{}.attention.self.value"),
    name("blk.{}.attn_output", "bert.encoder.layer.{}.attention.output.dense"),
    name("blk.{}.attn_output_norm", "bert.encoder.layer.{}.attention.output.LayerNorm"),
    name("blk.{}.ffn_up", "bert.encoder.layer.{}.intermediate.dense"),
    name("blk.{}.ffn_down", "bert.encoder.layer.{}.output.dense"),
    name("blk.{}.layer_output_norm", "bert.encoder.layer.{}.output.LayerNorm"),
];

const DISTILBERT_NAMES: &[Name] = &[
    name("token_embd", "distilbert.embeddings.word_embeddings"),
    name("position_embd", "distilbert.embeddings.position_embeddings"),
    name("token_embd_norm", "distilbert.embeddings.LayerNorm"),
    name("blk.{}.attn_q", "distilbert.transformer.layer.{}.attention.q_lin"),
    name("blk.{}.attn_k", "distilbert.transformer.layer.{}.attention.k_lin"),
    name("blk.{}.attn_v", "distilbert.transformer.layer.{}.attention.v_lin"),
    name("blk.{}.attn_output", "distilbert.transformer.layer.{}.attention.out_lin"),
    name("blk.{}.attn_output_norm", "distilbert.transformer.layer.{}.sa_layer_norm"),
    name("blk.{}.ffn_up", "distilbert.transformer.layer.{}.ffn.lin1"),
    name("blk.{}.ffn_down", "distilbert.transformer.layer.{}.ffn.lin2"),
    name("blk.{}.layer_output_norm", "distilbert.transformer.layer.{}.output_layer_norm"),
];

/// What the files say in different ways.
struct Parts {
    norm: Norm,
    activation: Activation,
    segments: usize,
    pooling: Pooling,
    normalize: bool,
    max_tokens: usize,
}

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Layer { eps: s.positive(gguf::LAYER_EPS)? };
    let config = gguf::decoder(s, norm, Ffn::Plain(Activation::Gelu), &["attention.causal"])?;
    if s.bool_or("attention.causal", true)? {
        return Err(s.unsupported("attention.causal", "true", "false, as encoders have it"));
    }
    let pooling = match s.get("pooling_type") {
        None => Pooling::Mean,
        Some(value) => match value.as_usize() {
            // 0: the file leaves it open.
            Some(0 | 1) => Pooling::Mean,
            Some(2) => Pooling::Cls,
            Some(3) => Pooling::Last,
            _ => return Err(s.unsupported("pooling_type", &value.describe(), "0 to 3 (none, mean, cls, last)")),
        },
    };
    let types = s.file.tensor("token_types.weight");
    let segments = types.and_then(|tensor| tensor.shape.first().copied()).unwrap_or(0);
    let max_tokens = config.context_len;
    let parts = Parts { norm, activation: Activation::Gelu, segments, pooling, normalize: true, max_tokens };
    Ok(assembled(config, &parts))
}

fn from_hugging_face(s: &Settings<'_>, eps: f32, unused_positions: usize) -> Result<ModelConfig> {
    if let Some(kind) = s.str("position_embedding_type")?.filter(|kind| *kind != "absolute") {
        return Err(s.unsupported("position_embedding_type", kind, "absolute"));
    }
    s.must_be_off("is_decoder", 0.0)?;
    let norm = Norm::Layer { eps: s.positive_or("layer_norm_eps", eps)? };
    let mut config = hf::decoder(s, norm, ("hidden_act", "gelu"))?;
    config.context_len = config.context_len.checked_sub(unused_positions).filter(|n| *n > 0).ok_or_else(|| {
        let expected = format!("more than the {unused_positions} positions of padding");
        s.wrong("max_position_embeddings", expected, &config.context_len.to_string())
    })?;
    let segments = s.size_or("type_vocab_size", 2, limits::N_VOCAB)?;
    let (pooling, normalize) = pooling(s)?;
    let max_tokens = max_tokens(s, config.context_len)?;
    let activation = activation(s, "hidden_act", "gelu")?;
    Ok(assembled(config, &Parts { norm, activation, segments, pooling, normalize, max_tokens }))
}

fn from_distilbert(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Layer { eps: 1e-12 };
    let activation = activation(s, "activation", "gelu")?;
    let d_model = s.size("dim", limits::WIDTH)?;
    let n_heads = s.size("n_heads", limits::N_HEADS)?;
    let context_len = s.size("max_position_embeddings", limits::CONTEXT_LEN)?;
    let config = ModelConfig {
        architecture: hf::class(s.file)?.to_string(),
        name: hf::model_name(s),
        n_vocab: s.size("vocab_size", limits::N_VOCAB)?,
        d_model,
        d_ff: s.size("hidden_dim", limits::WIDTH)?,
        n_layers: s.size("n_layers", limits::N_LAYERS)?,
        n_heads,
        n_kv_heads: n_heads,
        head_dim: d_model / n_heads,
        context_len,
        embedding_scale: 1.0,
        learned_positions: true,
        segments: 0,
        embedding_norm: None,
        layers: Vec::new(),
        output: Output::Logits,
        output_norm: None,
        tied_embeddings: true,
        output_bias: false,
        logit_scale: 1.0,
        logit_soft_cap: None,
        rope_factors: false,
        source: None,
    };
    let (pooling, normalize) = pooling(s)?;
    let max_tokens = max_tokens(s, context_len)?;
    Ok(assembled(config, &Parts { norm, activation, segments: 0, pooling, normalize, max_tokens }))
}

fn assembled(config: ModelConfig, parts: &Parts) -> ModelConfig {
    let Parts { norm, activation, segments, pooling, normalize, max_tokens } = *parts;
    ModelConfig {
        learned_positions: true,
        segments,
        embedding_norm: Some(norm),
        layers: vec![LayerConfig::encoder(norm, Ffn::Plain(activation))],
        output: Output::Rows(EncoderConfig { pooling, dimensions: config.d_model, normalize, max_tokens }),
        output_norm: None,
        ..config
    }
}

/// How sentence-transformers' files have a text's rows made into a vector, and whether that gets length 1. Without such files: the
/// mean, at length 1.
fn pooling(s: &Settings<'_>) -> Result<(Pooling, bool)> {
    const KINDS: [(&str, &str, Pooling); 3] = [
        ("cls", "cls_token", Pooling::Cls),
        ("mean", "mean_tokens", Pooling::Mean),
        ("lasttoken", "lasttoken", Pooling::Last),
    ];
    let modules = s.get("modules").and_then(|value| value.as_strings());
    const KNOWN: [&str; 3] = ["Transformer", "Pooling", "Normalize"];
    if let Some(other) = modules.into_iter().flatten().find(|module| !KNOWN.contains(&module.as_str())) {
        return Err(s.unsupported("modules", other, &KNOWN.join(", ")));
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

/// Sentence-transformers cut texts off earlier than the positions would need.
fn max_tokens(s: &Settings<'_>, context_len: usize) -> Result<usize> {
    Ok(s.optional_size("sentence_bert.max_seq_length", limits::CONTEXT_LEN)?.unwrap_or(context_len).min(context_len))
}
