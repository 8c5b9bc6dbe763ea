//! Keys and matrices of a head's file, checked.

use super::features::Buckets;
use crate::error::{Error, Result};
use crate::format::{ModelFile, Value};

/// Most numbers of a matrix, for files that say they have more than anything useful could.
const MOST: usize = 1 << 26;

/// A file that is read.
pub struct File<'a>(pub &'a ModelFile);

impl File<'_> {
    /// The error for what should not be there.
    pub fn invalid(&self, what: &str, expected: impl Into<String>, found: String) -> Error {
        Error::Format { file: self.0.name.clone(), what: what.into(), expected: expected.into(), found }
    }

    fn found(&self, key: &str) -> String {
        self.0.metadata.get(key).map_or("nothing".into(), Value::describe)
    }

    /// The text under a key.
    pub fn text(&self, key: &str) -> Result<String> {
        let text = self.0.metadata.get(key).and_then(Value::as_str);
        text.map(str::to_string).ok_or_else(|| self.invalid(key, "a text", self.found(key)))
    }

    /// The texts under a key, at least one.
    pub fn texts(&self, key: &str) -> Result<Vec<String>> {
        let texts = self.0.metadata.get(key).and_then(Value::as_strings).filter(|texts| !texts.is_empty());
        texts.map(<[String]>::to_vec).ok_or_else(|| self.invalid(key, "texts", self.found(key)))
    }

    /// The bytes under a key.
    pub fn bytes(&self, key: &str) -> Result<Vec<u8>> {
        let numbers = self.0.metadata.get(key).and_then(Value::as_ints).unwrap_or_default();
        let bytes: Option<Vec<u8>> = numbers.iter().map(|n| u8::try_from(*n).ok()).collect();
        bytes.filter(|b| !b.is_empty()).ok_or_else(|| self.invalid(key, "bytes", self.found(key)))
    }

    /// A matrix of `rows` rows, row by row, and how many columns it has; `None` where there is none of that name.
    pub fn matrix(&self, name: &str, rows: Option<usize>) -> Result<Option<(Vec<f32>, usize, usize)>> {
        let Some(tensor) = self.0.tensor(name) else { return Ok(None) };
        let shape = match *tensor.shape {
            [columns] => Some((1, columns)),
            [rows, columns] => Some((rows, columns)),
            _ => None,
        };
        let fits = |(r, c): &(usize, usize)| {
            let bytes = tensor.dtype.bytes_for(*c).and_then(|bytes| bytes.checked_mul(*r));
            rows.is_none_or(|rows| rows == *r)
                && *r > 0
                && *c > 0
                && c.saturating_mul(*r) <= MOST
                && bytes == Some(tensor.data.len())
        };
        let Some((rows, columns)) = shape.filter(fits) else {
            let expected =
                rows.map_or("a matrix of whole blocks".into(), |rows| format!("{rows} rows of whole blocks"));
            return Err(self.invalid(name, expected, format!("{} {:?}", tensor.dtype, tensor.shape)));
        };
        let mut values = vec![0.0; rows * columns];
        tensor.dtype.decode(&tensor.data, &mut values);
        if values.iter().any(|x| !x.is_finite()) {
            return Err(self.invalid(name, "finite numbers", "infinity or NaN".into()));
        }
        Ok(Some((values, rows, columns)))
    }

    /// A matrix that has to be there, of that shape.
    pub fn needed(&self, name: &str, rows: usize, columns: usize) -> Result<Vec<f32>> {
        match self.matrix(name, Some(rows))? {
            Some((values, _, found)) if found == columns => Ok(values),
            other => {
                let found = other.map_or("nothing".into(), |(_, rows, columns)| format!("{rows} x {columns}"));
                Err(self.invalid(name, format!("{rows} x {columns} numbers"), found))
            }
        }
    }

    /// The matrix of the buckets.
    pub fn buckets(&self, width: Option<usize>) -> Result<Buckets> {
        const NAME: &str = "buckets.weight";
        match self.matrix(NAME, width)? {
            Some((rows, width, buckets)) if buckets.is_power_of_two() => Ok(Buckets::new(&rows, width, buckets)),
            other => {
                let found = other.map_or("nothing".into(), |(_, _, columns)| columns.to_string());
                Err(self.invalid(NAME, "a power of two of columns", found))
            }
        }
    }
}
