//! Labels of a text, with a random model: every probability is computed by a session by hand.

use nanolm::backend::DeviceChoice;
use nanolm::format::ModelFile;
use nanolm::language::en::sentences;
use nanolm::run::Label;
use nanolm::task::{Choice, ClassifyOptions, Labels};

use super::run::{finish, on_each_device};
use super::toy;

/// The control tokens that the toy has to spare.
const LABEL: u32 = toy::MARK_0 + 60;
const TEXT: &str = "Öl is cheap 🛢. It was not.";

pub fn file() -> ModelFile {
    toy::described(
        r#""label": "<|s60|>", "labels": {"mood": ["good", "bad", "good_or_bad"], "size": ["big", "small"]}, "default_labels": "mood""#,
    )
}

fn prefix(text: &str) -> Vec<u32> {
    let mut tokens = vec![toy::TEXT];
    for (i, span) in sentences(text).into_iter().enumerate() {
        tokens.extend(format!(" {}", &text[span]).bytes().map(u32::from));
        tokens.push(toy::MARK_0 + i as u32);
    }
    tokens
}

/// Log-probability of the label's words and the end, after `prefix` and the label token.
fn log_probability(prefix: &[u32], words: &str) -> f64 {
    log_probability_after(&[prefix, &[LABEL]].concat(), &format!(" {words}"))
}

/// The same of any words after any tokens.
fn log_probability_after(prefix: &[u32], words: &str) -> f64 {
    let mut tokens = prefix.to_vec();
    let from = tokens.len() - 1;
    tokens.extend(words.bytes().map(u32::from));
    tokens.push(toy::END);
    let rows = toy::logits_after_each(&tokens);
    (from..tokens.len() - 1)
        .map(|k| {
            let total: f64 = rows[k].iter().map(|x| f64::from(*x).exp()).sum();
            f64::from(rows[k][tokens[k + 1] as usize]) - total.ln()
        })
        .sum()
}

fn check(found: &[Label], labels: &[&str], scores: &[f64]) {
    let total: f64 = scores.iter().map(|s| s.exp()).sum();
    assert_eq!(found.len(), labels.len());
    assert!(found.is_sorted_by(|a, b| a.score >= b.score));
    assert!((found.iter().map(|l| l.score).sum::<f32>() - 1.0).abs() < 1e-4);
    for (label, score) in labels.iter().zip(scores) {
        let found = found.iter().find(|l| l.label == *label).unwrap();
        let expected = score.exp() / total;
        // What is negligible need not be exact.
        assert!((f64::from(found.score) - expected).abs() < 1e-3, "{label}: {} {expected}", found.score);
    }
}

#[test]
fn probabilities_are_those_of_the_labels_words() {
    for model in on_each_device("labels", |device| toy::load(file(), device)) {
        let run = |labels| finish(model.classify(TEXT, &ClassifyOptions { labels }).unwrap()).unwrap().labels;
        let score = |words: &str| log_probability(&prefix(TEXT), words);
        let mood = [score("good"), score("bad"), score("good or bad")];
        check(&run(Labels::Default), &["good", "bad", "good_or_bad"], &mood);
        check(&run(Labels::Set("size".into())), &["big", "small"], &[score("big"), score("small")]);
        // Labels that the model was trained on, in other letters.
        let own = run(Labels::Own(vec!["Bad".into(), "GOOD".into()]));
        check(&own, &["Bad", "GOOD"], &[mood[1], mood[0]]);
    }
}

#[test]
fn own_labels_are_calibrated_by_what_is_expected_without_a_text() {
    let model = toy::load(file(), DeviceChoice::Cpu).unwrap();
    let labels = ["sport", "money", "sports"];
    let options = ClassifyOptions { labels: Labels::Own(labels.map(String::from).to_vec()) };
    let found = finish(model.classify(TEXT, &options).unwrap()).unwrap().labels;
    let score = |words: &&str| log_probability(&prefix(TEXT), words) - log_probability(&[toy::TEXT], words);
    check(&found, &labels, &labels.iter().map(score).collect::<Vec<_>>());
}

