//! Texts that go on: appended to, written to, copied, saved and continued.

use std::rc::Rc;

use nanolm::backend::{DeviceChoice, DeviceKind};
use nanolm::run::{GenerateOptions, Model, OpenSession, Prompt};
use nanolm::{Error, Result};

use super::run::{Output, finish, generate, greedy, on_each_device};
use super::toy;
use crate::support::rng::{Rng, cases};

fn model() -> Rc<Model> {
    toy::load(toy::quantised(1), DeviceChoice::Cpu).unwrap()
}

fn sampled(seed: u64, n: usize) -> GenerateOptions {
    let sampling = GenerateOptions { temperature: Some(0.9), seed: Some(seed), ..GenerateOptions::default() };
    GenerateOptions { max_new_tokens: Some(n), ..sampling }
}

fn append(session: &OpenSession, text: &str) -> Output {
    finish(session.append(Prompt::Text(text)).unwrap()).unwrap()
}

fn write(session: &OpenSession, options: &GenerateOptions) -> Output {
    finish(session.generate(options).unwrap()).unwrap()
}

fn open(model: &Rc<Model>, bytes: &[u8]) -> Result<OpenSession> {
    pollster::block_on(model.open_session(bytes))
}

fn fork(session: &OpenSession) -> OpenSession {
    pollster::block_on(session.fork()).unwrap()
}

fn on_cpu(model: &Model) -> bool {
    model.info().device.kind == DeviceKind::Cpu
}

fn bytes(text: &str) -> Vec<u32> {
    text.bytes().map(u32::from).collect()
}

#[test]
fn a_session_writes_what_one_prompt_would_have() {
    for model in on_each_device("sessions", |device| toy::load(toy::quantised(1), device)) {
        let exact = on_cpu(&model);
        let session = model.session();
        assert_eq!(append(&session, "The keeper").usage.prompt_tokens, 10);
        append(&session, " of the lamp");
        append(&session, "");
        let first = write(&session, &sampled(1, 20));
        let mut text = bytes("The keeper of the lamp");
        assert_eq!(first.usage.cached_tokens, text.len() - 1);
        // A GPU sums in another order where it reads a text in other parts.
        assert!(!exact || first == generate(&model, Prompt::Tokens(&text), &sampled(1, 20)));
        text.extend(first.tokens().iter().filter(|token| **token != toy::END));
        assert_eq!(session.tokens(), text);
        append(&session, ", again");
        text.extend(bytes(", again"));
        let second = write(&session, &sampled(2, 20));
        assert!(!exact || second == generate(&model, Prompt::Tokens(&text), &sampled(2, 20)));
        text.extend(second.tokens().iter().filter(|token| **token != toy::END));
        assert_eq!(session.tokens(), text);
    }
}

#[test]
fn copies_do_not_see_each_other() {
    for model in on_each_device("forks", |device| toy::load(toy::quantised(1), device)) {
        let session = model.session();
        append(&session, "One text for two");
        let other = fork(&session);
        let spare = fork(&other);
        let (a, b) = (write(&session, &sampled(1, 30)), write(&other, &sampled(2, 30)));
        assert_eq!(b.usage.cached_tokens, 15);
        assert_ne!(a.tokens(), b.tokens());
        assert_eq!(a, write(&spare, &sampled(1, 30)));
        let alone = |seed| generate(&model, Prompt::Text("One text for two"), &sampled(seed, 30));
        assert!(!on_cpu(&model) || [a, b] == [alone(1), alone(2)]);
        // In turns, token by token.
        let (a, b) = (fork(&session), fork(&session));
        let mut jobs = [a.generate(&sampled(5, 20)).unwrap(), b.generate(&sampled(5, 20)).unwrap()];
        let mut outputs = [Output::default(), Output::default()];
        let mut left = 2;
        while left > 0 {
            for (job, output) in jobs.iter_mut().zip(&mut outputs).filter(|(_, output)| output.finish.is_none()) {
                left -= usize::from(output.take(pollster::block_on(job.next()).unwrap()));
            }
        }
        assert_eq!(outputs[0], outputs[1]);
        assert_eq!(a.tokens(), b.tokens());
        drop(a);
        assert_eq!(b.tokens()[..session.tokens().len()], session.tokens());
    }
}

