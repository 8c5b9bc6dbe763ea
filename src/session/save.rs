//! A session as bytes, to be continued later, elsewhere, by the same model.
//!
//! Little endian:
//!
//! ```text
//! magic          8 bytes   "nanolm\0S"
//! version        u32       1
//! form           u32       how elements of the cache are stored; 0: the cache is not there
//! identity       u64       of the model, see `identity`
//! tokens         u32       how many
//! positions      u32       how many of them the cache holds
//! cache bytes    u64
//! the tokens     u32 each
//! the cache      by layer and position, see `CpuCache::save`
//! checksum       u32       CRC-32 (IEEE) of everything before
//! ```
//!
//! A cache that lies on the GPU is not saved: who loads the session computes it again from its tokens.

use crate::checksum::{Checksum, checksum};
use crate::error::{Error, Result};
use crate::model::Plan;
use crate::weights::Weights;

const MAGIC: &[u8; 8] = b"nanolm\0S";
const VERSION: u32 = 1;
const HEADER: usize = 40;
const CHECKSUM: usize = 4;
/// Odd, with its bits spread: the golden ratio's.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What a saved session holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved<'a> {
    /// All tokens of the session.
    pub tokens: Vec<u32>,
    /// How many tokens, from the first on, the cache holds.
    pub positions: usize,
    /// See [`KvCache::save`](crate::backend::KvCache::save).
    pub form: u32,
    /// The keys and values of the first of them.
    pub cache: &'a [u8],
}

impl<'a> Saved<'a> {
    /// As bytes, for the model of this identity.
    pub fn write(&self, identity: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER + 4 * self.tokens.len() + self.cache.len() + CHECKSUM);
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend(self.form.to_le_bytes());
        out.extend(identity.to_le_bytes());
        out.extend((self.tokens.len() as u32).to_le_bytes());
        out.extend((self.positions as u32).to_le_bytes());
        out.extend((self.cache.len() as u64).to_le_bytes());
        out.extend(self.tokens.iter().flat_map(|token| token.to_le_bytes()));
        out.extend(self.cache);
        out.extend(checksum(&out).to_le_bytes());
        out
    }

    /// Reads what [`Saved::write`] wrote for the model of this identity, whose token ids are below `n_vocab`.
    ///
    /// # Errors
    /// `Session`, saying whether the bytes are something else, damaged, of a later version or of another model.
    pub fn read(bytes: &'a [u8], identity: u64, n_vocab: usize) -> Result<Saved<'a>> {
        let invalid = |what: &str, expected: String, found: String| {
            Err(Error::Session { what: what.to_string(), expected, found })
        };
        if !bytes.starts_with(MAGIC) {
            let found = format!("{} other bytes", bytes.len());
            return invalid("its beginning", "what a saved session begins with".into(), found);
        }
        let mut header = bytes.get(MAGIC.len()..HEADER).unwrap_or_default();
        let mut number = |n: usize| {
            let (own, others) = header.split_at_checked(n)?;
            header = others;
            Some(own.iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte)))
        };
        let version = number(4);
        let fields = (number(4), number(8), number(4), number(4), number(8));
        if let Some(version) = version.filter(|version| *version != u64::from(VERSION)) {
            return invalid("its version", VERSION.to_string(), version.to_string());
        }
        let (Some(form), Some(model), Some(n_tokens), Some(positions), Some(cache)) = fields else {
            return invalid("its length", format!("at least {HEADER} bytes"), bytes.len().to_string());
        };
        // 4 * 2^32 and two small numbers more: only the cache's length can overflow.
        let expected = cache.checked_add(HEADER as u64 + 4 * n_tokens + CHECKSUM as u64);
        if expected != Some(bytes.len() as u64) {
            let expected = expected.map_or("less than 2^64".into(), |n| n.to_string());
            return invalid("its length in bytes", expected, bytes.len().to_string());
        }
        let (body, expected) = bytes.split_at(bytes.len() - CHECKSUM);
        let found = checksum(body).to_le_bytes();
        if found != expected {
            let hex = |bytes: &[u8]| bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect::<String>();
            return invalid("its checksum (the bytes are damaged)", hex(expected), hex(&found));
        }
        if model != identity {
            return invalid("its model", format!("{identity:016x}, the one that is loaded"), format!("{model:016x}"));
        }
        let (tokens, cache) = body.get(HEADER..).unwrap_or_default().split_at(4 * n_tokens as usize);
        let tokens: Vec<u32> = tokens.as_chunks::<4>().0.iter().map(|token| u32::from_le_bytes(*token)).collect();
        if let Some(token) = tokens.iter().find(|token| **token as usize >= n_vocab) {
            return invalid("a token of it", format!("an id below {n_vocab}"), token.to_string());
        }
        if positions > n_tokens {
            return invalid("its positions", format!("at most {n_tokens}"), positions.to_string());
        }
        Ok(Saved { tokens, positions: positions as usize, form: form as u32, cache })
    }
}

