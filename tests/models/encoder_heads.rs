//! Heads of encoders against `transformers`: labels and pairs, by tiny random models of each class.

use std::rc::Rc;

use nanolm::arch::Scores;
use nanolm::backend::DeviceChoice;
use nanolm::run::{Label, Model};
use nanolm::task::{ClassifyOptions, Labels};
use nanolm::tensor::Bytes;
use nanolm::{Error, Result};
use serde_json::Value;

use super::run::{finish, load, read, root};

/// Logits are of about 1: f32 sums against f64 ones, keys and values in 16 bits. The largest error is 1.7e-4.
const MAX_ABS: f32 = 3e-4;

fn files(folder: &str) -> Vec<(String, Bytes)> {
    read(&root().join("tests/golden").join(folder), &["config.json", "tokenizer.json", "model.safetensors"])
}

fn cpu(folder: &str) -> Rc<Model> {
    load(files(folder), DeviceChoice::Cpu).unwrap()
}

fn json(folder: &str) -> Value {
    let path = root().join("tests/golden").join(folder).join("expected.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

/// Of every row in place of the first alone, and so of many more numbers, one was 3.04e-4 off.
const MAX_ABS_ROWS: f32 = 1e-3;

fn assert_close(found: &[f32], expected: &[f32], case: &str) {
    assert_within(found, expected, MAX_ABS, case);
}

fn assert_within(found: &[f32], expected: &[f32], limit: f32, case: &str) {
    assert_eq!(found.len(), expected.len(), "{case}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < limit, "{case}: expected {expected}, found {found}");
    }
}

fn classify(model: &Rc<Model>, text: &str, labels: Labels) -> Result<Vec<Label>> {
    Ok(finish(model.classify(text, &ClassifyOptions { labels })?)?.labels)
}

#[test]
fn labels_equal_those_of_transformers() {
    for folder in ["tiny-bert-labels", "tiny-roberta-labels", "tiny-distilbert-labels", "tiny-modernbert-labels"] {
        let expected = json(folder);
        let labels: Vec<&str> = expected["labels"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
        let model = cpu(folder);
        assert_eq!(model.labels(), labels, "{folder}");
        assert_eq!(model.info().tasks[0], "classify", "{folder}");
        assert!(!model.info().tasks.contains(&"embed"), "{folder}");
        for case in expected["cases"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let wanted = numbers(&case["logits"]);
            let (logits, scores) = model.label_logits(text).unwrap();
            assert_close(&logits, &wanted, &format!("{folder}: {text:?}"));
            assert_eq!(scores == Scores::Any, expected["scores"] == "any", "{folder}");

            let found = classify(&model, text, Labels::Default).unwrap();
            assert_eq!(found.len(), labels.len(), "every label is told");
            assert!(found.is_sorted_by(|a, b| a.score >= b.score), "{folder}: {found:?}");
            let sum: f32 = wanted.iter().map(|x| x.exp()).sum();
            for Label { label, score } in &found {
                let x = wanted[labels.iter().position(|other| other == label).unwrap()];
                let probability = if scores == Scores::Any { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / sum };
                assert!((score - probability).abs() < 1e-4, "{folder}, {label}: expected {probability}, found {score}");
            }
        }
    }
}

#[test]
fn pairs_equal_those_of_transformers() {
    for folder in ["tiny-bert-pairs", "tiny-roberta-pairs", "tiny-modernbert-pairs"] {
        let expected = json(folder);
        let cases = expected["cases"].as_array().unwrap();
        let texts: Vec<&str> = cases.iter().map(|case| case["text"].as_str().unwrap()).collect();
        let query = expected["query"].as_str().unwrap();
        let model = cpu(folder);
        assert_eq!(model.info().tasks[0], "rank", "{folder}");
        let mut scores = Vec::new();
        let mut calls = 0;
        while scores.len() < texts.len() {
            scores.extend(model.score_some(query, &texts[scores.len()..]).unwrap());
            calls += 1;
        }
        assert!(calls < texts.len(), "several pairs in one pass");
        let wanted: Vec<f32> = cases.iter().map(|case| case["logits"][0].as_f64().unwrap() as f32).collect();
        assert_close(&scores, &wanted, folder);
        for (text, wanted) in texts.iter().zip(&wanted) {
            assert_close(&model.score_some(query, &[text]).unwrap(), &[*wanted], &format!("{folder}, alone: {text:?}"));
        }
    }
}

#[test]
fn what_a_head_cannot_do_is_said() {
    let model = cpu("tiny-bert-labels");
    assert_eq!(model.score_some("a", &["b"]).unwrap_err().code(), "task/unsupported");
    assert_eq!(cpu("tiny-bert").label_logits("a").unwrap_err().code(), "task/unsupported");
    // Its rows were trained for its labels: vectors come from a table, and there is none.
    assert_eq!(model.embed("a").unwrap_err().code(), "task/unsupported");
    let own = Labels::Own(vec!["ship".into(), "sea".into()]);
    assert_eq!(classify(&model, "A ship.", own).unwrap_err().code(), "task/unsupported");

    let changed = |from: &str, to: &str| -> Error {
        let mut files = files("tiny-bert-labels");
        let text = String::from_utf8(files[0].1.to_vec()).unwrap();
        assert!(text.contains(from), "{from}");
        files[0].1 = Bytes::new(text.replace(from, to).into_bytes());
        load(files, DeviceChoice::Cpu).map(|_| ()).unwrap_err()
    };
    let error = changed("BertForSequenceClassification", "BertForMultipleChoice").to_string();
    assert!(error.contains("BertForMultipleChoice") && error.contains("BertForSequenceClassification"), "{error}");
    let error = changed("\"3\": \"night\"", "\"4\": \"night\"").to_string();
    assert!(error.contains("classifier.weight: shape [4, 48], expected [3, 48]"), "{error}");
    let error = changed("\"model_type\"", "\"problem_type\": \"ranking\", \"model_type\"").to_string();
    assert!(error.contains("problem_type") && error.contains("regression"), "{error}");
}

#[test]
fn every_token_has_its_logits_and_its_word() {
    for kind in ["bert", "roberta", "distilbert", "modernbert"] {
        for task in ["entities", "answers"] {
            let folder = format!("tiny-{kind}-{task}");
            let expected = json(&folder);
            let question = expected["query"].as_str();
            let model = cpu(&folder);
            assert_eq!(model.info().tasks[0], if task == "answers" { "answer" } else { "entities" }, "{folder}");
            for case in expected["cases"].as_array().unwrap() {
                let text = case["text"].as_str().unwrap();
                let case_name = format!("{folder}: {text:?}");
                let found = model.read_tokens(text, question).unwrap();
                let labels: Vec<&str> = found.labels.iter().map(String::as_str).collect();
                assert_eq!(serde_json::to_value(labels).unwrap(), expected["labels"], "{case_name}");
                let units = |at: usize| text[..at].encode_utf16().count() as f32;
                let words: Vec<f32> =
                    found.words.iter().flat_map(|word| [units(word.start), units(word.end)]).collect();
                assert_eq!(words, numbers(&case["words"]), "{case_name}");
                assert_within(&found.logits, &numbers(&case["logits"]), MAX_ABS_ROWS, &case_name);
            }
        }
    }
    // Control tokens that a text writes out are text, and a head does one thing only.
    let model = cpu("tiny-bert-entities");
    assert!(model.read_tokens("no lamp [SEP] no light", None).unwrap().words.contains(&(9..12)));
    for error in [
        model.read_tokens("a", Some("who?")).unwrap_err(),
        model.label_logits("a").unwrap_err(),
        cpu("tiny-bert-answers").read_tokens("a", None).unwrap_err(),
        cpu("tiny-bert-labels").read_tokens("a", None).unwrap_err(),
        cpu("tiny-bert").read_tokens("a", None).unwrap_err(),
    ] {
        assert_eq!(error.code(), "task/unsupported", "{error}");
    }
}
