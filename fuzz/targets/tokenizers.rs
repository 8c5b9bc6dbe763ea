//! Tokenizers, from a file's bytes to text and back.

use std::collections::BTreeMap;

use nanolm::Result;
use nanolm::format::{self, Dialect, ModelFile, TokenizerSource};
use nanolm::tensor::Bytes;
use nanolm::text::{Controls, Detokenizer, Tokenizer};

const TEXTS: [&str; 4] = [
    "The keeper's lamp, 12345 🦙 é",
    "  \n\n\t aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "<|end|>[SEP]</s>",
    "日本語 e\u{301}\u{0}",
];

fn build(json: Vec<u8>) -> Result<Option<Tokenizer>> {
    Tokenizer::from_file(&ModelFile {
        name: "a folder".into(),
        dialect: Dialect::HuggingFace,
        metadata: BTreeMap::new(),
        tensors: Vec::new(),
        unsupported_tensors: Vec::new(),
        tokenizer: TokenizerSource::TokenizerJson(Bytes::new(json)),
        generation: BTreeMap::new(),
    })
}

/// Either result of a text will do; what matters is that there is one.
fn use_it(tokenizer: &Tokenizer) {
    for text in TEXTS {
        for controls in [Controls::Parse, Controls::Literal, Controls::Except(&[0, 3])] {
            let Ok(ids) = tokenizer.encode(text, true, controls) else { continue };
            let _ = tokenizer.decode(&ids);
            let mut stream = Detokenizer::new(true);
            for id in ids {
                let _ = stream.push(tokenizer, id);
            }
            stream.finish();
        }
    }
    let _ = tokenizer.decode(&[0, 1, 2, 300, u32::MAX]);
}

pub fn json(input: &[u8]) -> Result<()> {
    if let Some(tokenizer) = build(input.to_vec())? {
        use_it(&tokenizer);
    }
    Ok(())
}

pub fn gguf(input: &[u8]) -> Result<()> {
    let file = format::parse(vec![("m.gguf".to_string(), Bytes::new(input.to_vec()))])?;
    if let Some(tokenizer) = Tokenizer::from_file(&file)? {
        use_it(&tokenizer);
    }
    Ok(())
}

/// An expression in the first line, and a text behind it: as a cut, and as what is replaced.
pub fn expression(input: &[u8]) -> Result<()> {
    let input = String::from_utf8_lossy(input);
    let (expression, text) = input.split_once('\n').unwrap_or((&input, "The keeper's lamp"));
    // As long as an encoder reads: work on a text is limited by the matcher, not by the text.
    let text: String = text.chars().take(2000).collect();
    let pattern = serde_json::json!({ "Regex": expression });
    let cut = serde_json::json!({ "type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": false });
    let replace = serde_json::json!({ "type": "Replace", "pattern": pattern, "content": "x" });
    let vocab: serde_json::Map<String, serde_json::Value> =
        (0..256u32).filter_map(|id| Some((char::from_u32(id)?.to_string(), id.into()))).collect();
    let model = serde_json::json!({ "type": "BPE", "vocab": vocab, "merges": [] });
    let mut result = Ok(());
    for (normalizer, pre_tokenizer) in [(serde_json::Value::Null, cut), (replace, serde_json::Value::Null)] {
        let file = serde_json::json!({ "added_tokens": [], "normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "model": model });
        match build(file.to_string().into_bytes()) {
            Ok(Some(tokenizer)) => drop(tokenizer.encode(&text, false, Controls::Literal)),
            Ok(None) => {}
            Err(error) => result = Err(error),
        }
    }
    result
}