#[test]
fn a_saved_session_goes_on_as_if_nothing_had_been() {
    for model in on_each_device("saved sessions", |device| toy::load(toy::quantised(1), device)) {
        let session = model.session();
        append(&session, "The keeper of the lamp");
        write(&session, &sampled(1, 12));
        let saved = session.save().unwrap();
        assert_eq!(session.save().unwrap(), saved);
        let here = open(&model, &saved).unwrap();
        // The same file, loaded once more, as after a reload of the page; and on the CPU, wherever it came from.
        let other = self::model();
        let elsewhere = open(&other, &saved).unwrap();
        for (model, loaded) in [(&model, here), (&other, elsewhere)] {
            assert_eq!(loaded.tokens(), session.tokens());
            let continued = write(&loaded, &greedy(20));
            assert_eq!(continued, generate(model, Prompt::Tokens(&session.tokens()), &greedy(20)));
        }
        if on_cpu(&model) {
            let loaded = open(&model, &saved).unwrap();
            let continued = write(&loaded, &greedy(20));
            assert_eq!(continued.usage.cached_tokens, session.tokens().len() - 1, "nothing is read again");
            assert_eq!(continued, write(&fork(&session), &greedy(20)));
        }
        // Of an empty session, of one that has read nothing yet, of one that was loaded.
        assert!(open(&model, &model.session().save().unwrap()).unwrap().tokens().is_empty());
        let again = open(&model, &saved).unwrap().save().unwrap();
        assert_eq!(open(&model, &again).unwrap().tokens(), session.tokens());
    }
}

#[test]
fn bytes_of_another_model_are_refused() {
    let session = model().session();
    append(&session, "Some text");
    let saved = session.save().unwrap();
    let mut changed = toy::quantised(1);
    let tensor = changed.tensors.iter_mut().find(|t| t.name == "blk.1.attn_norm.weight").unwrap();
    let mut data = tensor.data.to_vec();
    data[1] ^= 1;
    tensor.data = nanolm::tensor::Bytes::new(data);
    for file in [toy::quantised(2), toy::file(1), changed] {
        let other = toy::load(file, DeviceChoice::Cpu).unwrap();
        let error = open(&other, &saved).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), "session/invalid");
        assert!(error.to_string().contains("model"), "{error}");
        assert!(generate(&other, Prompt::Text("a"), &greedy(2)).finish.is_some());
    }
}

#[test]
fn damaged_bytes_are_refused_and_change_nothing() {
    let model = model();
    let session = model.session();
    append(&session, "Some text");
    let saved = session.save().unwrap();
    let refused = |bytes: &[u8], what: &str| match open(&model, bytes) {
        Err(Error::Session { .. }) => {}
        Err(other) => panic!("{what}: {other}"),
        Ok(_) => panic!("{what} was taken"),
    };
    for n in 0..saved.len() {
        refused(&saved[..n], &format!("the first {n} bytes"));
    }
    let mut rng = Rng::new(4);
    for _ in 0..cases(300) {
        let mut damaged = saved.clone();
        let at = rng.below(damaged.len());
        damaged[at] ^= 1 << rng.below(8);
        refused(&damaged, &format!("with another bit in byte {at}"));
    }
    for n in [0, 7, 40, 44, 1000] {
        let noise: Vec<u8> = (0..n).map(|_| rng.below(256) as u8).collect();
        refused(&noise, "noise");
    }
    let expected = generate(&model, Prompt::Text("Some text"), &greedy(10));
    assert_eq!(write(&session, &greedy(10)), expected);
    assert_eq!(open(&model, &saved).unwrap().tokens(), bytes("Some text"));
}

#[test]
fn one_call_at_a_time() {
    let model = model();
    let session = model.session();
    append(&session, "Some text");
    let mut job = session.generate(&greedy(5)).unwrap();
    pollster::block_on(job.next()).unwrap();
    assert_eq!(session.append(Prompt::Text("x")).map(|_| ()), Err(Error::Busy));
    assert_eq!(session.generate(&greedy(5)).map(|_| ()), Err(Error::Busy));
    assert_eq!(session.save().map(|_| ()), Err(Error::Busy));
    assert_eq!(pollster::block_on(session.fork()).map(|_| ()).unwrap_err(), Error::Busy);
    drop(job);
    assert!(session.save().is_ok());
}

