//! Encoder-decoders against `transformers`: tiny random models, and a real one.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use nanolm::arch;
use nanolm::backend::{DeviceChoice, DeviceKind};
use nanolm::cpu::{CpuModel, Level};
use nanolm::model::{Batch, LogitRows, plan};
use nanolm::run::{Event, FinishReason, GenerateOptions, Job, Model, Prompt, options};
use nanolm::tensor::Bytes;
use nanolm::text::Controls;
use nanolm::{Error, format, weights};
use serde_json::{Value, json};

use super::run::{Output, generate, load, read, root, skipped};

const FOLDERS: [&str; 4] = ["tiny-t5", "tiny-t5-relu", "tiny-bart", "tiny-marian"];
const FILES: [&str; 4] = ["config.json", "generation_config.json", "tokenizer.json", "model.safetensors"];
/// Ends an output of every tiny model.
const END: u32 = 1;
/// Of elements up to about 8: f32 sums against f64 ones, keys and values in 16 bits.
const MAX_ABS: f32 = 1e-3;

fn files(folder: &str) -> Vec<(String, Bytes)> {
    read(&root().join("tests/golden").join(folder), &FILES)
}

pub fn cpu(folder: &str) -> Rc<Model> {
    load(files(folder), DeviceChoice::Cpu).unwrap()
}

pub fn expected(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(root().join("tests/golden").join(path)).unwrap()).unwrap()
}

pub fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

pub fn assert_close(found: &[f32], expected: &Value, case: &str) {
    let expected: Vec<f32> = expected.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect();
    assert_eq!(found.len(), expected.len(), "{case}");
    let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= MAX_ABS, "{case}: {worst}");
}

/// Options by the names of `transformers`.
pub fn settings(new: &Value, search: &Value) -> GenerateOptions {
    let mut all = serde_json::Map::new();
    all.insert("maxNewTokens".into(), new.clone());
    all.insert("numBeams".into(), json!(1));
    for (name, value) in search.as_object().unwrap() {
        let name = match name.as_str() {
            "num_beams" => "numBeams",
            "early_stopping" => "earlyStopping",
            "length_penalty" => "lengthPenalty",
            "no_repeat_ngram_size" => "noRepeatNgram",
            "min_new_tokens" => "minNewTokens",
            "repetition_penalty" => "repetitionPenalty",
            other => panic!("{other}"),
        };
        all.insert(name.into(), value.clone());
    }
    options(all).unwrap()
}

/// What `transformers` wrote, without what was given to it, and without an end that was set because there was no room for more.
pub fn wanted(expected: &Value, outputs: &Value, output: &Output) -> Vec<u32> {
    let given = expected["given"].as_u64().unwrap_or(0) as usize;
    let mut ids = ids(outputs).split_off(given);
    if output.finish == Some(FinishReason::Length) && given + ids.len() == expected["new"].as_u64().unwrap() as usize {
        ids.pop_if(|id| *id == END);
    }
    ids
}

/// What was written, with the token that ended it, as `transformers` gives it.
pub fn tokens(model: &Model, output: &Output) -> Vec<u32> {
    let mut tokens: Vec<u32> = output.pieces.iter().map(|piece| piece.token).collect();
    let ends = output.finish == Some(FinishReason::Stop);
    if ends && tokens.last().is_none_or(|last| !model.end_tokens().contains(last)) {
        tokens.extend(model.end_tokens().first());
    }
    tokens
}

#[test]
fn outputs_equal_those_of_transformers() {
    for folder in FOLDERS {
        let (model, expected) = (cpu(folder), expected(&format!("{folder}/expected.json")));
        let mut beams_differ = 0;
        for case in expected["cases"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let found = model.tokenizer().unwrap().encode(text, true, Controls::Parse).unwrap();
            assert_eq!(found, ids(&case["tokens"]), "{folder}: {text:?}");
            let outputs = case["outputs"].as_array().unwrap();
            for (search, of_theirs) in expected["searches"].as_array().unwrap().iter().zip(outputs) {
                let options = settings(&expected["new"], search);
                let output = generate(&model, Prompt::Text(text), &options);
                let theirs = wanted(&expected, of_theirs, &output);
                assert_eq!(tokens(&model, &output), theirs, "{folder}, {search}: {text:?}");
                assert_eq!(output.usage.prompt_tokens, found.len());
                let shown: String = output.pieces.iter().map(|piece| piece.text.as_str()).collect();
                assert_eq!(shown, output.text);
                beams_differ += usize::from(of_theirs != &outputs[0]);
            }
            let greedy = generate(&model, Prompt::Tokens(&found), &settings(&expected["new"], &json!({})));
            assert_eq!(greedy.text, case["decoded"].as_str().unwrap(), "{folder}: {text:?}");
        }
        assert!(beams_differ > 10, "searches find what greedy decoding does: {beams_differ}");
    }
}

