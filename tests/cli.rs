//! The program `nanolm`, run as a person runs it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const GGUF: &str = "tests/golden/tiny-llama/model-f16.gguf";
const FOLDER: &str = "tests/golden/tiny-llama";

fn nanolm(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_nanolm"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// What it wrote, where it ended well.
fn said(args: &[&str]) -> String {
    let output = nanolm(args, "");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&said(args)).unwrap()
}

/// A path for a file of one test.
fn temporary(name: &str) -> (PathBuf, String) {
    let path = std::env::temp_dir().join(format!("nanolm-cli-{}-{name}", std::process::id()));
    let text = path.to_string_lossy().into_owned();
    (path, text)
}

#[test]
fn it_says_what_it_can_and_refuses_what_it_cannot() {
    assert!(said(&["--help"]).contains("nanolm quantize"));
    assert_eq!(said(&["--version"]), concat!("nanolm ", env!("CARGO_PKG_VERSION"), "\n"));
    let fails = |args: &[&str], status: i32, what: &str| {
        let output = nanolm(args, "");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{args:?}: {error}");
        assert!(error.contains(what), "{args:?}: {error}");
        assert_eq!(output.stdout, b"", "{args:?}");
    };
    fails(&[], 2, "no command");
    fails(&["dance"], 2, "unknown command dance");
    fails(&["inspect", GGUF, "--dance"], 2, "--dance");
    fails(&["run", GGUF], 2, "expected MODEL PROMPT");
    fails(&["run", GGUF, "a", "--tokens", "many"], 2, "--tokens: expected a number of tokens, found many");
    fails(&["run", "tests/golden/none.gguf", "a"], 1, "none.gguf");
    fails(&["inspect", "LICENSE"], 1, "model/missing-file");
    fails(&["quantize", GGUF, "x.gguf"], 2, "--type is missing");
    fails(&["quantize", GGUF, "x.gguf", "--type", "q8_0", "--keep", "nothing=f16"], 2, "no tensor nothing");
    fails(&["chat", GGUF], 1, "no chat template");
}

#[test]
fn inspect_tells_sizes_types_and_memory() {
    let told = json(&["inspect", GGUF, "--json", "--plan", "--tensors"]);
    assert_eq!((told["architecture"].as_str(), told["chatTemplate"].as_bool()), (Some("llama"), Some(false)));
    let sum =
        |list: &str, key: &str| told[list].as_array().unwrap().iter().map(|x| x[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("types", "bytes"), told["bytes"].as_u64().unwrap());
    assert_eq!(sum("tensors", "bytes"), told["bytes"].as_u64().unwrap());
    assert!(told["memory"][0]["cacheBytes"].as_u64().unwrap() > 0);
    assert!(told["plan"].as_array().unwrap().iter().any(|line| line.as_str().unwrap().contains("rms_norm")));
    let text = said(&["inspect", FOLDER]);
    assert!(text.contains("chat template: no") && text.contains("F32"), "{text}");
}

#[test]
fn run_writes_the_same_for_the_same_seed() {
    let args = ["run", FOLDER, "hello", "--tokens", "8", "--temperature", "1", "--seed", "7"];
    let text = said(&args);
    assert_eq!(text, said(&args));
    assert!(text.len() > 1);
    let output = nanolm(&["run", FOLDER, "-", "--tokens", "3", "--temperature", "0"], "hello");
    assert!(String::from_utf8_lossy(&output.stderr).contains("wrote "), "{output:?}");
}

#[test]
fn quantize_writes_what_the_engine_encodes_and_reads_it_again() {
    let (path, out) = temporary("q8.gguf");
    let kept = "blk.0.ffn_down.weight";
    let keep = format!("{kept}=f16");
    let told = json(&["quantize", GGUF, &out, "--type", "q8_0", "--keep", &keep, "--json"]);
    let read = json(&["inspect", &out, "--json", "--tensors"]);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), told["after"].as_u64().unwrap());
    assert!(told["after"].as_u64() < told["before"].as_u64());
    let mut changed = 0;
    for (new, old) in read["tensors"].as_array().unwrap().iter().zip(told["tensors"].as_array().unwrap()) {
        assert_eq!((&new["name"], &new["type"], &new["bytes"]), (&old["name"], &old["to"], &old["after"]));
        let name = old["name"].as_str().unwrap();
        match old["nmse"].as_f64() {
            Some(error) => {
                changed += 1;
                assert!(error < 1e-4, "{name}: {error}");
                assert_eq!((old["to"].as_str(), name != kept), (Some("Q8_0"), true));
            }
            None => assert_eq!(old["from"], old["to"], "{name}"),
        }
    }
    assert!(changed >= 14, "{changed}");
    // It runs.
    let text = said(&["bench", &out, "--runs", "1", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["device"], "cpu");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_mixture_is_told_and_its_experts_are_quantised() {
    let mixture = "tests/golden/tiny-granitemoe/model-f16.gguf";
    let text = said(&["inspect", mixture]);
    assert!(text.contains("feed-forward 32 in 6 experts, 2 of them a token"), "{text}");
    let (path, out) = temporary("mixture.gguf");
    json(&["quantize", mixture, &out, "--type", "q4_0", "--json"]);
    let read = json(&["inspect", &out, "--json", "--tensors"]);
    assert_eq!((read["config"]["experts"].as_u64(), read["config"]["expertsUsed"].as_u64()), (Some(6), Some(2)));
    let mut experts = 0;
    for tensor in read["tensors"].as_array().unwrap() {
        let (name, dtype) = (tensor["name"].as_str().unwrap(), tensor["type"].as_str().unwrap());
        if name.contains("_exps.") {
            experts += 1;
            assert_eq!((dtype, tensor["shape"].as_array().unwrap().len()), ("Q4_0", 3), "{name}");
        }
        assert!(!name.contains("ffn_gate_inp") || dtype == "F32", "{name}: {dtype}");
    }
    assert_eq!(experts, 6);
    let text = said(&["bench", &out, "--runs", "1", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["device"], "cpu");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_folder_runs_in_blocks() {
    let told = json(&["bench", FOLDER, "--runs", "1", "--quantize", "q4_k", "--json"]);
    let measured = told["measured"].as_array().unwrap();
    assert_eq!(measured.len(), 3);
    assert!(measured.iter().all(|one| one["tokensPerSecond"].as_f64().unwrap() > 0.0));
}
