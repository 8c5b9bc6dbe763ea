//! Labels as answers of a chat model.

use std::rc::Rc;

use super::{Asked, run, tokens};
use crate::error::{Error, Result};
use crate::run::{Job, Model};

/// What [`Model::choose`] asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Which labels there are: each is an answer.
    pub labels: Vec<String>,
    /// Tokens of a prompt for each part of the text, up to where the answer begins.
    pub prompts: Vec<Vec<u32>>,
    /// Tokens of the same prompt with nothing in the place of the text.
    pub baseline: Vec<u32>,
    /// The token that ends an answer.
    pub end: u32,
}

impl Model {
    /// Says how likely each label is as the answer to a prompt, as [`Event::Label`](crate::run::Event::Label), the likeliest first. The
    /// likelihoods are divided by those without a text, so that a label is not chosen for being a common word (Zhao et al. 2021, arXiv
    /// 2102.09690). What several prompts say is averaged by their lengths.
    ///
    /// # Errors
    /// `InvalidOption` for labels that make no sense, prompts without tokens, and an end that is no token; `ContextFull` where a prompt is
    /// too long.
    pub fn choose(self: &Rc<Self>, options: &Choice) -> Result<Job> {
        let Choice { labels, prompts, baseline, end } = options.clone();
        let tokens = tokens(self, &labels, "", end)?;
        let all = || prompts.iter().chain([&baseline]);
        if prompts.is_empty() || all().any(Vec::is_empty) || end as usize >= self.vocab_size() {
            return Err(Error::InvalidOption {
                name: "prompts".into(),
                expected: "tokens of each and of the baseline, and a token that ends an answer".into(),
                found: "none".into(),
            });
        }
        let (limit, longest) = (self.context_len(), tokens.iter().map(Vec::len).max().unwrap_or(0));
        if let Some(found) = all().map(|prompt| prompt.len() + longest).find(|found| *found > limit) {
            return Err(Error::ContextFull { limit, found });
        }
        let asked = Asked { labels, tokens, parts: prompts, without_text: Some(baseline), keeps: true };
        Ok(Job::new(self, |context| run(context, asked)))
    }
}
