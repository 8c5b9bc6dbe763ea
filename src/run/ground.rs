//! Grounded decoding: numbers and names that do not occur in a source cannot be written.
//!
//! Nano models write fluently and invent facts. A mask over the vocabulary keeps every word that is checked, a number or a
//! word with a capital, a prefix of such a word of the source, and lets it end only where it is whole. Other words are
//! free. A word that begins a sentence may have a capital too where the source, or English grammar, has it without one.
//! (Constrained decoding of surface facts; compare the hallucination measures of Maynez et al. 2020, arXiv 2005.00661.)

use std::collections::BTreeSet;

use crate::case;
use crate::language::en::is_function_word;
use crate::text::Tokenizer;

/// What may be written, given a source and what was written so far.
#[derive(Clone, Debug)]
pub struct Ground {
    /// Words of the source that are checked, as bytes, sorted.
    known: Vec<Vec<u8>>,
    /// Words of the source in lower case.
    lower: BTreeSet<String>,
    /// What each token writes; nothing for control tokens.
    pieces: Vec<Vec<u8>>,
    /// Written since the last word ended, an incomplete character included.
    open: Vec<u8>,
    /// The open word begins a sentence.
    first: bool,
}

/// How far a look at some bytes came.
struct Look {
    open: Vec<u8>,
    first: bool,
}

impl Ground {
    pub fn new(tokenizer: &Tokenizer, source: &str) -> Self {
        let pieces = (0..tokenizer.vocab_size() as u32).map(|id| tokenizer.bytes(id).to_vec()).collect();
        Self::with_pieces(pieces, source)
    }

    fn with_pieces(pieces: Vec<Vec<u8>>, source: &str) -> Self {
        let mut ground = Ground { known: Vec::new(), lower: BTreeSet::new(), pieces, open: Vec::new(), first: true };
        let mut known = BTreeSet::new();
        for word in split(source) {
            let has_digit = word.contains(|c: char| c.is_numeric());
            if has_digit || word.starts_with(char::is_uppercase) {
                known.insert(word.as_bytes().to_vec());
            }
            if !has_digit {
                ground.lower.insert(case::lower(word));
            }
        }
        ground.known = known.into_iter().collect();
        ground
    }

    /// Whether the output may end here.
    pub fn may_end(&self) -> bool {
        match std::str::from_utf8(&self.open) {
            Ok(word) => self.is_allowed(word.trim_end_matches(is_joint), self.first),
            Err(_) => false,
        }
    }

    /// Whether the open word is one that is checked.
    pub fn is_bound(&self) -> bool {
        match std::str::from_utf8(&self.open) {
            Ok(word) => is_checked(word),
            Err(_) => true,
        }
    }

    pub fn allows(&self, token: u32) -> bool {
        match self.pieces.get(token as usize) {
            Some(piece) => self.look(piece).is_some(),
            None => true,
        }
    }

    pub fn push(&mut self, token: u32) {
        let Some(piece) = self.pieces.get(token as usize) else { return };
        if let Some(Look { open, first }) = self.look(piece) {
            (self.open, self.first) = (open, first);
        }
    }

