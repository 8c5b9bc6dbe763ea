//! Heads: what published encoders compute of their rows, by the class's name. A head is data, as a family is: the names of its
//! matrices, what follows each, and what the file calls its outputs. A new kind is a row in [`HEADS`], its class in the family's
//! list, and what is done with its outputs (`run::head`).

use super::head_layer::{HeadActivation, HeadLayer};
use super::hugging_face as hf;
use super::modernbert;
use super::settings::Settings;
use crate::error::Result;
use crate::format::{Dialect, ModelFile};
use crate::model::Pooling;

/// How a file wants its labels' logits read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scores {
    /// One label fits: probabilities that are 1 together (softmax).
    One,
    /// Any number of labels fits: a probability for each (sigmoid).
    Any,
    /// The logits are no probabilities: a regression.
    Raw,
}

/// Which rows a head reads, and what its outputs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// One row, that of the text or of a pair: labels of the text, or how well the pair fits.
    Text,
    /// Every row: labels of the tokens.
    Tokens,
    /// Every row of a question and a text: how well the answer begins there, and ends there.
    Span,
    /// Any row: logits of the vocabulary, which the plan itself gives (see `ModelConfig::masked`).
    Vocabulary,
}

/// A head over the rows of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadConfig {
    /// First to last.
    pub layers: Vec<HeadLayer>,
    /// How a text's rows become the one that it reads.
    pub pooling: Pooling,
    /// What the outputs stand for.
    pub labels: Vec<String>,
    /// How they are read.
    pub scores: Scores,
    /// Separator tokens between the two texts of a pair.
    pub separators: usize,
    /// Which rows it reads.
    pub reads: Reads,
}

/// Of one class.
struct Row {
    class: &'static str,
    layers: &'static [(&'static str, HeadActivation)],
    separators: usize,
    reads: Reads,
}

const BERT: &[(&str, HeadActivation)] =
    &[("bert.pooler.dense", HeadActivation::Tanh), ("classifier", HeadActivation::None)];
const ROBERTA: &[(&str, HeadActivation)] =
    &[("classifier.dense", HeadActivation::Tanh), ("classifier.out_proj", HeadActivation::None)];
const DISTILBERT: &[(&str, HeadActivation)] =
    &[("pre_classifier", HeadActivation::Relu), ("classifier", HeadActivation::None)];

const TOKENS: &[(&str, HeadActivation)] = &[("classifier", HeadActivation::None)];
const SPAN: &[(&str, HeadActivation)] = &[("qa_outputs", HeadActivation::None)];

/// ModernBERT's first matrix, what follows which its files say.
const MODERN: &[(&str, HeadActivation)] = &[("head.dense", HeadActivation::Gelu), ("classifier", HeadActivation::None)];

const fn row(
    class: &'static str,
    layers: &'static [(&'static str, HeadActivation)],
    separators: usize,
    reads: Reads,
) -> Row {
    Row { class, layers, separators, reads }
}

