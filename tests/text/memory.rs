//! What a tokenizer takes of memory: in proportion to its file, whatever that holds.

use nanolm::format;
use nanolm::tensor::Bytes;
use nanolm::text::Tokenizer;

use crate::formats::gguf::Writer;
use crate::formats::memory::peak;

/// Times the file's bytes, and what any tokenizer takes: the tables of characters.
const PER_BYTE: usize = 16;
const FIXED: usize = 2 << 20;

/// A GGUF file that is a vocabulary and nothing else. `scores` is of a vocabulary with scores, `merges` of one with merges.
fn vocabulary(tokens: &[String], merges: Option<&[String]>) -> Vec<u8> {
    let strings = |w: Writer, key: &str, texts: &[String]| {
        let w = w.string(key).u32(9).u32(8).u64(texts.len() as u64);
        texts.iter().fold(w, |w, text| w.string(text))
    };
    let mut w = Writer::header(3, 0, 3).string("tokenizer.ggml.model").u32(8);
    w = w.string(if merges.is_some() { "gpt2" } else { "llama" });
    w = strings(w, "tokenizer.ggml.tokens", tokens);
    match merges {
        Some(merges) => strings(w, "tokenizer.ggml.merges", merges).0,
        None => {
            let w = w.string("tokenizer.ggml.scores").u32(9).u32(6).u64(tokens.len() as u64);
            tokens.iter().fold(w, |w, _| w.u32(0)).0
        }
    }
}

/// Reads the file and makes its tokenizer under watch; the error's code, where it is refused.
fn read(what: &str, bytes: Vec<u8>) -> Option<&'static str> {
    let size = bytes.len();
    let (result, held) = peak(|| {
        let file = format::parse(vec![("m.gguf".to_string(), Bytes::new(bytes))])?;
        Tokenizer::from_file(&file)
    });
    assert!(held <= size * PER_BYTE + FIXED, "{what}: {held} bytes for a file of {size}");
    println!("{what}: {size} bytes, {held} held");
    result.err().map(|error| {
        assert!(error.to_string().len() < 4 * size, "{what}: a message of {} bytes", error.to_string().len());
        error.code()
    })
}

#[test]
fn merges_of_very_long_texts() {
    // Each of 32 KB joins two halves of 16: 1 MB of them.
    let half = "a".repeat(1 << 14);
    let tokens = [half.clone(), half.repeat(2)];
    let merges = vec![format!("{half} {half}"); 32];
    assert_eq!(read("long merges", vocabulary(&tokens, Some(&merges))), None);
    let unknown = vec!["b".repeat(1 << 15); 32];
    assert_eq!(read("long merges of nothing", vocabulary(&tokens, Some(&unknown))), Some("format/invalid"));
    assert_eq!(read("one merge", vocabulary(&tokens, Some(&["b".repeat(1 << 20)]))), Some("format/invalid"));
    let spaces = vec![" ".repeat(1 << 15); 32];
    assert_eq!(read("merges of spaces", vocabulary(&tokens, Some(&spaces))), Some("format/invalid"));
}

#[test]
fn merges_that_are_bytes() {
    for kind in [0u32, 7] {
        let mut w = Writer::header(3, 0, 3).string("tokenizer.ggml.model").u32(8).string("gpt2");
        w = w.string("tokenizer.ggml.tokens").u32(9).u32(8).u64(1).string("a");
        w = w.string("tokenizer.ggml.merges").u32(9).u32(kind).u64(1 << 20).bytes(&vec![1; 1 << 20]);
        assert_eq!(read("merges that are bytes", w.0), Some("format/invalid"));
    }
}

/// Every beginning of a run is a piece, so that each may be cut anywhere: merges by the square of their number.
#[test]
fn pieces_that_join_in_all_ways() {
    let runs: Vec<String> = (1..=1400).map(|n| "a".repeat(n)).collect();
    assert_eq!(read("runs with scores", vocabulary(&runs, None)), Some("format/invalid"));
    let many = vec!["a".to_string(); 50_000];
    assert_eq!(read("one piece many times", vocabulary(&many, None)), None);
    let long = vec!["a".repeat(100_000); 10];
    assert_eq!(read("long pieces", vocabulary(&long, None)), Some("format/invalid"));
}
