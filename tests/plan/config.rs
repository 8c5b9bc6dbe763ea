//! Hyperparameters: what is read, what is refused, and that refusals name the key.

use nanolm::arch;
use nanolm::format::{Dialect, ModelFile, Value};
use nanolm::model::{ModelConfig, Rope, RopeLayout, RopeScaling};
use nanolm::{Error, Result};

use super::fixture;

/// The tiny Llama's file with some metadata replaced (or removed, by `None`).
fn changed(dialect: Dialect, changes: &[(&str, Option<Value>)]) -> ModelFile {
    let mut file = match dialect {
        Dialect::Gguf => fixture::parse("tiny-llama", &["model-q8_0.gguf"]),
        Dialect::HuggingFace => fixture::parse("tiny-llama", &["config.json", "model.safetensors"]),
    };
    for (key, value) in changes {
        match value {
            Some(value) => file.metadata.insert(key.to_string(), value.clone()),
            None => file.metadata.remove(*key),
        };
    }
    file
}

fn config(dialect: Dialect, changes: &[(&str, Option<Value>)]) -> Result<ModelConfig> {
    arch::config(&changed(dialect, changes))
}

fn string(s: &str) -> Option<Value> {
    Some(Value::String(s.to_string()))
}

fn rope(config: &ModelConfig) -> Rope {
    config.layers[0].attention.rope.expect("rotary positions")
}

/// Every refusal has this code and names the key.
fn refused(dialect: Dialect, key: &str, value: Option<Value>, code: &str) {
    match config(dialect, &[(key, value.clone())]) {
        Ok(config) => panic!("{key} = {value:?} was accepted: {config:?}"),
        Err(e) => {
            assert_eq!(e.code(), code, "{key} = {value:?}: {e}");
            assert!(e.to_string().contains(key), "{key} = {value:?}: {e}");
        }
    }
}

#[test]
fn settings_that_change_the_computation_are_unsupported() {
    use Value::{Bool, Float, Int};
    let gguf = |key, value| refused(Dialect::Gguf, key, value, "model/unsupported");
    gguf("llama.expert_count", Some(Int(8)));
    gguf("llama.attention.sliding_window", Some(Int(32)));
    gguf("llama.final_logit_softcapping", Some(Float(30.0)));
    gguf("llama.attn_logit_softcapping", Some(Float(50.0)));
    gguf("llama.rope.scaling.type", string("yarn"));
    gguf("llama.attention.value_length", Some(Int(4)));
    gguf("llama.attention.head_count_kv", Some(Value::Ints(vec![2, 1])));
    gguf("llama.attention.causal", Some(Bool(false)));

    let hf = |key, value| refused(Dialect::HuggingFace, key, value, "model/unsupported");
    hf("hidden_act", string("relu"));
    hf("rope_parameters.rope_type", string("dynamic"));
    hf("partial_rotary_factor", Some(Float(0.5)));
}

#[test]
fn values_that_are_missing_or_make_no_sense_are_invalid() {
    use Value::{Float, Int};
    for (key, values) in [
        ("llama.embedding_length", vec![None, string("32"), Some(Int(0)), Some(Int(-1)), Some(Int(1 << 40))]),
        ("llama.block_count", vec![None, Some(Int(100_000)), Some(Float(2.0))]),
        ("llama.attention.layer_norm_rms_epsilon", vec![None, Some(Float(f64::NAN)), Some(Float(-1.0))]),
        ("llama.rope.freq_base", vec![Some(Float(f64::INFINITY)), string("x")]),
        ("general.architecture", vec![None, Some(Int(1))]),
    ] {
        for value in values {
            refused(Dialect::Gguf, key, value, "format/invalid");
        }
    }
    for (key, values) in [
        ("hidden_size", vec![None, Some(Value::Null), Some(Value::UInt(u64::MAX))]),
        ("architectures", vec![None, string("LlamaForCausalLM")]),
        ("tie_word_embeddings", vec![Some(Int(1))]),
    ] {
        for value in values {
            refused(Dialect::HuggingFace, key, value, "format/invalid");
        }
    }
}

