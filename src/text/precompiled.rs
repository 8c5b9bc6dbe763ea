//! SentencePiece's normalisation rules, as its own files and `tokenizer.json` have them (`Precompiled`): which character, with its marks or
//! alone, becomes which text.
//!
//! The rules are a trie as a double array (Darts-clone) behind its length in bytes, then the texts, each with a 0 behind it. An
//! element of the trie holds the byte that leads to it, how far the next ones are, and whether a rule ends here; that is then a place among the
//! texts. SentencePiece itself takes the longest rule that a text goes on with; the `tokenizers` library the shortest that a cluster of up to
//! five bytes begins with, for the whole of it. Files are read as what they are for.

use super::unicode;

/// Clusters of so many bytes are looked up whole.
const LONGEST: usize = 5;

/// What a rule makes of a character has at most so many bytes; of all known ones 33. Longer ones would let a short text grow without end.
const MOST: usize = 100;

/// The rules.
#[derive(Debug)]
pub struct Precompiled {
    trie: Vec<u32>,
    texts: String,
}

impl Precompiled {
    /// Of the text in the file; `None` where it is damaged, or a rule makes more of a character than is sensible.
    pub fn read(base64: &str) -> Option<Precompiled> {
        Precompiled::of(&decoded(base64)?)
    }

    /// Of the bytes in the file, in the same way.
    pub fn of(bytes: &[u8]) -> Option<Precompiled> {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let (trie, texts) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        let (units, []) = trie.as_chunks::<4>() else { return None };
        let trie = units.iter().map(|unit| u32::from_le_bytes(*unit)).collect();
        let texts = std::str::from_utf8(texts).ok()?;
        texts.split('\0').all(|text| text.len() <= MOST).then(|| Precompiled { trie, texts: texts.to_string() })
    }

    /// What the shortest rule makes of the text that it begins with; `None` where there is none.
    fn rule(&self, text: &str) -> Option<&str> {
        self.rules(text, true).map(|(_, made)| made)
    }

    /// The shortest or the longest rule for the text that it begins with: for how many bytes, and what it makes of them.
    fn rules(&self, text: &str, shortest: bool) -> Option<(usize, &str)> {
        let next = |unit: u32| (unit >> 10 << ((unit & 1 << 9) >> 6)) as usize;
        let mut at = next(*self.trie.first()?);
        let mut found = None;
        for (n, byte) in (1..).zip(text.bytes().take_while(|byte| *byte != 0)) {
            at ^= usize::from(byte);
            let Some(&unit) = self.trie.get(at) else { break };
            if unit & (1 << 31 | 0xff) != u32::from(byte) {
                break;
            }
            at ^= next(unit);
            if unit >> 8 & 1 == 1 {
                let rest = self.texts.get((self.trie.get(at)? & (u32::MAX >> 1)) as usize..)?;
                found = Some((n, rest.split('\0').next()?));
                if shortest {
                    break;
                }
            }
        }
        found
    }

    /// The text by the rules, as SentencePiece itself applies them.
    pub fn apply_longest(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let found = self.rules(rest, false).filter(|(n, _)| rest.is_char_boundary(*n));
            let (n, made) = found.unwrap_or((c.len_utf8(), &rest[..c.len_utf8()]));
            out.push_str(made);
            rest = &rest[n..];
        }
        out
    }

    /// The text by the rules.
    pub fn apply(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let behind = rest.char_indices().skip(1).take_while(|(_, c)| !first.is_control() && joins(*c));
            let end = if rest.starts_with("\r\n") { 2 } else { behind.last().map_or(0, |(at, c)| at + c.len_utf8()) };
            let (cluster, after) = rest.split_at(end.max(first.len_utf8()));
            match self.rule(cluster).filter(|_| cluster.len() <= LONGEST) {
                Some(made) => out.push_str(made),
                None => {
                    for c in cluster.split_inclusive(|_| true) {
                        out.push_str(self.rule(c).unwrap_or(c));
                    }
                }
            }
            rest = after;
        }
        out
    }
}

/// Whether a character belongs to the one before: marks and joiners.
fn joins(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}') || unicode::kind(c).category().starts_with('M')
}

/// The bytes of a text in base64 (RFC 4648), whose end may be filled up.
fn decoded(base64: &str) -> Option<Vec<u8>> {
    let text = base64.trim_end_matches('=').as_bytes();
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut n) = (0u32, 0);
    for byte in text {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        (bits, n) = (bits << 6 | u32::from(six), n + 6);
        if n >= 8 {
            n -= 8;
            out.push((bits >> n) as u8);
        }
    }
    Some(out)
}