#[test]
fn what_was_written_before_a_stop_stays_and_what_was_half_appended_does_not() {
    let model = model();
    let session = model.session();
    append(&session, "Some text");
    for steps in [0, 1, 2, 4] {
        let before = session.tokens();
        let mut job = session.append(Prompt::Text(&"y".repeat(150))).unwrap();
        (0..steps.min(2)).for_each(|_| drop(pollster::block_on(job.next()).unwrap()));
        drop(job);
        assert_eq!(session.tokens(), before);
        let options = GenerateOptions { speculate: Some(true), ..greedy(9) };
        let expected = generate(&model, Prompt::Tokens(&before), &options).tokens();
        let mut job = session.generate(&options).unwrap();
        let mut output = Output::default();
        for _ in 0..steps {
            output.take(pollster::block_on(job.next()).unwrap());
        }
        drop(job);
        assert_eq!(session.tokens(), [before, output.tokens()].concat());
        assert!(expected.starts_with(&output.tokens()));
    }
    // What follows is what follows such a text.
    let expected = generate(&model, Prompt::Tokens(&session.tokens()), &greedy(9));
    assert_eq!(write(&session, &greedy(9)), expected);
}

#[test]
fn what_was_written_and_not_given_is_taken_back() {
    let model = model();
    for given in [0, 1, 3, 6, 9] {
        let session = model.session();
        append(&session, "Some text");
        let before = session.tokens();
        let mut written = write(&session, &GenerateOptions { speculate: Some(true), ..greedy(6) }).tokens();
        written.retain(|token| *token != toy::END);
        assert_eq!(session.tokens(), [&before[..], &written].concat());
        session.keep_written(given).unwrap();
        let kept = [&before[..], &written[..given.min(written.len())]].concat();
        assert_eq!(session.tokens(), kept);
        assert_eq!(write(&session, &greedy(5)), generate(&model, Prompt::Tokens(&kept), &greedy(5)));
    }
    // Half-way, and while a call runs.
    let session = model.session();
    append(&session, "Some text");
    let before = session.tokens();
    let mut job = session.generate(&greedy(9)).unwrap();
    (0..4).for_each(|_| drop(pollster::block_on(job.next()).unwrap()));
    assert_eq!(session.keep_written(0), Err(Error::Busy));
    drop(job);
    session.keep_written(0).unwrap();
    assert_eq!(session.tokens(), before);
    append(&session, " and more");
    assert!(session.tokens().len() > before.len());
    session.keep_written(0).unwrap();
    assert_eq!(session.tokens(), before);
}

#[test]
fn limits_and_failures() {
    let model = model();
    let session = model.session();
    append(&session, &"z".repeat(toy::CONTEXT - 30));
    let too_much = session.append(Prompt::Text(&"z".repeat(30))).map(|_| ());
    assert_eq!(too_much, Err(Error::ContextFull { limit: toy::CONTEXT, found: toy::CONTEXT }));
    append(&session, &"z".repeat(20));
    let mut written = 0;
    loop {
        match session.generate(&greedy(100)).map(|job| finish(job).unwrap()) {
            Ok(output) => written += output.tokens().iter().filter(|t| **t != toy::END).count(),
            Err(error) => {
                assert_eq!(error, Error::ContextFull { limit: toy::CONTEXT, found: toy::CONTEXT });
                break;
            }
        }
        assert!(written <= 10);
        match session.append(Prompt::Text("z")) {
            Ok(job) => assert!(finish(job).is_ok()),
            Err(error) => {
                assert!(matches!(error, Error::ContextFull { limit: toy::CONTEXT, .. }));
                break;
            }
        }
        written += 1;
    }
    // A failed call leaves the text as it was, and the session usable.
    let session = model.session();
    append(&session, "Some text");
    let job = session.append(Prompt::Tokens(&[1 << 20, 1])).unwrap();
    assert!(matches!(finish(job), Err(Error::InvalidOption { .. })));
    assert_eq!(session.tokens(), bytes("Some text"));
    assert_eq!(write(&session, &greedy(5)), generate(&model, Prompt::Text("Some text"), &greedy(5)));
    // A session outlives the name of its model.
    let orphan = { self::model().session() };
    append(&orphan, "Some text");
    assert!(write(&orphan, &greedy(3)).finish.is_some());
}
