//! BERT and its kin, encoders that make vectors of texts: BERT itself (MiniLM, E5, BGE and GTE are of its class), RoBERTa and
//! XLM-RoBERTa, whose table of positions begins with two rows that no token has, and DistilBERT, which has no segments. GGUF calls
//! all of them `bert`.
//!
//! Post-norm layers with biases, learned positions, a plain feed-forward.

use super::family::{Family, Origin};
use super::gguf;
use super::hugging_face::{self as hf, activation};
use super::names::{Name, Names, Part, name};
use super::pooling::{self, is_masked};
use super::settings::{Settings, limits};
use crate::error::Result;
use crate::model::{Activation, Ffn, LayerConfig, Masked, ModelConfig, Norm};

pub(super) const BERT: Family = Family {
    gguf: Origin { known: &["bert"], config: from_gguf, names: Names { tables: &[], prefix: "", ignored: &[] } },
    hugging_face: Origin {
        known: &[
            "BertModel",
            "BertForSequenceClassification",
            "BertForTokenClassification",
            "BertForQuestionAnswering",
            "BertForMaskedLM",
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
            "RobertaForMaskedLM",
            "XLMRobertaModel",
            "XLMRobertaForSequenceClassification",
            "XLMRobertaForTokenClassification",
            "XLMRobertaForQuestionAnswering",
            "XLMRobertaForMaskedLM",
            "CamembertModel",
            "CamembertForSequenceClassification",
            "CamembertForTokenClassification",
            "CamembertForQuestionAnswering",
            "CamembertForMaskedLM",
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
            "DistilBertForMaskedLM",
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
const IGNORED: &[&str] = &[
    "pooler.dense.weight",
    "pooler.dense.bias",
    "embeddings.position_ids",
    "cls.seq_relationship.weight",
    "cls.seq_relationship.bias",
    // Once more what lies beside it.
    "cls.predictions.decoder.bias",
    "lm_head.decoder.bias",
];

const POSITIONS: &[Name] = &[
    name("position_embd", "bert.embeddings.position_embeddings"),
    name("masked_dense", "cls.predictions.transform.dense"),
    name("masked_norm", "cls.predictions.transform.LayerNorm"),
    // Its bias lies beside it.
    name("output", "cls.predictions"),
    name("output", "cls.predictions.decoder"),
];
const LATER_POSITIONS: &[Name] = &[
    name("position_embd", "bert.embeddings.position_embeddings").part(Part::After(UNUSED_POSITIONS)),
    name("masked_dense", "lm_head.dense"),
    name("masked_norm", "lm_head.layer_norm"),
    name("output", "lm_head"),
    name("output", "lm_head.decoder"),
];

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
    name("masked_dense", "vocab_transform"),
    name("masked_norm", "vocab_layer_norm"),
    name("output", "vocab_projector"),
];

fn from_gguf(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Layer { eps: s.positive(gguf::LAYER_EPS)? };
    let config = gguf::encoder(s, norm, Ffn::Plain(Activation::Gelu), &[gguf::CAUSAL])?;
    assembled(s, config, norm, Activation::Gelu)
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
    config.segments = s.size_or("type_vocab_size", 2, limits::N_VOCAB)?;
    let activation = activation(s, "hidden_act", "gelu")?;
    assembled(s, config, norm, activation)
}

fn from_distilbert(s: &Settings<'_>) -> Result<ModelConfig> {
    let norm = Norm::Layer { eps: 1e-12 };
    let activation = activation(s, "activation", "gelu")?;
    let config = hf::sized(s, norm, ["dim", "hidden_dim", "n_layers", "n_heads", "max_position_embeddings"], None)?;
    assembled(s, config, norm, activation)
}

fn assembled(s: &Settings<'_>, config: ModelConfig, norm: Norm, activation: Activation) -> Result<ModelConfig> {
    // RoBERTa's head has the same activation in every model.
    let is_roberta = ["Bert", "Distil"].iter().all(|name| !config.architecture.starts_with(name));
    let of_head = if is_roberta { Activation::Gelu } else { activation };
    let masked = is_masked(&config).then_some(Masked { bias: true, activation: of_head, norm });
    let config = ModelConfig {
        tied_embeddings: s.bool_or("tie_word_embeddings", true)?,
        output_bias: masked.is_some(),
        masked,
        learned_positions: true,
        embedding_norm: Some(norm),
        layers: vec![LayerConfig::encoder(norm, Ffn::Plain(activation))],
        output_norm: None,
        ..config
    };
    pooling::encoder(s, config)
}
