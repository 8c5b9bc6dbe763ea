//! SentencePiece's own files, without a `tokenizer.json`: the ids that SentencePiece and `MarianTokenizer` give.

use std::path::{Path, PathBuf};

use nanolm::format::{self, ModelFile, TokenizerSource};
use nanolm::tensor::Bytes;
use nanolm::text::{Controls, TokenKind, Tokenizer};
use nanolm::{Error, Result};
use serde_json::Value;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/sentencepiece")
}

/// A folder of that class with these files, each a name and what it holds, and weights without a tensor.
fn folder(class: &str, files: &[(&str, Vec<u8>)]) -> Result<ModelFile> {
    let config = format!("{{\"architectures\": [\"{class}\"]}}").into_bytes();
    let weights = [&2u64.to_le_bytes()[..], b"{}"].concat();
    let all = [("config.json", config), ("model.safetensors", weights)];
    let files = all.iter().chain(files).map(|(name, bytes)| (name.to_string(), Bytes::new(bytes.clone())));
    format::parse(files.collect())
}

fn tokenizer(class: &str, files: &[(&str, Vec<u8>)]) -> Result<Tokenizer> {
    Ok(Tokenizer::from_file(&folder(class, files)?)?.expect("a tokenizer"))
}

/// Every kind of folder that can be made of the files in one.
fn all(path: &Path) -> Vec<(&'static str, Tokenizer)> {
    let read = |name: &str| std::fs::read(path.join(name)).unwrap();
    let kinds: [(&str, &str, Vec<(&str, Vec<u8>)>); 4] = [
        ("marian", "MarianMTModel", vec![("source.spm", read("source.spm")), ("vocab.json", read("vocab.json"))]),
        ("t5", "T5ForConditionalGeneration", vec![("spiece.model", read("source.spm"))]),
        ("xlm-roberta", "XLMRobertaModel", vec![("sentencepiece.bpe.model", read("source.spm"))]),
        ("llama", "LlamaForCausalLM", vec![("tokenizer.model", read("tokenizer.model"))]),
    ];
    kinds.map(|(name, class, files)| (name, tokenizer(class, &files).unwrap())).into()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// `NANOLM_SENTENCEPIECE` names another folder that `make_sentencepiece.py --full` wrote.
#[test]
fn ids_equal_those_of_sentence_piece_itself() {
    let other = std::env::var("NANOLM_SENTENCEPIECE").ok().map(PathBuf::from);
    for path in other.into_iter().chain([golden()]) {
        let expected: Value = serde_json::from_slice(&std::fs::read(path.join("expected.json")).unwrap()).unwrap();
        let cases = expected["cases"].as_array().unwrap();
        assert!(cases.len() > 20);
        let mut wrong = Vec::new();
        for (name, tokenizer) in all(&path) {
            for case in cases {
                let text = case["text"].as_str().unwrap();
                let found = tokenizer.encode(text, true, Controls::Literal).unwrap();
                if found != ids(&case[name]) {
                    wrong.push(format!("{name}: {text:?}: {found:?}, expected {}", case[name]));
                }
            }
        }
        assert!(wrong.is_empty(), "{} of {}: {:#?}", wrong.len(), 4 * cases.len(), &wrong[..wrong.len().min(20)]);
    }
}

#[test]
fn tokens_around_a_text_and_beside_the_pieces() {
    let kinds = all(&golden());
    let of = |name: &str| &kinds.iter().find(|(kind, _)| *kind == name).unwrap().1;
    let n = serde_json::from_slice::<Value>(&std::fs::read(golden().join("expected.json")).unwrap()).unwrap();
    let n = n["pieces"].as_u64().unwrap() as u32;
    let t5 = of("t5");
    assert_eq!(t5.vocab_size(), n as usize + 100);
    assert_eq!((t5.control("<extra_id_99>"), t5.control("<extra_id_0>")), (Some(n), Some(n + 99)));
    assert_eq!(t5.end_tokens(), [t5.control("</s>").unwrap()]);
    let xlm = of("xlm-roberta");
    let special = ["<s>", "<pad>", "</s>"].map(|name| xlm.control(name));
    assert_eq!((special, xlm.control("<mask>")), ([Some(0), Some(1), Some(2)], Some(n + 1)));
    let marian = of("marian");
    assert_eq!(marian.kind(0), Some(TokenKind::Control));
    // A language is named where a text begins; elsewhere it is text.
    let code = marian.encode(">>deu<< lamp", false, Controls::Literal).unwrap()[0];
    assert!(!marian.encode("a >>deu<< lamp", false, Controls::Literal).unwrap().contains(&code));
    assert_eq!(
        marian.decode(&marian.encode("The lap.", false, Controls::Literal).unwrap()).unwrap().trim(),
        "The lap."
    );
    let llama = of("llama");
    let text = "The lamp \u{706f}, 12 ships\n";
    assert_eq!(llama.decode(&llama.encode(text, true, Controls::Literal).unwrap()).unwrap(), text);
}

#[test]
fn a_tokenizer_json_goes_before_and_what_is_missing_is_named() {
    let (spm, vocab) = (std::fs::read(golden().join("source.spm")).unwrap(), b"{\"<unk>\":0,\"</s>\":1}".to_vec());
    let json = ("tokenizer.json", b"{}".to_vec());
    let file = folder("MarianMTModel", &[json, ("source.spm", spm.clone())]).unwrap();
    assert!(matches!(file.tokenizer, TokenizerSource::TokenizerJson(_)));
    let refused = |class: &str, files: &[(&str, Vec<u8>)]| tokenizer(class, files).map(|_| ()).unwrap_err().to_string();
    let marian =
        |vocab: &[u8]| refused("MarianMTModel", &[("source.spm", spm.clone()), ("vocab.json", vocab.to_vec())]);
    assert!(refused("MarianMTModel", &[("source.spm", spm.clone())]).contains("vocab.json"));
    for (vocab, said) in [
        (&b"[1]"[..], "an object"),
        (b"{\"<unk>\":0}", "</s>"),
        (b"{\"<unk>\":0,\"</s>\":0}", "an id of its own"),
        (b"{\"<unk>\":0,\"</s>\":99}", "an id of its own"),
        (b"{\"<unk>\":-1,\"</s>\":\"a\"}", "an id of its own"),
        (b"{", "JSON"),
    ] {
        let error = marian(vocab);
        assert!(error.contains(said) && error.contains("vocab.json"), "{error}");
    }
    assert!(tokenizer("MarianMTModel", &[("source.spm", spm.clone()), ("vocab.json", vocab)]).is_ok());
    let bpe = std::fs::read(golden().join("tokenizer.model")).unwrap();
    let vocab = b"{\"<unk>\":0,\"</s>\":1}".to_vec();
    assert!(refused("MarianMTModel", &[("source.spm", bpe), ("vocab.json", vocab)]).contains("BPE"));
    assert!(refused("CamembertModel", &[("sentencepiece.bpe.model", spm.clone())]).contains("CamembertModel"));
    for (damaged, found) in [
        (&b"version https://git-lfs.github.com"[..], "a Git LFS pointer"),
        (b"", "an empty file"),
        (&spm[..spm.len() - 3], "bytes that end inside of a field"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\x01", "bytes that end inside of a field"),
    ] {
        let error = tokenizer("T5ForConditionalGeneration", &[("spiece.model", damaged.to_vec())]).unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{error}");
        assert!(error.to_string().contains("SentencePiece") && error.to_string().contains(found), "{error}");
    }
}

/// Whatever a byte of the file becomes, there is an error or a tokenizer.
#[test]
fn damage_is_an_error_or_another_tokenizer() {
    let spm = std::fs::read(golden().join("source.spm")).unwrap();
    for at in 0..spm.len() {
        for change in [0x80, 0x01, 0x7f] {
            let mut bytes = spm.clone();
            bytes[at] ^= change;
            if let Ok(tokenizer) = tokenizer("T5ForConditionalGeneration", &[("spiece.model", bytes)]) {
                drop(tokenizer.encode("The keeper\u{a0}lights \u{fb01}", true, Controls::Literal));
            }
        }
    }
}
