//! Where a text answers a question, if it does.
//!
//! The sentence that shares most with the question is looked for (BM25, Robertson and Zaragoza 2009, over the sentences of
//! the text; a sentence that points back shares what the one before it does), and in the best few of them the part that is
//! of the kind that the question asks for: a name, a place, a date, a number, a reason, a thing. Where no part is, the whole
//! sentence is the answer, with less confidence. Nothing is written: the answer is always a part of the text.

mod figures;
mod question;
mod retrieve;
mod span;

use std::ops::Range;

use super::event::{Answer, Event, FinishReason, Usage};
use super::model::Model;
use super::options::AnswerOptions;
use super::points::Article;
use super::stopwatch::Stopwatch;
use crate::error::{Error, Result};
use crate::language::en::joined_words;
use retrieve::find;

pub struct Ask {
    article: Article,
    question: String,
    options: AnswerOptions,
    watch: Stopwatch,
    found: Option<Option<Answer>>,
}

impl Ask {
    pub fn new(model: &Model, question: &str, text: &str, options: &AnswerOptions) -> Result<Self> {
        if joined_words(question).is_empty() {
            return Err(Error::InvalidOption {
                name: "question".into(),
                expected: "a question with at least one word".into(),
                found: format!("{question:?}"),
            });
        }
        if !(0.0..=1.0).contains(&options.min_score) {
            return Err(Error::InvalidOption {
                name: "minScore".into(),
                expected: "a number from 0 to 1".into(),
                found: options.min_score.to_string(),
            });
        }
        let article = Article::new(text);
        article.require_sentences()?;
        let watch = Stopwatch::new(model.clock());
        Ok(Ask { article, question: question.to_string(), options: options.clone(), watch, found: None })
    }

    pub async fn next(&mut self) -> Result<Event> {
        self.watch.start();
        let found = self.found.get_or_insert_with(|| {
            let sentences: Vec<Range<usize>> = self.article.sentences.iter().map(|s| s.bytes.clone()).collect();
            let found = find(&self.question, &self.article.text, &sentences)?;
            let place = |bytes: Range<usize>| self.article.place(bytes);
            let text = self.article.text.get(found.bytes.clone())?.to_string();
            let answer =
                Answer { text, place: place(found.bytes), score: found.score, sentence: place(found.sentence) };
            (answer.score >= self.options.min_score).then_some(answer)
        });
        self.watch.prefilled();
        if let Some(answer) = found.take() {
            self.watch.first();
            return Ok(Event::Answer(answer));
        }
        let (usage, timings) = (Usage::default(), self.watch.finish());
        Ok(Event::Done { finish_reason: FinishReason::Stop, text: String::new(), usage, timings })
    }
}

#[cfg(test)]
mod tests;
