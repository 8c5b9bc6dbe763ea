//! Inputs that are as they should be: of the repository's fixtures, and small files made here.

use std::path::Path;

fn read(path: &str) -> Vec<u8> {
    // The package may be that of `cargo fuzz`, in a folder of this one.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = if here.ends_with("fuzz") { here.parent().unwrap_or(here) } else { here };
    std::fs::read(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A fixture's file.
pub fn golden(folder: &str, name: &str) -> Vec<u8> {
    read(&format!("tests/golden/{folder}/{name}"))
}

/// A file that the package has.
pub fn model_file(name: &str) -> Vec<u8> {
    read(&format!("pkg-scripts/npm/model/nanolm-{name}.gguf"))
}

pub fn gguf() -> Vec<Vec<u8>> {
    let files = [
        ("tiny-llama", "q4_0"),
        ("tiny-gpt2", "q4_0"),
        ("tiny-lfm2", "f16"),
        ("tiny-granitehybrid", "f16"),
        ("tiny-bert", "f16"),
    ];
    files.map(|(folder, dtype)| golden(folder, &format!("model-{dtype}.gguf"))).to_vec()
}

/// Of models that continue a text.
pub fn writers() -> Vec<Vec<u8>> {
    gguf()[..2].to_vec()
}

pub fn safetensors() -> Vec<Vec<u8>> {
    vec![golden("tiny-llama", "model.safetensors")]
}

pub fn config() -> Vec<Vec<u8>> {
    let folders = [
        "tiny-llama",
        "tiny-gpt2",
        "tiny-gemma3",
        "tiny-lfm2",
        "tiny-mamba2",
        "tiny-bert",
        "tiny-phi3",
        "tiny-qwen3",
        "tiny-gptneox",
    ];
    folders.map(|folder| golden(folder, "config.json")).to_vec()
}

pub fn tokenizer_json() -> Vec<Vec<u8>> {
    let mut all = ["byte_level.json", "meta_space.json"].map(|name| golden("tokenizers", name)).to_vec();
    all.push(golden("tiny-bert", "tokenizer.json"));
    let unigram = r#"{"added_tokens":[{"id":0,"content":"<unk>","special":true}],"normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},
        {"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}]},"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true},
        "decoder":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true},
        "model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["▁",-3],["r",-3],["rain",-1],["▁rain",-1],["y",-2]]}}"#;
    all.push(unigram.as_bytes().to_vec());
    all
}

pub fn expressions() -> Vec<Vec<u8>> {
    [
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"'s|'t| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)",
        "[\u{4e00}-\u{9fa5}\u{800}-\u{4e00}&&[^a-z]]+|(?<=a)b++|(?>c|cd)e*?$",
        r"(a|aa)+b{2,5}\b[[:alpha:]--[x]]",
    ]
    .map(|expression| format!("{expression}\nThe keeper's lamp, 12345  \n aaaaaaaaaaaaaaaaaaaaaaaa 日本語").into_bytes())
    .to_vec()
}

pub fn texts() -> Vec<Vec<u8>> {
    let article = "Dr. Smith of the U.S. said on March 3, 2024, that \"it works\" (see below). However, he lost €5 million.\n\nThe keeper lit the lamp at 12:30. \
                   It burned… Who knows?! Write to a@b.co or see http://a.b/c.";
    let page = "<!doctype html><html><body><nav><a href=x>Home</a></nav><article><h1>The lamp</h1><p>The keeper lit the lamp &amp; left.</p><table><tr><td>1</td>\
                </tr></table><pre>x  y</pre></article><script>var a = '<p>';</script><!-- no --></body></html>";
    let markdown = "# The lamp\n\nThe *keeper* lit the [lamp](http://x \"y\").\n\n- one\n  - two\n\n```js\nlet a;\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
    let other = "日本語の文章。 e\u{301}\u{200d} 🦙🚀 “quoted,” she said—‘and’ left.\r\nOne\ttwo";
    [article, page, markdown, other].map(|text| text.as_bytes().to_vec()).to_vec()
}

/// Writes a GGUF file: a value is its type's number and its bytes.
#[derive(Default)]
struct Gguf {
    pairs: Vec<u8>,
    n_pairs: u64,
    infos: Vec<u8>,
    data: Vec<u8>,
    n_tensors: u64,
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

fn floats(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

impl Gguf {
    fn pair(mut self, key: &str, kind: u32, value: &[u8]) -> Gguf {
        self.pairs.extend([&string(key), &kind.to_le_bytes()[..], value].concat());
        self.n_pairs += 1;
        self
    }

    fn text(self, key: &str, value: &str) -> Gguf {
        self.pair(key, 8, &string(value))
    }

    fn array(self, key: &str, kind: u32, n: usize, items: &[u8]) -> Gguf {
        self.pair(key, 9, &[&kind.to_le_bytes(), &(n as u64).to_le_bytes()[..], items].concat())
    }

    fn texts(self, key: &str, items: &[&str]) -> Gguf {
        let bytes: Vec<u8> = items.iter().flat_map(|item| string(item)).collect();
        self.array(key, 8, items.len(), &bytes)
    }

    /// Of f32, the outermost dimension first.
    fn tensor(mut self, name: &str, shape: &[usize]) -> Gguf {
        self.infos.extend(string(name));
        self.infos.extend((shape.len() as u32).to_le_bytes());
        shape.iter().rev().for_each(|size| self.infos.extend((*size as u64).to_le_bytes()));
        self.infos.extend(0u32.to_le_bytes());
        self.infos.extend((self.data.len() as u64).to_le_bytes());
        let n: usize = shape.iter().product();
        self.data.extend(floats((0..n).map(|i| (i % 7) as f32 / 3.0 - 1.0)));
        self.data.resize(self.data.len().next_multiple_of(32), 0);
        self.n_tensors += 1;
        self
    }

    fn bytes(self) -> Vec<u8> {
        let counts = [self.n_tensors.to_le_bytes(), self.n_pairs.to_le_bytes()].concat();
        let mut out = [b"GGUF", &3u32.to_le_bytes()[..], &counts, &self.pairs, &self.infos].concat();
        out.resize(out.len().next_multiple_of(32), 0);
        out.extend(self.data);
        out
    }
}

const PIECES: [&str; 12] = ["<unk>", "<s>", "</s>", "▁", "▁the", "th", "t", "h", "e", "he", "the", "▁t"];

fn scored() -> Gguf {
    let kinds: Vec<u8> = [2i32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 4, 1].iter().flat_map(|kind| kind.to_le_bytes()).collect();
    Gguf::default()
        .text("tokenizer.ggml.model", "llama")
        .texts("tokenizer.ggml.tokens", &PIECES)
        .array("tokenizer.ggml.scores", 6, PIECES.len(), &floats((0..PIECES.len()).map(|i| -(i as f32))))
        .array("tokenizer.ggml.token_type", 5, PIECES.len(), &kinds)
        .pair("tokenizer.ggml.bos_token_id", 4, &1u32.to_le_bytes())
        .pair("tokenizer.ggml.unknown_token_id", 4, &0u32.to_le_bytes())
}

pub fn tokenizer_gguf() -> Vec<Vec<u8>> {
    let merged = Gguf::default()
        .text("tokenizer.ggml.model", "gpt2")
        .text("tokenizer.ggml.pre", "llama-bpe")
        .texts("tokenizer.ggml.tokens", &["t", "h", "e", "Ġ", "th", "the", "Ġthe", "<|end|>"])
        .texts("tokenizer.ggml.merges", &["t h", "th e", "Ġ the"])
        .pair("tokenizer.ggml.eos_token_id", 4, &7u32.to_le_bytes());
    let words = Gguf::default()
        .text("tokenizer.ggml.model", "bert")
        .texts("tokenizer.ggml.tokens", &["[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁the", "▁lamp", "s", "▁,"])
        .pair("tokenizer.ggml.cls_token_id", 4, &2u32.to_le_bytes())
        .pair("tokenizer.ggml.seperator_token_id", 4, &3u32.to_le_bytes())
        .pair("tokenizer.ggml.unknown_token_id", 4, &1u32.to_le_bytes());
    [scored(), merged, words].map(Gguf::bytes).to_vec()
}

pub fn table() -> Vec<Vec<u8>> {
    let table = scored()
        .text("general.architecture", "static-embedding")
        .pair("static-embedding.scale", 6, &20f32.to_le_bytes())
        .pair("static-embedding.doubt", 6, &1f32.to_le_bytes())
        .tensor("token_embd.weight", &[PIECES.len(), 8]);
    vec![table.bytes()]
}

pub fn heads() -> Vec<Vec<u8>> {
    let labels = Gguf::default()
        .text("general.architecture", "nanolm-labels")
        .text("labels.name", "small")
        .texts("labels.names", &["sport", "politics", "science"])
        .tensor("buckets.weight", &[3, 16])
        .tensor("out.bias", &[3])
        .tensor("kinds.weight", &[3]);
    vec![labels.bytes(), model_file("topic"), model_file("names")]
}
