//! What settings say of experts, and which of them are refused.

use nanolm::format::{Dialect, Value};
use nanolm::model::{ExpertsConfig, ModelConfig};
use nanolm::{Result, arch};

use super::fixture;

fn config(folder: &str, dialect: Dialect, key: &str, value: Option<Value>) -> Result<ModelConfig> {
    let mut file = match dialect {
        Dialect::Gguf => fixture::parse(folder, &["model-f16.gguf"]),
        Dialect::HuggingFace => fixture::parse(folder, &["config.json", "model.safetensors"]),
    };
    match value {
        Some(value) => file.metadata.insert(key.to_string(), value),
        None => file.metadata.remove(key),
    };
    arch::config(&file)
}

#[test]
fn both_dialects_say_the_same() {
    for (folder, n, used, normalise) in
        [("tiny-granitemoe", 6, 2, true), ("tiny-olmoe", 5, 3, false), ("tiny-qwen3moe", 6, 4, true)]
    {
        for dialect in [Dialect::Gguf, Dialect::HuggingFace] {
            let config = config(folder, dialect, "", None).unwrap();
            let experts = config.layers.iter().map(|layer| layer.ffn.experts);
            assert!(experts.eq([Some(ExpertsConfig { n, used, normalise, shared: 0 })]), "{folder}");
            assert_eq!(config.d_ff, 32);
        }
    }
    let said = |folder, dialect, key, value| {
        let config = config(folder, dialect, key, Some(Value::Bool(value))).unwrap();
        config.layers[0].ffn.experts.unwrap().normalise
    };
    assert!(said("tiny-olmoe", Dialect::HuggingFace, "norm_topk_prob", true));
    assert!(said("tiny-olmoe", Dialect::Gguf, "olmoe.expert_weights_norm", true));
    assert!(!said("tiny-qwen3moe", Dialect::Gguf, "qwen3moe.expert_weights_norm", false));
}

#[test]
fn settings_at_odds_are_refused_by_name() {
    use Value::{Float, Int};
    let refused = |folder, dialect, key: &str, value: Option<Value>, code: &str| {
        let e = config(folder, dialect, key, value.clone()).map(|_| ()).unwrap_err();
        assert!(e.code() == code && e.to_string().contains(key), "{key} = {value:?}: {e}");
    };
    let wrong = "format/invalid";
    for (folder, dialect, count, used) in [
        ("tiny-granitemoe", Dialect::Gguf, "granitemoe.expert_count", "granitemoe.expert_used_count"),
        ("tiny-granitemoe", Dialect::HuggingFace, "num_local_experts", "num_experts_per_tok"),
        ("tiny-olmoe", Dialect::Gguf, "olmoe.expert_count", "olmoe.expert_used_count"),
        ("tiny-olmoe", Dialect::HuggingFace, "num_experts", "num_experts_per_tok"),
        ("tiny-qwen3moe", Dialect::Gguf, "qwen3moe.expert_count", "qwen3moe.expert_used_count"),
        ("tiny-qwen3moe", Dialect::HuggingFace, "num_local_experts", "num_experts_per_tok"),
    ] {
        for value in [None, Some(Int(0)), Some(Int(-1)), Some(Int(1 << 40)), Some(Float(2.5))] {
            // Without the first name of how many there are the second is looked for.
            let named = if value.is_none() && count == "num_experts" { "num_local_experts" } else { count };
            let e = config(folder, dialect, count, value.clone()).unwrap_err();
            assert!(e.code() == wrong && e.to_string().contains(named), "{count} = {value:?}: {e}");
            refused(folder, dialect, used, value, wrong);
        }
        // One more than there are.
        refused(folder, dialect, used, Some(Int(7)), wrong);
    }
    let unsupported = "model/unsupported";
    for (key, value) in [
        ("expert_gating_func", Int(2)),
        ("expert_shared_count", Int(1)),
        ("expert_shared_feed_forward_length", Int(64)),
        ("expert_weights_scale", Float(2.5)),
        ("expert_group_count", Int(4)),
        ("leading_dense_block_count", Int(1)),
    ] {
        refused("tiny-qwen3moe", Dialect::Gguf, &format!("qwen3moe.{key}"), Some(value), unsupported);
    }
    for (folder, key, value) in [
        ("tiny-qwen3moe", "mlp_only_layers", Value::Ints(vec![1])),
        ("tiny-qwen3moe", "decoder_sparse_step", Int(2)),
        ("tiny-qwen3moe", "use_sliding_window", Value::Bool(true)),
        ("tiny-olmoe", "clip_qkv", Float(8.0)),
    ] {
        refused(folder, Dialect::HuggingFace, key, Some(value), unsupported);
    }
    // What has no experts is not read as if it had.
    for (folder, arch) in [("tiny-granite", "granite"), ("tiny-qwen3", "qwen3")] {
        refused(folder, Dialect::Gguf, &format!("{arch}.expert_count"), Some(Int(4)), unsupported);
    }
}

/// A plan has three matrices of each expert: their number is refused before that.
#[test]
fn a_plan_has_so_many_experts_at_most() {
    let mut file = fixture::parse("tiny-olmoe", &["model-f16.gguf"]);
    file.metadata.insert("olmoe.expert_count".into(), Value::Int(1024));
    file.metadata.insert("olmoe.block_count".into(), Value::Int(512));
    let e = arch::config(&file).unwrap_err();
    assert!(e.to_string().contains("at most 128 in each of 512 layers"), "{e}");
}
