//! What is known of a language without a model.
//!
//! [`en`] holds the rules and word lists of English. [`Page`] reads HTML and Markdown, and tells an article from what is around it. [`Utf16`] turns places in a text into what JavaScript counts.
//! Nothing here imports the engine: a page that only cuts sentences, or the training pipeline, can use it alone.

pub mod en;
mod page;
mod utf16;

pub use page::Page;
pub use utf16::Utf16;
