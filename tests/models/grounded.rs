//! What is written is held to its source, by a random model that would write anything.

use std::collections::BTreeSet;

use nanolm::backend::DeviceChoice;
use nanolm::language::en::sentences;
use nanolm::run::{FinishReason, GenerateOptions, Prompt};
use nanolm::task::{Length, SummarizeOptions, SummaryKind};

use super::run::{Output, finish, generate};
use super::toy;

const SOURCE: &str =
    "Mayor Anna Berg of Oslo said on Tuesday that 12,000 cars cross the bridge. It cost 4.5 million in 1905.";

/// Numbers and words with a capital, as the evaluation of the training pipeline counts them.
fn facts(text: &str) -> (Vec<&str>, Vec<&str>) {
    let runs =
        |is: fn(char) -> bool| text.split(move |c: char| !is(c)).filter(|run| !run.is_empty()).collect::<Vec<_>>();
    let names = runs(char::is_alphabetic).into_iter().filter(|word| word.starts_with(char::is_uppercase)).collect();
    (runs(|c| c.is_ascii_digit()), names)
}

fn options(seed: u64, temperature: f32, grounded: bool) -> GenerateOptions {
    GenerateOptions {
        max_new_tokens: Some(80),
        temperature: Some(temperature),
        seed: Some(seed),
        no_repeat_ngram: Some(3),
        grounded_in: grounded.then(|| SOURCE.to_string()),
        ..GenerateOptions::default()
    }
}

#[test]
fn no_number_and_no_name_is_invented() {
    let model = toy::model();
    let (numbers, names) = facts(SOURCE);
    let numbers: BTreeSet<&str> = numbers.into_iter().collect();
    let words: BTreeSet<String> = SOURCE.split(|c: char| !c.is_alphabetic()).map(str::to_lowercase).collect();
    let names: BTreeSet<&str> = names.into_iter().collect();
    let (mut seen, mut free, mut all_names, mut others) = ((0, 0), 0, 0, 0);
    for seed in 0..60 {
        for temperature in [0.0, 0.5, 1.0, 2.0] {
            let run = |grounded| generate(&model, Prompt::Text("Say"), &options(seed, temperature, grounded));
            let output: Output = run(true);
            // What the limit of tokens cut is not held against it.
            let text = match output.finish {
                Some(FinishReason::Length) => output.text.rsplit_once(' ').map_or("", |(head, _)| head),
                _ => &output.text,
            };
            let (found, capitals) = facts(text);
            assert!(found.iter().all(|number| numbers.contains(number)), "{text:?}");
            seen.0 += found.len();
            for name in capitals {
                all_names += 1;
                let begins = words.contains(&name.to_lowercase())
                    || nanolm::language::en::is_function_word(&name.to_lowercase());
                assert!(names.contains(name) || begins, "{name:?} in {text:?}");
                others += usize::from(!names.contains(name));
            }
            let loose = run(false).text;
            let (found, _) = facts(&loose);
            free += found.iter().filter(|number| !numbers.contains(*number)).count();
            seen.1 += found.len();
        }
    }
    // The comparison means something: without the mask the same model invents numbers.
    assert!(free > 20 && all_names > 0, "{seen:?} {free} {all_names} {others}");
}

#[test]
fn summaries_are_grounded_and_say_what_supports_them() {
    let model = toy::load(toy::generating(), DeviceChoice::Cpu).unwrap();
    let tldr = |grounded| {
        let options =
            SummarizeOptions { kind: SummaryKind::Tldr, length: Length::Short, grounded, ..Default::default() };
        finish(model.summarize(SOURCE, &options).unwrap()).unwrap()
    };
    let output = tldr(true);
    let (numbers, _) = facts(SOURCE);
    let whole = output.text.rsplit_once(' ').map_or("", |(head, _)| head);
    assert!(facts(whole).0.iter().all(|number| numbers.contains(number)), "{:?}", output.text);
    assert_eq!(output.supports.len(), sentences(&output.text).len());
    assert_eq!(output.joined(), output.text);
    assert!(tldr(false).finish.is_some());
}

#[test]
fn copied_summaries_name_their_sentences() {
    let text =
        "🦙 The old bridge (of 1905) is closed. Nobody knows why, say the shops. The ferry runs. It rains a lot.";
    let model = toy::model();
    for (kind, length) in
        [(SummaryKind::Tldr, Length::Short), (SummaryKind::Tldr, Length::Long), (SummaryKind::Headline, Length::Short)]
    {
        let options = SummarizeOptions { kind, length, ..SummarizeOptions::default() };
        let output = finish(model.summarize(text, &options).unwrap()).unwrap();
        assert!(!output.supports.is_empty());
        let utf16: Vec<u16> = text.encode_utf16().collect();
        let mut end = 0;
        for support in &output.supports {
            let written = &output.text[support.written.bytes.clone()];
            assert_eq!(support.sources.len(), 1);
            let source = &support.sources[0];
            assert!(sentences(text).contains(&source.bytes));
            assert_eq!(String::from_utf16(&utf16[source.utf16.clone()]).unwrap(), text[source.bytes.clone()]);
            // Each word of it stands in its source.
            let words =
                |text: &str| text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect::<Vec<_>>();
            assert!(words(written).iter().all(|word| words(&text[source.bytes.clone()]).contains(word)), "{written}");
            assert!(support.written.bytes.start >= end);
            end = support.written.bytes.end;
        }
        assert_eq!(end, output.text.len());
        let points =
            finish(model.summarize(text, &SummarizeOptions { kind: SummaryKind::KeyPoints, ..options }).unwrap())
                .unwrap();
        assert!(points.supports.is_empty() && !points.points.is_empty());
    }
}
