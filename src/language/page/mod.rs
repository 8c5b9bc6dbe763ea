//! What a page shows, and what of it is the article.
//!
//! A text may be HTML or Markdown: [`Page::read`] sees which, and gives what a reader sees, with the places where it stands in
//! the source. [`Page::article`] tells the article from what is around it: navigation, notices, captions, comments.

mod html;
mod markdown;
mod prose;
mod shown;

use std::ops::Range;

pub use shown::Shown;

use super::en::blocks;

/// A text as it is shown.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// What is shown, and where it stands; nothing where the source is plain text.
    shown: Option<Shown>,
}

impl Page {
    /// Reads a text: HTML, Markdown or plain.
    pub fn read(source: &str) -> Page {
        let shown = match () {
            () if html::is_html(source) => Some(html::read(source)),
            () if markdown::is_markdown(source) => Some(markdown::read(source)),
            () => None,
        };
        // A source that shows nothing is a text about markup.
        Page { shown: shown.filter(|shown| shown.text.chars().any(char::is_alphanumeric)) }
    }

    /// What is shown of `source`.
    pub fn text<'a>(&'a self, source: &'a str) -> &'a str {
        self.shown.as_ref().map_or(source, |shown| &shown.text)
    }

    /// Where bytes of what is shown stand in the source.
    pub fn place(&self, bytes: Range<usize>) -> Range<usize> {
        self.shown.as_ref().map_or(bytes.clone(), |shown| shown.place(bytes))
    }

    /// The blocks of what is shown that are the article, as ranges of its bytes; all of them where none is.
    pub fn article(&self, source: &str) -> Vec<Range<usize>> {
        let text = self.text(source);
        let all = blocks(text);
        let plain = Shown::default();
        let keep = prose::article(text, &all, self.shown.as_ref().unwrap_or(&plain));
        let kept: Vec<Range<usize>> =
            all.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(block, _)| block.clone()).collect();
        if kept.is_empty() { all } else { kept }
    }
}

#[cfg(test)]
mod tests;
