//! What a text is made of, and what of it something written agrees with: for tasks that ask a model in words.

use super::article::Article;
use super::support::supports;
use crate::error::Result;
use crate::run::{Place, Support};

/// A sentence of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct PlainSentence {
    /// As it reads, in one line and without markup.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// The sentences of a text, or, with `prose`, those of the article in it, without what a page has around it.
///
/// # Errors
/// `InvalidOption` for a text without any.
pub fn sentences(text: &str, prose: bool) -> Result<Vec<PlainSentence>> {
    let article = if prose { Article::with_prose(text) } else { Article::with_sentences(text) }?;
    let plain = |(i, place)| PlainSentence { text: article.sentence(i).to_string(), place };
    let places = article.sentences.iter().map(|sentence| article.place(sentence.bytes.clone()));
    Ok(places.enumerate().map(plain).collect())
}

/// The sentences of something written, each with those of the text that support it.
pub fn support(text: &str, written: &str) -> Vec<Support> {
    supports(&Article::prose(text), written)
}
