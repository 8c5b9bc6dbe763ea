//! Against the `tokenizers` library, part by part and as a whole, on texts out of many scripts.

use std::path::Path;

use serde_json::{Value, json};
use tokenizers::{
    NormalizerWrapper, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer as _, PreTokenizerWrapper,
};

use super::*;
use crate::sample::rng::Pcg32;
use crate::text::from_json::parts::{read_normalizers, read_pre_tokenizers};
use crate::text::models::Bpe;
use crate::text::regex::tests::awkward_text;
use crate::text::{Controls, Tokenizer};

fn n_texts() -> usize {
    if std::env::var_os("NANOLM_LONG").is_some() { 20_000 } else { 200 }
}

fn pipeline(normalizer: &Value, pre_tokenizer: &Value) -> Pipeline {
    let normalizers = read_normalizers(normalizer).unwrap().0;
    let pre_tokenizers = read_pre_tokenizers(pre_tokenizer).unwrap().0;
    Pipeline { normalizers, pre_tokenizers, model: Model::Bpe(Bpe::default().finish()) }
}

/// Compares the pieces that come out of both.
fn compare(normalizer: &Value, pre_tokenizer: &Value, rng: &mut Pcg32, n: usize) {
    use tokenizers::Normalizer as _;
    let ours = pipeline(normalizer, pre_tokenizer);
    let their_normalizer: Option<NormalizerWrapper> = serde_json::from_value(normalizer.clone()).unwrap();
    let theirs: Option<PreTokenizerWrapper> = serde_json::from_value(pre_tokenizer.clone()).unwrap();
    for _ in 0..n {
        let text = awkward_text(rng, 16);
        let mut parts = PreTokenizedString::from(text.as_str());
        if let Some(normalizer) = &their_normalizer {
            parts.normalize(|part| normalizer.normalize(part)).unwrap();
        }
        parts.split(|_, part| Ok([part])).unwrap();
        if let Some(theirs) = &theirs {
            theirs.pre_tokenize(&mut parts).unwrap();
        }
        let expected = parts.get_splits(OffsetReferential::Normalized, OffsetType::None);
        let expected: Vec<&str> = expected.iter().map(|(piece, _, _)| *piece).collect();
        let found = ours.pieces(&text, true).unwrap();
        let found: Vec<&str> = found.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(found, expected, "{normalizer} {pre_tokenizer}: {text:?}");
    }
}

fn normalizers() -> Vec<Value> {
    let mut all: Vec<Value> =
        ["NFC", "NFD", "NFKC", "NFKD", "Nmt", "Lowercase", "StripAccents"].map(|name| json!({ "type": name })).into();
    for (left, right) in [(true, true), (true, false), (false, true)] {
        all.push(json!({ "type": "Strip", "strip_left": left, "strip_right": right }));
    }
    for flags in 0..8 {
        let (clean, chinese, lower) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
        for accents in [Value::Null, json!(true), json!(false)] {
            all.push(json!({ "type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese,
                "strip_accents": accents, "lowercase": lower }));
        }
    }
    for (pattern, content) in [
        (json!({ "String": " " }), "▁"),
        (json!({ "String": "''" }), "\""),
        (json!({ "Regex": " {2,}" }), " "),
        (json!({ "Regex": r"^\s+|\s+$" }), ""),
        (json!({ "Regex": r"\p{Lu}(?=\p{Ll})" }), "X "),
    ] {
        all.push(json!({ "type": "Replace", "pattern": pattern, "content": content }));
    }
    all.push(json!({ "type": "Prepend", "prepend": "▁" }));
    // SentencePiece's rules are compiled: those of a fixture.
    let t5: Value = serde_json::from_str(include_str!("../../../tests/golden/tiny-t5/tokenizer.json")).unwrap();
    all.push(t5["normalizer"].clone());
    all
}