#[test]
fn rows_and_logits_equal_those_of_transformers() {
    for folder in FOLDERS {
        let expected = expected(&format!("{folder}/expected.json"));
        let file = format::parse(files(folder)).unwrap();
        let plan = Arc::new(plan::build(&arch::config(&file).unwrap()));
        let weights = Arc::new(weights::load(&plan, &file).unwrap());
        for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
            let mut model = CpuModel::new(Arc::clone(&plan), Arc::clone(&weights), level).unwrap();
            for case in expected["cases"].as_array().unwrap() {
                let name = format!("{folder}, {}: {}", level.name(), case["text"]);
                let mut pass = model.begin_source(ids(&case["tokens"])).unwrap();
                let (mut rows, mut parts) = (Vec::new(), 0);
                loop {
                    let (done, total) = model.read_source_traced(&mut pass, &mut |step, out| {
                        // The last step of the encoder itself.
                        if step.name == "enc.output_norm"
                            || step.name.starts_with("enc.") && step.name.ends_with("layer_output_norm")
                        {
                            rows = out.to_vec();
                        }
                    });
                    parts += 1;
                    if done == total {
                        break;
                    }
                }
                assert!(parts >= 2, "{parts}");
                if case["rows"].is_array() {
                    assert_close(&rows, &case["rows"], &name);
                }
                let source = model.finish_source(pass).unwrap();
                let start = expected["start"].as_u64().unwrap() as u32;
                let tokens = [vec![start], ids(&case["outputs"][0])].concat();
                // However they are fed, and after going back.
                for part in [tokens.len(), 5, 1] {
                    let mut cache = model.new_cache(64).unwrap();
                    cache.set_source(&source);
                    let mut logits = Vec::new();
                    let mut first = true;
                    for (i, tokens) in tokens.chunks(part).enumerate() {
                        let batch = Batch { tokens, position: i * part, logits: LogitRows::All };
                        model.forward(&mut cache, batch, &mut logits).unwrap();
                        let width = plan.config.n_vocab;
                        if std::mem::take(&mut first) {
                            assert_close(&logits[..width], &case["first_logits"], &name);
                        }
                    }
                    assert_close(&logits[logits.len() - plan.config.n_vocab..], &case["last_logits"], &name);
                }
                let mut cache = model.new_cache(8).unwrap();
                let batch = Batch { tokens: &[0], position: 0, logits: LogitRows::Last };
                let error = model.forward(&mut cache, batch, &mut Vec::new()).unwrap_err();
                assert!(error.to_string().contains("without a source"), "{error}");
            }
        }
    }
}

#[test]
fn an_encoder_decoder_says_what_it_is() {
    let model = load(files("tiny-t5"), DeviceChoice::Auto).unwrap();
    let info = model.info();
    assert_eq!(info.device.kind, DeviceKind::Cpu);
    assert!(info.device.reason.contains("encoder-decoders run on the CPU"), "{}", info.device.reason);
    assert_eq!(info.tasks[0], "generate");
    assert_eq!(info.recipes.as_ref().unwrap()["summarization.prefix"].as_str(), Some("summarize: "));
    let refused = |error: Error| {
        assert_eq!(error.code(), "task/unsupported", "{error}");
        assert!(error.to_string().contains("encoder-decoder"), "{error}");
    };
    refused(model.session().append(Prompt::Text("the lamp")).map(|_| ()).unwrap_err());
    refused(model.session().generate(&GenerateOptions::default()).map(|_| ()).unwrap_err());
    match load(files("tiny-t5"), DeviceChoice::Gpu) {
        Err(Error::Gpu { why, .. }) => assert!(why.contains("encoder-decoders") || why.contains("adapter"), "{why}"),
        Err(Error::Unsupported { .. }) => {}
        other => panic!("{:?}", other.map(|_| ())),
    }
}

