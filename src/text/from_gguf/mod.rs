//! The tokenizer inside a GGUF file: the `tokenizer.ggml.*` keys (GGUF specification, "Tokenizer").

mod bert;
mod keys;
mod sentence_piece;
mod unigram;

use super::models::{Bpe, Model, byte_piece};
use super::pattern::Pattern;
use super::pipeline::Pipeline;
use super::pre_tokenizer::{Behavior, GPT2, PreTokenizer};
use super::tokenizer::Tokenizer;
use super::vocabulary::{TokenKind, byte_to_char};
pub use keys::byte_of;
use keys::{Keys, kind, read_tokens};

use crate::error::{Error, Result};
use crate::format::{ModelFile, Value};

/// What `tokenizer.ggml.pre` stands for: the cuts (each inside the pieces of the one before; what an expression does not
/// match stays a piece of its own), whether a whole piece that is a token stays one, and whether a begin-of-text token
/// comes first unless the file says otherwise.
struct Family {
    cuts: &'static [&'static str],
    whole_pieces_first: bool,
    add_bos: bool,
}

const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// [`GPT2`] without its last part: white space at the end of a text stays in one piece either way.
const GPT2_LOOSE: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)";
const DEFAULT: &str = "default";
const EACH_NUMBER: &str = r"\p{N}";

/// The families of byte-level BPE whose cuts this crate knows.
const SUPPORTED_PRE: &str = "gpt-2, phi-2, mpt, olmo, jais, modern-bert, llama-bpe, llama3, llama-v3, falcon3, lfm2, dbrx, smaug-bpe, qwen2, \
                             deepseek-r1-qwen, stablelm2, starcoder, refact, command-r, smollm, codeshell, exaone, falcon, \
                             deepseek-coder";

fn family(pre: &str) -> Option<Family> {
    let plain = |cuts| Family { cuts, whole_pieces_first: false, add_bos: false };
    Some(match pre {
        "gpt-2" | "phi-2" | "mpt" | "olmo" | "jais" | "modern-bert" => plain(&[GPT2]),
        "llama-bpe" | "llama3" | "llama-v3" | "falcon3" | "lfm2" => {
            Family { cuts: &[LLAMA3], whole_pieces_first: true, add_bos: true }
        }
        "dbrx" | "smaug-bpe" => plain(&[LLAMA3]),
        "qwen2" | "deepseek-r1-qwen" | "stablelm2" => plain(&[QWEN2]),
        "starcoder" | "refact" | "command-r" | "smollm" | "codeshell" | "exaone" => plain(&[EACH_NUMBER, GPT2]),
        "falcon" => plain(&[r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"]),
        "deepseek-coder" => plain(&[
            r"[\r\n]",
            r"\s?\p{L}+",
            r"\s?\p{P}+",
            "[\u{4e00}-\u{9fa5}\u{800}-\u{4e00}\u{ac00}-\u{d7ff}]+",
            EACH_NUMBER,
        ]),
        // What llama.cpp takes where the file says nothing; its expressions, in its order.
        DEFAULT => plain(&[r"[\p{P}\$\+<=>\^~\|]+", GPT2_LOOSE, r"\p{N}+", "[0-9][0-9][0-9]"]),
        _ => return None,
    })
}

/// The cuts, and bytes written as GPT-2 writes them.
fn pre_tokenizers(cuts: &[&str]) -> Result<Vec<PreTokenizer>> {
    let mut parts = Vec::new();
    for cut in cuts {
        let pattern = Pattern::regex(cut).map_err(|e| Error::Internal { what: format!("expression {cut}: {e:?}") })?;
        parts.push(PreTokenizer::Split { pattern, behavior: Behavior::Isolated, invert: false });
    }
    parts.push(PreTokenizer::ByteLevel { add_prefix_space: false, cuts: None });
    Ok(parts)
}

/// The kinds of tokenizers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    ByteLevel,
    SentencePiece,
    Bert,
    Unigram,
}

fn kind_of(keys: &Keys<'_>) -> Result<Kind> {
    match keys.typed("model", "a text", Value::as_str)?.unwrap_or("(missing)") {
        "gpt2" => Ok(Kind::ByteLevel),
        "llama" => Ok(Kind::SentencePiece),
        "bert" => Ok(Kind::Bert),
        "t5" => Ok(Kind::Unigram),
        other => Err(Error::Unsupported {
            what: format!("{}: the tokenizer kind tokenizer.ggml.model", keys.0.name),
            found: other.into(),
            supported: "gpt2 (byte-level BPE), llama (SentencePiece BPE), bert (WordPiece), t5 (SentencePiece Unigram)"
                .into(),
        }),
    }
}

/// What `tokenizer.ggml.pre` stands for, and its name.
fn pre_family<'a>(keys: &Keys<'a>) -> Result<(Family, &'a str)> {
    let pre = keys.typed("pre", "a text", Value::as_str)?.unwrap_or(DEFAULT);
    let family = family(pre).ok_or_else(|| Error::Unsupported {
        what: format!("{}: the pre-tokenizer tokenizer.ggml.pre", keys.0.name),
        found: pre.into(),
        supported: SUPPORTED_PRE.into(),
    })?;
    Ok((family, pre))
}

/// Whether a GGUF file's tokenizer is of a kind that can be built.
pub fn check(file: &ModelFile) -> Result<()> {
    let keys = Keys(file);
    if kind_of(&keys)? == Kind::ByteLevel {
        pre_family(&keys)?;
    }
    Ok(())
}

