//! Where a text answers a question, if it does.
//!
//! The sentence that shares most with the question is looked for (BM25, Robertson and Zaragoza 2009, over the sentences of
//! the text; a sentence that points back shares what the one before it does), and in the best few of them the part that is
//! of the kind that the question asks for: a name, a place, a date, a number, a reason, a thing. Where no part is, the whole
//! sentence is the answer, with less confidence. What the question takes for granted must stand in the text, or the answer loses most of
//! its score (`premise`). Nothing is written: the answer is always a part of the text.

mod figures;
mod forms;
mod premise;
mod question;
mod retrieve;
mod span;

use std::ops::Range;
use std::rc::Rc;

use retrieve::find;
use serde::Deserialize;

use super::article::Article;
use crate::error::{Error, Result};
use crate::language::en::joined_words;
use crate::run::section::{Description, Sections};
use crate::run::{Answer, Context, Ended, Event, Job, Model};

/// Options of [`Model::answer`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct AnswerOptions {
    /// What is asked.
    pub question: String,
    /// Answers with a lower score are none: 0 to 1.
    pub min_score: f32,
}

impl Default for AnswerOptions {
    fn default() -> Self {
        AnswerOptions { question: String::new(), min_score: 0.4 }
    }
}

/// Any model will do.
pub fn read(_: Option<&Description<'_>>, sections: &mut Sections) -> Result<()> {
    sections.names.push("answer");
    Ok(())
}

impl Model {
    /// Finds where a text answers a question: one [`Event::Answer`], or none.
    ///
    /// # Errors
    /// `InvalidOption` for a text or question without words.
    pub fn answer(self: &Rc<Self>, text: &str, options: &AnswerOptions) -> Result<Job> {
        let AnswerOptions { question, min_score } = options.clone();
        if joined_words(&question).is_empty() {
            return Err(Error::InvalidOption {
                name: "question".into(),
                expected: "a question with at least one word".into(),
                found: format!("{question:?}"),
            });
        }
        if !(0.0..=1.0).contains(&min_score) {
            return Err(Error::InvalidOption {
                name: "minScore".into(),
                expected: "a number from 0 to 1".into(),
                found: min_score.to_string(),
            });
        }
        let article = Article::with_sentences(text)?;
        Ok(Job::new(self, |context| run(context, article, question, min_score)))
    }
}

async fn run(context: Rc<Context>, article: Article, question: String, min_score: f32) -> Result<Ended> {
    let answer = best(&article, &question);
    context.prefilled();
    if let Some(answer) = answer.filter(|answer| answer.score >= min_score) {
        context.emit(Event::Answer(answer)).await;
    }
    Ok(Ended::given())
}

/// The best answer that the text has, however bad.
fn best(article: &Article, question: &str) -> Option<Answer> {
    let sentences: Vec<Range<usize>> = article.sentences.iter().map(|s| s.bytes.clone()).collect();
    let found = find(question, &article.unwrapped(), &sentences)?;
    let text = article.text.get(found.bytes.clone())?.to_string();
    let (place, sentence) = (article.place(found.bytes), article.place(found.sentence));
    Some(Answer { text, place, score: found.score, sentence })
}

#[cfg(test)]
mod tests;