fn pre_tokenizers() -> Vec<Value> {
    const BEHAVIORS: [&str; 5] = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"];
    let mut all: Vec<Value> = ["Whitespace", "WhitespaceSplit", "BertPreTokenizer", "UnicodeScripts", "Punctuation"]
        .map(|name| json!({ "type": name }))
        .into();
    for (space, regex) in [(true, true), (true, false), (false, true), (false, false)] {
        all.push(json!({ "type": "ByteLevel", "add_prefix_space": space, "trim_offsets": true, "use_regex": regex }));
    }
    for behavior in BEHAVIORS {
        all.push(json!({ "type": "Punctuation", "behavior": behavior }));
        for pattern in [
            json!({ "String": "a" }),
            json!({ "Regex": r"\s+" }),
            json!({ "Regex": "(?=[A-Z])" }),
            json!({ "Regex": r"\w+|[^\w\s]+" }),
            json!({ "Regex": "'s|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}" }),
        ] {
            for invert in [false, true] {
                all.push(json!({ "type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert }));
            }
        }
    }
    for individual in [false, true] {
        all.push(json!({ "type": "Digits", "individual_digits": individual }));
    }
    for scheme in ["always", "first", "never"] {
        for split in [false, true] {
            all.push(json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split }));
        }
    }
    all
}

#[test]
fn every_part_cuts_as_theirs() {
    let mut rng = Pcg32::new(3, 0);
    let n = n_texts();
    normalizers().iter().for_each(|normalizer| compare(normalizer, &Value::Null, &mut rng, n));
    pre_tokenizers().iter().for_each(|pre_tokenizer| compare(&Value::Null, pre_tokenizer, &mut rng, n));
}

#[test]
fn parts_work_together_as_theirs() {
    let mut rng = Pcg32::new(4, 0);
    let (normalizers, pre_tokenizers) = (normalizers(), pre_tokenizers());
    let pick = |all: &[Value], rng: &mut Pcg32| {
        (0..rng.next_u32() % 4).map(|_| all[rng.next_u32() as usize % all.len()].clone()).collect::<Vec<_>>()
    };
    for _ in 0..n_texts() {
        let normalizer = json!({ "type": "Sequence", "normalizers": pick(&normalizers, &mut rng) });
        let pre_tokenizer = json!({ "type": "Sequence", "pretokenizers": pick(&pre_tokenizers, &mut rng) });
        // To the library a mark that was put before the first character and that character both begin the text, even cut apart.
        if normalizer.to_string().contains("Prepend") && pre_tokenizer.to_string().contains("first") {
            continue;
        }
        compare(&normalizer, &pre_tokenizer, &mut rng, 10);
    }
}

/// Compares ids from texts without added tokens.
fn compare_ids(ours: &Tokenizer, theirs: &tokenizers::Tokenizer, text: &str, what: &str) {
    let expected = theirs.encode(text, false).map(|encoding| encoding.get_ids().to_vec());
    match (ours.encode(text, false, Controls::Literal), expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{what}: {text:?}"),
        // Where there is no token for unknown text, the library leaves it out.
        (Err(_), _) if what.contains("no unknown") => {}
        (Err(_), Err(_)) => {}
        (found, expected) => panic!("{what}: {text:?}: {found:?}, expected {expected:?}"),
    }
}

fn both(file: &Value) -> (Tokenizer, tokenizers::Tokenizer) {
    let text = serde_json::to_vec(file).unwrap();
    (crate::text::from_json::build(&text).unwrap(), tokenizers::Tokenizer::from_bytes(&text).unwrap())
}

/// Pieces out of the awkward texts themselves, so that they occur.
fn vocabulary(rng: &mut Pcg32, n: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    while pieces.len() < n {
        let chars: Vec<char> = awkward_text(rng, 6).chars().collect();
        let start = rng.next_u32() as usize % (chars.len() + 1);
        let piece: String = chars[start..].iter().take(1 + rng.next_u32() as usize % 3).collect();
        if !piece.is_empty() && !pieces.contains(&piece) {
            pieces.push(piece);
        }
    }
    pieces
}

#[test]
fn models_give_their_ids() {
    let mut rng = Pcg32::new(5, 0);
    let bytes: Vec<String> = (0..=255).map(|byte| format!("<0x{byte:02X}>")).collect();
    for round in 0..n_texts() / 10 {
        let pieces = vocabulary(&mut rng, 60);
        let ids = |pieces: &[String]| Value::Object(pieces.iter().cloned().zip((0..).map(Value::from)).collect());
        let fallback = round % 3 == 0;
        let mut all = vec!["<unk>".to_string()];
        all.extend(pieces.iter().flat_map(|piece| piece.chars()).map(String::from));
        all.extend(pieces.iter().cloned());
        all.extend(bytes.iter().filter(|_| fallback).cloned());
        all.sort();
        all.dedup();
        let merges: Vec<Value> = all
            .iter()
            .flat_map(|piece| piece.char_indices().skip(1).map(move |(at, _)| [&piece[..at], &piece[at..]]))
            .filter(|[left, right]| all.iter().any(|p| p == left) && all.iter().any(|p| p == right))
            .map(|pair| json!(pair))
            .collect();
        let bpe = json!({ "type": "BPE", "vocab": ids(&all), "merges": merges, "unk_token": "<unk>", "fuse_unk": round % 2 == 0,
            "byte_fallback": fallback, "ignore_merges": round % 5 == 0 });
        let mut scored: Vec<Value> =
            all.iter().map(|piece| json!([piece, -f64::from(rng.next_u32() % 1000) / 100.0])).collect();
        scored.dedup();
        let unk_id = all.iter().position(|piece| piece == "<unk>");
        let unigram = json!({ "type": "Unigram", "vocab": scored, "unk_id": unk_id, "byte_fallback": fallback });
        let mut words = all.clone();
        words.extend(all.iter().map(|piece| format!("##{piece}")));
        let word_piece = json!({ "type": "WordPiece", "vocab": ids(&words), "unk_token": "<unk>", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 12 });
        let word_level = json!({ "type": "WordLevel", "vocab": ids(&all), "unk_token": "<unk>" });
        for model in [bpe, unigram, word_piece, word_level] {
            let pre_tokenizer = if round % 4 == 0 { Value::Null } else { json!({ "type": "Whitespace" }) };
            let (ours, theirs) = both(&json!({ "pre_tokenizer": pre_tokenizer, "model": model }));
            for _ in 0..20 {
                compare_ids(&ours, &theirs, &awkward_text(&mut rng, 12), model["type"].as_str().unwrap());
            }
        }
    }
}

#[test]
fn whole_files_give_their_ids() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut rng = Pcg32::new(6, 0);
    let golden = ["byte_level", "meta_space"].map(|name| root.join(format!("tests/golden/tokenizers/{name}.json")));
    let bert = root.join("../shared/weights/tokenizers/bert-base-uncased/tokenizer.json");
    for path in golden.iter().chain([&bert]).filter(|path| path.exists()) {
        let text = std::fs::read(path).unwrap();
        let mut file: Value = serde_json::from_slice(&text).unwrap();
        // Control tokens in a text are plain text here, and act there.
        file["added_tokens"] = json!([]);
        for part in ["post_processor", "padding", "truncation"] {
            file[part] = Value::Null;
        }
        let (ours, theirs) = both(&file);
        for _ in 0..n_texts() {
            compare_ids(&ours, &theirs, &awkward_text(&mut rng, 30), &path.to_string_lossy());
        }
    }
    let gpt2 = root.join("../shared/weights/tokenizers/gpt2-bpe");
    if gpt2.is_dir() {
        let vocab: Value = serde_json::from_slice(&std::fs::read(gpt2.join("vocab.json")).unwrap()).unwrap();
        let merges = std::fs::read_to_string(gpt2.join("vocab.bpe")).unwrap();
        let merges: Vec<&str> = merges.lines().filter(|line| !line.starts_with("#version")).collect();
        let (ours, theirs) = both(&json!({
            "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true },
            "model": { "type": "BPE", "vocab": vocab, "merges": merges }
        }));
        for _ in 0..n_texts() {
            compare_ids(&ours, &theirs, &awkward_text(&mut rng, 30), "gpt2");
        }
    }
}

