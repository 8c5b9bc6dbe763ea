//! Summaries of texts of any length.
//!
//! A text longer than a chunk is cut at sentences into several; each is scored, and salience is compared over all of
//! them. Key points are the most salient sentences, as they stand in the text.
//!
//! A tldr or a headline is generated after the text, greedily, or, for a model that says so (`"writing": "copy"`), made of
//! the text's own words: a tldr is the sentence that tells the most on its own, shortened, or for longer ones such a
//! sentence of each part of the text; a headline is what a title needs of that sentence (see `headline`), or its beginning, up
//! to where the model most expects a title to end. The title of the text's page is taken for the headline where it fits the text. Where the
//! text is longer than a chunk, its most salient sentences are read before a tldr or a headline is made.

mod copy;
mod headline_words;
pub mod options;
mod title;

use std::rc::Rc;

use copy::{Told, copy, told};
use headline_words::SummarySection;
pub use options::{Length, SummarizeOptions, SummaryKind};
use title::Title;
pub use title::TitleOptions;

use super::article::{Article, Chunk};
use super::format::{TaskFormat, Writing};
use super::judge::Judge;
use super::salience::SalienceSection;
use super::support::{copied, supports};
use crate::error::Result;
use crate::model::LogitRows;
use crate::run::choose::Chooser;
use crate::run::decode::{Decoding, Output, Step};
use crate::run::section::{Description, Sections};
use crate::run::{Context, Ended, Event, FinishReason, Job, Model, Point, Support};
use crate::sample::{SampleOptions, Sampler};

/// No three tokens come twice in a generated summary: small models fall into loops otherwise.
const NO_REPEAT_NGRAM: usize = 3;

/// Reads the section.
pub fn read(d: Option<&Description<'_>>, sections: &mut Sections) -> Result<()> {
    if let Some(d) = d {
        sections
            .names
            .extend([SummaryKind::Tldr, SummaryKind::KeyPoints, SummaryKind::Headline].map(SummaryKind::name));
        sections.insert(SummarySection { headline_words: headline_words::headline_words(d)? });
    }
    Ok(())
}

impl Model {
    /// Summarises a text of any length.
    ///
    /// # Errors
    /// `UnsupportedTask` where the model was not trained to, `InvalidOption` for a text without words.
    pub fn summarize(self: &Rc<Self>, text: &str, options: &SummarizeOptions) -> Result<Job> {
        let format = TaskFormat::of(self, "summarize")?.clone();
        let article = Article::with_prose(text)?;
        let wanted = options.title.as_deref().filter(|_| options.kind == SummaryKind::Headline);
        if let Some(title) = wanted.and_then(|title| Title::of(title, &article)) {
            return title.job(self);
        }
        let all = article.sentences.len();
        let generates = options.kind != SummaryKind::KeyPoints && format.writing == Writing::Generate;
        // What fits one chunk and is generated from needs no judgement.
        let whole = match generates {
            true => Some(article.chunk(self, &format, 0..all)?).filter(|chunk| chunk.sentences.len() == all),
            false => None,
        };
        let options = options.clone();
        Ok(Job::new(self, |context| async move {
            let wanted = SalienceSection::of(context.model(), options.kind).wanted();
            let judge = Judge::new(&context, article, format, wanted, options.fresh);
            let (text, kind) = (String::new(), options.kind);
            let task = Summarize { context, judge, options, kind, generates, text, finish: FinishReason::Stop };
            task.run(whole).await
        }))
    }
}

struct Summarize {
    context: Rc<Context>,
    judge: Judge,
    options: SummarizeOptions,
    kind: SummaryKind,
    /// Whether the model writes freely.
    generates: bool,
    /// The summary so far.
    text: String,
    finish: FinishReason,
}

impl Summarize {
    /// `whole`: the chunk to write from, where nothing has to be chosen.
    async fn run(mut self, whole: Option<Chunk>) -> Result<Ended> {
        let chunk = match whole {
            Some(chunk) => {
                self.judge.read_to_write(&chunk).await?;
                chunk
            }
            None => {
                let last = self.judge.judge().await?;
                self.judge.weigh(SalienceSection::of(self.context.model(), self.kind));
                if self.kind == SummaryKind::KeyPoints {
                    self.give_points().await;
                    return Ok(Ended { finish_reason: self.finish, text: self.text });
                }
                self.read_salient(last).await?
            }
        };
        let supports = if self.generates {
            self.generate().await?;
            supports(&self.judge.article, &self.text)
        } else {
            self.copy(&chunk).await?
        };
        for support in supports {
            self.context.emit(Event::Support(support)).await;
        }
        Ok(Ended { finish_reason: self.finish, text: self.text })
    }

    /// Gives the most salient sentences, as they stand in the text.
    async fn give_points(&mut self) {
        self.context.prefilled();
        let article = &self.judge.article;
        for i in article.most_salient(self.options.length.points()) {
            let Some(sentence) = article.sentences.get(i) else { continue };
            let text = article.source(i).to_string();
            if !self.text.is_empty() {
                self.text.push('\n');
            }
            self.text += &text;
            let point = Point { place: article.place(sentence.bytes.clone()), score: sentence.salience, text };
            self.context.emit(Event::Point(point)).await;
        }
    }

