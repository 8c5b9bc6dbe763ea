//! The tokenizer inside a GGUF file: the `tokenizer.ggml.*` keys (GGUF specification, "Tokenizer").

use std::collections::HashMap;

use super::added::{Added, AddedTokens};
use super::split::Splitter;
use super::tokenizer::{Merges, Normalise, PrefixSpace, Tokenizer};
use super::vocabulary::{ByteAlphabet, TokenKind, Vocabulary};
use crate::error::{Error, Result};
use crate::format::{ModelFile, Value};

/// What `tokenizer.ggml.pre` stands for: the cuts, whether a whole piece that is a token stays one, and whether a
/// begin-of-text token comes first unless the file says otherwise.
struct Family {
    splitters: &'static [Splitter],
    whole_pieces_first: bool,
    add_bos: bool,
}

/// The families of byte-level BPE whose cuts this crate knows.
const SUPPORTED_PRE: &str = "gpt-2, phi-2, mpt, olmo, jais, llama-bpe, llama3, llama-v3, falcon3, dbrx, smaug-bpe, qwen2, \
                             deepseek-r1-qwen, stablelm2, starcoder, refact, command-r, smollm, codeshell, exaone, falcon, \
                             deepseek-coder";

fn family(pre: &str) -> Option<Family> {
    use Splitter::{
        EachNumber, EastAsian, Gpt2, LineBreak, Llama3, Punctuation, SpaceLetters, SpacePunctuation, ThreeDigits,
    };
    let plain = |splitters| Family { splitters, whole_pieces_first: false, add_bos: false };
    Some(match pre {
        "gpt-2" | "phi-2" | "mpt" | "olmo" | "jais" => plain(&[Gpt2]),
        "llama-bpe" | "llama3" | "llama-v3" | "falcon3" => {
            Family { splitters: &[Llama3 { digits: 3 }], whole_pieces_first: true, add_bos: true }
        }
        "dbrx" | "smaug-bpe" => plain(&[Llama3 { digits: 3 }]),
        "qwen2" | "deepseek-r1-qwen" | "stablelm2" => plain(&[Llama3 { digits: 1 }]),
        "starcoder" | "refact" | "command-r" | "smollm" | "codeshell" | "exaone" => plain(&[EachNumber, Gpt2]),
        "falcon" => plain(&[Punctuation, Gpt2, ThreeDigits]),
        "deepseek-coder" => plain(&[LineBreak, SpaceLetters, SpacePunctuation, EastAsian, EachNumber]),
        _ => return None,
    })
}

/// Reads keys, with errors that name them.
struct Keys<'a>(&'a ModelFile);

impl<'a> Keys<'a> {
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.metadata.get(&format!("tokenizer.ggml.{key}"))
    }

    fn invalid(&self, key: &str, expected: &str, found: &str) -> Error {
        Error::Format {
            file: self.0.name.clone(),
            what: format!("tokenizer.ggml.{key}"),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// The value read by `read`, `None` where the key is missing.
    fn typed<T>(&self, key: &str, expected: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| self.invalid(key, expected, &value.describe())),
        }
    }

    fn flag(&self, key: &str, default: bool) -> Result<bool> {
        Ok(self.typed(key, "true or false", Value::as_bool)?.unwrap_or(default))
    }

    /// A token id, checked against the size of the vocabulary.
    fn id(&self, key: &str, n: usize) -> Result<Option<u32>> {
        let Some(id) = self.typed(key, "a token id", Value::as_usize)? else { return Ok(None) };
        if id >= n {
            return Err(self.invalid(key, &format!("a token id below {n}"), &id.to_string()));
        }
        Ok(Some(id as u32))
    }

    /// An array with one entry per token.
    fn per_token<T>(
        &self,
        key: &str,
        n: usize,
        read: impl Fn(&'a Value) -> Option<&'a [T]>,
    ) -> Result<Option<&'a [T]>> {
        let Some(array) = self.typed(key, "an array with one number per token", read)? else { return Ok(None) };
        if array.len() != n {
            return Err(self.invalid(key, &format!("{n} entries, one per token"), &array.len().to_string()));
        }
        Ok(Some(array))
    }
}

