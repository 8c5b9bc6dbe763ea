//! A random model with the task format of the default model: small enough to check every number by other means.
//!
//! Its tokens are the 256 bytes and the control tokens, so that a text has as many tokens as bytes.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use nanolm::Result;
use nanolm::arch;
use nanolm::backend::{Backend, DeviceChoice, DeviceRequest};
use nanolm::format::{Dialect, ModelFile, TensorInfo, TokenizerSource, Value};
use nanolm::model::{LogitRows, plan};
use nanolm::run::Model;
use nanolm::session::Session;
use nanolm::tensor::{Bytes, DType};
use nanolm::weights;

use super::run::clock;
use crate::support::encode::encode;
use crate::support::rng::Rng;

pub const CONTEXT: usize = 256;
pub const MAX_CHUNK: usize = 150;
pub const TLDR_MAX: usize = 24;
const D: usize = 32;
const KV: usize = 16;
const FF: usize = 48;
const MARKS: usize = 64;

/// Ids of the control tokens, after the bytes.
pub const TEXT: u32 = 256;
pub const END: u32 = 257;
pub const TLDR: u32 = 259;
pub const KEY_POINTS: u32 = 260;
pub const YES: u32 = 261;
pub const NO: u32 = 262;
pub const MARK_0: u32 = 263;

fn tensor(name: &str, shape: &[usize], data: Vec<f32>) -> TensorInfo {
    let bytes = data.iter().flat_map(|x| x.to_le_bytes()).collect();
    TensorInfo { name: name.into(), dtype: DType::F32, shape: shape.to_vec(), data: Bytes::new(bytes) }
}

/// The model as a parsed GGUF file.
pub fn file(seed: u64) -> ModelFile {
    file_of(seed, FF)
}

/// The same with all matrices in Q8_0.
pub fn quantised(seed: u64) -> ModelFile {
    let mut file = file_of(seed, 2 * D);
    for tensor in file.tensors.iter_mut().filter(|t| t.shape.len() == 2) {
        let values: Vec<f32> = tensor.data.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
        let bytes = values.chunks(tensor.shape[1]).flat_map(|row| encode(DType::Q8_0, row)).collect();
        (tensor.dtype, tensor.data) = (DType::Q8_0, Bytes::new(bytes));
    }
    file
}