/// Every class with a head.
const HEADS: [Row; 24] = [
    row("BertForSequenceClassification", BERT, 1, Reads::Text),
    row("DistilBertForSequenceClassification", DISTILBERT, 1, Reads::Text),
    row("RobertaForSequenceClassification", ROBERTA, 2, Reads::Text),
    row("XLMRobertaForSequenceClassification", ROBERTA, 2, Reads::Text),
    row("CamembertForSequenceClassification", ROBERTA, 2, Reads::Text),
    row("BertForTokenClassification", TOKENS, 1, Reads::Tokens),
    row("DistilBertForTokenClassification", TOKENS, 1, Reads::Tokens),
    row("RobertaForTokenClassification", TOKENS, 2, Reads::Tokens),
    row("XLMRobertaForTokenClassification", TOKENS, 2, Reads::Tokens),
    row("CamembertForTokenClassification", TOKENS, 2, Reads::Tokens),
    row("BertForQuestionAnswering", SPAN, 1, Reads::Span),
    row("DistilBertForQuestionAnswering", SPAN, 1, Reads::Span),
    row("RobertaForQuestionAnswering", SPAN, 2, Reads::Span),
    row("XLMRobertaForQuestionAnswering", SPAN, 2, Reads::Span),
    row("CamembertForQuestionAnswering", SPAN, 2, Reads::Span),
    row("BertForMaskedLM", &[], 1, Reads::Vocabulary),
    row("DistilBertForMaskedLM", &[], 1, Reads::Vocabulary),
    row("RobertaForMaskedLM", &[], 2, Reads::Vocabulary),
    row("XLMRobertaForMaskedLM", &[], 2, Reads::Vocabulary),
    row("CamembertForMaskedLM", &[], 2, Reads::Vocabulary),
    row("ModernBertForMaskedLM", &[], 1, Reads::Vocabulary),
    row("ModernBertForSequenceClassification", MODERN, 1, Reads::Text),
    row("ModernBertForTokenClassification", MODERN, 1, Reads::Tokens),
    row("ModernBertForQuestionAnswering", MODERN, 1, Reads::Span),
];

/// Labels of a file that does not say how many it has, as `transformers` takes it.
const DEFAULT_LABELS: usize = 2;

/// The head of a model file; `None` where its class has none.
///
/// # Errors
/// `Format` and `Unsupported` for what the file says of labels.
pub fn head(file: &ModelFile) -> Result<Option<HeadConfig>> {
    if file.dialect != Dialect::HuggingFace {
        return Ok(None);
    }
    let class = hf::class(file)?;
    let Some(row) = HEADS.iter().find(|row| row.class == class) else { return Ok(None) };
    let s = Settings::new(file, "");
    let mut labels = Vec::new();
    while let Some(label) = s.str(&format!("id2label.{}", labels.len()))? {
        labels.push(label.to_string());
    }
    if labels.is_empty() {
        labels = (0..DEFAULT_LABELS).map(|i| format!("LABEL_{i}")).collect();
    }
    if row.reads == Reads::Span {
        labels = ["start", "end"].map(String::from).to_vec();
    }
    let scores = match s.str("problem_type")?.filter(|_| row.reads == Reads::Text) {
        None if row.reads != Reads::Text => Scores::One,
        None if labels.len() == 1 => Scores::Any,
        None | Some("single_label_classification") => Scores::One,
        Some("multi_label_classification") => Scores::Any,
        Some("regression") if labels.len() == 1 => Scores::Raw,
        Some(other) => {
            let known = "single_label_classification, multi_label_classification, regression with one label";
            return Err(s.unsupported("problem_type", other, known));
        }
    };
    let mut layers: Vec<HeadLayer> = row.layers.iter().map(|(name, then)| HeadLayer::new(name, true, *then)).collect();
    let mut pooling = Pooling::Cls;
    if row.layers == MODERN {
        pooling = modern(&s, &mut layers)?;
    }
    Ok(Some(HeadConfig { layers, pooling, labels, scores, separators: row.separators, reads: row.reads }))
}

/// What ModernBERT's files say of its heads.
fn modern(s: &Settings<'_>, layers: &mut [HeadLayer]) -> Result<Pooling> {
    let (norm, bias) = (modernbert::hf_norm(s)?, s.bool_or("classifier_bias", false)?);
    if let Some(other) = s.str("classifier_activation")?.filter(|kind| *kind != "gelu") {
        return Err(s.unsupported("classifier_activation", other, "gelu"));
    }
    if let Some(first) = layers.first_mut() {
        (first.bias, first.norm) = (bias, Some(("head.norm", norm)));
    }
    match s.str("classifier_pooling")? {
        None | Some("cls") => Ok(Pooling::Cls),
        Some("mean") => Ok(Pooling::Mean),
        Some(other) => Err(s.unsupported("classifier_pooling", other, "cls, mean")),
    }
}
