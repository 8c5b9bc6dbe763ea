//! What may be asked of a summary.

use serde::Deserialize;

use crate::error::{Error, Result};

/// What a summary is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    /// As options name it.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Length {
    /// One sentence, or three key points.
    #[default]
    Short,
    /// Two sentences, or five key points.
    Medium,
    /// Three sentences, or seven key points.
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

/// Options of [`Model::summarize`](crate::run::Model::summarize).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SummarizeOptions {
    /// `type` outside of Rust.
    #[serde(rename = "type")]
    pub kind: SummaryKind,
    /// Of key points and copied tldrs; what is generated ends where the model ends it.
    pub length: Length,
    /// Where the model writes freely: only numbers and names that occur in the text can be written.
    pub grounded: bool,
    /// Of a headline: the title of the page that the text is from. Where it fits the text it is the headline, without the name of
    /// the site; see [`fitting`](crate::language::en::title::fitting).
    pub title: Option<String>,
    /// As [`GenerateOptions::speculate`](crate::run::GenerateOptions::speculate), where a summary is generated.
    pub speculate: Option<bool>,
    /// As [`GenerateOptions::fresh`](crate::run::GenerateOptions::fresh).
    pub fresh: bool,
}

impl Default for SummarizeOptions {
    fn default() -> Self {
        let (kind, length) = (SummaryKind::default(), Length::default());
        SummarizeOptions { kind, length, grounded: true, title: None, speculate: None, fresh: false }
    }
}
