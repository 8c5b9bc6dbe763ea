//! The title of a text's page in place of a headline.

use std::rc::Rc;

use serde::Deserialize;

use super::copy::token_texts;
use crate::error::Result;
use crate::language::Utf16;
use crate::language::en::title::fitting;
use crate::run::{Ended, Event, FinishReason, Job, Model, Piece, Place, Support};
use crate::task::article::Article;
use crate::task::support::supports;
use crate::text::Controls;

/// Options of the task `title`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TitleOptions {
    /// The title of the page that the text is from.
    pub title: String,
}

/// A title that fits a text.
pub struct Title {
    text: String,
    support: Support,
}

impl Model {
    /// The headline that the title of a text's page is, as a summary of that kind gives it; nothing is given where it does not fit
    /// the text.
    ///
    /// # Errors
    /// `InvalidOption` for a text without words.
    pub fn title(self: &Rc<Self>, text: &str, options: &TitleOptions) -> Result<Job> {
        match Title::of(&options.title, &Article::with_prose(text)?) {
            Some(title) => title.job(self),
            None => Ok(Job::new(self, |_| async { Ok(Ended::given()) })),
        }
    }
}

impl Title {
    /// What of a page's title is a headline of its article.
    pub fn of(title: &str, article: &Article) -> Option<Title> {
        let bytes = fitting(title, &article.all())?;
        let text = title.get(bytes.clone())?.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut sources = Vec::new();
        // A title may be of several sentences, and two of them supported by one.
        for source in supports(article, &text).into_iter().flat_map(|support| support.sources) {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        crate::order::sort_by_key(&mut sources, |place| place.bytes.start);
        let written = Place { bytes: 0..text.len(), utf16: 0..text.encode_utf16().count() };
        let place = Place { utf16: Utf16::new(title).range(title, &bytes), bytes };
        Some(Title { support: Support { written, sources, title: Some(place) }, text })
    }

    /// Gives it token by token, as what is written comes: all as certain as can be, because nobody had to choose.
    pub fn job(self, model: &Rc<Model>) -> Result<Job> {
        let tokenizer = model.require_tokenizer()?;
        let tokens = tokenizer.encode(&self.text, false, Controls::Literal)?;
        let texts = token_texts(tokenizer, &tokens)?;
        Ok(Job::new(model, |context| async move {
            for (token, text) in tokens.into_iter().zip(texts) {
                context.count(|usage| usage.completion_tokens += 1);
                context.emit(Event::Piece(Piece { text, token, logprob: 0.0 })).await;
            }
            context.emit(Event::Support(self.support)).await;
            Ok(Ended { finish_reason: FinishReason::Stop, text: self.text })
        }))
    }
}
