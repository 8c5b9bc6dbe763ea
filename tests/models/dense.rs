//! What a text's vector goes through behind its pooling: dense modules, in EmbeddingGemma and in others.

use nanolm::backend::{DeviceChoice, DeviceKind};
use nanolm::run::EmbedOptions;
use nanolm::tensor::Bytes;
use serde_json::{Value, json};

use super::encoders::{self, assert_within, cpu, embed, files, json as golden, normalized, numbers, with_config};
use super::run::{load, root};

/// The error of a folder of which `change` makes another file, or none.
fn refused(folder: &str, change: impl Fn(&str, &[u8]) -> Option<Vec<u8>>) -> String {
    let all = files(&root().join("tests/golden").join(folder), "model.safetensors");
    let changed = all.into_iter().filter_map(|(name, bytes)| {
        let bytes = change(&name, &bytes)?;
        Some((name, Bytes::new(bytes)))
    });
    load(changed.collect(), DeviceChoice::Cpu).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn vectors_have_as_many_numbers_as_the_last_module_gives() {
    for (folder, weights, n) in [
        ("tiny-embeddinggemma", "model.safetensors", 24),
        ("tiny-embeddinggemma", "model-f16.gguf", 24),
        ("tiny-labse", "model.safetensors", 20),
    ] {
        let model = cpu(folder, weights);
        assert_eq!(model.info().tasks[0], "embed");
        let text = "The keeper lights the lamp.";
        let whole = model.embed(text).unwrap();
        assert_eq!(whole.len(), n, "{folder}");
        // Matryoshka: the first numbers, at length 1 where the files or the caller want it.
        let options = EmbedOptions { dimensions: Some(8), normalize: Some(true), ..Default::default() };
        let short = embed(&model, &[text], &options).unwrap().remove(0);
        assert_within(&short, &normalized(whole[..8].to_vec()), 1e-5, folder);
        let options = EmbedOptions { dimensions: Some(n + 1), ..Default::default() };
        let error = embed(&model, &[text], &options).unwrap_err().to_string();
        assert!(error.contains(&format!("1 to {n}")), "{error}");
    }
}

#[test]
fn embedding_gemma_takes_prompts_by_name_and_has_no_gpu() {
    let path = root().join("tests/golden/tiny-embeddinggemma");
    let model = load(files(&path, "model.safetensors"), DeviceChoice::Auto).unwrap();
    assert_eq!(model.info().device.kind, DeviceKind::Cpu);
    assert!(model.info().device.reason.starts_with("encoders run on the CPU"), "{}", model.info().device.reason);
    assert_eq!(model.info().context_len, 48);
    let prompted = EmbedOptions { prompt: Some("query".into()), ..Default::default() };
    let plain = model.embed("task: search result | query: the lamp").unwrap();
    assert_eq!(embed(&model, &["the lamp"], &prompted).unwrap().remove(0), plain);
    // Published files have the rotations by older keys.
    let older = with_config("tiny-embeddinggemma", |config| {
        config.remove("rope_parameters");
        config.insert("rope_theta".into(), json!(1e6));
        config.insert("rope_local_base_freq".into(), json!(1e4));
        config.insert("rope_scaling".into(), Value::Null);
    });
    let text = golden("tiny-embeddinggemma/expected.json")["cases"][5]["text"].as_str().unwrap().to_string();
    let expected = model.embed(&text).unwrap();
    assert_eq!(load(older, DeviceChoice::Cpu).unwrap().embed(&text).unwrap(), expected);
    // A window as wide as the text, and none at all of what comes later, are other models.
    let wide = with_config("tiny-embeddinggemma", |config| {
        config.insert("sliding_window".into(), json!(1000));
    });
    assert_ne!(load(wide, DeviceChoice::Cpu).unwrap().embed(&text).unwrap(), expected);
    let causal = with_config("tiny-embeddinggemma", |config| {
        config.remove("use_bidirectional_attention");
    });
    let error = load(causal, DeviceChoice::Cpu).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("use_bidirectional_attention") && error.contains("Gemma3ForCausalLM"), "{error}");
}

/// Many texts in several passes, and each alone: the same but for the order in which f32 is summed.
#[test]
fn many_texts_are_as_one_at_a_time() {
    let model = cpu("tiny-embeddinggemma", "model.safetensors");
    let texts: Vec<String> = (0..60).map(|i| "the lamp and the ship ".repeat(1 + i * 7 % 5)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let options = EmbedOptions::default();
    let all = embed(&model, &texts, &options).unwrap();
    for (text, vector) in texts.iter().zip(&all) {
        assert_within(vector, &encoders::embed(&model, &[text], &options).unwrap()[0], 2e-5, text);
    }
}

#[test]
fn what_dense_modules_need_is_checked() {
    let keep = |_: &str, bytes: &[u8]| Some(bytes.to_vec());
    let swapped = |file: &'static str, from: &'static str, to: &'static str| {
        move |name: &str, bytes: &[u8]| {
            if name != file {
                return keep(name, bytes);
            }
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            assert!(text.contains(from), "{text}");
            Some(text.replace(from, to).into_bytes())
        }
    };
    for (change, said) in [
        (("2_Dense/config.json", "Tanh", "Mish"), "activation_function"),
        (
            ("2_Dense/config.json", "\"out_features\":20", "\"out_features\":21"),
            "2_Dense/linear.weight: shape [20, 32]",
        ),
        (("2_Dense/config.json", "\"out_features\":20", "\"out_features\":0"), "2_Dense.out_features"),
        (
            ("2_Dense/config.json", "\"bias\":true", "\"bias\":false"),
            "2_Dense/linear.bias: BertModel has no such tensor",
        ),
        (
            ("2_Dense/config.json", "\"bias\"", "\"module_output_name\":\"token_embeddings\",\"bias\""),
            "module_output_name",
        ),
        (("modules.json", "2_Dense", "3_Dense"), "3_Dense.out_features"),
        (("modules.json", "models.Pooling", "models.Normalize"), "in this order"),
    ] {
        let error = refused("tiny-labse", swapped(change.0, change.1, change.2));
        assert!(error.contains(said), "{change:?}: {error}");
    }
    for (missing, said) in [
        ("2_Dense/model.safetensors", "2_Dense/linear.weight: missing"),
        ("2_Dense/config.json", "2_Dense.out_features"),
        ("modules.json", "2_Dense/linear.weight: BertModel has no such tensor"),
    ] {
        let error = refused("tiny-labse", |name, bytes| keep(name, bytes).filter(|_| name != missing));
        assert!(error.contains(said), "{missing}: {error}");
    }
    // What is not a number is told, not given.
    let error = {
        let broken = |name: &str, bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            if name == "2_Dense/model.safetensors" {
                let end = bytes.len();
                bytes[end - 2..].copy_from_slice(&0x7e00u16.to_le_bytes());
            }
            Some(bytes)
        };
        let all = files(&root().join("tests/golden/tiny-labse"), "model.safetensors");
        let all = all.into_iter().map(|(name, bytes)| (name.clone(), Bytes::new(broken(&name, &bytes).unwrap())));
        load(all.collect(), DeviceChoice::Cpu).unwrap().embed("the lamp").unwrap_err()
    };
    assert!(error.to_string().contains("NaN"), "{error}");
    let expected = golden("tiny-labse/expected.json");
    assert_eq!(numbers(&expected["cases"][0]["cls"]).len(), 20);
}
