//! What is given damaged and hostile input: every reader of files, every tokenizer, and the tasks on any text.
//!
//! `fuzz/fuzz_targets` gives these functions to `cargo fuzz`, `tests/fuzz` runs them without it. A target may refuse its input with an
//! error, or use it; it must not panic, take long, or hold memory out of proportion ([`watch`]).

mod files;
mod parts;
mod seeds;
mod texts;
mod tokenizers;

use std::time::{Duration, Instant};

use nanolm::{Error, Result};

/// Something that reads input.
pub struct Target {
    /// Its name, also of its file in `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// Inputs that are as they should be.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What such inputs have in them.
    pub words: &'static [&'static str],
    /// Bytes that may be held beyond [`PER_BYTE`] times the input: what the target itself brings.
    pub fixed: usize,
    /// Reads the input and uses what comes of it.
    pub run: fn(&[u8]) -> Result<()>,
}

/// Times the input's size that may be held.
pub const PER_BYTE: usize = 16;
/// What any reader holds: plans, tables of characters, messages.
const ANY: usize = 2 << 20;
/// Longer is a hang.
pub const LONGEST: Duration = Duration::from_secs(2);

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "null",
    "true",
    "false",
    "-1",
    "0",
    "1e999",
    "18446744073709551615",
    "9007199254740993",
    "0.5",
    "\\u0000",
    "\\ud800",
    "\"\"",
    "[[[[[[[[",
    "{\"a\":",
    "[]",
    "{}",
];
const TOKENIZERS: &[&str] = &[
    "\"type\":",
    "BPE",
    "Unigram",
    "WordPiece",
    "WordLevel",
    "Sequence",
    "Split",
    "Replace",
    "Regex",
    "String",
    "ByteLevel",
    "Metaspace",
    "Prepend",
    "Strip",
    "NFC",
    "NFKD",
    "Lowercase",
    "BertNormalizer",
    "BertPreTokenizer",
    "Digits",
    "Punctuation",
    "TemplateProcessing",
    "ByteFallback",
    "Fuse",
    "\\\\b",
    "^",
    "a*",
    "(?:)",
    "(?i:",
    "\\\\p{L}",
    "{1,1000}",
    "\\\\s+(?!\\\\S)",
    "\"merges\":",
    "\"vocab\":",
    "#version",
    "null",
    "[]",
    "{}",
    "-1",
    "4294967295",
];
const GGUF: &[&str] = &[
    "GGUF",
    "general.architecture",
    "llama",
    "gpt2",
    "bert",
    "qwen3",
    "gemma3",
    "lfm2",
    "granitehybrid",
    "general.alignment",
    "tokenizer.ggml.model",
    "tokenizer.ggml.tokens",
    "tokenizer.ggml.scores",
    "tokenizer.ggml.merges",
    "tokenizer.ggml.token_type",
    "tokenizer.ggml.pre",
    "split.count",
    "token_embd.weight",
    "blk.0.attn_q.weight",
    "static-embedding",
    "nanolm-labels",
    "nanolm-names",
    "<0x00>",
    "▁",
];
const EXPRESSIONS: &[&str] = &[
    "\\p{L}",
    "\\p{N}{1,3}",
    "\\s+(?!\\S)",
    "(?i:",
    "(?<=",
    "(?!",
    "(?>",
    "[^",
    "&&",
    "--",
    "\\b",
    "\\B",
    "^",
    "$",
    "*",
    "+",
    "++",
    "*?",
    "{0,1000}",
    "{1000}",
    "|",
    "(",
    ")",
    ".",
    "\\d",
    "\\w",
    "a",
    "\n",
    "((((",
    "(a*)*",
    "(a|a)*",
    "[[:alpha:]]",
    "\\x{10ffff}",
    "(?s)",
];
const TEXTS: &[&str] = &[
    ". ",
    "Dr. ",
    "U.S. ",
    "\"",
    "“",
    "\n\n",
    "\n# ",
    "- ",
    "1. ",
    "```",
    "| a | b |",
    "<p>",
    "</div>",
    "<script>",
    "<!--",
    "&amp;",
    "&#x110000;",
    "<table><tr><td>",
    "http://a.b/c?d=e",
    "a@b.co",
    "€5 million",
    "12:30",
    "2024-02-30",
    "March 32nd",
    "however, ",
    "who",
    "\u{0}",
    "\u{ad}",
    "\u{200d}",
    "🦙",
    "e\u{301}",
    "日本語。",
    "\r",
    "(",
    ")",
    "—",
    "…",
    "?!",
    "[link](http://x)",
    "![",
    "**",
];

/// All of them.
pub const TARGETS: [Target; 13] = [
    Target { name: "gguf", seeds: seeds::gguf, words: GGUF, fixed: ANY, run: files::gguf },
    Target { name: "safetensors", seeds: seeds::safetensors, words: JSON, fixed: ANY, run: files::safetensors },
    Target { name: "config", seeds: seeds::config, words: JSON, fixed: 8 << 20, run: files::config },
    Target { name: "model", seeds: seeds::writers, words: GGUF, fixed: 64 << 20, run: files::model },
    Target {
        name: "tokenizer_json",
        seeds: seeds::tokenizer_json,
        words: TOKENIZERS,
        fixed: ANY,
        run: tokenizers::json,
    },
    Target { name: "tokenizer_gguf", seeds: seeds::tokenizer_gguf, words: GGUF, fixed: ANY, run: tokenizers::gguf },
    Target {
        name: "expression",
        seeds: seeds::expressions,
        words: EXPRESSIONS,
        fixed: 16 << 20,
        run: tokenizers::expression,
    },
    Target { name: "session", seeds: parts::sessions, words: &["nanolm"], fixed: 8 << 20, run: parts::session },
    Target { name: "table", seeds: seeds::table, words: GGUF, fixed: ANY, run: parts::table },
    Target { name: "heads", seeds: seeds::heads, words: GGUF, fixed: ANY, run: parts::heads },
    Target { name: "language", seeds: seeds::texts, words: TEXTS, fixed: ANY, run: texts::language },
    Target { name: "page", seeds: seeds::texts, words: TEXTS, fixed: ANY, run: texts::page },
    Target { name: "tasks", seeds: texts::each_task, words: TEXTS, fixed: 32 << 20, run: texts::tasks },
];

/// The target of a name.
pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("no target is called {name}"))
}

/// What an input came to.
pub struct Seen {
    /// Whether it was taken.
    pub taken: bool,
    pub held: usize,
    pub elapsed: Duration,
}

/// Runs a target under watch. `peak` says how much memory was held meanwhile.
///
/// # Panics
/// Where the target does, where it holds too much, or an error is none that a caller could do anything about.
pub fn watch(target: &Target, input: &[u8], peak: impl FnOnce(&mut dyn FnMut()) -> usize) -> Seen {
    let mut result = Ok(());
    let begun = Instant::now();
    let held = peak(&mut || result = (target.run)(input));
    let elapsed = begun.elapsed();
    let most = input.len() * PER_BYTE + target.fixed;
    assert!(held <= most, "{}: {held} bytes held for an input of {}, at most {most}", target.name, input.len());
    if let Err(error) = &result {
        assert!(!matches!(error, Error::Internal { .. }), "{}: {error}", target.name);
    }
    Seen { taken: result.is_ok(), held, elapsed }
}
