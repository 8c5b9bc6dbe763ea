//! Unicode's normal forms in a page, where the browser is asked, against the tables that tokenizers use elsewhere.

use std::collections::BTreeMap;

use nanolm::format::{Dialect, ModelFile, TokenizerSource};
use nanolm::tensor::Bytes;
use nanolm::text::{Controls, Tokenizer};
use unicode_normalization_alignments::UnicodeNormalization;
use wasm_bindgen_test::wasm_bindgen_test;

/// Normalises, and gives each byte as a token of its own.
fn bytes_of(form: &str) -> Tokenizer {
    // GPT-2's names of bytes: those that print are themselves, the others count on from 256.
    let prints = |byte: &u32| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let others: Vec<u32> = (0..256).filter(|byte| !prints(byte)).collect();
    let name = |byte: u32| match others.iter().position(|other| *other == byte) {
        Some(at) => char::from_u32(256 + at as u32).unwrap(),
        None => char::from_u32(byte).unwrap(),
    };
    let vocab: BTreeMap<String, u32> = (0..256).map(|byte| (name(byte).to_string(), byte)).collect();
    let json = serde_json::json!({
        "normalizer": { "type": form },
        "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false },
        "decoder": { "type": "ByteLevel" },
        "model": { "type": "BPE", "vocab": vocab, "merges": [] },
    });
    let file = ModelFile {
        name: form.into(),
        dialect: Dialect::HuggingFace,
        metadata: BTreeMap::new(),
        tensors: Vec::new(),
        unsupported_tensors: Vec::new(),
        tokenizer: TokenizerSource::TokenizerJson(Bytes::new(json.to_string().into_bytes())),
        generation: BTreeMap::new(),
    };
    Tokenizer::from_file(&file).unwrap().expect("a tokenizer was given")
}

#[wasm_bindgen_test]
fn every_character_is_normalised_as_elsewhere() {
    // Says that the browser is asked.
    nanolm::js::start();
    // Each behind a letter and before a mark, with which it may combine; the ideographs between are all alike.
    let all = ('\u{80}'..'\u{3400}')
        .chain('\u{a000}'..'\u{ac80}')
        .chain('\u{d700}'..'\u{20000}')
        .chain('\u{2f800}'..'\u{2fb00}');
    let texts: Vec<String> = all.map(|c| format!("e{c}\u{301}{c}\u{323}")).collect();
    for form in ["NFC", "NFD", "NFKC", "NFKD"] {
        let tokenizer = bytes_of(form);
        for part in texts.chunks(512) {
            let text = part.concat();
            let right: String = match form {
                "NFC" => text.nfc().map(|(c, _)| c).collect(),
                "NFD" => text.nfd().map(|(c, _)| c).collect(),
                "NFKC" => text.nfkc().map(|(c, _)| c).collect(),
                _ => text.nfkd().map(|(c, _)| c).collect(),
            };
            let ids = tokenizer.encode(&text, false, Controls::Literal).unwrap();
            let found: Vec<u8> = ids.into_iter().map(|id| id as u8).collect();
            if found != right.as_bytes() {
                let wrong = part.iter().find(|text| {
                    let ids = tokenizer.encode(text, false, Controls::Literal).unwrap();
                    let found: Vec<u8> = ids.into_iter().map(|id| id as u8).collect();
                    !right.contains(&*String::from_utf8_lossy(&found))
                });
                panic!("{form} of {wrong:?}");
            }
        }
    }
}
