//! `tokenizer.json` files, held against what the `tokenizers` library makes of them.

use std::collections::BTreeMap;

use nanolm::Error;
use nanolm::format::{Dialect, ModelFile, TokenizerSource};
use nanolm::tensor::Bytes;
use nanolm::text::{Controls, Detokenizer, Tokenizer};

const BYTE_LEVEL: &str = include_str!("../golden/tokenizers/byte_level.json");
const META_SPACE: &str = include_str!("../golden/tokenizers/meta_space.json");

fn build(json: &str) -> Result<Tokenizer, Error> {
    let file = ModelFile {
        name: "a folder".into(),
        dialect: Dialect::HuggingFace,
        metadata: BTreeMap::new(),
        tensors: Vec::new(),
        unsupported_tensors: Vec::new(),
        tokenizer: TokenizerSource::TokenizerJson(Bytes::new(json.as_bytes().to_vec())),
        generation: BTreeMap::new(),
    };
    Ok(Tokenizer::from_file(&file)?.expect("a tokenizer was given"))
}

fn ids(value: &serde_json::Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

#[test]
fn ids_and_text_equal_those_of_the_library() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("../golden/tokenizers/cases.json")).unwrap();
    for (name, json) in [("byte_level", BYTE_LEVEL), ("meta_space", META_SPACE)] {
        let tokenizer = build(json).unwrap();
        let cases = golden["files"][name].as_array().unwrap();
        assert!(cases.len() >= 15);
        for case in cases {
            let text = case["text"].as_str().unwrap();
            let encode = |special| tokenizer.encode(text, special, Controls::Parse).unwrap();
            assert_eq!(encode(false), ids(&case["plain"]), "{name}: {text:?}");
            assert_eq!(encode(true), ids(&case["special"]), "{name}: {text:?}");
            let decoded = tokenizer.decode(&encode(true)).unwrap();
            assert_eq!(decoded, case["decoded"].as_str().unwrap(), "{name}: {text:?}");
        }
    }
}

/// Every text, cut into tokens, comes out of the stream as it comes out of the whole decoding, in whole characters.
#[test]
fn streamed_pieces_join_to_the_whole_text() {
    for json in [BYTE_LEVEL, META_SPACE] {
        let tokenizer = build(json).unwrap();
        for text in ["🦙🚀😶‍🌫️ llamas", "今天天气很好。", "é è ê", "plain text", "\u{10ffff}\u{80}\u{7ff}\u{800}"]
        {
            let ids = tokenizer.encode(text, true, Controls::Literal).unwrap();
            let mut stream = Detokenizer::new(true);
            let mut joined = String::new();
            let mut empty = 0;
            for &id in &ids {
                let piece = stream.push(&tokenizer, id).unwrap();
                assert!(!piece.contains('\u{fffd}'), "{text}: {piece:?}");
                empty += usize::from(piece.is_empty());
                joined.push_str(piece);
            }
            assert_eq!(stream.finish(), "");
            assert_eq!(joined, text);
            assert_eq!(tokenizer.decode(&ids).unwrap(), text);
            if text.starts_with('🦙') {
                assert!(empty > 3, "a character of several tokens waits for its last");
            }
        }
    }
}

#[test]
fn broken_characters_become_the_replacement_character() {
    let tokenizer = build(BYTE_LEVEL).unwrap();
    let llama = tokenizer.encode("🦙", false, Controls::Literal).unwrap();
    let letter = tokenizer.encode("a", false, Controls::Literal).unwrap();
    assert!(llama.len() > 1);
    let cut = &llama[..llama.len() - 1];
    assert_eq!(tokenizer.decode(cut).unwrap(), "\u{fffd}");
    assert_eq!(tokenizer.decode(&[cut, &letter].concat()).unwrap(), "\u{fffd}a");
    // The stream holds the cut character back until it knows.
    let mut stream = Detokenizer::new(true);
    for &id in cut {
        assert_eq!(stream.push(&tokenizer, id).unwrap(), "");
    }
    assert_eq!(stream.push(&tokenizer, letter[0]).unwrap(), "\u{fffd}a");
    assert!(matches!(tokenizer.decode(&[1 << 30]), Err(Error::InvalidOption { .. })));
}

#[test]
fn text_from_elsewhere_cannot_act() {
    let tokenizer = build(BYTE_LEVEL).unwrap();
    let end = tokenizer.control("<|end|>").unwrap();
    let literal = tokenizer.encode("a<|end|>b", true, Controls::Literal).unwrap();
    assert!(!literal.contains(&end));
    assert_eq!(tokenizer.decode(&literal).unwrap(), "a<|end|>b");
}

