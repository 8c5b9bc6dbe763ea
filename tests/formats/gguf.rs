//! GGUF: random damage, and every kind of lie by hand.

use nanolm::Error;
use nanolm::format::{self, Value};
use nanolm::tensor::{Bytes, DType};

use super::damage::{Rng, Tally, fixture, shared};
use crate::support::rng::cases;

/// Where the tensors begin: header and metadata end somewhere in the padding before.
fn data_start(bytes: &[u8]) -> usize {
    let file = format::parse(vec![("m.gguf".to_string(), Bytes::new(bytes.to_vec()))]).unwrap();
    bytes.len() - file.tensors.iter().map(|t| t.data.len().next_multiple_of(32)).sum::<usize>()
}

fn truncate(lane: &str, bytes: &[u8], seed: u64) {
    let mut rng = Rng(seed);
    let mut tally = Tally::default();
    for _ in 0..200 {
        let len = rng.below(bytes.len());
        let result = tally.load(&[("m.gguf", &bytes[..len])], &|| format!("{lane} cut to {len} bytes"));
        // The last tensor may be followed by padding.
        assert!(result.is_err() || len + 32 > bytes.len(), "{lane} cut to {len} bytes loads");
    }
    println!("{lane}: 200 truncations, {} refused, at most {} bytes held", tally.refused, tally.peak);
}

fn corrupt(lane: &str, bytes: &[u8], seed: u64) {
    let start = data_start(bytes);
    let mut rng = Rng(seed);
    let mut tally = Tally::default();
    let mut damaged = bytes.to_vec();
    let n = cases(600);
    for _ in 0..n {
        let at = rng.below(start);
        let byte = (rng.next() % 255) as u8;
        // One of the 255 other values.
        damaged[at] = bytes[at].wrapping_add(byte + 1);
        let _ = tally.load(&[("m.gguf", &damaged)], &|| format!("{lane}, byte {at} set to {}", damaged[at]));
        damaged[at] = bytes[at];
    }
    assert_eq!(tally.loaded + tally.refused, n);
    assert!(tally.refused > n / 100 && tally.loaded > n / 100, "{lane}: {} refused", tally.refused);
    println!(
        "{lane}: {n} corruptions of {start} bytes, {} refused, {} loaded, at most {} bytes held",
        tally.refused, tally.loaded, tally.peak
    );
}

#[test]
fn truncated_tiny_models() {
    truncate("tiny-llama", &fixture("tiny-llama", "model-q8_0.gguf"), 1);
    truncate("tiny-gpt2", &fixture("tiny-gpt2", "model-f16.gguf"), 2);
}

#[test]
fn corrupted_tiny_llama() {
    corrupt("tiny-llama", &fixture("tiny-llama", "model-q8_0.gguf"), 3);
}

#[test]
fn corrupted_tiny_gpt2() {
    corrupt("tiny-gpt2", &fixture("tiny-gpt2", "model-q4_0.gguf"), 4);
}

/// The trained story model, where it is there.
#[test]
fn story_model_damaged() {
    let Some(bytes) = shared("stories260K/stories260K-f32.gguf", "story model damaged") else { return };
    truncate("story model", &bytes, 5);
    corrupt("story model", &bytes, 6);
}

/// Real vocabularies parse; without tensors they make no model.
#[test]
fn real_vocabularies_parse() {
    for family in ["baichuan", "bert-bge", "falcon", "gpt-2", "llama-spm", "phi-3", "starcoder"] {
        let name = format!("gguf-vocabularies/ggml-vocab-{family}.gguf");
        let Some(bytes) = shared(&name, &format!("vocabulary {family}")) else { continue };
        let mut tally = Tally::default();
        let (size, e) = (bytes.len(), tally.load(&[("v.gguf", &bytes)], &|| family.to_string()).unwrap_err());
        assert!(["model/unsupported", "model/weights"].contains(&e.code()), "{family}: {e}");
        println!("vocabulary {family}: {size} bytes, {} held", tally.peak);
    }
}

/// Writes GGUF files, honest or not.
pub struct Writer(pub Vec<u8>);

impl Writer {
    pub fn header(version: u32, tensors: u64, pairs: u64) -> Writer {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(version.to_le_bytes());
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(pairs.to_le_bytes());
        Writer(bytes)
    }

    pub fn u32(mut self, n: u32) -> Writer {
        self.0.extend(n.to_le_bytes());
        self
    }