    /// What is open after `piece`; nothing where a word would be written that must not.
    fn look(&self, piece: &[u8]) -> Option<Look> {
        let bytes: Vec<u8> = self.open.iter().chain(piece).copied().collect();
        let (text, rest) = match std::str::from_utf8(&bytes) {
            Ok(text) => (text, &[][..]),
            Err(error) => {
                // Bytes that can become no character are never written.
                if error.error_len().is_some() {
                    return None;
                }
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                (std::str::from_utf8(valid).unwrap_or_default(), rest)
            }
        };
        let mut first = self.first;
        let mut word_start = None;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            let inside = word_start.is_some();
            // Whether a comma between digits goes on with the number is known by the next character only.
            let joint = inside && is_joint(c) && text[..at].ends_with(|c: char| c.is_numeric());
            let undecided = joint && next.is_none();
            if c.is_alphanumeric() || undecided || joint && next.is_some_and(char::is_numeric) {
                word_start.get_or_insert(at);
                continue;
            }
            if let Some(start) = word_start.take() {
                if !self.is_allowed(&text[start..at], first) {
                    return None;
                }
                first = false;
            }
            if matches!(c, '.' | '!' | '?' | '…' | ':' | '\n' | '"' | '“' | '”') {
                first = true;
            } else if !c.is_whitespace() && !matches!(c, '\'' | '’' | ')' | ']' | '(' | '[') {
                first = false;
            }
        }
        let start = word_start.unwrap_or(text.len());
        let open = &bytes[start..];
        if open.is_empty() {
            return Some(Look { open: Vec::new(), first });
        }
        // An incomplete character may be the beginning of anything: it must lead to a word of the source.
        let bound = !rest.is_empty() && start == text.len() || is_checked(&text[start..]);
        let fits = !bound || self.is_prefix(open) || first && rest.is_empty() && self.begins_sentence(&text[start..]);
        fits.then(|| Look { open: open.to_vec(), first })
    }

    /// Whether some checked word of the source begins so; a joint at the end may belong to the text after the word.
    fn is_prefix(&self, open: &[u8]) -> bool {
        let among = |open: &[u8]| {
            let at = self.known.partition_point(|word| word.as_slice() < open);
            self.known.get(at).is_some_and(|word| word.starts_with(open))
        };
        let whole = |open: &[u8]| self.known.binary_search_by(|word| word.as_slice().cmp(open)).is_ok();
        among(open) || matches!(open.split_last(), Some((b',' | b'.' | b':' | b'/', number)) if whole(number))
    }

    /// Whether the open word may become a word that has a capital only because a sentence begins with it.
    fn begins_sentence(&self, open: &str) -> bool {
        if open.contains(|c: char| c.is_numeric()) {
            return false;
        }
        let lower = case::lower(open);
        let known = self.lower.range(lower.clone()..).next().is_some_and(|word| word.starts_with(&lower));
        known || FIRST_WORDS.iter().any(|word| word.starts_with(&lower))
    }

    /// Whether a whole word may be written.
    fn is_allowed(&self, word: &str, first: bool) -> bool {
        if !is_checked(word) || self.known.binary_search_by(|known| known.as_slice().cmp(word.as_bytes())).is_ok() {
            return true;
        }
        let lower = case::lower(word);
        let free =
            !word.contains(|c: char| c.is_numeric()) && (self.lower.contains(&lower) || is_function_word(&lower));
        free && (first || word == "I")
    }
}

/// Function words that begin sentences, to know early which capital letters may lead to one.
const FIRST_WORDS: [&str; 60] = [
    "a", "about", "after", "all", "also", "although", "an", "and", "another", "any", "as", "at", "because", "before",
    "both", "but", "by", "during", "each", "even", "every", "few", "for", "from", "he", "her", "here", "his", "how",
    "however", "i", "if", "in", "it", "its", "many", "more", "most", "no", "not", "of", "on", "one", "other", "our",
    "she", "since", "so", "some", "such", "that", "the", "their", "there", "these", "they", "this", "to", "when",
    "while",
];

/// Numbers and words with a capital.
fn is_checked(word: &str) -> bool {
    word.starts_with(char::is_uppercase) || word.contains(|c: char| c.is_numeric())
}

/// What stands inside of numbers: `12,000.5`, `10:30`, `1/2`.
fn is_joint(c: char) -> bool {
    matches!(c, ',' | '.' | ':' | '/')
}