#[test]
fn growth_is_limited() {
    let replace = json!({ "type": "Replace", "pattern": { "String": "a" }, "content": "aa" });
    let normalizer = json!({ "type": "Sequence", "normalizers": vec![replace; 40] });
    let grows = pipeline(&normalizer, &Value::Null);
    let error = grows.pieces("aaa", true).unwrap_err();
    assert!(error.contains("more than"), "{error}");
    assert_eq!(grows.pieces("bcd", true).unwrap().len(), 1);
    // SentencePiece's rules: an empty trie, and one text.
    let rules =
        |n| json!({ "type": "Precompiled", "precompiled_charsmap": format!("BAAAAAAAAABh{}", "YWFh".repeat(n)) });
    assert!(read_normalizers(&rules(30)).is_ok());
    assert!(matches!(read_normalizers(&rules(40)), Err(Error::Format { .. })));
    let level = json!({ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": false });
    let grows = pipeline(&Value::Null, &json!({ "type": "Sequence", "pretokenizers": vec![level; 60] }));
    assert!(grows.pieces("é", true).is_err());
}

#[test]
fn what_would_never_end_is_refused() {
    for pattern in [r"\b", "^", "a*", "(?:)", "(?=a)"] {
        let replace = json!({ "type": "Replace", "pattern": { "Regex": pattern }, "content": "x" });
        assert!(matches!(read_normalizers(&replace), Err(Error::Format { .. })), "{pattern}");
    }
    let many = json!({ "type": "Replace", "pattern": { "Regex": r"\p{L}{100}\p{N}{100}" }, "content": "x" });
    let many = json!({ "type": "Sequence", "normalizers": vec![many; 1000] });
    assert!(matches!(read_normalizers(&many), Err(Error::Format { .. })));
    let large =
        json!({ "type": "Replace", "pattern": { "Regex": r"(?:\p{L}\p{N}?){900}".repeat(40) }, "content": "x" });
    assert!(matches!(read_normalizers(&large), Err(Error::Unsupported { .. })));
    // Each of these is small enough, all of them are not: 5 KB of JSON would become 50 MB.
    let nested = json!({ "type": "Replace", "pattern": { "Regex": "(?:(?:(?:ab){10}){10}){90}" }, "content": "x" });
    assert!(read_normalizers(&nested).is_ok());
    let nested = json!({ "type": "Sequence", "normalizers": vec![nested; 60] });
    assert!(matches!(read_normalizers(&nested), Err(Error::Format { .. })));
    let split = json!({ "type": "Split", "pattern": { "Regex": "(?:(?:(?:ab){10}){10}){90}" }, "behavior": "Isolated", "invert": false });
    let split = json!({ "type": "Sequence", "pretokenizers": vec![split; 60] });
    assert!(matches!(read_pre_tokenizers(&split), Err(Error::Format { .. })));
    let long = json!({ "type": "Replace", "pattern": { "String": "a" }, "content": "x".repeat(1 << 20) });
    assert!(matches!(read_normalizers(&long), Err(Error::Format { .. })));
}