    pub fn u64(mut self, n: u64) -> Writer {
        self.0.extend(n.to_le_bytes());
        self
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Writer {
        self.0.extend(bytes);
        self
    }

    pub fn string(self, s: &str) -> Writer {
        self.u64(s.len() as u64).bytes(s.as_bytes())
    }

    pub fn tensor(self, name: &str, dims: &[u64], kind: u32, offset: u64) -> Writer {
        let w = self.string(name).u32(dims.len() as u32);
        dims.iter().fold(w, |w, &dim| w.u64(dim)).u32(kind).u64(offset)
    }

    /// Pads to the data and adds `n` zeros of it.
    pub fn data(mut self, n: usize) -> Writer {
        self.0.resize(self.0.len().next_multiple_of(32) + n, 0);
        self
    }

    pub fn parse(&self) -> Result<format::ModelFile, Error> {
        format::parse(vec![("m.gguf".to_string(), Bytes::new(self.0.clone()))])
    }

    /// The error, whose message has to contain `part`; the whole load is watched too.
    #[track_caller]
    pub fn refused(self, code: &str, part: &str) {
        let e = Tally::default().load(&[("m.gguf", &self.0)], &|| part.to_string()).unwrap_err();
        assert_eq!(e.code(), code, "{e}");
        assert!(e.to_string().contains(part), "{part:?} is not in: {e}");
    }
}

#[test]
fn every_metadata_type_is_read() {
    let key = |w: Writer, key: &str, kind: u32| w.string(key).u32(kind);
    let mut w = Writer::header(3, 0, 17);
    w = key(w, "u8", 0).bytes(&[200]);
    w = key(w, "i8", 1).bytes(&[200]);
    w = key(w, "u16", 2).bytes(&40_000u16.to_le_bytes());
    w = key(w, "i16", 3).bytes(&(-2i16).to_le_bytes());
    w = key(w, "u32", 4).u32(4_000_000_000);
    w = key(w, "i32", 5).bytes(&(-3i32).to_le_bytes());
    w = key(w, "f32", 6).bytes(&1.5f32.to_le_bytes());
    w = key(w, "bool", 7).bytes(&[1]);
    w = key(w, "string", 8).string("grüß");
    w = key(w, "u64", 10).u64(u64::MAX);
    w = key(w, "i64", 11).bytes(&(-4i64).to_le_bytes());
    w = key(w, "f64", 12).bytes(&0.1f64.to_le_bytes());
    w = key(w, "ints", 9).u32(2).u64(2).bytes(&[1, 0, 2, 0]);
    w = key(w, "strings", 9).u32(8).u64(2).string("a").string("");
    w = key(w, "bools", 9).u32(7).u64(2).bytes(&[0, 1]);
    w = key(w, "floats", 9).u32(12).u64(1).bytes(&0.5f64.to_le_bytes());
    w = key(w, "nested", 9).u32(9).u64(2).u32(0).u64(1).bytes(&[7]).u32(8).u64(0);
    let m = w.parse().unwrap().metadata;
    let ints =
        [("u8", 200), ("i8", -56), ("u16", 40_000), ("i16", -2), ("u32", 4_000_000_000), ("i32", -3), ("i64", -4)];
    for (key, n) in ints {
        assert_eq!(m[key], Value::Int(n), "{key}");
    }
    assert_eq!((&m["f32"], &m["f64"]), (&Value::Float(1.5), &Value::Float(0.1)));
    assert_eq!((&m["bool"], &m["u64"]), (&Value::Bool(true), &Value::UInt(u64::MAX)));
    assert_eq!(m["string"], Value::String("grüß".to_string()));
    assert_eq!((&m["ints"], &m["bools"]), (&Value::Ints(vec![1, 2]), &Value::Bools(vec![false, true])));
    assert_eq!(m["strings"], Value::Strings(vec!["a".to_string(), String::new()]));
    assert_eq!(m["floats"], Value::Floats(vec![0.5]));
    assert_eq!(m["nested"], Value::List(vec![Value::Ints(vec![7]), Value::Strings(vec![])]));
}

/// The arrays that grow most in memory: one byte to an `i64`, eight to a `String`, twelve to a list.
#[test]
fn large_arrays_stay_in_proportion() {
    let n = 1 << 18;
    let array = |kind: u32, n: u64| Writer::header(3, 0, 1).string("k").u32(9).u32(kind).u64(n);
    let nested = (0..n / 12).fold(array(9, n / 12), |w, _| w.u32(9).u64(0));
    for (w, what) in [
        (array(0, n).bytes(&vec![1; n as usize]), "bytes"),
        (array(7, n).bytes(&vec![1; n as usize]), "booleans"),
        (array(8, n / 8).bytes(&vec![0; n as usize]), "strings"),
        (nested, "arrays"),
    ] {
        w.parse().unwrap_or_else(|e| panic!("{what}: {e}"));
        // No architecture, so the whole load is refused after the metadata is read.
        w.refused("format/invalid", "general.architecture");
    }
}

#[test]
fn tensors_are_found_by_offset_and_alignment() {
    let w = Writer::header(2, 3, 1).string("general.alignment").u32(4).u32(64);
    let mut w = w.tensor("a", &[32, 2], 8, 64).tensor("b", &[3], 0, 0).tensor("c", &[256], 16, 192);
    w.0.resize(w.0.len().next_multiple_of(64), 0);
    let start = w.0.len();
    w.0.extend((0..=255).cycle().take(400));
    let file = w.parse().unwrap();
    let [a, b] = &file.tensors[..] else { panic!("{:?}", file.tensors) };
    assert_eq!((a.name.as_str(), a.dtype, &a.shape[..]), ("a", DType::Q8_0, &[2, 32][..]));
    assert_eq!(&a.data[..], &w.0[start + 64..start + 64 + 68]);
    assert_eq!((b.dtype, &b.shape[..], &b.data[..]), (DType::F32, &[3][..], &w.0[start..start + 12]));
    assert_eq!(file.unsupported_tensors, [("c".to_string(), "IQ2_XXS".to_string())]);
}

#[test]
fn wrong_headers() {
    Writer(b"GGUF".to_vec()).refused("format/truncated", "the version at byte 4");
    Writer::header(1, 0, 0).refused("model/unsupported", "version 1");
    Writer::header(4, 0, 0).refused("model/unsupported", "version 4");
    Writer::header(3u32.swap_bytes(), 0, 0).refused("model/unsupported", "big-endian");
    Writer::header(3, u64::MAX, 0).refused("format/truncated", "tensor descriptions");
    Writer::header(3, 0, u64::MAX).refused("format/truncated", "metadata");
    Writer::header(3, 1 << 40, 1 << 40).refused("format/truncated", "metadata");
}

#[test]
fn wrong_metadata() {
    let pair = |key: &str, kind: u32| Writer::header(3, 0, 1).string(key).u32(kind);
    // Enough zeros for the smallest pair that the count promises.
    let zeros = [0u8; 32];
    Writer::header(3, 0, 1).u64(u64::MAX).bytes(&zeros).refused("format/truncated", "a metadata key");
    Writer::header(3, 0, 1).u64(0).bytes(&zeros).refused("format/invalid", "1 to 65535 bytes");
    Writer::header(3, 0, 1).u64(2).bytes(&[0xc3, 0x28]).bytes(&zeros).refused("format/invalid", "UTF-8");
    pair("k", 13).bytes(&zeros).refused("format/invalid", "the type of k");
    pair("k", 7).bytes(&[2]).refused("format/invalid", "a boolean");
    pair("k", 8).u64(1 << 62).refused("format/truncated", "k at byte");
    pair("k", 9).u32(8).u64(1 << 60).refused("format/truncated", "items");
    pair("k", 9).u32(0).u64(1 << 63).refused("format/truncated", "items");
    pair("k", 9).u32(13).u64(1).refused("format/invalid", "element type");
    pair("k", 9).u32(10).u64(1).u64(u64::MAX).refused("format/invalid", "2^63");
    let nested = (0..100).fold(pair("k", 9), |w, _| w.u32(9).u64(1));
    nested.bytes(&zeros).refused("format/invalid", "nested");
    let twice = Writer::header(3, 0, 2).string("key").u32(0).bytes(&[1]).string("key").u32(0).bytes(&[2]);
    twice.refused("format/invalid", "key twice");
    for alignment in [0, 3, 48] {
        let w = pair("general.alignment", 4).u32(alignment);
        w.refused("format/invalid", "a power of two");
    }
    pair("general.alignment", 6).u32(32).refused("format/invalid", "a power of two");
}

#[test]
fn wrong_tensors() {
    let one = |dims: &[u64], kind: u32, offset: u64| Writer::header(3, 1, 0).tensor("t", dims, kind, offset);
    one(&[], 0, 0).refused("format/truncated", "descriptions");
    one(&[], 0, 0).data(64).refused("format/invalid", "1 to 4 dimensions");
    one(&[1, 1, 1, 1, 1], 0, 0).data(64).refused("format/invalid", "1 to 4 dimensions");
    one(&[4, 0], 0, 0).data(64).refused("format/invalid", "1 or more");
    one(&[8], 0, 16).data(64).refused("format/invalid", "steps of 32");
    one(&[33], 8, 0).data(64).refused("format/invalid", "whole blocks");
    one(&[u64::MAX], 0, 0).data(64).refused("format/invalid", "a size that can be addressed");
    one(&[1 << 32, 1 << 32], 0, 0).data(64).refused("format/invalid", "a size that can be addressed");
    one(&[1 << 31, 1 << 31], 1, 0).data(64).refused("format/truncated", "tensor t at byte");
    one(&[8], 0, u64::MAX - 31).data(64).refused("format/invalid", "a size that can be addressed");
    one(&[8], 0, 1 << 40).data(64).refused("format/truncated", "tensor t at byte");
    one(&[17], 0, 0).data(64).refused("format/truncated", "68 bytes, 64 are left");
    let two = |offset: u64, name: &str| Writer::header(3, 2, 0).tensor("t", &[16], 0, 0).tensor(name, &[8], 0, offset);
    two(32, "u").data(64).refused("format/invalid", "inside t");
    two(0, "u").data(64).refused("format/invalid", "overlap");
    two(64, "t").data(96).refused("format/invalid", "t twice");
}