#[test]
fn options_of_searches_are_checked() {
    let model = cpu("tiny-t5");
    let refused = |model: &Rc<Model>, set: Value| {
        let options = options(set.as_object().unwrap().clone());
        match options.and_then(|options| model.generate(Prompt::Text("the lamp"), &options)).map(|_| ()) {
            Err(Error::InvalidOption { name, .. }) => name,
            other => panic!("{set}: {other:?}"),
        }
    };
    for (set, name) in [
        (json!({"numBeams": 0}), "numBeams"),
        (json!({"numBeams": 17}), "numBeams"),
        (json!({"numBeams": 2, "temperature": 1}), "numBeams"),
        (json!({"numBeams": 2, "groundedIn": "a"}), "numBeams"),
        (json!({"earlyStopping": "soon"}), "earlyStopping"),
        (json!({"earlyStopping": 1}), "earlyStopping"),
        (json!({"maxNewTokens": 0}), "maxNewTokens"),
    ] {
        assert_eq!(refused(&model, set), name);
    }
    let llama = load(
        read(&root().join("tests/golden/tiny-llama"), &["config.json", "tokenizer.json", "model.safetensors"]),
        DeviceChoice::Cpu,
    )
    .unwrap();
    for (set, name) in [
        (json!({"numBeams": 2}), "numBeams"),
        (json!({"lengthPenalty": 1}), "lengthPenalty"),
        (json!({"minNewTokens": 1}), "minNewTokens"),
    ] {
        assert_eq!(refused(&llama, set), name);
    }
    assert!(
        llama
            .generate(Prompt::Text("a"), &options(json!({"numBeams": 1}).as_object().unwrap().clone()).unwrap())
            .is_ok()
    );
    let long = vec![5; 513];
    let error = model.generate(Prompt::Tokens(&long), &GenerateOptions::default()).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::ContextFull { limit: 512, found: 513 }), "{error}");
}