fn file_of(seed: u64, ff: usize) -> ModelFile {
    let mut controls: Vec<String> = ["text", "end", "headline", "tldr", "key-points", "yes", "no"]
        .iter()
        .map(|name| format!("<|{name}|>"))
        .collect();
    let marks: Vec<String> = (0..MARKS).map(|i| format!("<|s{i}|>")).collect();
    controls.extend(marks.iter().cloned());
    // GPT-2's visible alphabet of bytes.
    let mut others = 0x100..;
    let bytes = (0..=255u8).map(|b| match b {
        b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => char::from(b).to_string(),
        _ => char::from_u32(others.next().unwrap()).unwrap().to_string(),
    });
    let tokens: Vec<String> = bytes.chain(controls).collect();
    let n = tokens.len();
    let types = (0..n).map(|i| if i < 256 { 1 } else { 3 }).collect();

    let tasks = serde_json::json!({
        "version": 1, "text": "<|text|>", "end": "<|end|>", "headline": "<|headline|>", "tldr": "<|tldr|>",
        "key_points": "<|key-points|>", "yes": "<|yes|>", "no": "<|no|>", "sentence": marks,
        "max_chunk_tokens": MAX_CHUNK, "headline_max_tokens": 16, "tldr_max_tokens": TLDR_MAX,
        "writing": "copy",
    });
    let int = |n: usize| Value::Int(n as i64);
    let string = |s: &str| Value::String(s.into());
    let metadata: BTreeMap<String, Value> = [
        ("general.architecture", string("llama")),
        ("general.name", string("toy")),
        ("llama.context_length", int(CONTEXT)),
        ("llama.embedding_length", int(D)),
        ("llama.block_count", int(2)),
        ("llama.feed_forward_length", int(ff)),
        ("llama.attention.head_count", int(4)),
        ("llama.attention.head_count_kv", int(2)),
        ("llama.attention.layer_norm_rms_epsilon", Value::Float(1e-5)),
        ("llama.rope.freq_base", Value::Float(10000.0)),
        ("tokenizer.ggml.model", string("gpt2")),
        ("tokenizer.ggml.pre", string("gpt-2")),
        ("tokenizer.ggml.tokens", Value::Strings(tokens)),
        ("tokenizer.ggml.token_type", Value::Ints(types)),
        ("tokenizer.ggml.merges", Value::Strings(Vec::new())),
        ("tokenizer.ggml.eos_token_id", int(END as usize)),
        ("nanolm.tasks", Value::String(tasks.to_string())),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_string(), value))
    .collect();

    let mut rng = Rng::new(seed);
    let mut matrix = |name: &str, rows: usize, cols: usize, scale: f32| {
        tensor(name, &[rows, cols], (0..rows * cols).map(|_| scale * rng.normal()).collect())
    };
    let mut tensors = vec![matrix("token_embd.weight", n, D, 0.7)];
    for layer in 0..2 {
        let name = |stem: &str| format!("blk.{layer}.{stem}.weight");
        tensors.push(matrix(&name("attn_q"), D, D, 0.3));
        tensors.push(matrix(&name("attn_k"), KV, D, 0.3));
        tensors.push(matrix(&name("attn_v"), KV, D, 0.3));
        tensors.push(matrix(&name("attn_output"), D, D, 0.3));
        tensors.push(matrix(&name("ffn_gate"), ff, D, 0.3));
        tensors.push(matrix(&name("ffn_up"), ff, D, 0.3));
        tensors.push(matrix(&name("ffn_down"), D, ff, 0.3));
        tensors.push(tensor(&name("attn_norm"), &[D], vec![1.0; D]));
        tensors.push(tensor(&name("ffn_norm"), &[D], vec![1.0; D]));
    }
    tensors.push(tensor("output_norm.weight", &[D], vec![1.0; D]));
    ModelFile {
        name: "toy.gguf".into(),
        dialect: Dialect::Gguf,
        metadata,
        tensors,
        unsupported_tensors: Vec::new(),
        tokenizer: TokenizerSource::GgufMetadata,
        generation: BTreeMap::new(),
    }
}

pub fn load<'a>(file: ModelFile, device: impl Into<DeviceRequest<'a>>) -> Result<Rc<Model>> {
    pollster::block_on(Model::from_file(file, device, clock, &mut |_, _, _| {}))
}

pub fn model() -> Rc<Model> {
    load(file(1), DeviceChoice::Cpu).unwrap()
}

/// The same model, with more keys in its description, `"key": value, ...`; those that were there are replaced.
pub fn described(more: &str) -> ModelFile {
    redescribed(file(1), more)
}

/// The model, with more keys in its description.
pub fn redescribed(mut file: ModelFile, more: &str) -> ModelFile {
    let Some(Value::String(tasks)) = file.metadata.get_mut("nanolm.tasks") else { unreachable!("set above") };
    let mut json: serde_json::Value = serde_json::from_str(tasks).unwrap();
    let more: serde_json::Value = serde_json::from_str(&format!("{{{more}}}")).unwrap();
    json.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    *tasks = json.to_string();
    file
}

/// A session on the CPU that reads `tokens` one by one; the logits after each.
pub fn logits_after_each(tokens: &[u32]) -> Vec<Vec<f32>> {
    let file = file(1);
    let plan = Arc::new(plan::build(&arch::config(&file).unwrap()));
    let weights = Arc::new(weights::load(&plan, &file).unwrap());
    let mut backend = Backend::cpu(plan, weights).unwrap();
    pollster::block_on(async {
        let mut session = Session::new(&backend, CONTEXT).await.unwrap();
        let mut rows = Vec::new();
        for token in tokens {
            let mut logits = Vec::new();
            session.feed(&mut backend, &[*token], LogitRows::Last, &mut logits).await.unwrap();
            rows.push(logits);
        }
        rows
    })
}

/// Says that a model writes freely.
pub const FREELY: &str = r#""writing": "generate""#;

/// The same model, saying that it writes freely.
pub fn generating() -> ModelFile {
    described(FREELY)
}
