//! Sessions of models whose layers keep what a text has become: wherever such a session is taken up again, what follows has the bits that a
//! new session gives.

use std::sync::Arc;

use nanolm::backend::{Backend, DeviceChoice};
use nanolm::model::{LogitRows, plan};
use nanolm::run::{GenerateOptions, Prompt};
use nanolm::session::{Saved, Session};
use nanolm::weights::Quantise;
use nanolm::{Error, arch, format, weights};

use super::convolutions::{in_steps, tokens};
use super::run::{generate, load, read, root};

const IDENTITY: u64 = 7;
const FOLDERS: [&str; 2] = ["tiny-granitehybrid", "tiny-mamba2"];
/// Whose rows are all whole blocks of `Q8_0`: the hybrid's feed-forward has 48 columns.
const EXACT: [&str; 1] = ["tiny-mamba2"];

/// In `Q8_0`, whose products are exact, or in the file's floats.
fn backend(folder: &str, exact: bool) -> Backend {
    let mut file = format::parse(read(&root().join("tests/golden").join(folder), &["model-f16.gguf"])).unwrap();
    if exact {
        weights::quantise(&mut file, Quantise::Q8_0).unwrap();
    }
    let mut config = arch::config(&file).unwrap();
    config.context_len = 1024;
    let plan = Arc::new(plan::build(&config));
    let weights = Arc::new(weights::load(&plan, &file).unwrap());
    Backend::cpu(plan, weights).unwrap()
}

fn new(backend: &Backend) -> Session {
    pollster::block_on(Session::new(backend, 900)).unwrap()
}

/// The logits behind the last of the tokens, and in how many passes.
fn feed(session: &mut Session, backend: &mut Backend, tokens: &[u32]) -> (Vec<f32>, usize) {
    let (mut logits, mut left, mut passes) = (Vec::new(), tokens, 0);
    while !left.is_empty() {
        let fed = pollster::block_on(session.feed_or_replay(backend, left, LogitRows::Last, &mut logits)).unwrap();
        left = &left[fed.unwrap_or(0)..];
        passes += 1;
    }
    (logits, passes)
}

#[test]
fn shortened_copied_and_saved_sessions_go_on_as_one_text_would() {
    for folder in EXACT {
        let mut backend = backend(folder, true);
        let (text, other) = (tokens(5, 300), tokens(11, 30));
        for cut in [0, 1, 2, 3, 17, 127, 128, 129, 255, 299, 300] {
            let joined = [&text[..cut], &other[..]].concat();
            let (expected, _) = feed(&mut new(&backend), &mut backend, &joined);
            let mut session = new(&backend);
            feed(&mut session, &mut backend, &text);
            let mut copy = pollster::block_on(session.copy(&backend, cut, 400)).unwrap();
            assert!(feed(&mut copy, &mut backend, &other).0 == expected, "{folder} copied at {cut}");

            session.truncate(cut);
            let bytes = session.save(IDENTITY, &[]);
            let saved = Saved::read(&bytes, IDENTITY, 320).unwrap();
            assert_eq!((saved.tokens.len(), saved.positions), (cut, session.held(cut)), "{folder} {cut}");
            let mut loaded = new(&backend);
            assert_eq!(loaded.restore(&saved), saved.positions);
            let rest = [&text[saved.positions..cut], &other[..]].concat();
            assert!(feed(&mut loaded, &mut backend, &rest).0 == expected, "{folder} saved at {cut}");

            assert!(feed(&mut session, &mut backend, &other).0 == expected, "{folder} shortened to {cut}");
            let logits = in_steps(&mut session, cut, &other, |session, tokens| feed(session, &mut backend, tokens).0);
            assert!(logits == expected, "{folder} in steps from {cut}");
        }
    }
}

/// Floats sum otherwise for one row than for several: reused is what whole batches gave, and nothing else.
#[test]
fn floats_are_taken_up_where_a_new_session_computes_the_same() {
    let mut backend = backend("tiny-granitehybrid", false);
    let (text, other) = (tokens(5, 600), tokens(11, 30));
    let mut session = new(&backend);
    feed(&mut session, &mut backend, &text);
    for cut in [599, 512, 500, 383, 200, 40] {
        let joined = [&text[..cut], &other[..]].concat();
        let (expected, _) = feed(&mut new(&backend), &mut backend, &joined);
        let n = session.reusable(&backend, &joined);
        assert!(n.is_multiple_of(128) && n <= cut && (n > 0 || cut < 400), "{n} of {cut}");
        session.truncate(n);
        assert!(feed(&mut session, &mut backend, &joined[n..]).0 == expected, "{n} of {cut}");
    }
}

/// The places that texts are taken up at again cost no reading; others a part of it.
#[test]
fn the_end_of_a_prompt_is_remembered() {
    let mut backend = backend("tiny-mamba2", true);
    let mut session = new(&backend);
    feed(&mut session, &mut backend, &tokens(5, 300));
    let states = session.bytes();
    tokens(3, 100).iter().for_each(|token| drop(feed(&mut session, &mut backend, &[*token])));
    assert_eq!(session.position(), 400);
    assert_eq!((session.held(400), session.held(399), session.held(300), session.held(299)), (400, 299, 299, 299));
    assert_eq!(session.held(298), 255, "the batch before");
    assert_eq!((session.held(254), session.bytes()), (0, states));
    // The last token of the prompt again, then another answer.
    session.truncate(299);
    assert_eq!(feed(&mut session, &mut backend, &[9]).1, 1);
    // One place between: the tokens since the mark are read again first.
    session.truncate(290);
    assert_eq!((session.held(290), feed(&mut session, &mut backend, &[9]).1), (255, 2));
    // Of a text that took another way nothing is left.
    assert_eq!(session.held(300), 291);
}

/// Kept sessions, speculation and texts that go on, through calls: the same tokens as from scratch.
#[test]
fn calls_give_the_same_with_and_without_what_was_read_before() {
    for folder in FOLDERS {
        let model =
            load(read(&root().join("tests/golden").join(folder), &["model-f16.gguf"]), DeviceChoice::Cpu).unwrap();
        let text = tokens(5, 70);
        let options =
            |fresh, speculate| GenerateOptions { max_new_tokens: Some(20), fresh, speculate, ..Default::default() };
        for cut in [70, 69, 40, 70, 12] {
            let prompt = Prompt::Tokens(&text[..cut]);
            let expected = generate(&model, prompt, &options(true, Some(false))).tokens();
            for speculate in [None, Some(true)] {
                let found = generate(&model, prompt, &options(false, speculate)).tokens();
                assert_eq!(found, expected, "{folder} {cut} {speculate:?}");
            }
        }
    }
}

#[test]
fn the_gpu_refuses_states_by_name() {
    for folder in FOLDERS {
        let files = || read(&root().join("tests/golden").join(folder), &["model-f16.gguf"]);
        match load(files(), DeviceChoice::Gpu).map(|_| ()) {
            Err(Error::Unsupported { what, found, .. }) => {
                assert_eq!((what.as_str(), found.as_str()), ("blk.0.ssm on the GPU", "a state space"));
            }
            Err(Error::Gpu { what, why }) if what == "adapter" => println!("SKIPPED {folder} on the GPU: {why}"),
            other => panic!("{other:?}"),
        }
        assert!(load(files(), DeviceChoice::Auto).is_ok());
    }
}
