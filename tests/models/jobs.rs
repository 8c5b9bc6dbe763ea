//! How jobs behave: taking turns, being dropped, stopping, running out of room, failing.

use nanolm::Error;
use nanolm::backend::{DeviceChoice, DeviceKind};
use nanolm::format::Value;
use nanolm::run::{Event, FinishReason, GenerateOptions, Prompt};
use nanolm::task::SummarizeOptions;
use nanolm::tensor::Bytes;

use super::run::{Output, finish, generate, greedy};
use super::toy;

fn sampled(seed: u64) -> GenerateOptions {
    let sampling = GenerateOptions { temperature: Some(0.9), seed: Some(seed), ..GenerateOptions::default() };
    GenerateOptions { max_new_tokens: Some(30), ..sampling }
}

#[test]
fn jobs_that_take_turns_give_what_they_give_alone() {
    let model = toy::model();
    let prompts = ["One text", "Another, somewhat longer text", "Third"];
    let alone: Vec<Output> =
        prompts.iter().map(|p| generate(&model, Prompt::Text(p), &sampled(p.len() as u64))).collect();
    let mut jobs: Vec<_> =
        prompts.iter().map(|p| Some(model.generate(Prompt::Text(p), &sampled(p.len() as u64)).unwrap())).collect();
    let mut together: Vec<Output> = prompts.iter().map(|_| Output::default()).collect();
    while jobs.iter().any(Option::is_some) {
        for (slot, output) in jobs.iter_mut().zip(&mut together) {
            if let Some(job) = slot
                && output.take(pollster::block_on(job.next()).unwrap())
            {
                *slot = None;
            }
        }
    }
    assert_eq!(together, alone);
    assert!(alone.iter().all(|o| !o.text.is_empty()));
}

#[test]
fn a_dropped_job_leaves_the_model_usable() {
    let model = toy::model();
    let expected = generate(&model, Prompt::Text("The rain"), &greedy(20));
    let long = "x".repeat(200);
    // In the middle of the prompt, after it, and in the middle of the output.
    for steps in [0, 1, 2, 4, 9] {
        let mut job = model.generate(Prompt::Text(&long), &greedy(30)).unwrap();
        for _ in 0..steps {
            pollster::block_on(job.next()).unwrap();
        }
        drop(job);
        let mut job = model.summarize("Some text. Another one.", &SummarizeOptions::default()).unwrap();
        pollster::block_on(job.next()).unwrap();
        drop(job);
        assert_eq!(generate(&model, Prompt::Text("The rain"), &greedy(20)), expected);
    }
}

#[test]
fn done_is_given_again() {
    let model = toy::model();
    let mut job = model.generate(Prompt::Text("a"), &greedy(1)).unwrap();
    let mut events: Vec<Event> = (0..4).map(|_| pollster::block_on(job.next()).unwrap()).collect();
    let last = events.pop().unwrap();
    assert_eq!(events.pop().unwrap(), last);
    assert!(matches!(last, Event::Done { finish_reason: FinishReason::Length, .. }));
    assert!(matches!(events[..], [Event::Progress { .. }, Event::Piece(_)]));
}

#[test]
fn the_same_seed_gives_the_same_text() {
    let model = toy::model();
    let run = |seed| generate(&model, Prompt::Text("Hello"), &sampled(seed));
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).tokens(), run(2).tokens());
}

#[test]
fn pieces_join_to_the_text_and_to_the_decoding_of_the_tokens() {
    let model = toy::model();
    for seed in 0..20 {
        let output = generate(&model, Prompt::Text("Hello"), &sampled(seed));
        assert_eq!(output.joined(), output.text);
        assert_eq!(output.text, model.tokenizer().unwrap().decode(&output.tokens()).unwrap());
        assert_eq!(output.usage.completion_tokens, output.tokens().iter().filter(|t| **t != toy::END).count());
    }
}

#[test]
fn stop_strings_are_never_shown() {
    let model = toy::model();
    let free = generate(&model, Prompt::Text("Hello"), &sampled(3));
    let chars: Vec<(usize, char)> = free.text.char_indices().collect();
    assert!(chars.len() > 12);
    let (from, to) = (chars[5].0, chars[9].0);
    let stop = free.text[from..to].to_string();
    let options = GenerateOptions { stop: vec!["never there".into(), stop.clone()], ..sampled(3) };
    let output = generate(&model, Prompt::Text("Hello"), &options);
    let end = free.text.find(&stop).unwrap();
    assert_eq!(output.text, free.text[..end]);
    assert_eq!(output.joined(), output.text);
    assert_eq!(output.finish, Some(FinishReason::Stop));
    // What only begins like a stop string is shown in the end.
    let half = format!("{}\u{1}never", &free.text[chars[chars.len() - 2].0..]);
    let output = generate(&model, Prompt::Text("Hello"), &GenerateOptions { stop: vec![half], ..sampled(3) });
    assert_eq!(output.text, free.text);
}