    /// Has the session read what to write from: the most salient sentences, where not all fit one chunk. `last` is the
    /// chunk that was judged last.
    async fn read_salient(&mut self, last: Chunk) -> Result<Chunk> {
        let judge = &mut self.judge;
        if last.sentences.len() < judge.article.sentences.len() {
            let chunk = judge.article.salient_chunk(self.context.model(), &judge.format)?;
            judge.read_to_write(&chunk).await?;
            return Ok(chunk);
        }
        if !judge.holds(&last) {
            // It was judged by a call before; its tokens are counted.
            self.context.count(|usage| {
                usage.prompt_tokens -= last.tokens.len();
                usage.cached_tokens -= last.tokens.len();
            });
            judge.read_to_write(&last).await?;
        }
        Ok(last)
    }

    /// Copies telling sentences of a chunk that was read, shortened. Gives where each is from.
    async fn copy(&mut self, chunk: &Chunk) -> Result<Vec<Support>> {
        self.context.prefilled();
        let n = if self.kind == SummaryKind::Tldr { self.options.length.sentences() } else { 1 };
        let model = Rc::clone(self.context.model());
        let chosen_by_model = SalienceSection::chooses(&model, self.kind);
        // What names the tokens names the section, too.
        let none = SummarySection { headline_words: None };
        let section = model.section::<SummarySection>().unwrap_or(&none);
        // Each sentence's number in the text, and where it begins in what is written.
        let mut origins: Vec<(usize, usize)> = Vec::new();
        let Judge { article, session, logits, format, .. } = &mut self.judge;
        let Some(session) = session else { return Ok(Vec::new()) };
        for sentence in article.telling(chunk, n, chosen_by_model) {
            session.truncate(chunk.tokens.len());
            let lead = if self.text.is_empty() { "" } else { " " };
            let text = told(section, self.kind, article, sentence);
            let ends_freely = self.kind == SummaryKind::Headline && section.headline_words.is_none();
            let told = Told { kind: self.kind, text: &text, lead, ends_freely };
            let ready = copy(&self.context, session, format, told, logits).await?;
            origins.push((sentence, self.text.len() + lead.len()));
            self.context.count(|usage| usage.prompt_tokens += 1);
            if ready.cut {
                self.finish = FinishReason::Length;
            }
            for piece in ready.pieces {
                self.text += &piece.text;
                self.context.count(|usage| usage.completion_tokens += 1);
                self.context.emit(Event::Piece(piece)).await;
            }
        }
        let ends = origins.iter().skip(1).map(|(_, start)| start - 1).chain([self.text.len()]);
        let each = origins.iter().zip(ends);
        Ok(each.map(|((i, start), end)| copied(article, &self.text, *start..end.max(*start), *i)).collect())
    }

    /// Has the model write after the chunk that was read.
    async fn generate(&mut self) -> Result<()> {
        let model = Rc::clone(self.context.model());
        let format = self.judge.format.clone();
        let (task, max_tokens) = match self.kind {
            SummaryKind::Headline => (format.headline, format.headline_max_tokens),
            _ => (format.tldr, format.tldr_max_tokens),
        };
        self.judge.feed(&[task], LogitRows::Last).await?;
        self.context.prefilled();
        let options = SampleOptions { no_repeat_ngram: NO_REPEAT_NGRAM, ..SampleOptions::default() };
        let mut sampler = Sampler::new(options, model.vocab_size(), max_tokens)?;
        // What tells the model what to do is no text.
        model.controls().iter().filter(|token| **token != format.end).for_each(|token| sampler.ban(*token));
        let end_tokens = vec![format.end];
        let chooser = match model.tokenizer().filter(|_| self.options.grounded) {
            Some(tokenizer) => Chooser::grounded(sampler, tokenizer, &self.judge.article.text, &end_tokens),
            None => sampler.into(),
        };
        let speculate = self.options.speculate;
        let stop = Vec::new();
        let (min_tokens, start_of_text) = (0, true);
        let mut decoding =
            Decoding::new(Output { chooser, stop, end_tokens, max_tokens, min_tokens, start_of_text, speculate });
        let Judge { session: Some(session), logits, .. } = &mut self.judge else { return Ok(()) };
        loop {
            match decoding.step(&self.context, session, logits).await? {
                Step::Piece(mut piece) => {
                    if self.text.is_empty() {
                        // The first word has the space that stands before every word.
                        piece.text.drain(..piece.text.len() - piece.text.trim_start().len());
                    }
                    self.text += &piece.text;
                    self.context.emit(Event::Piece(piece)).await;
                }
                Step::Finished(reason) => {
                    self.finish = reason;
                    return Ok(());
                }
            }
        }
    }
}