#[test]
fn unknown_architectures_are_named() {
    for (dialect, key, value) in [
        (Dialect::Gguf, "general.architecture", Value::String("mamba".to_string())),
        (Dialect::HuggingFace, "architectures", Value::Strings(vec!["MambaForCausalLM".to_string()])),
    ] {
        let mut file = changed(dialect, &[(key, Some(value))]);
        for (key, value) in file.metadata.clone() {
            if let Some(rest) = key.strip_prefix("llama.") {
                file.metadata.insert(format!("mamba.{rest}"), value);
            }
        }
        let e = arch::config(&file).unwrap_err();
        assert_eq!(e.code(), "model/unsupported");
        assert!(e.to_string().to_lowercase().contains("mamba"), "{e}");
        // What is known, from the table.
        let known = match dialect {
            Dialect::Gguf => ["llama", "gemma3", "gpt2"],
            Dialect::HuggingFace => ["LlamaForCausalLM", "Gemma3ForCausalLM", "GPT2LMHeadModel"],
        };
        assert!(known.iter().all(|name| e.to_string().contains(name)), "{e}");
    }
}

#[test]
fn invariants_across_values() {
    let wrong = |changes: &[(&str, Option<Value>)], part: &str| match config(Dialect::Gguf, changes) {
        Err(e @ Error::Format { .. }) => assert!(e.to_string().contains(part), "{e}"),
        other => panic!("{changes:?}: {other:?}"),
    };
    wrong(&[("llama.attention.head_count_kv", Some(Value::Int(3)))], "key-value heads");
    wrong(&[("llama.rope.dimension_count", Some(Value::Int(5)))], "rotating");
    wrong(&[("llama.rope.dimension_count", Some(Value::Int(10)))], "rotating");
    wrong(&[("llama.attention.head_count", Some(Value::Int(64)))], "head size");
}

#[test]
fn rotary_settings_of_both_dialects() {
    let gguf = config(
        Dialect::Gguf,
        &[
            ("llama.rope.scaling.type", string("linear")),
            ("llama.rope.scaling.factor", Some(Value::Float(2.0))),
            ("llama.rope.freq_base", Some(Value::Float(5e5))),
            ("llama.rope.dimension_count", Some(Value::Int(4))),
        ],
    );
    let scaling = RopeScaling::Linear { factor: 2.0 };
    let expected = Rope { layout: RopeLayout::Interleaved, theta: 5e5, n_dims: 4, scaling };
    assert_eq!(rope(&gguf.unwrap()), expected);

    // The older pair of keys and the newer one that holds both.
    let llama3 = |group: &str, theta: &str| {
        let keys = ["rope_type", "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"];
        let keys = keys.map(|key| format!("{group}.{key}"));
        let value = Value::Float;
        let [kind, factor, low, high, original] = keys.each_ref();
        let changes = [
            ("rope_parameters.rope_theta", None),
            ("rope_parameters.rope_type", None),
            (theta, Some(value(5e5))),
            (kind.as_str(), string("llama3")),
            (factor, Some(value(8.0))),
            (low, Some(value(1.0))),
            (high, Some(value(4.0))),
            (original, Some(Value::Int(64))),
        ];
        rope(&config(Dialect::HuggingFace, &changes).unwrap())
    };
    let old = llama3("rope_scaling", "rope_theta");
    assert_eq!(old, llama3("rope_parameters", "rope_parameters.rope_theta"));
    let scaling =
        RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context_len: 64 };
    assert_eq!(old, Rope { layout: RopeLayout::HalfSplit, theta: 5e5, n_dims: 8, scaling });
}

/// A window as long as the context, or switched off, is none; an absent one is Mistral's default.
#[test]
fn sliding_windows() {
    let mistral = |context: i64, window: Option<Value>| {
        let class = Some(Value::Strings(vec!["MistralForCausalLM".to_string()]));
        let context = Some(Value::Int(context));
        let changes = [("architectures", class), ("max_position_embeddings", context), ("sliding_window", window)];
        config(Dialect::HuggingFace, &changes).unwrap().layers[0].attention.window
    };
    assert_eq!(mistral(8192, Some(Value::Null)), None);
    assert_eq!(mistral(8192, Some(Value::Int(8192))), None);
    assert_eq!(mistral(8192, Some(Value::Int(4096))), Some(4096));
    assert_eq!(mistral(8192, None), Some(4096));
    assert_eq!(mistral(4096, None), None);
}