/// Builds the tokenizer of a GGUF file.
pub fn build(file: &ModelFile) -> Result<Tokenizer> {
    let keys = Keys(file);
    let model = keys.typed("model", "a text", Value::as_str)?.unwrap_or("(missing)");
    let byte_level = match model {
        "gpt2" => true,
        "llama" => false,
        other => {
            return Err(Error::Unsupported {
                what: format!("{}: the tokenizer kind tokenizer.ggml.model", file.name),
                found: other.into(),
                supported: "gpt2 (byte-level BPE), llama (SentencePiece BPE)".into(),
            });
        }
    };
    let tokens = keys
        .typed("tokens", "an array of texts", Value::as_strings)?
        .ok_or_else(|| keys.invalid("tokens", "an array of texts", "nothing"))?;
    if tokens.is_empty() || tokens.len() > u32::MAX as usize / 2 {
        return Err(keys.invalid("tokens", "at least one token", &tokens.len().to_string()));
    }
    let n = tokens.len();
    let bos = keys.id("bos_token_id", n)?.or(if byte_level { None } else { Some(1).filter(|_| n > 1) });
    let eos = keys.id("eos_token_id", n)?.or(if byte_level { None } else { Some(2).filter(|_| n > 2) });
    let unknown = keys.id("unknown_token_id", n)?.or(if byte_level { None } else { Some(0) });
    let mut end_tokens: Vec<u32> = eos.into_iter().collect();
    for key in ["eot_token_id", "eom_token_id"] {
        end_tokens.extend(keys.id(key, n)?);
    }
    end_tokens.dedup();
    let types = keys.per_token("token_type", n, Value::as_ints)?;
    let (vocabulary, added) = read_tokens(
        tokens,
        |id, text| match types {
            Some(types) => kind(types.get(id).copied(), text),
            None if unknown == Some(id as u32) => TokenKind::Unknown,
            None if bos == Some(id as u32) || end_tokens.contains(&(id as u32)) => TokenKind::Control,
            None => byte_of(text).filter(|_| !byte_level).map_or(TokenKind::Normal, TokenKind::Byte),
        },
        byte_level,
    );

    let (splitters, whole_pieces_first, default_bos, merges) = if byte_level {
        let pre = keys.typed("pre", "a text", Value::as_str)?.unwrap_or("(missing)");
        let family = family(pre).ok_or_else(|| Error::Unsupported {
            what: format!("{}: the pre-tokenizer tokenizer.ggml.pre", file.name),
            found: pre.into(),
            supported: SUPPORTED_PRE.into(),
        })?;
        let merges = Merges::Ranked(read_merges(&keys, &vocabulary)?);
        (family.splitters.to_vec(), family.whole_pieces_first, family.add_bos, merges)
    } else {
        let scores = keys
            .per_token("scores", n, Value::as_floats)?
            .ok_or_else(|| keys.invalid("scores", "an array with one number per token", "nothing"))?;
        (Vec::new(), false, true, Merges::Scored(ranks(scores)))
    };
    let prefix_space = !byte_level && keys.flag("add_space_prefix", true)?;
    let with = |flag: bool, id: Option<u32>| if flag { id.into_iter().collect() } else { Vec::new() };
    Ok(Tokenizer {
        vocabulary,
        added,
        normalise: Normalise {
            nfc: false,
            meta_space: !byte_level,
            prefix_space: if prefix_space { PrefixSpace::Always } else { PrefixSpace::Never },
            prefix_only_if_missing: false,
        },
        splitters,
        byte_level,
        merges,
        whole_pieces_first,
        unknown,
        fuse_unknown: false,
        prefix: with(keys.flag("add_bos_token", default_bos)?, bos),
        suffix: with(keys.flag("add_eos_token", false)?, eos),
        end_tokens,
        start: bos,
    })
}

/// The kinds of the specification: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
fn kind(number: Option<i64>, text: &str) -> TokenKind {
    match number {
        Some(2) => TokenKind::Unknown,
        Some(3) => TokenKind::Control,
        Some(4) => TokenKind::UserDefined,
        Some(5) => TokenKind::Unused,
        Some(6) => byte_of(text).map_or(TokenKind::Unused, TokenKind::Byte),
        _ => TokenKind::Normal,
    }
}

