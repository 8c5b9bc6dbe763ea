//! Vectors of texts: by the network, where the model is an encoder, else by the table that it was given.

use serde::Deserialize;

use super::model::Model;
use crate::error::{Error, Result};
use crate::model::{EncoderConfig, LogitRows, Pooling, Texts};

/// How vectors of texts are made. An encoder takes all of these; without them its files decide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EmbedOptions {
    /// How a text's rows become one vector.
    pub pooling: Option<Pooling>,
    /// Vectors are brought to length 1.
    pub normalize: Option<bool>,
    /// Only so many numbers of each vector, the first: for models that were trained for it (Matryoshka, arXiv 2205.13147).
    pub dimensions: Option<usize>,
    /// Put before each text, as some models were trained (`query: `).
    pub prefix: Option<String>,
    /// Which of the file's own prefixes to put there (`ModelInfo::prompts`), where no prefix is given.
    pub prompt: Option<String>,
}

/// Tokens that a pass takes of several texts; of one it takes all. More would make the page wait longer for an abort.
const PASS: usize = 256;

impl Model {
    /// The vector of a text: the nearer two texts are in what they say, the greater the product of their vectors. At length 1, unless
    /// an encoder's files or the options say otherwise; by a table, all zero where no word of the text is known.
    ///
    /// # Errors
    /// As [`Model::embed_some`].
    pub fn embed(&self, text: &str) -> Result<Vec<f32>> {
        self.embed_some(&[text], &EmbedOptions::default())?
            .pop()
            .ok_or_else(|| Error::Internal { what: "a text without a vector".into() })
    }

    /// The vectors of the first of these texts: of as many as one pass of the model takes, at least one.
    ///
    /// # Errors
    /// `UnsupportedTask` for a decoder that was given no table; `InvalidOption` for what the model has not; `NotFinite` where the
    /// weights are damaged; `Busy` where a call is inside the model at this moment; `Tokenizer`.
    pub fn embed_some(&self, texts: &[impl AsRef<str>], options: &EmbedOptions) -> Result<Vec<Vec<f32>>> {
        match self.encoder.filter(|_| self.head.is_none()) {
            Some(encoder) => self.encode_some(texts, options, encoder),
            None => texts.iter().take(1).map(|text| self.look_up(text.as_ref(), options)).collect(),
        }
    }

    /// By the table.
    fn look_up(&self, text: &str, options: &EmbedOptions) -> Result<Vec<f32>> {
        let table = self.table().ok_or_else(|| Error::UnsupportedTask {
            task: "embed".into(),
            why: "it is no encoder, and has no embedding table. Give it one first: Model::set_table".into(),
        })?;
        if *options != EmbedOptions::default() {
            return Err(Error::InvalidOption {
                name: "pooling, normalize, dimensions, prefix, prompt".into(),
                expected: "none of these: the embedding table has no choices".into(),
                found: "one of them".into(),
            });
        }
        table.embed(text)
    }

