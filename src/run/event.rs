//! What a job reports.

use std::ops::Range;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::backend::GpuWork;

/// What kind of work a progress report counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Phase {
    /// Tokens of the prompt, or of the text that a summary is written from.
    Prefill,
    /// Sentences of a text whose salience is measured.
    Score,
    /// Tokens of the output.
    Decode,
    /// Texts that are compared with those before them.
    Compare,
    /// Tokens that are read again, on the device that has taken the place of a lost one.
    Replay,
}

impl Phase {
    /// As reports name it.
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Prefill => "prefill",
            Phase::Score => "score",
            Phase::Decode => "decode",
            Phase::Compare => "compare",
            Phase::Replay => "replay",
        }
    }
}

/// Why a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FinishReason {
    /// The model said so, a stop string came, or everything asked for was given.
    Stop,
    /// The number of tokens asked for, or the context, was full.
    Length,
}

impl FinishReason {
    /// As reports name it.
    pub const fn name(self) -> &'static str {
        match self {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
        }
    }
}

/// A token of the output.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Piece {
    /// The characters that became final with this token; may be empty.
    pub text: String,
    /// Its id.
    #[serde(rename = "tokenId")]
    pub token: u32,
    /// See [`Sampled::logprob`](crate::model::Sampled::logprob).
    pub logprob: f32,
}

/// A part of the caller's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// In UTF-8 bytes.
    pub bytes: Range<usize>,
    /// In UTF-16 code units (what JavaScript counts).
    pub utf16: Range<usize>,
}

/// Outside of Rust, `start` and `end` in UTF-16 code units.
impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut place = serializer.serialize_struct("Place", 2)?;
        place.serialize_field("start", &self.utf16.start)?;
        place.serialize_field("end", &self.utf16.end)?;
        place.end()
    }
}

/// A sentence of the text that was chosen as a key point.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// The sentence.
    pub text: String,
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
    /// Salience, 0 to 1.
    pub score: f32,
}

/// What is known of a sentence, for fitting the weights of `nanolm.tasks`.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
    /// Logit of yes minus logit of no after the text, and at the sentence's mark in it.
    pub model: f32,
    /// The same at the mark in the text.
    pub mark: f32,
    /// What is counted: see [`NAMES`](crate::language::en::features::NAMES).
    pub features: Vec<f64>,
    /// With the weights of the file.
    pub salience: f32,
}

/// A sentence of a summary, and the sentences of the text that it was made of or says the same as.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Support {
    /// Where the sentence stands in the summary.
    #[serde(flatten)]
    pub written: Place,
    /// In the order of the text; none where nothing supports it.
    pub sources: Vec<Place>,
    /// Where it stands in the title of the page, where it was taken from that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Place>,
}

/// A label and how likely the text bears it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    /// As it was asked for.
    pub label: String,
    /// Probability, against the other labels.
    pub score: f32,
}

/// A name, number, date or the like in the text.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entity {
    /// As it stands in the text.
    pub text: String,
    /// `PER`, `LOC` ... as the model's file names them; `NUMBER`, `DATE`, `TIME`, `MONEY`, `EMAIL`, `URL`, `PHONE`.
    pub kind: String,
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
    /// 0 to 1; 1 for what is found by its form.
    pub score: f32,
}

/// A phrase that says what the text is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Keyword {
    /// As it stands at its first place.
    pub text: String,
    /// 0 to 1, relative to the best of the text.
    pub score: f32,
    /// Every place where it stands.
    pub places: Vec<Place>,
}

/// The part of a text that answers a question.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// As it stands in the text.
    pub text: String,
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
    /// 0 to 1: how well sentence and kind of answer fit the question.
    pub score: f32,
    /// The sentence around it.
    pub sentence: Place,
}

/// Texts that say nearly the same in nearly the same words: two or more.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// The first of them, and those that are like it, in the order of the texts.
    pub members: Vec<Member>,
}

/// A text of a [`Group`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Member {
    /// Its place among the texts that were given.
    pub index: usize,
    /// How near it is to the first of the group, 0 to 1: the cosine of their vectors.
    pub score: f32,
}

/// Tokens in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens that the model read, control tokens included.
    pub prompt_tokens: usize,
    /// Tokens that the model wrote, without the one that ended the output.
    pub completion_tokens: usize,
    /// Tokens of the prompt that a call before had read.
    pub cached_tokens: usize,
    /// Tokens read ahead of being written, because they stand in the text.
    pub drafted_tokens: usize,
    /// Those of them that were written.
    pub accepted_tokens: usize,
    /// What a GPU was told to do for it, where one was.
    pub gpu: Option<GpuUsage>,
}

/// What a GPU was told to do for a job, with all that it took to go on where one was lost meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuUsage {
    /// In all.
    pub all: GpuWork,
    /// For the output: what was done in steps that reported no progress in reading.
    pub writing: GpuWork,
}

/// What was done, in all or for each token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Work {
    dispatches: f64,
    submits: f64,
    readbacks: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_token: Option<Box<Work>>,
}

impl Work {
    /// `work` divided by `n`.
    fn new(work: &GpuWork, n: u64) -> Self {
        let of = |count: u64| count as f64 / n as f64;
        let (dispatches, submits, readbacks) = (of(work.dispatches), of(work.submits), of(work.readbacks));
        Work { dispatches, submits, readbacks, per_token: None }
    }
}

/// Outside of Rust, the GPU's work for the output is told for each of its tokens.
impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut usage = serializer.serialize_struct("Usage", 6)?;
        usage.serialize_field("promptTokens", &self.prompt_tokens)?;
        usage.serialize_field("completionTokens", &self.completion_tokens)?;
        usage.serialize_field("cachedTokens", &self.cached_tokens)?;
        usage.serialize_field("draftedTokens", &self.drafted_tokens)?;
        usage.serialize_field("acceptedTokens", &self.accepted_tokens)?;
        match &self.gpu {
            None => usage.skip_field("gpu")?,
            Some(GpuUsage { all, writing }) => {
                // A token that ended the output was computed as well.
                let tokens = if writing.chosen > 0 { writing.chosen } else { self.completion_tokens as u64 };
                let per_token = (tokens > 0).then(|| Box::new(Work::new(writing, tokens)));
                usage.serialize_field("gpu", &Work { per_token, ..Work::new(all, 1) })?;
            }
        }
        usage.end()
    }
}

/// Times in milliseconds, from the first `next`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timings {
    /// Until the prompt was read.
    pub prefill_ms: f64,
    /// Until the first piece or point was ready.
    pub first_token_ms: f64,
    /// From the end of reading to the end.
    pub decode_ms: f64,
}

/// The outcome of one step of a job. Outside of Rust, an object whose `type` says which.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// How far the work is.
    Progress {
        /// Of what.
        phase: Phase,
        /// So much is done.
        done: usize,
        /// So much there is.
        total: usize,
    },
    /// A token was written.
    Piece(Piece),
    /// A key point.
    Point(Point),
    /// Before the end of a written summary.
    Support(Support),
    /// What is known of a sentence: for training, which runs natively.
    #[cfg(not(target_arch = "wasm32"))]
    Measured(Measured),
    /// A label.
    Label(Label),
    /// A name, number or the like.
    Entity(Entity),
    /// A keyword.
    Keyword(Keyword),
    /// An answer.
    Answer(Answer),
    /// Texts that are nearly the same.
    Group(Group),
    /// The end.
    Done {
        /// Why.
        finish_reason: FinishReason,
        /// All that was written.
        text: String,
        /// Tokens in and out.
        usage: Usage,
        /// How long it took.
        timings: Timings,
    },
}
