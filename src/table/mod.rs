//! A static embedding table: a vector for each token, and the vector of a text is their sum, at length 1.
//!
//! The file is GGUF of the architecture `static-embedding`: the matrix `token_embd.weight`, a row a token, in any type that has
//! an exact number of blocks in a row; the `tokenizer.ggml.*` keys; and two numbers that make logits of the cosines between a text
//! and labels, `static-embedding.scale` and `static-embedding.doubt` (see [`Table::logits`]). How much a token tells is the
//! length of its row (smooth inverse frequency, Arora et al. 2017); the row of the token for unknown words is zero.

use crate::error::{Error, Result};
use crate::format::{self, ModelFile};
use crate::tensor::{Bytes, DType};
use crate::text::{Controls, Tokenizer};

const ARCHITECTURE: &str = "static-embedding";
const MATRIX: &str = "token_embd.weight";
const SCALE: &str = "static-embedding.scale";
const DOUBT: &str = "static-embedding.doubt";

/// Vectors of texts without a network.
#[derive(Debug)]
pub struct Table {
    tokenizer: Tokenizer,
    /// The matrix, row by row, as the file has it.
    rows: Bytes,
    dtype: DType,
    row_bytes: usize,
    dimensions: usize,
    scale: f32,
    doubt: f32,
}

impl Table {
    /// Reads a table from its file.
    ///
    /// # Errors
    /// `Truncated` and `Format` for a damaged file, `Unsupported` for one of another architecture.
    pub fn read(files: Vec<(String, Bytes)>) -> Result<Table> {
        Table::of(&format::parse(files)?)
    }

    /// Reads a table from its parsed file.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn of(file: &ModelFile) -> Result<Table> {
        let invalid = |what: &str, expected: String, found: String| Error::Format {
            file: file.name.clone(),
            what: what.into(),
            expected,
            found,
        };
        let value = |key: &str| file.metadata.get(key);
        let architecture = value("general.architecture").map_or("nothing".into(), format::Value::describe);
        if !is_table(file) {
            return Err(Error::Unsupported {
                what: format!("{}: general.architecture of an embedding table", file.name),
                found: architecture,
                supported: ARCHITECTURE.into(),
            });
        }
        let number = |key: &str| {
            let number = value(key).and_then(format::Value::as_f64).filter(|x| (0.0..1e6).contains(x));
            let found = || value(key).map_or("nothing".into(), format::Value::describe);
            number.map(|x| x as f32).ok_or_else(|| invalid(key, "a number of at least 0".into(), found()))
        };
        let (scale, doubt) = (number(SCALE)?, number(DOUBT)?);
        let tokenizer = Tokenizer::from_file(file)?
            .ok_or_else(|| invalid("tokenizer.ggml.model", "a tokenizer".into(), "nothing".into()))?;
        let expected = || format!("{} rows of whole blocks", tokenizer.vocab_size());
        let matrix = file.tensor(MATRIX).ok_or_else(|| invalid(MATRIX, expected(), "nothing".into()))?;
        let (rows, dimensions) = match *matrix.shape {
            [rows, dimensions] => (rows, dimensions),
            _ => (0, 0),
        };
        let row_bytes = matrix.dtype.bytes_for(dimensions).unwrap_or(0);
        if rows != tokenizer.vocab_size() || row_bytes == 0 || row_bytes * rows != matrix.data.len() {
            return Err(invalid(MATRIX, expected(), format!("{} {:?}", matrix.dtype, matrix.shape)));
        }
        if !matrix.dtype.is_finite(&matrix.data) {
            return Err(invalid(MATRIX, "finite numbers".into(), "infinity or NaN".into()));
        }
        Ok(Table { rows: matrix.data.clone(), dtype: matrix.dtype, row_bytes, dimensions, scale, doubt, tokenizer })
    }

    /// Numbers of a vector.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The vector of a text, at length 1; all zero where no word of it is known.
    ///
    /// # Errors
    /// `Tokenizer`, as [`Tokenizer::encode`].
    pub fn embed(&self, text: &str) -> Result<Vec<f32>> {
        let (mut vector, length) = self.sum(text)?;
        if length > 0.0 {
            vector.iter_mut().for_each(|x| *x /= length);
        }
        Ok(vector)
    }

    /// The sum of the rows of a text's tokens, and its length.
    fn sum(&self, text: &str) -> Result<(Vec<f32>, f32)> {
        let mut sum = vec![0.0f32; self.dimensions];
        let mut row = sum.clone();
        for id in self.tokenizer.encode(text, false, Controls::Literal)? {
            let start = id as usize * self.row_bytes;
            self.dtype.decode(self.rows.get(start..start + self.row_bytes).unwrap_or_default(), &mut row);
            sum.iter_mut().zip(&row).for_each(|(sum, x)| *sum += x);
        }
        let length = dot(&sum, &sum).sqrt();
        Ok((sum, length))
    }

    /// How well each label fits a text, as logits: `scale * cosine * n / (n + doubt)`, where `n` is the length of the sum of the
    /// text's rows. The fewer telling words a text has, the nearer its logits are to each other. Both constants come from texts
    /// that the table was not fitted to.
    ///
    /// # Errors
    /// As [`Table::embed`].
    pub fn logits<'a>(&self, text: &str, labels: impl IntoIterator<Item = &'a str>) -> Result<Vec<f64>> {
        let (text, length) = self.sum(text)?;
        // A text without any known word is like none of them.
        let scale = if length > 0.0 { self.scale / (length + self.doubt) } else { 0.0 };
        labels.into_iter().map(|label| Ok(f64::from(scale * dot(&text, &self.embed(label)?)))).collect()
    }
}

/// Whether a file says that it is a table.
pub fn is_table(file: &ModelFile) -> bool {
    file.metadata.get("general.architecture").and_then(format::Value::as_str) == Some(ARCHITECTURE)
}

/// The product of two vectors: of those that [`Table::embed`] gives, their cosine. In eight lanes, which vector instructions take at once:
/// thousands of texts are millions of pairs.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0f32; 8];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b);
    sums.into_iter().sum::<f32>() + rest.sum::<f32>()
}
