//! What a masked language model says of texts: tokens for what is masked, and sparse vectors.

use super::model::Model;
use crate::arch::Reads;
use crate::error::{Error, Result};
use crate::model::{LogitRows, Texts};
use crate::order;
use crate::sample::log_probability;
use crate::text::Controls;

/// One of the tokens that may stand where a text is masked.
#[derive(Clone, Debug, PartialEq)]
pub struct Fill {
    /// Which of the text's masks, from 0.
    pub mask: usize,
    /// Its id.
    pub token: u32,
    /// Its probability, of all tokens.
    pub score: f32,
    /// What it writes.
    pub text: String,
    /// The text with it in the mask's place, as the tokenizer writes it.
    pub sequence: String,
}

/// A text as weights of tokens, those that it has and those that it could have (SPLADE, arXiv 2107.05720).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sparse {
    /// Tokens with a weight, the lowest first.
    pub ids: Vec<u32>,
    /// Of each, above 0.
    pub weights: Vec<f32>,
}

/// Logits that one pass gives at most: 64 MB.
const LOGITS: usize = 1 << 24;
/// How masks are written, by the tokenizers of BERT and of RoBERTa.
const MASKS: [&str; 2] = ["[MASK]", "<mask>"];

impl Model {
    /// The likeliest tokens for each mask of a text, `top` each, the likeliest first. A mask is written as the model's tokenizer has it, other
    /// control tokens are text.
    ///
    /// # Errors
    /// `UnsupportedTask` for a model that is no masked language model; `InvalidOption` for a text without a mask among the tokens that the model
    /// reads, and for no token; `NotFinite`, `Busy`, `Tokenizer`.
    pub fn fill_mask(&self, text: &str, top: usize) -> Result<Vec<Fill>> {
        self.require_head("fill-mask", Reads::Vocabulary)?;
        let tokenizer = self.require_tokenizer()?;
        let wrong =
            |name: &str, expected: String, found: String| Error::InvalidOption { name: name.into(), expected, found };
        if top == 0 {
            return Err(wrong("topK", "at least 1".into(), "0".into()));
        }
        let found = MASKS.iter().find_map(|mask| Some((*mask, tokenizer.control(mask)?)));
        let Some((written, mask)) = found else {
            return Err(Error::Tokenizer { what: format!("it has no token for a mask ({})", MASKS.join(", ")) });
        };
        // Every other byte is text.
        let mut literal = Vec::new();
        let mut at = 0;
        for (start, _) in text.match_indices(written) {
            literal.extend(at as u32..start as u32);
            at = start + written.len();
        }
        literal.extend(at as u32..text.len() as u32);
        let plain = tokenizer.encode(text, false, Controls::Except(&literal))?;
        let ids = tokenizer.within(&plain, self.context_len());
        let masks: Vec<usize> = (0..ids.len()).filter(|i| ids[*i] == mask).collect();
        if masks.is_empty() {
            let expected = format!("{written} in it, among the first {} tokens", self.context_len());
            return Err(wrong("text", expected, "none".into()));
        }
        let mut pass = Texts::default();
        pass.push(ids.iter().map(|id| (*id, 0)));
        let (mut out, n) = (Vec::new(), self.vocab_size());
        self.vocabulary_rows(&pass, &masks, &mut |mask, logits| {
            let mut tokens: Vec<u32> = (0..n as u32).collect();
            let logit = |id: u32| logits.get(id as usize).copied().unwrap_or(f32::NEG_INFINITY);
            order::sort_by(&mut tokens, |a, b| logit(*b).total_cmp(&logit(*a)));
            for token in tokens.into_iter().take(top) {
                let score = f64::from(log_probability(logits, token as usize)).exp() as f32;
                let mut ids = ids.clone();
                if let Some(id) = ids.get_mut(masks[mask]) {
                    *id = token;
                }
                let (text, sequence) = (tokenizer.decode(&[token])?, tokenizer.decode(&ids)?);
                out.push(Fill { mask, token, score, text, sequence });
            }
            Ok(())
        })?;
        Ok(out)
    }

    /// The weights of tokens for a text: of each the largest `ln(1 + max(logit, 0))` of all rows. Of a text with more tokens than the model reads
    /// its beginning counts.
    ///
    /// # Errors
    /// As [`Model::fill_mask`], but for its options.
    pub fn embed_sparse(&self, text: &str) -> Result<Sparse> {
        self.require_head("embed-sparse", Reads::Vocabulary)?;
        let ids = self.require_tokenizer()?.encode_within(text, self.context_len())?;
        let mut pass = Texts::default();
        pass.push(ids.iter().map(|id| (*id, 0)));
        let mut most = vec![0.0f32; self.vocab_size()];
        let rows: Vec<usize> = (0..ids.len()).collect();
        self.vocabulary_rows(&pass, &rows, &mut |_, logits| {
            most.iter_mut().zip(logits).for_each(|(most, x)| *most = most.max(*x));
            Ok(())
        })?;
        let mut sparse = Sparse::default();
        for (id, x) in (0..).zip(most).filter(|(_, x)| *x > 0.0) {
            sparse.ids.push(id);
            sparse.weights.push((1.0 + f64::from(x)).ln() as f32);
        }
        Ok(sparse)
    }

    /// Shows the logits of each of these rows of a text. Where there are more than fit into a pass the text is read again.
    fn vocabulary_rows(
        &self,
        pass: &Texts,
        rows: &[usize],
        each: &mut dyn FnMut(usize, &[f32]) -> Result<()>,
    ) -> Result<()> {
        let n = self.vocab_size();
        let mut out = Vec::new();
        let mut at = 0;
        for some in rows.chunks((LOGITS / n).max(1)) {
            self.encode(pass, LogitRows::Rows(some), &mut out)?;
            for logits in out.chunks_exact(n).take(some.len()) {
                if let Some(found) = logits.iter().find(|x| !x.is_finite()) {
                    let token = pass.tokens().first().copied().unwrap_or(0);
                    return Err(Error::NotFinite { token: token as usize, found: found.to_string() });
                }
                each(at, logits)?;
                at += 1;
            }
        }
        Ok(())
    }
}