/// The words of a text, as they are checked.
fn split(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = None;
    let mut chars = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map_or(' ', |(_, c)| *c);
        let joint = start.is_some() && is_joint(c) && before.is_numeric() && next.is_numeric();
        before = c;
        if c.is_alphanumeric() || joint {
            start.get_or_insert(at);
        } else if let Some(start) = start.take() {
            out.push(&text[start..at]);
        }
    }
    out.extend(start.map(|start| &text[start..]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::rng::Pcg32;

    const SOURCE: &str = "Mayor Anna Berg of Zürich said on Tuesday that 12,000 cars cross the bridge at 10:30. It cost $4.5 \
        million in 1905. Bridges need care. Ölpreise stiegen um 3 %.";

    fn pieces() -> Vec<Vec<u8>> {
        let texts = " the, of, bridge, cars, care, in, on, Anna, An, na, Berg, B, erg, Zür, Z, Tues, day,day, 1, 12,12,1,2,0,\
            00,000, 19,05, 10,:,30, 4,.,5, %, Ber, lin, Paris, The, Bridges, Cars, I, M,ay,or, $,s,x, million, 3, It, Öl,p";
        let mut pieces: Vec<Vec<u8>> = texts.split(',').map(|t| t.as_bytes().to_vec()).collect();
        pieces.extend((0..=255u8).map(|b| vec![b]));
        pieces
    }

    /// Whether the words may be written one after the other, as single bytes.
    fn writes(text: &str) -> bool {
        let mut ground = Ground::with_pieces((0..=255u8).map(|b| vec![b]).collect(), SOURCE);
        let each = text.bytes().all(|b| {
            let allowed = ground.allows(u32::from(b));
            ground.push(u32::from(b));
            allowed
        });
        each && ground.may_end()
    }

    #[test]
    fn first_words_are_function_words() {
        assert!(FIRST_WORDS.iter().all(|word| is_function_word(word)));
    }

    #[test]
    fn what_the_source_says_can_be_written_and_what_it_does_not_cannot() {
        for text in [
            "Anna Berg said 12,000.",
            "On Tuesday, 12,000, cars cost 4.5 million.",
            "The mayor of Zürich",
            "In 1905, it",
            "at 10:30",
            "Cars need care.",
            "I said: It",
            "\"Bridges\" cost",
            "Öl",
            "",
        ] {
            let expected = text != "Öl";
            assert_eq!(writes(text), expected, "{text}");
        }
        for text in [
            "Annabel", "Ann", "Peter", "in Paris", "120", "12,0", "12,500", "12", "4.55", "in 190", "10:31", "the The",
            "on Cars", "Zurich", "12 000", "5", "the 3rd", "B2", "2x",
        ] {
            assert!(!writes(text), "{text}");
        }
    }

    /// Random writers with any taste: numbers are always the source's, and so are names but at the beginning of sentences.
    #[test]
    fn no_writer_gets_around_it() {
        let known: BTreeSet<&str> = split(SOURCE).into_iter().collect();
        let mut words = 0;
        for seed in 0..300 {
            let mut ground = Ground::with_pieces(pieces(), SOURCE);
            let mut rng = Pcg32::new(seed, 0);
            let mut bytes = Vec::new();
            for step in 0..60 {
                let allowed: Vec<u32> = (0..ground.pieces.len() as u32).filter(|t| ground.allows(*t)).collect();
                assert!(
                    !allowed.is_empty() || ground.may_end(),
                    "seed {seed}: stuck after {:?}",
                    String::from_utf8_lossy(&bytes)
                );
                if allowed.is_empty() || step > 30 && ground.may_end() {
                    break;
                }
                let token = allowed[rng.next_u32() as usize % allowed.len()];
                bytes.extend_from_slice(&ground.pieces[token as usize]);
                ground.push(token);
            }
            if !ground.may_end() {
                continue;
            }
            let text = String::from_utf8(bytes).unwrap();
            let mut first = true;
            let mut at = 0;
            for word in split(&text) {
                let start = at + text[at..].find(word).unwrap();
                first |= text[at..start].contains(['.', '!', '?', '…', ':', '\n', '"', '“', '”']);
                at = start + word.len();
                if is_checked(word) {
                    words += 1;
                    let lower = case::lower(word);
                    let begins = first
                        && !word.contains(char::is_numeric)
                        && (known.iter().any(|k| case::lower(k) == lower) || is_function_word(&lower));
                    assert!(known.contains(word) || begins || word == "I", "seed {seed}: {word:?} in {text:?}");
                }
                first = false;
            }
        }
        assert!(words > 500, "{words}");
    }
}
