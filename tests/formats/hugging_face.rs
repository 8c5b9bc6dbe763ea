//! Safetensors and JSON: random damage, and every kind of lie by hand.

use nanolm::Error;
use nanolm::format::{self, TokenizerSource, Value};
use nanolm::tensor::Bytes;

use super::damage::{Rng, Tally, fixture, load};
use super::memory;
use crate::support::rng::cases;

/// Safetensors of this header text and `n` zeros.
fn safetensors(header: &str, n: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + n, 0);
    bytes
}

fn parse(files: &[(&str, &[u8])]) -> Result<format::ModelFile, Error> {
    format::parse(files.iter().map(|(name, bytes)| (name.to_string(), Bytes::new(bytes.to_vec()))).collect())
}

#[track_caller]
fn refused(files: &[(&str, &[u8])], code: &str, part: &str) {
    let e = Tally::default().load(files, &|| part.to_string()).unwrap_err();
    assert_eq!(e.code(), code, "{e}");
    assert!(e.to_string().contains(part), "{part:?} is not in: {e}");
}

#[test]
fn damaged_safetensors() {
    for (folder, seed) in [("tiny-llama-untied", 11), ("tiny-gpt2", 12)] {
        let config = fixture(folder, "config.json");
        let bytes = fixture(folder, "model.safetensors");
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let mut rng = Rng(seed);
        let mut tally = Tally::default();
        for _ in 0..200 {
            let len = rng.below(bytes.len());
            let files = [("config.json", &config[..]), ("model.safetensors", &bytes[..len])];
            tally.load(&files, &|| format!("{folder} cut to {len} bytes")).unwrap_err();
        }
        let mut damaged = bytes.clone();
        for _ in 0..cases(500) {
            let at = rng.below(header);
            damaged[at] = rng.next() as u8;
            let files = [("config.json", &config[..]), ("model.safetensors", &damaged[..])];
            let _ = tally.load(&files, &|| format!("{folder}, byte {at} set to {}", damaged[at]));
            damaged[at] = bytes[at];
        }
        println!("{folder}: {} refused, {} loaded, at most {} bytes held", tally.refused, tally.loaded, tally.peak);
    }
}

#[test]
fn damaged_json() {
    let weights = fixture("tiny-qwen2", "model.safetensors");
    let config = fixture("tiny-qwen2", "config.json");
    let mut rng = Rng(13);
    let mut tally = Tally::default();
    let n = cases(500);
    for _ in 0..n {
        let mut damaged = config.clone();
        let at = rng.below(config.len());
        match rng.below(3) {
            0 => damaged.truncate(at),
            1 => damaged[at] = rng.next() as u8,
            // Digits make numbers that are wrong but well-formed.
            _ => damaged.insert(at, b"0123456789-.eE"[rng.below(14)]),
        }
        let files = [("config.json", &damaged[..]), ("model.safetensors", &weights[..])];
        let _ = tally.load(&files, &|| format!("{:?}", String::from_utf8_lossy(&damaged)));
    }
    assert!(tally.loaded > n / 25 && tally.refused > n / 25);
    println!("config.json: {} refused, {} loaded, at most {} bytes held", tally.refused, tally.loaded, tally.peak);
}