    /// By the network.
    fn encode_some(
        &self,
        texts: &[impl AsRef<str>],
        options: &EmbedOptions,
        encoder: EncoderConfig,
    ) -> Result<Vec<Vec<f32>>> {
        let tokenizer = self.require_tokenizer()?;
        let prefix = self.prefix(options)?;
        let dimensions = options.dimensions.unwrap_or(encoder.dimensions);
        if dimensions == 0 || dimensions > encoder.dimensions {
            return Err(Error::InvalidOption {
                name: "dimensions".into(),
                expected: format!("1 to {}, as many as the model's vectors have", encoder.dimensions),
                found: dimensions.to_string(),
            });
        }
        let mut pass = Texts::default();
        let mut are_empty = Vec::new();
        for text in texts {
            let ids = tokenizer.encode_within(&format!("{prefix}{}", text.as_ref()), encoder.max_tokens)?;
            if !are_empty.is_empty() && pass.tokens().len() + ids.len() > PASS {
                break;
            }
            are_empty.push(ids.is_empty());
            pass.push(ids.into_iter().map(|id| (id, 0)));
        }
        let pooling = options.pooling.unwrap_or(encoder.pooling);
        let mut vectors = Vec::new();
        for pooled in self.pooled(&pass, pooling, encoder.width)? {
            let vector = self.dense.apply(&pooled);
            if let Some(found) = vector.iter().find(|x| !x.is_finite()) {
                let token = pass.tokens().first().map_or(0, |token| *token as usize);
                return Err(Error::NotFinite { token, found: found.to_string() });
            }
            vectors.push(vector);
        }
        let mut vectors = vectors.into_iter();
        let finished = |is_empty: bool| {
            let vector = if is_empty { None } else { vectors.next() };
            // Without a token there is nothing to say.
            let mut vector = vector.unwrap_or_else(|| vec![0.0; encoder.dimensions]);
            vector.truncate(dimensions);
            if options.normalize.unwrap_or(encoder.normalize) {
                normalize(&mut vector);
            }
            vector
        };
        Ok(are_empty.into_iter().map(finished).collect())
    }

    /// What is put before each text.
    fn prefix<'a>(&'a self, options: &'a EmbedOptions) -> Result<&'a str> {
        let name = options.prompt.as_deref().or(self.default_prompt.as_deref());
        if let (None, Some(name)) = (&options.prefix, name) {
            let prompts = &self.info().prompts;
            let found = prompts.iter().find(|(own, _)| own == name);
            return found.map(|(_, prompt)| prompt.as_str()).ok_or_else(|| {
                let known = prompts.iter().map(|(own, _)| own.as_str()).collect::<Vec<_>>().join(", ");
                let expected = if known.is_empty() {
                    "none: the model's files have no prompts".into()
                } else {
                    format!("one of {known}")
                };
                Error::InvalidOption { name: "prompt".into(), expected, found: format!("{name:?}") }
            });
        }
        Ok(options.prefix.as_deref().unwrap_or_default())
    }

    /// The vector of each text of a pass.
    pub(super) fn pooled(&self, pass: &Texts, pooling: Pooling, width: usize) -> Result<Vec<Vec<f32>>> {
        if pass.tokens().is_empty() {
            return Ok(Vec::new());
        }
        let firsts: Vec<usize> = pass.ranges().map(|range| range.start).collect();
        let lasts: Vec<usize> = pass.ends().iter().map(|end| end - 1).collect();
        let asked = match pooling {
            Pooling::Mean => LogitRows::All,
            Pooling::Cls => LogitRows::Rows(&firsts),
            Pooling::Last => LogitRows::Rows(&lasts),
        };
        let mut out = Vec::new();
        self.encode(pass, asked, &mut out)?;
        if let Some(at) = out.iter().position(|x| !x.is_finite()) {
            let row = asked.of(pass.tokens().len()).nth(at / width).unwrap_or(0);
            let token = pass.tokens().get(row).copied().unwrap_or(0);
            return Err(Error::NotFinite { token: token as usize, found: out[at].to_string() });
        }
        let mut rows = out.chunks_exact(width);
        let vectors = pass.ranges().map(|range| match pooling {
            Pooling::Mean => mean(rows.by_ref().take(range.len()), width),
            Pooling::Cls | Pooling::Last => rows.next().unwrap_or_default().to_vec(),
        });
        Ok(vectors.collect())
    }
}

/// Summed in f64: a text has hundreds of rows.
fn mean<'a>(rows: impl ExactSizeIterator<Item = &'a [f32]>, width: usize) -> Vec<f32> {
    let n = rows.len().max(1) as f64;
    let mut sum = vec![0.0f64; width];
    for row in rows {
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    sum.into_iter().map(|sum| (sum / n) as f32).collect()
}

/// Brings a vector to length 1; one of length 0 stays.
fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    }
}
