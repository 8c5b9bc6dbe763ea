//! Sessions of a model whose layers convolve: what such a layer knows of earlier positions lies in the cache, so that whatever is done
//! with a session is done with it.

use std::sync::Arc;

use nanolm::backend::{Backend, DeviceChoice};
use nanolm::model::{LogitRows, plan};
use nanolm::session::{Saved, Session};
use nanolm::weights::Quantise;
use nanolm::{Error, arch, format, weights};

use super::run::{read, root};

const IDENTITY: u64 = 7;

/// The tiny LFM2 in `Q8_0`, whose products are exact: all ways to the same text give the same bits.
fn backend(choice: DeviceChoice) -> Result<Backend, Error> {
    let mut file = format::parse(read(&root().join("tests/golden/tiny-lfm2"), &["model-f16.gguf"])).unwrap();
    weights::quantise(&mut file, Quantise::Q8_0).unwrap();
    let plan = Arc::new(plan::build(&arch::config(&file).unwrap()));
    let weights = Arc::new(weights::load(&plan, &file).unwrap());
    pollster::block_on(Backend::load(plan, weights, choice, || 0.0, &mut |_, _| {}))
}

pub fn tokens(seed: u32, n: u32) -> Vec<u32> {
    (0..n).map(|i| (seed + 37 * i + i * i) % 300 + 1).collect()
}

/// The logits behind the last of the tokens.
fn feed(session: &mut Session, backend: &mut Backend, tokens: &[u32]) -> Vec<f32> {
    let mut logits = Vec::new();
    let mut left = tokens;
    while !left.is_empty() {
        let fed = pollster::block_on(session.feed(backend, left, LogitRows::Last, &mut logits)).unwrap();
        left = &left[fed..];
    }
    logits
}

/// The logits behind the last of some tokens that follow `n`, fed one by one, with a step back now and then.
pub fn in_steps(
    session: &mut Session,
    n: usize,
    tokens: &[u32],
    mut feed: impl FnMut(&mut Session, &[u32]) -> Vec<f32>,
) -> Vec<f32> {
    session.truncate(n);
    let mut logits = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        if i % 7 == 3 {
            feed(session, &[9, 8]);
            session.truncate(n + i);
        }
        logits = feed(session, &[*token]);
    }
    logits
}

#[test]
fn shortened_copied_and_saved_sessions_go_on_as_one_text_would() {
    let mut backend = backend(DeviceChoice::Cpu).unwrap();
    let new = |backend: &Backend| pollster::block_on(Session::new(backend, 96)).unwrap();
    let (text, other) = (tokens(5, 40), tokens(11, 30));
    for cut in [0, 1, 2, 3, 17, 40] {
        let joined = [&text[..cut], &other[..]].concat();
        let expected = feed(&mut new(&backend), &mut backend, &joined);

        let mut session = new(&backend);
        feed(&mut session, &mut backend, &text);
        let mut copy = pollster::block_on(session.copy(&backend, cut, 80)).unwrap();
        assert_eq!(feed(&mut copy, &mut backend, &other), expected, "copied at {cut}");

        session.truncate(cut);
        let bytes = session.save(IDENTITY, &[]);
        let saved = Saved::read(&bytes, IDENTITY, 320).unwrap();
        let mut loaded = new(&backend);
        assert_eq!(loaded.restore(&saved), cut);
        assert_eq!(feed(&mut loaded, &mut backend, &other), expected, "saved at {cut}");

        assert_eq!(feed(&mut session, &mut backend, &other), expected, "shortened to {cut}");
        let logits = in_steps(&mut session, cut, &other, |session, tokens| feed(session, &mut backend, tokens));
        assert_eq!(logits, expected, "in steps from {cut}");
    }
}

/// The same there, but for saving: a cache on the GPU is computed again. Its sums come in another order.
#[test]
fn shortened_and_copied_sessions_go_on_on_the_gpu() {
    let mut on_gpu = match backend(DeviceChoice::Gpu) {
        Err(Error::Gpu { what, why }) if what == "adapter" => {
            return println!("SKIPPED convolutions of sessions on the GPU: {why}");
        }
        backend => backend.unwrap(),
    };
    let mut on_cpu = backend(DeviceChoice::Cpu).unwrap();
    let new = |backend: &Backend| pollster::block_on(Session::new(backend, 96)).unwrap();
    let near = |found: &[f32], expected: &[f32], case: String| {
        let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(found.len() == expected.len() && worst <= 2e-3, "{case}: {worst}");
    };
    let (text, other) = (tokens(5, 40), tokens(11, 30));
    for cut in [0, 1, 3, 17, 40] {
        let joined = [&text[..cut], &other[..]].concat();
        let expected = feed(&mut new(&on_cpu), &mut on_cpu, &joined);
        let mut session = new(&on_gpu);
        feed(&mut session, &mut on_gpu, &text);
        let mut copy = pollster::block_on(session.copy(&on_gpu, cut, 80)).unwrap();
        near(&feed(&mut copy, &mut on_gpu, &other), &expected, format!("copied at {cut}"));
        session.truncate(cut);
        near(&feed(&mut session, &mut on_gpu, &other), &expected, format!("shortened to {cut}"));
        let logits = in_steps(&mut session, cut, &other, |session, tokens| feed(session, &mut on_gpu, tokens));
        near(&logits, &expected, format!("in steps from {cut}"));
    }
}
