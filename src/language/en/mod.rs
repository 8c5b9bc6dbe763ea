//! English: sentences, words, dates and numbers, and how a sentence is shortened.
//!
//! Word lists are the files in `lists/`, one word or phrase a line. `pkg-scripts/train` uses these rules through
//! `examples/language.rs`, so that a model is trained on the cuts and counts that it meets later.

mod asides;
mod blocks;
pub mod dialogue;
pub mod features;
pub mod headline;
pub mod headline_units;
mod patterns;
pub mod said;
mod sentences;
pub mod shorten;
mod stops;
pub mod title;
mod words;

pub use blocks::blocks;
pub use features::{Features, features};
pub use headline::HeadlineWords;
pub use patterns::{Pattern, patterns};
pub use sentences::{sentences, sentences_of};
pub use stops::{ends_with_stop, is_syllable};
pub use words::{content_word, is_function_word, is_invisible, joined_words, plain_word, words};

/// Whether a list, one word a line, has a word.
fn has(list: &str, word: &str) -> bool {
    list.lines().any(|listed| listed == word)
}