/// The byte of a token written `<0x0A>`.
pub fn byte_of(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    if digits.len() == 2 { u8::from_str_radix(digits, 16).ok() } else { None }
}

fn read_tokens(
    tokens: &[String],
    kind_of: impl Fn(usize, &str) -> TokenKind,
    byte_level: bool,
) -> (Vocabulary, AddedTokens) {
    let alphabet = ByteAlphabet::new();
    let mut vocabulary = Vocabulary::default();
    let mut added = Vec::new();
    for (id, text) in tokens.iter().enumerate() {
        let kind = kind_of(id, text);
        if matches!(kind, TokenKind::Control | TokenKind::UserDefined) {
            added.push(Added {
                text: text.clone(),
                id: id as u32,
                control: kind == TokenKind::Control,
                strip_left: false,
                strip_right: false,
                single_word: false,
            });
        }
        push_token(&mut vocabulary, &alphabet, text, kind, byte_level);
    }
    (vocabulary, AddedTokens::new(added))
}

/// Adds a token as the kind of tokenizer writes it: in the byte alphabet, or with `▁` for spaces.
pub fn push_token(vocabulary: &mut Vocabulary, alphabet: &ByteAlphabet, text: &str, kind: TokenKind, byte_level: bool) {
    match (kind, byte_level) {
        (TokenKind::Byte(byte), _) => vocabulary.push(text.as_bytes(), &[byte], kind),
        (TokenKind::Normal, true) => {
            let bytes = alphabet.bytes(text).unwrap_or_else(|| text.as_bytes().to_vec());
            vocabulary.push(&bytes, &bytes, kind);
        }
        (_, true) => vocabulary.push(text.as_bytes(), text.as_bytes(), kind),
        (_, false) => vocabulary.push(text.as_bytes(), text.replace('▁', " ").as_bytes(), kind),
    }
}

/// Ranks by score: the highest is 0, equal scores share a rank.
fn ranks(scores: &[f32]) -> Vec<u32> {
    let mut sorted: Vec<f32> = scores.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    sorted.dedup_by(|a, b| a.total_cmp(b).is_eq());
    let rank = |score: &f32| sorted.partition_point(|other| other.total_cmp(score).is_gt()) as u32;
    scores.iter().map(rank).collect()
}

fn read_merges(keys: &Keys<'_>, vocabulary: &Vocabulary) -> Result<HashMap<(u32, u32), (u32, u32)>> {
    let merges = keys
        .typed("merges", "an array of texts", |v| if *v == Value::Null { Some(&[][..]) } else { v.as_strings() })?
        .ok_or_else(|| keys.invalid("merges", "an array of texts", "nothing"))?;
    let alphabet = ByteAlphabet::new();
    let mut table = HashMap::with_capacity(merges.len());
    for (rank, merge) in merges.iter().enumerate() {
        // The first part is never empty, and may itself be a space only in vocabularies of another kind.
        let pair =
            merge.char_indices().skip(1).find(|(_, c)| *c == ' ').map(|(at, _)| (&merge[..at], &merge[at + 1..]));
        let entry = pair.and_then(|(left, right)| merge_entry(vocabulary, &alphabet, left, right, true));
        let Some((pair, merged)) = entry else {
            let expected = "two tokens of the vocabulary that join to a third, separated by a space";
            return Err(keys.invalid(&format!("merges[{rank}]"), expected, &format!("{merge:?}")));
        };
        table.entry(pair).or_insert((rank as u32, merged));
    }
    Ok(table)
}

/// Ids of a merge's two parts and of what they join to.
pub fn merge_entry(
    vocabulary: &Vocabulary,
    alphabet: &ByteAlphabet,
    left: &str,
    right: &str,
    byte_level: bool,
) -> Option<((u32, u32), u32)> {
    let bytes = |part: &str| if byte_level { alphabet.bytes(part) } else { Some(part.as_bytes().to_vec()) };
    let (mut left, right) = (bytes(left)?, bytes(right)?);
    let pair = (vocabulary.id(&left)?, vocabulary.id(&right)?);
    left.extend_from_slice(&right);
    Some((pair, vocabulary.id(&left)?))
}