#[test]
fn frequencies_follow_their_formulas() {
    let plain = Rope { layout: RopeLayout::HalfSplit, theta: 10_000.0, n_dims: 4, scaling: RopeScaling::None };
    let close = |found: &[f64], expected: &[f64]| {
        assert_eq!(found.len(), expected.len());
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * b.abs();
        assert!(found.iter().zip(expected).all(near), "{found:?} {expected:?}");
    };
    close(&plain.frequencies(None), &[1.0, 0.01]);
    close(&plain.frequencies(Some(&[1.0, 4.0])), &[1.0, 0.0025]);
    let linear = Rope { scaling: RopeScaling::Linear { factor: 4.0 }, ..plain };
    close(&linear.frequencies(None), &[0.25, 0.0025]);
    // 64 positions: the first frequency turns 10.2 times (kept), the second 0.1 times (stretched).
    let scaling =
        RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context_len: 64 };
    close(&Rope { scaling, ..plain }.frequencies(None), &[1.0, 0.01 / 8.0]);
    // Half-way between: 2.5 turns in 16 pi positions' worth of the first frequency.
    let scaling =
        RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context_len: 16 };
    let keep = (16.0 / std::f64::consts::TAU - 1.0) / 3.0;
    close(&Rope { scaling, ..plain }.frequencies(None), &[(1.0 - keep) / 8.0 + keep, 0.01 / 8.0]);
}

#[test]
fn vocabulary_is_the_smallest_count_given() {
    let n_vocab = |changes: &[(&str, Option<Value>)]| config(Dialect::Gguf, changes).unwrap().n_vocab;
    let tokens = |n: usize| Some(Value::Strings(vec!["x".to_string(); n]));
    assert_eq!(n_vocab(&[]), 320);
    assert_eq!(n_vocab(&[("tokenizer.ggml.tokens", tokens(300))]), 300);
    assert_eq!(n_vocab(&[("tokenizer.ggml.tokens", None), ("llama.vocab_size", Some(Value::Int(310)))]), 310);
    assert_eq!(n_vocab(&[("tokenizer.ggml.tokens", None), ("llama.vocab_size", None)]), 320);
}

/// The tiny LFM2's file with some metadata replaced (or removed, by `None`).
fn lfm2(dialect: Dialect, changes: &[(&str, Option<Value>)]) -> Result<ModelConfig> {
    let mut file = match dialect {
        Dialect::Gguf => fixture::parse("tiny-lfm2", &["model-f16.gguf"]),
        Dialect::HuggingFace => fixture::parse("tiny-lfm2", &["config.json", "model.safetensors"]),
    };
    for (key, value) in changes {
        match value {
            Some(value) => file.metadata.insert(key.to_string(), value.clone()),
            None => file.metadata.remove(*key),
        };
    }
    arch::config(&file)
}

/// Which layers are convolutions, over how many positions.
fn convolutions(config: &ModelConfig) -> Vec<Option<usize>> {
    (0..config.n_layers).map(|i| config.layer(i).unwrap().short_conv).collect()
}

#[test]
fn layers_of_convolutions_in_both_dialects() {
    let expected = [Some(3), None, Some(3), Some(3)];
    for dialect in [Dialect::Gguf, Dialect::HuggingFace] {
        let config = lfm2(dialect, &[]).unwrap();
        assert_eq!(convolutions(&config), expected);
        assert_eq!((config.n_kv_heads, config.d_ff, config.tied_embeddings), (2, 64, true));
        assert_eq!(rope(&config).theta, 1e6);
    }
    // The keys of the first published files.
    let old = [
        ("layer_types", None),
        ("full_attn_idxs", Some(Value::Ints(vec![1]))),
        ("intermediate_size", None),
        ("block_ff_dim", Some(Value::Int(6656))),
        ("block_multiple_of", Some(Value::Int(256))),
        ("rope_parameters.rope_theta", None),
        ("rope_parameters.rope_type", None),
        ("rope_theta", Some(Value::Float(1e6))),
        ("tie_embedding", Some(Value::Bool(false))),
    ];
    let config = lfm2(Dialect::HuggingFace, &old).unwrap();
    assert_eq!(convolutions(&config), expected);
    assert_eq!((config.d_ff, config.tied_embeddings), (4608, false));
    let exact = [("block_auto_adjust_ff_dim", Some(Value::Bool(false)))];
    assert_eq!(lfm2(Dialect::HuggingFace, &exact).unwrap().d_ff, 90);
}

