//! The model's judgement and what can be counted, with a random model: each reading is checked by a session by hand.

use std::sync::Arc;

use nanolm::arch;
use nanolm::backend::{Backend, DeviceChoice};
use nanolm::language::en::sentences;
use nanolm::model::{LogitRows, plan};
use nanolm::session::Session;
use nanolm::task::{FEATURE_NAMES, Length, SummarizeOptions, SummaryKind};
use nanolm::weights;

use super::run::{Output, finish, on_each_device};
use super::toy;

const TEXT: &str = "One is first. Two 🦙 are more! Öde Three? Four of them. \"Five,\" he said. And Six.";

/// Logit of yes minus logit of no for each sentence: in the text, and behind it.
fn expected_readings(text: &str) -> Vec<(f32, f32)> {
    let file = toy::file(1);
    let plan = Arc::new(plan::build(&arch::config(&file).unwrap()));
    let weights = Arc::new(weights::load(&plan, &file).unwrap());
    let mut backend = Backend::cpu(plan, weights).unwrap();
    let spans = sentences(text);
    let mut tokens = vec![toy::TEXT];
    for (i, span) in spans.iter().enumerate() {
        tokens.extend(format!(" {}", &text[span.clone()]).bytes().map(u32::from));
        tokens.push(toy::MARK_0 + i as u32);
    }
    tokens.push(toy::KEY_POINTS);
    tokens.extend((0..spans.len()).map(|i| toy::MARK_0 + i as u32));
    let mut readings = vec![];
    pollster::block_on(async {
        let mut session = Session::new(&backend, 256).await.unwrap();
        let mut logits = Vec::new();
        for token in tokens {
            session.feed(&mut backend, &[token], LogitRows::Last, &mut logits).await.unwrap();
            if token >= toy::MARK_0 {
                readings.push(logits[toy::YES as usize] - logits[toy::NO as usize]);
            }
        }
    });
    let n = spans.len();
    (0..n).map(|i| (readings[i], readings[n + i])).collect()
}

fn key_points(file: nanolm::format::ModelFile, length: Length) -> Output {
    let options = SummarizeOptions { kind: SummaryKind::KeyPoints, length, ..Default::default() };
    finish(toy::load(file, DeviceChoice::Cpu).unwrap().summarize(TEXT, &options).unwrap()).unwrap()
}

#[test]
fn what_is_measured_is_what_the_model_says_at_each_mark() {
    let expected = expected_readings(TEXT);
    let file = || {
        toy::described(
            r#""salience": {"key_points": {"bias": 0.3, "model": 0.5, "mark": -0.7, "early": 1.5, "mark_n": 2, "early_n": -1}}"#,
        )
    };
    for model in on_each_device("measured sentences", |device| toy::load(file(), device)) {
        let output = finish(model.measure(TEXT).unwrap()).unwrap();
        assert_eq!(output.measured.len(), expected.len());
        for (i, (found, (mark, tail))) in output.measured.iter().zip(&expected).enumerate() {
            assert_eq!(found.place.bytes, sentences(TEXT)[i]);
            // Read in other parts, keys and values may be rounded the other way.
            assert!((found.mark - mark).abs() < 5e-3, "{} {mark}", found.mark);
            assert!((found.model - tail).abs() < 5e-3, "{} {tail}", found.model);
            assert_eq!(found.features.len(), FEATURE_NAMES.len());
            let early = found.features[FEATURE_NAMES.iter().position(|name| *name == "early").unwrap()];
            assert_eq!(early, 1.0 / (1 + i) as f64);
            let long = expected.len() as f32 / 40.0;
            let score = 0.3 + 0.5 * tail + (2.0 * long - 0.7) * mark + (1.5 - long) / (1 + i) as f32;
            assert!((found.salience - 1.0 / (1.0 + (-score).exp())).abs() < 1e-3);
        }
        // A text of several chunks: a reading for each sentence, features over the whole.
        let long = TEXT.repeat(5);
        let output = finish(model.measure(&long).unwrap()).unwrap();
        assert_eq!(output.measured.len(), sentences(&long).len());
        assert!(output.measured.iter().all(|m| m.mark != 0.0 && m.model != 0.0));
        assert_eq!(output.measured.last().unwrap().features[0], 1.0);
    }
}

#[test]
fn weights_decide_what_the_key_points_are() {
    let starts = |output: &Output| output.points.iter().map(|p| p.place.bytes.start).collect::<Vec<_>>();
    let all: Vec<usize> = sentences(TEXT).into_iter().map(|s| s.start).collect();
    let first = key_points(toy::described(r#""salience": {"key_points": {"early": 1.0}}"#), Length::Short);
    assert_eq!(starts(&first), all[..3]);
    let last = key_points(toy::described(r#""salience": {"key_points": {"early": -1.0}}"#), Length::Short);
    assert_eq!(starts(&last), all[3..]);
    // What has no weight is not asked.
    let text_tokens = 1 + TEXT.len() - 5 + 2 * 6;
    assert_eq!(first.usage.prompt_tokens, text_tokens);
    let marks = key_points(toy::described(r#""salience": {"key_points": {"mark": 1.0}}"#), Length::Short);
    assert_eq!(marks.usage.prompt_tokens, text_tokens);
    let tail = key_points(toy::described(r#""salience": {"key_points": {"model": 1.0}}"#), Length::Short);
    assert_eq!(tail.usage.prompt_tokens, text_tokens + 1 + 6);
    assert_eq!(tail, key_points(toy::file(1), Length::Short), "the same as no weights at all");
    let mut best: Vec<usize> = (0..6).collect();
    let readings = expected_readings(TEXT);
    best.sort_by(|a, b| readings[*b].0.total_cmp(&readings[*a].0));
    best.truncate(3);
    best.sort_unstable();
    assert_eq!(starts(&marks), best.iter().map(|i| all[*i]).collect::<Vec<_>>());
}

#[test]
fn each_kind_has_weights_of_its_own() {
    let text = "The old bridge of the town was closed on Tuesday. The council of the town will repair the bridge.";
    let write = |weights: &str, kind| {
        let model = toy::load(toy::described(&format!(r#""salience": {weights}"#)), DeviceChoice::Cpu).unwrap();
        let options = SummarizeOptions { kind, length: Length::Short, ..Default::default() };
        finish(model.summarize(text, &options).unwrap()).unwrap().text
    };
    let weights = r#"{"key_points": {"early": 1}, "tldr": {"early": -1}}"#;
    assert!(write(weights, SummaryKind::Tldr).starts_with("The council"));
    assert!(write(weights, SummaryKind::Headline).starts_with("The old"));
}

#[test]
fn weights_that_make_no_sense_are_refused() {
    for weights in [
        r#"3"#,
        r#"{"points": {}}"#,
        r#"{"key_points": {"size": 1}}"#,
        r#"{"tldr": {"early": "much"}}"#,
        r#"{"tldr": 1}"#,
    ] {
        let error = toy::load(toy::described(&format!(r#""salience": {weights}"#)), DeviceChoice::Cpu).map(|_| ());
        assert_eq!(error.unwrap_err().code(), "format/invalid", "{weights}");
    }
}