#[test]
fn answers_are_calibrated_by_the_same_question_without_a_text() {
    let bytes = |text: &str| text.bytes().map(u32::from).collect::<Vec<u32>>();
    let prompts = vec![bytes("A long part, of oil. Which?"), bytes("A part. Which?")];
    let baseline = bytes("N/A. Which?");
    let labels = ["sport", "money", "the sports", "spore"];
    let score =
        |prompt: &[u32], label: &&str| log_probability_after(prompt, label) - log_probability_after(&baseline, label);
    let shares = prompts.iter().map(|prompt| {
        let scores: Vec<f64> = labels.iter().map(|label| score(prompt, label)).collect();
        let total: f64 = scores.iter().map(|s| s.exp()).sum();
        scores.into_iter().map(|s| s.exp() / total).collect::<Vec<f64>>()
    });
    let shares: Vec<Vec<f64>> = shares.collect();
    let (long, short) = (prompts[0].len() as f64, prompts[1].len() as f64);
    let expected: Vec<f64> =
        (0..labels.len()).map(|i| ((long * shares[0][i] + short * shares[1][i]) / (long + short)).ln()).collect();
    for model in on_each_device("answers", |device| toy::load(file(), device)) {
        let labels_of = |options: &Choice| finish(model.choose(options).unwrap()).unwrap().labels;
        let options = Choice {
            labels: labels.map(String::from).to_vec(),
            prompts: prompts.clone(),
            baseline: baseline.clone(),
            end: toy::END,
        };
        let found = labels_of(&options);
        check(&found, &labels, &expected);
        // What calls before have read changes nothing; what labels are worth without a text is not asked again.
        assert_eq!(labels_of(&options), found);
        let one = Choice { prompts: vec![prompts[1].clone()], ..options.clone() };
        let other = Choice { baseline: bytes("Nothing. Which?"), ..options.clone() };
        let alone = labels_of(&one);
        check(&alone, &labels, &shares[1].iter().map(|share| share.ln()).collect::<Vec<_>>());
        assert_ne!(labels_of(&other), found);
        assert_eq!(labels_of(&one), alone);
        let refused = |change: &dyn Fn(&mut Choice)| {
            let mut options = options.clone();
            change(&mut options);
            model.choose(&options).map(|_| ()).unwrap_err().code()
        };
        assert_eq!(refused(&|o| o.prompts.clear()), "option/invalid");
        assert_eq!(refused(&|o| o.prompts[0].clear()), "option/invalid");
        assert_eq!(refused(&|o| o.baseline.clear()), "option/invalid");
        assert_eq!(refused(&|o| o.labels.clear()), "option/invalid");
        assert_eq!(refused(&|o| o.prompts[1] = vec![7; toy::CONTEXT - 3]), "session/context-full");
        // An id that the vocabulary does not have is an error, not a panic.
        let beyond = Choice { prompts: vec![vec![7, 1_000_000]], ..options.clone() };
        assert!(model.choose(&beyond).and_then(finish).is_err());
        let end = Choice { end: 1_000_000, ..options.clone() };
        assert!(model.choose(&end).and_then(finish).is_err());
    }
}

#[test]
fn many_labels_and_long_texts_work() {
    let model = toy::load(file(), DeviceChoice::Cpu).unwrap();
    let labels: Vec<String> = (0..150).map(|i| format!("label {i}")).collect();
    let options = ClassifyOptions { labels: Labels::Own(labels) };
    let long = "Some words of a text. ".repeat(40);
    let output = finish(model.classify(&long, &options).unwrap()).unwrap();
    assert_eq!(output.labels.len(), 150);
    assert!(output.labels.iter().all(|l| l.score.is_finite() && l.score >= 0.0));
    // "label 1" is read once for all that begin with it: far fewer tokens than 150 labels of 9 bytes, twice.
    assert!(output.usage.prompt_tokens < 150 * 3 * 2 + 200, "{}", output.usage.prompt_tokens);
    let one = ClassifyOptions { labels: Labels::Own(vec!["only".into()]) };
    assert_eq!(finish(model.classify(TEXT, &one).unwrap()).unwrap().labels[0].score, 1.0);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let model = toy::load(file(), DeviceChoice::Cpu).unwrap();
    let refused = |text: &str, labels| model.classify(text, &ClassifyOptions { labels }).map(|_| ()).unwrap_err();
    for labels in
        [vec![], vec![""], vec!["a", "A"], vec!["_"], vec!["a label that is very much longer than labels are"]]
    {
        let own = Labels::Own(labels.iter().map(|l| l.to_string()).collect());
        assert_eq!(refused(TEXT, own).code(), "option/invalid", "{labels:?}");
    }
    let error = refused(TEXT, Labels::Set("colour".into()));
    assert!(error.to_string().contains("mood, size"), "{error}");
    assert_eq!(refused(" ", Labels::Default).code(), "option/invalid");
    let plain = toy::model();
    let error = plain.classify(TEXT, &ClassifyOptions::default()).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "task/unsupported");
    assert!(error.to_string().contains("key-points"), "says what it can do: {error}");
    for bad in [
        r#""label": "<|nope|>""#,
        r#""label": "<|s60|>", "labels": 3"#,
        r#""label": "<|s60|>", "labels": {"a": []}"#,
        r#""label": "<|s60|>", "default_labels": "x""#,
    ] {
        assert_eq!(
            toy::load(toy::described(bad), DeviceChoice::Cpu).map(|_| ()).unwrap_err().code(),
            "format/invalid",
            "{bad}"
        );
    }
    assert_eq!(model.info().tasks, ["generate", "tldr", "key-points", "headline", "classify", "keywords", "answer"]);
    assert_eq!(model.info().label_sets, ["mood", "size"]);
}
