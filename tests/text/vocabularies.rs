//! Real vocabularies of a dozen model families, with the ids that their own tokenizers give.

use std::io::Write;
use std::path::{Path, PathBuf};

use nanolm::Error;
use nanolm::format;
use nanolm::tensor::Bytes;
use nanolm::text::{Controls, TokenKind, Tokenizer};

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/weights/gguf-vocabularies");
    if folder.is_dir() {
        return Some(folder);
    }
    // Not eprintln: the test runner would keep it to itself.
    drop(writeln!(std::io::stderr(), "SKIPPED vocabularies: ../shared/weights/gguf-vocabularies is not here"));
    None
}

fn load(folder: &Path, family: &str) -> Result<Tokenizer, Error> {
    let name = format!("ggml-vocab-{family}.gguf");
    let bytes = Bytes::new(std::fs::read(folder.join(&name)).unwrap());
    let file = format::parse(vec![(name, bytes)])?;
    Ok(Tokenizer::from_file(&file)?.expect("the file has a tokenizer"))
}

fn cases(folder: &Path, family: &str) -> Vec<(String, Vec<u32>)> {
    let read = |kind| std::fs::read_to_string(folder.join(format!("ggml-vocab-{family}.gguf.{kind}"))).unwrap();
    let (inputs, outputs) = (read("inp"), read("out"));
    let ids = |line: &str| line.split_whitespace().map(|id| id.parse().unwrap()).collect();
    let cases: Vec<_> =
        inputs.split("\n__ggml_vocab_test__\n").map(String::from).zip(outputs.lines().map(ids)).collect();
    assert_eq!(cases.len(), 46, "{family}");
    cases
}

const FAMILIES: [&str; 8] = ["gpt-2", "mpt", "falcon", "starcoder", "refact", "deepseek-coder", "llama-spm", "phi-3"];

#[test]
fn ids_equal_those_of_the_families_own_tokenizers() {
    let Some(folder) = folder() else { return };
    for family in FAMILIES.into_iter().chain(["bert-bge"]) {
        let tokenizer = load(&folder, family).unwrap();
        for (text, expected) in cases(&folder, family) {
            let found = tokenizer.encode(&text, false, Controls::Literal).unwrap();
            assert_eq!(found, expected, "{family}: {text:?}");
        }
    }
}

/// GPT-NeoX's file names no pre-tokenizer, and GPT-2's could. `tests/golden/tokenizers/llama-cpp-default.txt` has the ids that llama.cpp gives
/// for both without (by node-llama-cpp 3.22.1).
#[test]
fn without_a_pre_tokenizer_ids_are_llama_cpps() {
    let Some(folder) = folder() else { return };
    let expected = include_str!("../golden/tokenizers/llama-cpp-default.txt");
    for family in ["gpt-2", "gpt-neox"] {
        let name = format!("ggml-vocab-{family}.gguf");
        let bytes = Bytes::new(std::fs::read(folder.join(&name)).unwrap());
        let mut file = format::parse(vec![(name, bytes)]).unwrap();
        file.metadata.remove("tokenizer.ggml.pre");
        let tokenizer = Tokenizer::from_file(&file).unwrap().unwrap();
        assert_eq!(tokenizer.notes().len(), 1);
        let of_family = expected.lines().filter_map(|line| line.strip_prefix(family));
        let mut n = 0;
        for ((text, _), line) in cases(&folder, "gpt-2").into_iter().zip(of_family) {
            let ids: Vec<u32> = line.split_whitespace().map(|id| id.parse().unwrap()).collect();
            assert_eq!(tokenizer.encode(&text, false, Controls::Literal).unwrap(), ids, "{family}: {text:?}");
            n += 1;
        }
        assert_eq!(n, 46);
    }
}

#[test]
fn decoding_gives_the_text_back() {
    let Some(folder) = folder() else { return };
    for family in FAMILIES {
        let tokenizer = load(&folder, family).unwrap();
        for (text, ids) in cases(&folder, family) {
            assert_eq!(tokenizer.decode(&ids).unwrap(), text, "{family}");
        }
    }
}

#[test]
fn berts_words_are_lower_case_and_its_special_tokens_stand_around() {
    let Some(folder) = folder() else { return };
    let tokenizer = load(&folder, "bert-bge").unwrap();
    let ids = tokenizer.encode("Héllo embeddings!", true, Controls::Literal).unwrap();
    assert_eq!((ids[0], ids[ids.len() - 1]), (101, 102));
    assert_eq!(tokenizer.decode(&ids).unwrap().trim(), "hello embeddings !");
    assert_eq!(tokenizer.encode("[CLS]", false, Controls::Parse).unwrap(), [101]);
    assert_ne!(tokenizer.encode("[CLS]", false, Controls::Literal).unwrap(), [101]);
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let Some(folder) = folder() else { return };
    for (family, named) in [("deepseek-llm", "deepseek-llm")] {
        match load(&folder, family) {
            Err(Error::Unsupported { found, .. }) => assert_eq!(found, named),
            other => panic!("{family}: {other:?}"),
        }
    }
}

#[test]
fn control_tokens_act_only_where_parsed() {
    let Some(folder) = folder() else { return };
    let tokenizer = load(&folder, "llama-spm").unwrap();
    let end = tokenizer.control("</s>").unwrap();
    assert_eq!(tokenizer.kind(end), Some(TokenKind::Control));
    assert!(tokenizer.encode("a</s>b", false, Controls::Parse).unwrap().contains(&end));
    let literal = tokenizer.encode("a</s>b", false, Controls::Literal).unwrap();
    assert!(!literal.contains(&end));
    assert_eq!(tokenizer.decode(&literal).unwrap(), "a</s>b");
    let with_special = tokenizer.encode("a", true, Controls::Literal).unwrap();
    assert_eq!(with_special[0], tokenizer.control("<s>").unwrap());
    assert_eq!(tokenizer.decode(&with_special).unwrap(), "a");
}
