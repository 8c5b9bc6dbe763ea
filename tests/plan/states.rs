//! What settings say of state spaces, and which of them are refused.

use nanolm::format::{Dialect, Value};
use nanolm::model::{ModelConfig, SsmConfig, plan};
use nanolm::{Result, arch};

use super::fixture;

fn config(folder: &str, dialect: Dialect, changes: &[(&str, Option<Value>)]) -> Result<ModelConfig> {
    let mut file = match dialect {
        Dialect::Gguf => fixture::parse(folder, &["model-f16.gguf"]),
        Dialect::HuggingFace => fixture::parse(folder, &["config.json", "model.safetensors"]),
    };
    for (key, value) in changes {
        match value {
            Some(value) => file.metadata.insert(key.to_string(), value.clone()),
            None => file.metadata.remove(*key),
        };
    }
    arch::config(&file)
}

#[test]
fn both_dialects_say_the_same() {
    for (folder, state, states) in [
        ("tiny-granitehybrid", 24, vec![true, false, true, true]),
        ("tiny-granitehybrid-moe", 24, vec![true, false, true, true]),
        ("tiny-mamba2", 16, vec![true; 3]),
    ] {
        let configs = [Dialect::Gguf, Dialect::HuggingFace].map(|dialect| config(folder, dialect, &[]).unwrap());
        for config in &configs {
            let expected = SsmConfig {
                n_heads: 4,
                head_dim: 16,
                n_groups: 2,
                state,
                kernel: 4,
                conv_bias: true,
                proj_bias: false,
                step_limits: (0.0, f32::INFINITY),
                eps: if folder == "tiny-mamba2" { 1e-5 } else { 1e-6 },
            };
            let found: Vec<_> = (0..config.n_layers).map(|i| config.layer(i).unwrap().ssm).collect();
            assert_eq!(found, states.iter().map(|is| is.then_some(expected)).collect::<Vec<_>>(), "{folder}");
            assert!(config.layers.iter().all(|layer| layer.attention.rope.is_none()));
            if folder.ends_with("moe") {
                let experts = config.layer(0).unwrap().ffn.experts.unwrap();
                assert_eq!((experts.n, experts.used, experts.shared, config.d_ff), (6, 2, 48, 32));
            } else if folder.contains("hybrid") {
                assert_eq!((config.d_ff, config.n_kv_heads), (48, 2));
            }
        }
        let [a, b] = configs.map(|config| plan::build(&config).steps.len());
        assert_eq!(a, b);
    }
}

#[test]
fn what_published_files_say_otherwise() {
    let of = |changes: &[(&str, Option<Value>)]| config("tiny-granitehybrid", Dialect::HuggingFace, changes).unwrap();
    let names = |kinds: &[&str]| Some(Value::Strings(kinds.iter().map(|kind| kind.to_string()).collect()));
    let old = of(&[
        ("layer_types", names(&["mamba", "attention", "mamba", "mamba"])),
        ("time_step_limit", None),
        ("mamba_d_head", Some(Value::String("auto".into()))),
    ]);
    assert_eq!(old, of(&[]));
    // A model of attention alone, with rotation: nothing is read of states.
    let none = of(&[
        ("layer_types", names(&["attention"; 4])),
        ("position_embedding_type", Some(Value::String("rope".into()))),
        ("mamba_n_heads", Some(Value::Int(7))),
    ]);
    assert!(!none.is_recurrent() && none.layers.iter().all(|layer| layer.attention.rope.is_some()));
    let limits = |value| {
        let config = of(&[("time_step_limit", Some(value))]);
        config.layer(0).unwrap().ssm.unwrap().step_limits
    };
    assert_eq!(limits(Value::Floats(vec![0.5, 2.0])), (0.5, 2.0));
    assert_eq!(limits(Value::Ints(vec![0, 1])), (0.0, 1.0));
    assert_eq!(limits(Value::List(vec![Value::Float(0.25), Value::Null])), (0.25, f32::INFINITY));
    let rotating = [("granitehybrid.rope.scaling.finetuned", Some(Value::Bool(true)))];
    let rotating = config("tiny-granitehybrid", Dialect::Gguf, &rotating).unwrap();
    assert!(rotating.layers.iter().all(|layer| layer.attention.rope.is_some()));
}

#[test]
fn settings_at_odds_are_refused_by_name() {
    use Value::{Int, Ints};
    let refused = |folder, dialect, key: &str, value: Option<Value>, named: &str| {
        let e = config(folder, dialect, &[(key, value.clone())]).map(|_| ()).unwrap_err();
        assert!(e.to_string().contains(named), "{key} = {value:?}: {e}");
    };
    let (gguf, hf) = (Dialect::Gguf, Dialect::HuggingFace);
    for (folder, name) in [("tiny-granitehybrid", "granitehybrid"), ("tiny-mamba2", "mamba2")] {
        for part in ["conv_kernel", "inner_size", "state_size", "time_step_rank"] {
            let key = format!("{name}.ssm.{part}");
            for value in [None, Some(Int(0)), Some(Int(-1)), Some(Int(1 << 40))] {
                refused(folder, gguf, &key, value, &key);
            }
        }
        refused(folder, gguf, &format!("{name}.ssm.inner_size"), Some(Int(63)), "a multiple of the 4 heads");
        refused(folder, gguf, &format!("{name}.ssm.group_count"), Some(Int(3)), "the groups of the state space");
        refused(folder, gguf, &format!("{name}.ssm.state_size"), Some(Int(12)), "multiples of 8");
        refused(folder, gguf, &format!("{name}.ssm.dt_b_c_rms"), Some(Value::Bool(true)), "dt_b_c_rms");
    }
    let heads = "granitehybrid.attention.head_count_kv";
    for value in [None, Some(Int(2)), Some(Ints(vec![0; 4])), Some(Ints(vec![0, 2, 1, 0]))] {
        refused("tiny-granitehybrid", gguf, heads, value, heads);
    }
    let folder = "tiny-granitehybrid";
    refused(folder, hf, "mamba_d_head", Some(Int(15)), "mamba_d_head");
    refused(folder, hf, "mamba_n_groups", Some(Int(3)), "the groups of the state space");
    refused(folder, hf, "position_embedding_type", Some(Value::String("alibi".into())), "position_embedding_type");
    refused(folder, hf, "layer_types", Some(Value::Strings(vec!["conv".into(); 4])), "layer_types");
    refused(folder, hf, "time_step_limit", Some(Value::Floats(vec![1.0])), "time_step_limit");
    refused(folder, hf, "time_step_limit", Some(Value::Floats(vec![2.0, 1.0])), "steps");
    refused("tiny-mamba2", hf, "hidden_act", Some(Value::String("gelu".into())), "hidden_act");
    refused("tiny-mamba2", hf, "head_dim", Some(Int(8)), "head_dim");
}