#[test]
fn the_context_is_a_limit_and_not_an_error_in_the_middle() {
    let model = toy::model();
    let context = toy::CONTEXT;
    let prompt = vec![65; context - 5];
    let mut options = greedy(1000);
    options.repetition_penalty = Some(1.0);
    let output = generate(&model, Prompt::Tokens(&prompt), &options);
    assert!(output.tokens().len() <= 5);
    if output.finish == Some(FinishReason::Length) {
        assert_eq!(output.tokens().len(), 5);
    }
    for n in [context, context + 1, 100_000] {
        let result = model.generate(Prompt::Tokens(&vec![65; n]), &greedy(1)).map(|_| ());
        assert_eq!(result, Err(Error::ContextFull { limit: context, found: n }));
    }
}

#[test]
fn bad_options_are_named() {
    let model = toy::model();
    let refused = |prompt: Prompt<'_>, options: &GenerateOptions| match model.generate(prompt, options).map(|_| ()) {
        Err(Error::InvalidOption { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(Prompt::Text("a"), &greedy(0)), "maxNewTokens");
    let sampling = GenerateOptions { top_p: Some(1.5), ..GenerateOptions::default() };
    assert_eq!(refused(Prompt::Text("a"), &GenerateOptions { max_new_tokens: Some(1), ..sampling }), "topP");
    assert_eq!(refused(Prompt::Text(""), &greedy(1)), "prompt");
    // A token that the model does not have is found when it is read; the job ends, the model does not.
    let job = model.generate(Prompt::Tokens(&[1 << 20]), &greedy(1)).unwrap();
    assert!(matches!(finish(job), Err(Error::InvalidOption { .. })));
    assert_eq!(generate(&model, Prompt::Text("a"), &greedy(2)).tokens().len(), 2);
}

#[test]
fn numbers_that_are_none_are_an_error() {
    let mut file = toy::file(1);
    let norm = file.tensors.iter_mut().find(|t| t.name == "output_norm.weight").unwrap();
    norm.data = Bytes::new(f32::NAN.to_le_bytes().repeat(norm.shape[0]));
    let model = toy::load(file, DeviceChoice::Cpu).unwrap();
    let mut job = model.generate(Prompt::Text("a"), &greedy(3)).unwrap();
    pollster::block_on(job.next()).unwrap();
    let first = pollster::block_on(job.next()).unwrap_err();
    assert!(matches!(first, Error::NotFinite { .. }));
    assert_eq!(pollster::block_on(job.next()), Err(first));
    let job = model.summarize("Some text. Another one.", &SummarizeOptions::default()).unwrap();
    assert!(matches!(finish(job), Err(Error::NotFinite { .. })));
}

#[test]
fn the_models_files_decide_what_the_caller_leaves_open() {
    let mut file = toy::file(1);
    let set = |file: &mut nanolm::format::ModelFile, key: &str, value| file.generation.insert(key.into(), value);
    set(&mut file, "do_sample", Value::Bool(true));
    set(&mut file, "temperature", Value::Float(0.9));
    set(&mut file, "max_new_tokens", Value::Int(30));
    let model = toy::load(file.clone(), DeviceChoice::Cpu).unwrap();
    let seeded = GenerateOptions { seed: Some(7), ..GenerateOptions::default() };
    let output = generate(&model, Prompt::Text("Hello"), &seeded);
    assert_eq!(output, generate(&toy::model(), Prompt::Text("Hello"), &sampled(7)));
    // The first token of that output, made an end token.
    let first = output.tokens()[0];
    set(&mut file, "eos_token_id", Value::Ints(vec![i64::from(first), 9_999_999]));
    let model = toy::load(file.clone(), DeviceChoice::Cpu).unwrap();
    let ended = generate(&model, Prompt::Text("Hello"), &sampled(7));
    assert_eq!((ended.finish, ended.tokens().len()), (Some(FinishReason::Stop), 0));
    set(&mut file, "temperature", Value::Float(-1.0));
    assert_eq!(toy::load(file, DeviceChoice::Cpu).map(|_| ()).unwrap_err().code(), "format/invalid");
}

#[test]
fn the_device_is_chosen_with_a_reason() {
    let auto = toy::load(toy::file(1), DeviceChoice::Auto).unwrap();
    assert_eq!(auto.info().device.kind, DeviceKind::Cpu);
    assert!(auto.info().device.reason.contains("small"), "{}", auto.info().device.reason);
    let cpu = toy::load(toy::file(1), DeviceChoice::Cpu).unwrap();
    assert!(cpu.info().device.reason.contains("asked for"));
    assert_eq!(cpu.info().tasks, ["generate", "tldr", "key-points", "headline", "keywords", "answer"]);
}
