//! A cursor over a file's bytes that cannot read outside of them.

use crate::error::{Error, Result};

/// Reads little-endian values one after the other. Every method checks the remaining length first, and nothing is
/// allocated from a length that the file merely claims.
pub(super) struct Reader<'a> {
    file: &'a str,
    bytes: &'a [u8],
    at: usize,
}

macro_rules! number {
    ($name:ident, $type:ty) => {
        #[doc = concat!("Reads one little-endian `", stringify!($type), "`.")]
        pub(super) fn $name(&mut self, what: &str) -> Result<$type> {
            Ok(<$type>::from_le_bytes(self.array(what)?))
        }
    };
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a str, bytes: &'a [u8]) -> Self {
        Reader { file, bytes, at: 0 }
    }

    /// Offset of the next byte from the start of the file.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `n` bytes; the error names `what` and the offset.
    pub(super) fn take(&mut self, n: u64, what: &str) -> Result<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match usize::try_from(n).ok().and_then(|n| rest.get(..n)) {
            Some(bytes) => {
                self.at += bytes.len();
                Ok(bytes)
            }
            None => Err(self.truncated(what, n)),
        }
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.first_chunk::<N>() {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => Err(self.truncated(what, N as u64)),
        }
    }

    number!(u8, u8);
    number!(i8, i8);
    number!(u16, u16);
    number!(i16, i16);
    number!(u32, u32);
    number!(i32, i32);
    number!(u64, u64);
    number!(i64, i64);
    number!(f32, f32);
    number!(f64, f64);

    /// A GGUF string: a `u64` length and that many bytes of UTF-8.
    pub(super) fn string(&mut self, what: &str) -> Result<&'a str> {
        let len = self.u64(what)?;
        let at = self.at;
        let bytes = self.take(len, what)?;
        std::str::from_utf8(bytes).map_err(|e| Error::Format {
            file: self.file.to_string(),
            what: format!("{what} at byte {at}"),
            expected: "UTF-8 text".to_string(),
            found: format!("an invalid sequence {} bytes in", e.valid_up_to()),
        })
    }

    /// Checks a claimed number of items that take at least `min_bytes` each against what is left, so that a vector of
    /// that capacity is in proportion to the file.
    pub(super) fn count(&self, n: u64, min_bytes: u64, what: &str) -> Result<usize> {
        let needed = n.saturating_mul(min_bytes);
        match usize::try_from(n) {
            Ok(count) if needed <= self.remaining() as u64 => Ok(count),
            _ => Err(self.truncated(&format!("{what} ({n} items)"), needed)),
        }
    }

    fn truncated(&self, what: &str, expected: u64) -> Error {
        Error::Truncated {
            file: self.file.to_string(),
            what: format!("{what} at byte {}", self.at),
            expected,
            found: self.remaining() as u64,
        }
    }

    /// A contradiction found at byte `at`.
    pub(super) fn invalid(&self, at: usize, what: &str, expected: impl ToString, found: impl ToString) -> Error {
        Error::Format {
            file: self.file.to_string(),
            what: format!("{what} at byte {at}"),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_in_order_and_stops_at_the_end() {
        let mut r = Reader::new("f", &[1, 2, 0, 3, 0, 0, 0]);
        assert_eq!((r.u8("a").unwrap(), r.u16("b").unwrap(), r.u32("c").unwrap()), (1, 2, 3));
        assert_eq!((r.at(), r.remaining()), (7, 0));
        let e = r.u64("d").unwrap_err();
        assert_eq!(
            e,
            Error::Truncated { file: "f".to_string(), what: "d at byte 7".to_string(), expected: 8, found: 0 }
        );
    }

    #[test]
    fn refuses_claims_larger_than_the_file() {
        let mut huge = u64::MAX.to_le_bytes().to_vec();
        huge.push(b'x');
        assert_eq!(Reader::new("f", &huge).string("s").unwrap_err().code(), "format/truncated");
        let r = Reader::new("f", &huge);
        assert_eq!(r.count(u64::MAX, 8, "items").unwrap_err().code(), "format/truncated");
        assert_eq!(r.count(10, 1, "items").unwrap_err().code(), "format/truncated");
        assert_eq!(r.count(9, 1, "items"), Ok(9));
    }

    #[test]
    fn refuses_text_that_is_not_utf8_with_its_offset() {
        let bytes = [2, 0, 0, 0, 0, 0, 0, 0, b'a', 0xff];
        let message = Reader::new("f", &bytes).string("key").unwrap_err().to_string();
        assert!(message.contains("key at byte 8") && message.contains("1 bytes in"), "{message}");
    }
}
