//! What callers may ask for. What they leave open, the model's files decide, then the defaults named here.

use crate::error::{Error, Result};
use crate::sample::SampleOptions;

/// How tokens are chosen, as far as the caller cares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    pub temperature: Option<f32>,
    pub top_k: Option<usize>,
    pub top_p: Option<f32>,
    pub min_p: Option<f32>,
    pub repetition_penalty: Option<f32>,
    pub no_repeat_ngram: Option<usize>,
    pub seed: Option<u64>,
}

impl Sampling {
    /// These choices over `defaults`.
    pub fn over(&self, defaults: &SampleOptions) -> SampleOptions {
        SampleOptions {
            temperature: self.temperature.unwrap_or(defaults.temperature),
            top_k: self.top_k.unwrap_or(defaults.top_k),
            top_p: self.top_p.unwrap_or(defaults.top_p),
            min_p: self.min_p.unwrap_or(defaults.min_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(defaults.repetition_penalty),
            no_repeat_ngram: self.no_repeat_ngram.unwrap_or(defaults.no_repeat_ngram),
            seed: self.seed.unwrap_or(defaults.seed),
        }
    }
}

/// Options of [`Model::generate`](super::Model::generate).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GenerateOptions {
    /// Default: the model's `generation_config.json`, else 128.
    pub max_new_tokens: Option<usize>,
    pub sampling: Sampling,
    /// Output ends before the first of these.
    pub stop: Vec<String>,
    /// Only numbers and names that occur in this text can be written.
    pub grounded_in: Option<String>,
    /// Reads ahead what stands in the text already after the last tokens; what is written is the same, sooner or later.
    /// None: where it promises to be faster.
    pub speculate: Option<bool>,
    /// Takes nothing over that calls before have read, and leaves nothing to later ones: for measurements.
    pub fresh: bool,
}

/// What a summary is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SummaryKind {
    /// The gist: one sentence, or up to three where they are copied from the text.
    #[default]
    Tldr,
    /// The most salient sentences of the text, as they stand there.
    KeyPoints,
    /// One line.
    Headline,
}

impl SummaryKind {
    pub const fn name(self) -> &'static str {
        match self {
            SummaryKind::Tldr => "tldr",
            SummaryKind::KeyPoints => "key-points",
            SummaryKind::Headline => "headline",
        }
    }
}

impl std::str::FromStr for SummaryKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [SummaryKind::Tldr, SummaryKind::KeyPoints, SummaryKind::Headline]
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| unknown("type", "\"tldr\", \"key-points\" or \"headline\"", name))
    }
}

/// How much of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Length {
    #[default]
    Short,
    Medium,
    Long,
}

impl Length {
    /// How many sentences are chosen as key points, at most.
    pub const fn points(self) -> usize {
        match self {
            Length::Short => 3,
            Length::Medium => 5,
            Length::Long => 7,
        }
    }

    /// How many sentences a tldr has, at most: each from its own part of the text.
    pub const fn sentences(self) -> usize {
        match self {
            Length::Short => 1,
            Length::Medium => 2,
            Length::Long => 3,
        }
    }
}

impl std::str::FromStr for Length {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "short" => Ok(Length::Short),
            "medium" => Ok(Length::Medium),
            "long" => Ok(Length::Long),
            other => Err(unknown("length", "\"short\", \"medium\" or \"long\"", other)),
        }
    }
}

fn unknown(name: &str, expected: &str, found: &str) -> Error {
    Error::InvalidOption { name: name.into(), expected: expected.into(), found: format!("{found:?}") }
}

/// Options of [`Model::summarize`](super::Model::summarize).
#[derive(Clone, Debug, PartialEq)]
pub struct SummarizeOptions {
    pub kind: SummaryKind,
    /// Of key points and copied tldrs; what is generated ends where the model ends it.
    pub length: Length,
    /// Where the model writes freely: only numbers and names that occur in the text can be written.
    pub grounded: bool,
    /// As [`GenerateOptions::speculate`], where a summary is generated.
    pub speculate: Option<bool>,
    /// As [`GenerateOptions::fresh`].
    pub fresh: bool,
}

impl Default for SummarizeOptions {
    fn default() -> Self {
        let (kind, length) = (SummaryKind::default(), Length::default());
        SummarizeOptions { kind, length, grounded: true, speculate: None, fresh: false }
    }
}

/// What a text may be classified as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Labels {
    /// The set that the model's file has as its default.
    #[default]
    Default,
    /// A set of the model's file, by name.
    Set(String),
    /// The caller's own.
    Own(Vec<String>),
}

/// Options of [`Model::classify`](super::Model::classify).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassifyOptions {
    pub labels: Labels,
}

/// Options of [`Model::extract_entities`](super::Model::extract_entities).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityOptions {
    /// Only these types, such as `PER` and `DATE`; all where it is empty.
    pub types: Vec<String>,
}

/// Options of [`Model::extract_keywords`](super::Model::extract_keywords).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeywordOptions {
    /// At most this many.
    pub limit: usize,
}

impl Default for KeywordOptions {
    fn default() -> Self {
        KeywordOptions { limit: 10 }
    }
}

/// Options of [`Model::answer`](super::Model::answer).
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerOptions {
    /// Answers with a lower score are none: 0 to 1.
    pub min_score: f32,
}

impl Default for AnswerOptions {
    fn default() -> Self {
        AnswerOptions { min_score: 0.35 }
    }
}