/// A number that two models share only if they are the same: of the configuration and of every weight.
pub fn identity(plan: &Plan, weights: &Weights) -> u64 {
    let config = checksum(format!("{:?}", plan.config).as_bytes());
    let mut all = Checksum::new();
    for vector in &weights.vectors {
        vector.iter().for_each(|x| all.update(&x.to_le_bytes()));
    }
    for matrix in &weights.matrices {
        all.update(matrix.dtype.name().as_bytes());
        all.update(&digest(&matrix.data).to_le_bytes());
    }
    u64::from(config) << 32 | u64::from(all.sum())
}

/// A number that changes with every bit of the data, several times as fast as a CRC: models have many megabytes of them.
fn digest(data: &[u8]) -> u64 {
    // Each step can be undone, so that one word that differs makes the lane differ. Four lanes do not wait for each other.
    let mut lanes = [1, 2, 3, 4u64];
    let (blocks, rest) = data.as_chunks::<32>();
    for block in blocks {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = mixed(*lane, u64::from_le_bytes(*word));
        }
    }
    let rest = rest.iter().map(|byte| u64::from(*byte));
    rest.chain(lanes).fold(data.len() as u64, mixed)
}

/// A step of the digest. The highest bit stays alone in a product; shifted, it is two, which no other single bit undoes.
fn mixed(sum: u64, word: u64) -> u64 {
    let product = (sum ^ word).wrapping_mul(SPREAD);
    product ^ product >> 29
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_the_weights_counts() {
        let data: Vec<u8> = (0..333u32).map(|i| (i * 7) as u8).collect();
        let mut seen = std::collections::HashSet::from([digest(&data), digest(&data[..332])]);
        for bit in 0..8 * data.len() {
            let mut other = data.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(seen.insert(digest(&other)), "bit {bit}");
        }
    }

    const MODEL: u64 = 0x1234_5678_9abc_def0;

    fn problem(bytes: &[u8]) -> String {
        match Saved::read(bytes, MODEL, 100) {
            Err(Error::Session { what, .. }) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        for saved in [
            Saved::default(),
            Saved { tokens: vec![1, 99, 3], positions: 2, form: 1, cache: &[7; 50] },
            Saved { tokens: vec![1, 99, 3], positions: 0, form: 0, cache: &[] },
        ] {
            assert_eq!(Saved::read(&saved.write(MODEL), MODEL, 100), Ok(saved));
        }
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_found() {
        let whole = Saved { tokens: vec![1, 99, 3], positions: 3, form: 1, cache: &[7; 50] }.write(MODEL);
        for n in 0..whole.len() {
            problem(&whole[..n]);
        }
        for bit in 0..8 * whole.len() {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            problem(&damaged);
        }
        let longer = [whole.as_slice(), &[0]].concat();
        assert_eq!(problem(&longer), "its length in bytes");
    }

    #[test]
    fn other_bytes_versions_and_models_are_named() {
        let tokens = Saved { tokens: vec![1, 99, 3], positions: 1, form: 1, cache: &[7; 50] };
        assert_eq!(problem(b"GGUF, say"), "its beginning");
        assert_eq!(problem(b""), "its beginning");
        assert_eq!(problem(&tokens.write(MODEL + 1)), "its model");
        let mut later = tokens.write(MODEL);
        later[8] = 2;
        assert_eq!(problem(&later), "its version");
        assert_eq!(problem(&Saved { tokens: vec![100], ..tokens.clone() }.write(MODEL)), "a token of it");
        assert_eq!(problem(&Saved { positions: 4, ..tokens }.write(MODEL)), "its positions");
    }
}
