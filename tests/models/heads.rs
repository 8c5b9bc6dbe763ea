//! The shipped labels and names against values computed by the pipeline that made them (`pkg-scripts/train/heads`), with any model, and
//! files that are damaged.

use nanolm::backend::DeviceChoice;
use nanolm::format;
use nanolm::heads::Heads;
use nanolm::task::{ClassifyOptions, EntityOptions, Labels};
use nanolm::tensor::Bytes;
use serde_json::Value;

use super::run::{finish, root};
use super::toy;

const SETS: [&str; 5] = ["topic", "sentiment", "clinc150", "banking77", "snips"];

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(root().join(format!("pkg-scripts/npm/model/nanolm-{name}.gguf"))).unwrap()
}

fn add(heads: &mut Heads, bytes: Vec<u8>) -> nanolm::Result<()> {
    heads.add(&format::parse(vec![("head.gguf".to_string(), Bytes::new(bytes))])?)
}

fn golden() -> Vec<Value> {
    serde_json::from_slice(&std::fs::read(root().join("tests/golden/heads.json")).unwrap()).unwrap()
}

#[test]
fn labels_and_names_equal_those_of_the_pipeline_that_made_them() {
    let mut heads = Heads::default();
    SETS.iter().chain(&["names"]).for_each(|name| add(&mut heads, bytes(name)).unwrap());
    let (cases, names) = (golden(), heads.names().unwrap());
    assert!(cases.len() >= 10);
    for case in cases {
        let text = case["text"].as_str().unwrap();
        for set in SETS {
            let expected: Vec<f64> =
                case["logits"][set].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            let found = heads.labels(set).unwrap().logits(text);
            assert_eq!(found.len(), expected.len(), "{set}");
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 2e-3, "{set}, {text:?}: expected {expected}, found {found}");
            }
        }
        let found: Vec<Value> =
            names.find(text).into_iter().map(|name| serde_json::json!([&text[name.bytes], name.kind])).collect();
        assert_eq!(Value::from(found), case["names"], "{text:?}");
    }
}

#[test]
fn any_model_has_them() {
    let model = toy::model();
    let set = |name: &str| ClassifyOptions { labels: Labels::Set(name.into()) };
    let film = "A dull and lifeless film.";
    assert_eq!(model.classify(film, &set("sentiment")).map(|_| ()).unwrap_err().code(), "task/unsupported");
    for name in ["sentiment", "names"] {
        model.add(vec![("head.gguf".into(), Bytes::new(bytes(name)))]).unwrap();
    }
    let labels = finish(model.classify(film, &set("sentiment")).unwrap()).unwrap().labels;
    assert_eq!((labels.len(), labels[0].label.as_str()), (2, "negative"));
    assert!(labels[0].score > 0.9 && (labels[0].score + labels[1].score - 1.0).abs() < 1e-5, "{labels:?}");
    assert_eq!(model.classify(" ", &set("sentiment")).map(|_| ()).unwrap_err().code(), "option/invalid");

    let text = "💡 On Monday\nMiles Davis flew to London for €5. He met Angela\nMerkel.";
    let found = finish(model.extract_entities(text, &EntityOptions::default()).unwrap()).unwrap().entities;
    let shown: Vec<(&str, &str)> = found.iter().map(|e| (e.kind.as_str(), e.text.as_str())).collect();
    for expected in [("PER", "Miles Davis"), ("LOC", "London"), ("MONEY", "€5"), ("PER", "Angela\nMerkel")] {
        assert!(shown.contains(&expected), "{expected:?} in {shown:?}");
    }
    for entity in &found {
        assert_eq!(text[entity.place.bytes.clone()], entity.text);
        assert!(entity.score > 0.0 && entity.score <= 1.0);
    }
    let places = EntityOptions { types: vec!["LOC".into()] };
    assert!(finish(model.extract_entities(text, &places).unwrap()).unwrap().entities.iter().all(|e| e.kind == "LOC"));
    let unknown = EntityOptions { types: vec!["PLANET".into()] };
    assert_eq!(model.extract_entities(text, &unknown).map(|_| ()).unwrap_err().code(), "option/invalid");
}

/// A set of the model's own is answered by what was added under its name.
#[test]
fn what_is_added_goes_before_the_network() {
    let model = toy::load(super::classify::file(), DeviceChoice::Cpu).unwrap();
    let options = ClassifyOptions { labels: Labels::Set("topic".into()) };
    let text = "The planet orbits a star; its moons were seen by the telescope of the observatory.";
    assert_eq!(model.classify(text, &options).map(|_| ()).unwrap_err().code(), "option/invalid");
    model.add(vec![("head.gguf".into(), Bytes::new(bytes("topic")))]).unwrap();
    let labels = finish(model.classify(text, &options).unwrap()).unwrap().labels;
    assert_eq!((labels.len(), labels[0].label.as_str()), (9, "astronomy"), "{labels:?}");
}

#[test]
fn damaged_files_are_refused_by_what_is_wrong() {
    for name in ["snips", "sentiment", "names"] {
        let whole = bytes(name);
        for end in [0, 10, 300, whole.len() / 2, whole.len() - 100] {
            let code = add(&mut Heads::default(), whole[..end].to_vec()).unwrap_err().code();
            assert!(["format/truncated", "format/invalid", "model/missing-file"].contains(&code), "{end}: {code}");
        }
        let keys: &[&str] = match name {
            "names" => {
                &["names.tags", "names.templates", "lexicon.check", "buckets.weight", "names.bias", "names.steps"]
            }
            _ => &["labels.name", "labels.names", "buckets.weight", "out.bias", "kinds.weight"],
        };
        for key in keys {
            let mut damaged = whole.clone();
            // The length of a name stands before it.
            let named = [&(key.len() as u64).to_le_bytes(), key.as_bytes()].concat();
            let at = damaged.windows(named.len()).position(|part| part == named).unwrap();
            damaged[at + 8] = b'?';
            let error = add(&mut Heads::default(), damaged).unwrap_err();
            assert!(error.code() == "format/invalid" && error.to_string().contains(key), "{name}, {key}: {error}");
        }
    }
    let model = std::fs::read(root().join("tests/golden/tiny-llama/model-q8_0.gguf")).unwrap();
    let error = add(&mut Heads::default(), model).unwrap_err();
    assert!(error.code() == "model/unsupported" && error.to_string().contains("nanolm-labels"), "{error}");
}