/// Builds the tokenizer of a GGUF file.
pub fn build(file: &ModelFile) -> Result<Tokenizer> {
    let keys = Keys(file);
    let byte_level = match kind_of(&keys)? {
        Kind::Bert => return bert::build(&keys),
        Kind::Unigram => return unigram::build(&keys),
        of_file => of_file == Kind::ByteLevel,
    };
    let mut notes = Vec::new();
    let tokens = keys.tokens()?;
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
    let kinds: Vec<TokenKind> = (0u32..)
        .zip(tokens)
        .map(|(id, text)| match types {
            Some(types) => kind(types.get(id as usize).copied(), text),
            None if unknown == Some(id) => TokenKind::Unknown,
            None if bos == Some(id) || end_tokens.contains(&id) => TokenKind::Control,
            None => byte_of(text).filter(|_| !byte_level).map_or(TokenKind::Normal, TokenKind::Byte),
        })
        .collect();
    let (vocabulary, added) = read_tokens(tokens, &kinds, byte_level);
    let mut bpe = Bpe::default();
    bpe.unknown = unknown;
    let mut byte_ids = [None; 256];
    for ((id, text), kind) in (0u32..).zip(tokens).zip(&kinds) {
        match kind {
            TokenKind::Byte(byte) if !byte_level => {
                byte_ids[usize::from(*byte)].get_or_insert(id);
            }
            // Where a piece comes twice, the first is what merges lead to.
            TokenKind::Normal if !bpe.contains(text) => bpe.insert(text.clone(), id),
            _ => {}
        }
    }
    for ((id, text), kind) in (0u32..).zip(tokens).zip(&kinds) {
        let text = if byte_level { text.bytes().map(byte_to_char).collect() } else { text.clone() };
        if *kind == TokenKind::UserDefined && !bpe.contains(&text) {
            bpe.insert(text, id);
        }
    }

    let (normalizers, pre_tokenizers, adds_space, default_bos) = if byte_level {
        let (family, pre) = pre_family(&keys)?;
        if pre == DEFAULT {
            notes.push(format!(
                "{} does not name its pre-tokenizer (tokenizer.ggml.pre): text is cut in llama.cpp's default way, which may not be \
                 the model's own",
                file.name
            ));
        }
        read_merges(&keys, &mut bpe)?;
        bpe.whole_pieces_first = family.whole_pieces_first;
        (Vec::new(), pre_tokenizers(family.cuts)?, false, family.add_bos)
    } else {
        let scores = keys
            .per_token("scores", n, Value::as_floats)?
            .ok_or_else(|| keys.invalid("scores", "an array with one number per token", "nothing"))?;
        let pieces = (0..=255).map(byte_piece);
        if let Some(piece) =
            pieces.zip(&byte_ids).find_map(|(piece, id)| id.filter(|_| bpe.contains(&piece)).and(Some(piece)))
        {
            return Err(keys.invalid("tokens", "each byte once", &format!("{piece} as a byte and as a piece of text")));
        }
        let expected = "a token for each of the 256 bytes, or for none";
        bpe.byte_ids = match byte_ids.iter().flatten().count() {
            0 => None,
            256 => Some(Box::new(byte_ids.map(Option::unwrap_or_default))),
            n_bytes => return Err(keys.invalid("tokens", expected, &n_bytes.to_string())),
        };
        let score = |id: u32| scores.get(id as usize).copied().unwrap_or(f32::NEG_INFINITY);
        bpe.merge_by_score(score).ok_or_else(|| {
            keys.invalid("tokens", "pieces of text", "texts of many thousand bytes, or that join in all ways")
        })?;
        let (normalizer, adds_space) = sentence_piece::normalizer(&keys)?;
        (vec![normalizer], Vec::new(), adds_space, true)
    };
    let with = |flag: bool, id: Option<u32>| if flag { id.into_iter().collect() } else { Vec::new() };
    Ok(Tokenizer {
        vocabulary,
        added,
        pipeline: Pipeline { normalizers, pre_tokenizers, model: Model::Bpe(bpe.finish()) },
        adds_space,
        unknown,
        prefix: with(keys.flag("add_bos_token", default_bos)?, bos),
        suffix: with(keys.flag("add_eos_token", false)?, eos),
        end_tokens,
        start: bos,
        notes,
    })
}

fn read_merges(keys: &Keys<'_>, bpe: &mut Bpe) -> Result<()> {
    let merges = keys
        .typed("merges", "an array of texts", |v| if *v == Value::Null { Some(&[][..]) } else { v.as_strings() })?
        .ok_or_else(|| keys.invalid("merges", "an array of texts", "nothing"))?;
    for (rank, merge) in merges.iter().enumerate() {
        // The first part is never empty, and may itself be a space only in vocabularies of another kind.
        let pair =
            merge.char_indices().skip(1).find(|(_, c)| *c == ' ').map(|(at, _)| (&merge[..at], &merge[at + 1..]));
        if !pair.is_some_and(|(left, right)| bpe.merge(left, right)) {
            let expected = "two tokens of the vocabulary that join to a third, separated by a space";
            return Err(keys.invalid(&format!("merges[{rank}]"), expected, &format!("{merge:?}")));
        }
    }
    Ok(())
}