/// Unknown parts are refused by name; damaged files give an error, never a panic.
#[test]
fn what_is_not_known_or_damaged_is_an_error() {
    let refused = |from: &str, to: &str| {
        assert!(BYTE_LEVEL.contains(from), "{from}");
        build(&BYTE_LEVEL.replacen(from, to, 1)).map(|_| ()).unwrap_err()
    };
    assert!(
        matches!(refused(r#""type":"NFC""#, r#""type":"NFX""#), Error::Unsupported { found, .. } if found == "NFX")
    );
    assert!(
        matches!(refused(r#""type":"BPE""#, r#""type":"Other""#), Error::Unsupported { found, .. } if found == "Other")
    );
    // Another kind of model does not go with this vocabulary, and this is no regular expression.
    assert!(matches!(refused(r#""type":"BPE""#, r#""type":"Unigram""#), Error::Format { .. }));
    assert!(matches!(refused(r"\\p{N}{1,3}", r"\\p{N}("), Error::Format { .. }));
    assert!(matches!(refused(r#""type":"TemplateProcessing""#, r#""type":"Other""#), Error::Unsupported { .. }));
    assert!(matches!(refused(r#""id":0"#, r#""id":4000000000"#), Error::Format { .. }));
    assert!(matches!(refused(r#""ids":[1]"#, r#""ids":[99999]"#), Error::Format { .. }));
    let mut rng = nanolm::sample::rng::Pcg32::new(5, 0);
    for json in [BYTE_LEVEL, META_SPACE] {
        for _ in 0..300 {
            let mut bytes = json.as_bytes().to_vec();
            let at = rng.next_u32() as usize % bytes.len();
            if rng.next_u32().is_multiple_of(3) {
                bytes.truncate(at);
            } else {
                bytes[at] = b" \"0129[]{},:eax"[rng.next_u32() as usize % 15];
            }
            if let Ok(tokenizer) = build(&String::from_utf8_lossy(&bytes)) {
                // Either result will do; what matters is that there is one.
                let _ = tokenizer.encode("The rain, 123 🦙", true, Controls::Parse);
                let _ = tokenizer.decode(&[0, 1, 2, 300]);
            }
        }
    }
}

fn file(model: &str, pre_tokenizer: &str, decoder: &str) -> String {
    format!(
        r#"{{"added_tokens":[{{"id":0,"content":"[UNK]","special":true}},{{"id":1,"content":"[SEP]","special":true}}],
        "normalizer":{{"type":"Lowercase"}},"pre_tokenizer":{pre_tokenizer},"decoder":{decoder},"model":{model}}}"#
    )
}

/// The library's other models, with a control token that text must not become.
#[test]
fn words_and_unigrams() {
    let words = r###"{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
        "max_input_chars_per_word":100,"vocab":{"[UNK]":0,"[SEP]":1,"rain":2,"##y":3,".":4,"sep":5,"[":6,"]":7}}"###;
    let words = build(&file(
        words,
        r#"{"type":"BertPreTokenizer"}"#,
        r###"{"type":"WordPiece","prefix":"##","cleanup":true}"###,
    ))
    .unwrap();
    let encode = |t: &Tokenizer, text| t.encode(text, false, Controls::Literal).unwrap();
    assert_eq!(encode(&words, "Rainy rain."), [2, 3, 2, 4]);
    assert_eq!(words.decode(&[2, 3, 2, 4]).unwrap(), "rainy rain.");
    assert_eq!(encode(&words, "snow [SEP]"), [0, 6, 5, 7]);
    assert_eq!(words.encode("rain[SEP]", false, Controls::Parse).unwrap(), [2, 1]);

    let unigram = r#"{"type":"Unigram","unk_id":0,"vocab":[["[UNK]",0],["[SEP]",0],["▁",-3],["r",-3],["rain",-1],["▁rain",-1],["y",-2]]}"#;
    let meta = r#"{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}"#;
    let unigram = build(&file(unigram, meta, meta)).unwrap();
    assert_eq!(encode(&unigram, "Rainy rain"), [5, 6, 5]);
    assert_eq!(unigram.decode(&[5, 6, 5]).unwrap(), "rainy rain");
    assert!(!encode(&unigram, "[SEP]").contains(&1));

    let words = r#"{"type":"WordLevel","unk_token":"[UNK]","vocab":{"[UNK]":0,"[SEP]":1,"rain":2,"[sep]":3}}"#;
    let words = build(&file(words, r#"{"type":"WhitespaceSplit"}"#, "null")).unwrap();
    assert_eq!(encode(&words, "rain snow [SEP]"), [2, 0, 3]);
    assert_eq!(words.decode(&[2, 2]).unwrap(), "rain rain");
}

/// A hundred thousand characters of one kind neither hang nor change.
#[test]
fn long_runs() {
    for json in [BYTE_LEVEL, META_SPACE] {
        let tokenizer = build(json).unwrap();
        for unit in [" ", "\n", "a", "1", "'", " '", "▁", "é \n"] {
            let text = unit.repeat(100_000);
            let ids = tokenizer.encode(&text, false, Controls::Literal).unwrap();
            if unit != "▁" {
                assert_eq!(tokenizer.decode(&ids).unwrap(), text);
            }
        }
    }
}
