//! Calls that begin with what a call before has read: faster, and in nothing else different.

use std::rc::Rc;

use nanolm::backend::DeviceChoice;
use nanolm::format::ModelFile;
use nanolm::run::{GenerateOptions, Model, Prompt};
use nanolm::task::{Length, SummarizeOptions, SummaryKind};

use super::run::{Output, finish, generate, on_each_device};
use super::toy;
use crate::support::rng::Rng;

fn article(n: usize) -> String {
    (0..n).map(|i| format!("Oil costs {} dollars in {}. ", i * 7 % 13, 1900 + i)).collect()
}

fn summarize(model: &Rc<Model>, text: &str, kind: SummaryKind) -> Output {
    let options = SummarizeOptions { kind, length: Length::Medium, ..SummarizeOptions::default() };
    finish(model.summarize(text, &options).unwrap()).unwrap()
}

/// Random calls, many of which begin alike, on one model; each compared with the same call on a model of its own.
fn invisible(file: &ModelFile, device: DeviceChoice, calls: usize) -> usize {
    let load = || toy::load(file.clone(), device).unwrap();
    let model = load();
    let mut rng = Rng::new(8);
    let mut texts: Vec<Vec<u32>> = Vec::new();
    let mut cached = 0;
    for i in 0..calls {
        let mut prompt: Vec<u32> = Vec::new();
        if i > 0 && rng.below(4) > 0 {
            let before = &texts[rng.below(texts.len())];
            prompt.extend(&before[..1 + rng.below(before.len())]);
        }
        prompt.extend((0..1 + rng.below(90)).map(|_| rng.below(256) as u32));
        prompt.truncate(toy::CONTEXT - 20);
        let sampling = GenerateOptions {
            temperature: Some(0.7 * rng.below(2) as f32),
            repetition_penalty: Some(1.1),
            seed: Some(i as u64),
            ..GenerateOptions::default()
        };
        let options = GenerateOptions { max_new_tokens: Some(1 + rng.below(16)), ..sampling };
        let run = |model: &Rc<Model>| generate(model, Prompt::Tokens(&prompt), &options);
        let (found, fresh) = (run(&model), run(&load()));
        assert_eq!(found, fresh, "call {i}");
        assert_eq!(fresh.usage.cached_tokens, 0);
        assert!(found.usage.cached_tokens < prompt.len());
        cached += found.usage.cached_tokens;
        let written: Vec<u32> = found.tokens().into_iter().filter(|token| *token < 256).collect();
        prompt.extend(written);
        texts.push(prompt);
        // A call that nobody waits for leaves what it has read.
        let mut left = model.generate(Prompt::Tokens(&texts[rng.below(texts.len())]), &options).unwrap();
        (0..rng.below(6)).for_each(|_| drop(pollster::block_on(left.next()).unwrap()));
    }
    cached
}

#[test]
fn a_prompt_that_was_read_before_is_not_read_again() {
    let exact = invisible(&toy::quantised(1), DeviceChoice::Cpu, 60);
    assert!(exact > 400, "{exact} tokens");
    // Where a row depends on how many there are, whole batches are taken over.
    let inexact = invisible(&toy::file(1), DeviceChoice::Cpu, 60);
    assert!(inexact < exact && inexact.is_multiple_of(64), "{inexact} tokens");
}

#[test]
fn on_each_device_the_second_call_is_like_the_first() {
    let prompt: Vec<u32> = (0..200).map(|i| i * 7 % 256).collect();
    let mut models = on_each_device("reuse", |device| toy::load(toy::quantised(1), device));
    models.push(toy::model());
    for model in models {
        let run = || generate(&model, Prompt::Tokens(&prompt), &super::run::greedy(12));
        let (first, second) = (run(), run());
        assert_eq!(first, second);
        assert_eq!(first.usage.cached_tokens, 0);
        assert!(second.usage.cached_tokens >= 128, "{:?}", second.usage);
    }
}

#[test]
fn a_text_asked_about_twice_is_read_once() {
    // With numbers that depend on the batch, chunks shorter than one are read again where something is written.
    for (file, least) in [(toy::quantised(1), 100), (toy::file(1), 1)] {
        let fresh = |text: &str, kind| summarize(&toy::load(file.clone(), DeviceChoice::Cpu).unwrap(), text, kind);
        let model = toy::load(file.clone(), DeviceChoice::Cpu).unwrap();
        // One chunk, and several.
        for (text, parts) in [(article(4), 1), (article(15), 4)] {
            let points = summarize(&model, &text, SummaryKind::KeyPoints);
            assert_eq!(points, fresh(&text, SummaryKind::KeyPoints));
            for kind in [SummaryKind::Tldr, SummaryKind::Headline, SummaryKind::KeyPoints] {
                let again = summarize(&model, &text, kind);
                assert_eq!(again, fresh(&text, kind));
                assert!(again.usage.cached_tokens >= parts * least, "{kind:?}: {:?}", again.usage);
            }
        }
    }
}

#[test]
fn a_fresh_call_takes_nothing_over_and_leaves_nothing() {
    let model = toy::load(toy::quantised(1), DeviceChoice::Cpu).unwrap();
    let prompt: Vec<u32> = (0..100).collect();
    let fresh = GenerateOptions { fresh: true, ..super::run::greedy(2) };
    let ask = |options: &GenerateOptions| generate(&model, Prompt::Tokens(&prompt), options).usage.cached_tokens;
    assert_eq!([ask(&fresh), ask(&super::run::greedy(2)), ask(&super::run::greedy(2)), ask(&fresh)], [0, 0, 99, 0]);
    let text = article(4);
    let fresh = SummarizeOptions { fresh: true, ..SummarizeOptions::default() };
    let ask =
        |options: &SummarizeOptions| finish(model.summarize(&text, options).unwrap()).unwrap().usage.cached_tokens;
    let (first, second) = (ask(&fresh), ask(&SummarizeOptions::default()));
    assert_eq!((first, second), (0, 0));
    assert!(ask(&SummarizeOptions::default()) > 100);
    assert_eq!(ask(&fresh), 0);
}

#[test]
fn memory_is_bounded() {
    let model = toy::load(toy::quantised(1), DeviceChoice::Cpu).unwrap();
    let prompt = |i: u32| -> Vec<u32> { (0..60).map(|j| (i * 60 + j * (i + 1)) % 251).collect() };
    let ask = |i| generate(&model, Prompt::Tokens(&prompt(i)), &super::run::greedy(1)).usage.cached_tokens;
    for i in 0..40 {
        assert_eq!(ask(i), 0, "{i}");
    }
    // The latest few are there, the first are not.
    assert_eq!(ask(39), 59);
    assert_eq!(ask(35), 59);
    assert_eq!(ask(3), 0);
}