/// Sampling, seeds, stop texts, and outputs that other calls interrupt.
#[test]
fn outputs_are_streams_like_any_other() {
    let model = cpu("tiny-t5");
    let with = |set: Value| options::<GenerateOptions>(set.as_object().unwrap().clone()).unwrap();
    let text = Prompt::Text("The keeper lights the lamp.");
    let drawn = with(json!({"temperature": 1.5, "seed": 5, "maxNewTokens": 12}));
    let (a, b) = (generate(&model, text, &drawn), generate(&model, text, &drawn));
    assert_eq!(a, b);
    let other = with(json!({"temperature": 1.5, "seed": 6, "maxNewTokens": 12}));
    assert_ne!(a, generate(&model, text, &other));
    for beams in [1, 3] {
        let whole = generate(&model, text, &with(json!({"numBeams": beams, "maxNewTokens": 20})));
        let at = whole.text.char_indices().nth(whole.text.chars().count() / 2).unwrap().0;
        let stop: String = whole.text[at..].chars().take(2).collect();
        let cut = generate(&model, text, &with(json!({"numBeams": beams, "maxNewTokens": 20, "stop": stop})));
        assert_eq!(cut.text, whole.text[..whole.text.find(&stop).unwrap()]);
        assert_eq!(cut.finish, Some(FinishReason::Stop));
        assert!(whole.progress.iter().any(|(phase, done, total)| *phase == "prefill" && done == total));
        if beams > 1 {
            assert!(whole.progress.iter().any(|(phase, ..)| *phase == "decode"));
        }
    }
    // Two at once, in turns, and one that is dropped half-way.
    let options = [with(json!({"numBeams": 3, "maxNewTokens": 10})), with(json!({"maxNewTokens": 10}))];
    let texts = ["The keeper lights the lamp.", "In winter the wind comes from the north, and the children count."];
    let alone = [0, 1].map(|i| generate(&model, Prompt::Text(texts[i]), &options[i]).text);
    let mut jobs: Vec<Job> = (0..2).map(|i| model.generate(Prompt::Text(texts[i]), &options[i]).unwrap()).collect();
    let mut dropped = Some(model.generate(Prompt::Text(texts[1]), &options[0]).unwrap());
    let mut found = [None, None];
    for round in 0.. {
        for (job, found) in jobs.iter_mut().zip(&mut found) {
            if let Event::Done { text, .. } = pollster::block_on(job.next()).unwrap() {
                *found = Some(text);
            }
        }
        if let Some(job) = &mut dropped {
            pollster::block_on(job.next()).unwrap();
        }
        if round == 6 {
            dropped = None;
        }
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    assert_eq!(found.map(Option::unwrap), alone);
}

#[test]
fn files_say_how_outputs_are_written() {
    let path = root().join("tests/golden/tiny-t5");
    let expected = expected("tiny-t5/expected.json");
    let case = &expected["cases"][0];
    let with = |generation: &str| {
        let mut all = read(&path, &FILES);
        all[1].1 = Bytes::new(generation.as_bytes().to_vec());
        load(all, DeviceChoice::Cpu)
    };
    let model = with(
        r#"{"decoder_start_token_id": 0, "eos_token_id": 1, "num_beams": 4, "early_stopping": true, "max_length": 25}"#,
    )
    .unwrap();
    let text = Prompt::Text(case["text"].as_str().unwrap());
    let output = generate(&model, text, &GenerateOptions::default());
    assert_eq!(tokens(&model, &output), ids(&case["outputs"][2]));
    // Without the file, config.json says it, as older files do.
    let all = read(&path, &["config.json", "tokenizer.json", "model.safetensors"]);
    let model = load(all, DeviceChoice::Cpu).unwrap();
    let output = generate(&model, text, &settings(&expected["new"], &json!({})));
    assert_eq!(tokens(&model, &output), ids(&case["outputs"][0]));
    for (wrong, named) in [
        (r#"{"decoder_start_token_id": 9999}"#, "decoder_start_token_id"),
        (r#"{"decoder_start_token_id": 0, "num_beams": 1000}"#, "num_beams"),
        (r#"{"decoder_start_token_id": 0, "num_beams": -1}"#, "num_beams"),
        (r#"{"decoder_start_token_id": 0, "early_stopping": "x"}"#, "early_stopping"),
        (r#"{"decoder_start_token_id": 0, "length_penalty": "x"}"#, "length_penalty"),
        (r#"{"decoder_start_token_id": 0, "forced_eos_token_id": -5}"#, "forced_eos_token_id"),
    ] {
        let error = with(wrong).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(named), "{wrong}: {error}");
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let changed = |from: &str, to: &str| {
        let mut all = files("tiny-t5");
        let text = String::from_utf8(all[0].1.to_vec()).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        all[0].1 = Bytes::new(text.replace(from, to).into_bytes());
        load(all, DeviceChoice::Cpu).map(|_| ()).unwrap_err().to_string()
    };
    for (from, to, named) in [
        ("gated-gelu", "gated-mish", "feed_forward_proj"),
        (
            "\"relative_attention_num_buckets\":32",
            "\"relative_attention_num_buckets\":0",
            "relative_attention_num_buckets",
        ),
        ("\"relative_attention_num_buckets\":32", "\"relative_attention_num_buckets\":30", "buckets"),
        ("\"relative_attention_num_buckets\":32", "\"relative_attention_num_buckets\":16", "relative_attention_bias"),
        ("\"relative_attention_max_distance\":128", "\"relative_attention_max_distance\":16", "largest distance"),
        ("\"num_layers\":2", "\"num_layers\":3", "encoder.block.2"),
        ("\"num_decoder_layers\":2", "\"num_decoder_layers\":1", "decoder.block.1"),
        ("\"d_kv\":12", "\"d_kv\":0", "d_kv"),
        ("\"d_kv\":12", "\"d_kv\":99999999", "d_kv"),
        ("\"num_heads\":4", "\"num_heads\":3", "SelfAttention"),
        ("\"n_positions\":512", "\"n_positions\":-1", "n_positions"),
    ] {
        let error = changed(from, to);
        assert!(error.contains(named), "{to}: {error}");
    }
}

/// With bytes for weights the outputs stay near: they begin as before.
#[test]
fn weights_in_blocks_write_nearly_the_same() {
    let expected = expected("tiny-t5/expected.json");
    let mut file = format::parse(files("tiny-t5")).unwrap();
    let before: usize = file.tensors.iter().map(|tensor| tensor.data.len()).sum();
    weights::quantise(&mut file, weights::Quantise::Q8_0).unwrap();
    let after: usize = file.tensors.iter().map(|tensor| tensor.data.len()).sum();
    assert!(after < before, "{before} to {after}");
    let model = pollster::block_on(Model::from_file(file, DeviceChoice::Cpu, || 0.0, &mut |_, _, _| {})).unwrap();
    for case in expected["cases"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let output = generate(&model, Prompt::Text(text), &settings(&expected["new"], &json!({})));
        assert_eq!(tokens(&model, &output).first(), ids(&case["outputs"][0]).first(), "{text:?}");
    }
}

/// The real model, where `../shared/weights/get t5-small-titler --into build/models` and `t5_from_onnx.py` have put it, or `NANOLM_MODELS`
/// says where.
#[test]
fn the_real_model_writes_what_transformers_does() {
    let models = std::env::var("NANOLM_MODELS").map_or_else(|_| root().join("build/models"), Into::into);
    let folder: &Path = &models.join("t5-small-titler");
    if !folder.join("model.safetensors").exists() {
        return skipped("t5-small-titler", &format!("{} is not here", folder.display()));
    }
    let model = load(read(folder, &["config.json", "tokenizer.json", "model.safetensors"]), DeviceChoice::Cpu).unwrap();
    let expected = expected("t5-small-titler.json");
    let mut wrong = Vec::new();
    for case in expected["cases"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let found = model.tokenizer().unwrap().encode(text, true, Controls::Parse).unwrap();
        assert_eq!(found, ids(&case["tokens"]), "{text:?}");
        for (name, set) in [("greedy", json!({})), ("beams", json!({"num_beams": 4, "early_stopping": true}))] {
            let output = generate(&model, Prompt::Text(text), &settings(&expected["new"], &set));
            if tokens(&model, &output) != ids(&case[name]) {
                wrong.push(format!("{name}: {text:?}: {:?}", output.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