#[test]
fn lying_headers() {
    let tensor = |dtype: &str, shape: &str, offsets: &str| {
        format!(r#"{{"t":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    let config = (r"config.json", &br#"{"architectures":["LlamaForCausalLM"]}"#[..]);
    let check = |bytes: &[u8], code: &str, part: &str| refused(&[config, ("model.safetensors", bytes)], code, part);
    check(&[1, 2], "format/truncated", "header length");
    check(&1000u64.to_le_bytes(), "format/truncated", "1008 bytes, 8 are left");
    check(&u64::MAX.to_le_bytes(), "format/invalid", "too large");
    check(&safetensors("{", 0), "format/invalid", "header");
    check(&safetensors("[]", 0), "format/invalid", "header");
    check(&safetensors(&tensor("F32", "[2]", "[0,8]"), 4), "format/invalid", "4 bytes");
    check(&safetensors(&tensor("F32", "[2]", "[0,8]"), 16), "format/invalid", "16 bytes");
    check(&safetensors(&tensor("F32", "[3]", "[0,8]"), 8), "format/invalid", "header");
    check(&safetensors(&tensor("F32", "[2]", "[8,0]"), 8), "format/invalid", "header");
    check(&safetensors(&tensor("F32", "[2]", "[4,12]"), 12), "format/invalid", "header");
    check(&safetensors(&tensor("F99", "[2]", "[0,8]"), 8), "format/invalid", "header");
    check(&safetensors(&tensor("F32", "[9223372036854775807,4]", "[0,8]"), 8), "format/invalid", "header");
    check(&safetensors(&tensor("F32", "[-1]", "[0,8]"), 8), "format/invalid", "header");
    // Deeply nested and very repetitive headers.
    check(&safetensors(&"[".repeat(100_000), 0), "format/invalid", "header");
    let ones = format!(r#"{{"t":{{"dtype":"F32","shape":[{}1],"data_offsets":[0,4]}}}}"#, "1,".repeat(100_000));
    let _ = Tally::default().load(&[config, ("model.safetensors", &safetensors(&ones, 4))], &|| "ones".to_string());
}

/// Settings are small, so their limits are in bytes, not in proportion.
#[test]
fn hostile_settings_stay_small() {
    let keys: String = (0..100_000).map(|i| format!("\"{i}\":1,")).collect();
    let long = format!(r#"{{"{}":{{{keys}"x":1}}}}"#, "p".repeat(200));
    let ones = format!(r#"{{"a":[{}1]}}"#, "1,".repeat((1 << 19) - 10));
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(1 << 20));
    let deep = "[".repeat(1 << 19);
    for (text, part) in [(&long, "10000 keys"), (&ones, "architectures"), (&large, "1 MiB"), (&deep, "recursion limit")]
    {
        let files = vec![("config.json", text.as_bytes()), ("m.safetensors", b"\x02\0\0\0\0\0\0\0{}")];
        let files = files.into_iter().map(|(name, bytes)| (name.to_string(), Bytes::new(bytes.to_vec()))).collect();
        let (result, peak) = memory::peak(|| load(files));
        let e = result.unwrap_err().to_string();
        assert!(e.contains(part), "{part}: {e}");
        assert!(peak < 64 << 20, "{part}: {peak} bytes held");
    }
}

#[test]
fn missing_files_are_named() {
    let weights = fixture("tiny-qwen2", "model.safetensors");
    let config = fixture("tiny-qwen2", "config.json");
    refused(&[], "model/missing-file", "config.json; given: no files");
    refused(&[("model.safetensors", &weights)], "model/missing-file", "config.json; given: model.safetensors");
    refused(&[("config.json", &config)], "model/missing-file", "model.safetensors; given: config.json");
    refused(&[("a/config.json", &config), ("b/config.json", &config)], "format/invalid", "twice");
    // Any name will do for weights, and paths are ignored.
    Tally::default().load(&[("dir/config.json", &config), ("dir/weights.bin", &weights)], &String::new).unwrap();
    // A folder may begin with a number. Of one that is a module of sentence-transformers, the configuration is the module's.
    let pooling = b"{\"pooling_mode_cls_token\":true}";
    for module in ["2_models/1_Pooling/config.json", "2_models\\1_Pooling\\config.json"] {
        let files =
            [("2_models/config.json", &config[..]), ("2_models/model.safetensors", &weights), (module, pooling)];
        let file = parse(&files).unwrap();
        assert_eq!(file.metadata["pooling.pooling_mode_cls_token"], Value::Bool(true));
        assert!(file.metadata.contains_key("hidden_size"), "{:?}", file.metadata.keys());
    }
}

#[test]
fn the_other_files_of_a_folder() {
    let (weights, config) = (fixture("tiny-gpt2", "model.safetensors"), fixture("tiny-gpt2", "config.json"));
    let (tokenizer, generation) =
        (fixture("tiny-gpt2", "tokenizer.json"), fixture("tiny-gpt2", "generation_config.json"));
    let mut files = vec![
        ("config.json", &config[..]),
        ("model.safetensors", &weights[..]),
        ("generation_config.json", &generation[..]),
        ("README.md", b"# A model"),
    ];
    let file = parse(&files).unwrap();
    assert!(matches!(file.tokenizer, TokenizerSource::None));
    assert_eq!(file.generation["eos_token_id"], Value::Int(0));
    files.push(("tokenizer.json", &tokenizer));
    match parse(&files).unwrap().tokenizer {
        TokenizerSource::TokenizerJson(json) => assert_eq!(&json[..], &tokenizer[..]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn shards_follow_their_index() {
    let one =
        |name: &str| safetensors(&format!(r#"{{"{name}":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#), 4);
    let (a, b) = (one("a"), one("b"));
    let index = br#"{"metadata":{"total_size":8},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}"#;
    let base = [("config.json", &b"{}"[..]), ("model.safetensors.index.json", &index[..])];
    let with = |shards: &[(&'static str, &[u8])]| {
        let files: Vec<_> = base.iter().chain(shards).copied().collect();
        parse(&files)
    };
    let whole = with(&[("m-2.safetensors", &b), ("m-1.safetensors", &a), ("adapter.safetensors", &a)]).unwrap();
    let names: Vec<&str> = whole.tensors.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let e = with(&[("m-1.safetensors", &a)]).unwrap_err();
    assert!(e.code() == "model/missing-file" && e.to_string().contains("m-2.safetensors"), "{e}");
    let e = with(&[("m-1.safetensors", &b), ("m-2.safetensors", &a)]).unwrap_err();
    assert!(e.to_string().contains("a tensor of m-1.safetensors"), "{e}");
    let e = with(&[("m-1.safetensors", &a), ("m-2.safetensors", &a)]).unwrap_err();
    assert!(e.to_string().contains("also in m-1.safetensors"), "{e}");
    for index in [&b"{}"[..], br#"{"weight_map":[]}"#, br#"{"weight_map":{"a":1}}"#] {
        let e = parse(&[base[0], ("model.safetensors.index.json", index)]).unwrap_err();
        assert!(e.to_string().contains("weight_map"), "{e}");
    }
    // Without an index, all safetensors files belong together.
    let whole = parse(&[base[0], ("m-1.safetensors", &a), ("m-2.safetensors", &b)]).unwrap();
    assert_eq!(whole.tensors.len(), 2);
}