#[test]
fn layers_of_convolutions_that_contradict_themselves() {
    let wrong = |dialect, key: &str, value: Option<Value>, code: &str| {
        let e = lfm2(dialect, &[(key, value.clone())]).unwrap_err();
        assert!(e.code() == code && e.to_string().contains(key), "{key} = {value:?}: {e}");
    };
    let ints = |list: &[i64]| Some(Value::Ints(list.to_vec()));
    for heads in
        [None, Some(Value::Int(2)), ints(&[0, 0, 0, 0]), ints(&[0, 2, 1, 0]), ints(&[0, 2]), ints(&[-1, -1, -1, -1])]
    {
        wrong(Dialect::Gguf, "lfm2.attention.head_count_kv", heads, "format/invalid");
    }
    wrong(Dialect::Gguf, "lfm2.shortconv.l_cache", None, "format/invalid");
    wrong(Dialect::Gguf, "lfm2.shortconv.l_cache", Some(Value::Int(0)), "format/invalid");
    wrong(Dialect::HuggingFace, "conv_bias", Some(Value::Bool(true)), "model/unsupported");
    let kinds = |kind: &str| Some(Value::Strings(vec![kind.to_string(); 4]));
    wrong(Dialect::HuggingFace, "layer_types", kinds("mamba"), "model/unsupported");
    wrong(Dialect::HuggingFace, "layer_types", Some(Value::Strings(Vec::new())), "format/invalid");
}

/// One key and value for all heads in the first models, one for each group in later ones; the norms follow from it.
#[test]
fn falcons_in_both_dialects() {
    let config = |folder: &str, dialect, changes: &[(&str, Value)]| {
        let mut file = match dialect {
            Dialect::Gguf => fixture::parse(folder, &["model-f16.gguf"]),
            Dialect::HuggingFace => fixture::parse(folder, &["config.json", "model.safetensors"]),
        };
        file.metadata.extend(changes.iter().map(|(key, value)| (key.to_string(), value.clone())));
        arch::config(&file)
    };
    for dialect in [Dialect::Gguf, Dialect::HuggingFace] {
        for (folder, n_kv_heads, two_norms) in [("tiny-falcon", 1, false), ("tiny-falcon-grouped", 2, true)] {
            let config = config(folder, dialect, &[]).unwrap();
            let layer = config.layers[0];
            let found = (config.n_kv_heads, layer.ffn.norms.before.is_some(), layer.parallel, config.d_ff);
            assert_eq!(found, (n_kv_heads, two_norms, true, 128), "{folder}");
        }
    }
    let folder = |name, key: &str, value| config(name, Dialect::HuggingFace, &[(key, value)]);
    // What the first files leave out.
    assert_eq!(folder("tiny-falcon", "max_position_embeddings", Value::Null).unwrap().context_len, 2048);
    assert_eq!(folder("tiny-falcon", "ffn_hidden_size", Value::Null).unwrap().d_ff, 256);
    let one = folder("tiny-falcon-grouped", "num_ln_in_parallel_attn", Value::Int(1)).unwrap();
    assert_eq!(one.layers[0].ffn.norms.before, None);
    let e = folder("tiny-falcon", "alibi", Value::Bool(true)).unwrap_err();
    assert!(e.code() == "model/unsupported" && e.to_string().contains("alibi"), "{e}");
    let e = folder("tiny-falcon-grouped", "num_kv_heads", Value::Int(3)).unwrap_err();
    assert!(e.code() == "format/invalid" && e.to_string().contains("key-value heads"), "{e}");
}
