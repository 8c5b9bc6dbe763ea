//! Devices that are taken away while they work: what is written does not show it.

use std::rc::Rc;

use nanolm::backend::{DeviceChoice, DeviceKind, DeviceRequest};
use nanolm::run::{Event, Job, Model, Phase, Prompt};
use nanolm::task::{ClassifyOptions, Labels, SummarizeOptions, SummaryKind};
use nanolm::{Error, Result};

use super::run::{Output, finish, generate, greedy, load, read, shared, skipped};
use super::{classify, toy};

/// A model on the GPU, or a word on why there is none.
fn on_gpu(load: impl Fn(DeviceChoice) -> Result<Rc<Model>>) -> Option<Rc<Model>> {
    match load(DeviceChoice::Gpu) {
        Ok(model) => Some(model),
        Err(Error::Gpu { what, why }) if what == "adapter" || cfg!(not(feature = "gpu")) => {
            skipped("lost devices", &why);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn toy_on_gpu() -> Option<Rc<Model>> {
    on_gpu(|device| toy::load(classify::file(), device))
}

/// Runs a job and takes the device away before each of these steps.
fn finish_without(model: &Model, mut job: Job, steps: &[usize]) -> Output {
    let mut output = Output::default();
    pollster::block_on(async {
        for step in 0..10_000 {
            if steps.contains(&step) {
                model.lose_device();
            }
            if output.take(job.next().await.unwrap()) {
                return;
            }
        }
        panic!("the job does not end");
    });
    output
}

/// A loss before a token and, on a later device, in the prompt: the same tokens, from a new device.
#[test]
fn a_story_goes_on_on_a_new_device() {
    let Some(folder) = shared("lost devices", "stories260K") else { return };
    let Some(model) = on_gpu(|device| load(read(&folder, &["stories260K-f32.gguf"]), device)) else { return };
    let prompt = Prompt::Text("Once upon a time, there was a little girl who");
    let whole = generate(&model, prompt, &greedy(60));
    assert_eq!(whole.tokens().len(), 60);
    // One step reads the prompt, the 21st after it writes token 20.
    let output = finish_without(&model, model.generate(prompt, &greedy(60)).unwrap(), &[21]);
    assert_eq!((output.tokens(), output.text), (whole.tokens(), whole.text.clone()));
    let device = model.device();
    assert_eq!((device.kind, model.moves()), (DeviceKind::Gpu, 1), "{}", device.reason);
    assert!(device.reason.starts_with("opened anew after the GPU was lost (device lost: "), "{}", device.reason);
    assert!(device.reason.contains("agrees with the CPU"), "{}", device.reason);
    // Soon after the first, so that the CPU takes over: in the prompt, which what was kept does not spare any more.
    let again = model.generate(prompt, &greedy(60)).unwrap();
    let output = finish_without(&model, again, &[0]);
    assert_eq!((output.tokens(), output.text), (whole.tokens(), whole.text.clone()));
    let device = model.device();
    assert_eq!((device.kind, model.moves()), (DeviceKind::Cpu, 2), "{}", device.reason);
    assert!(device.reason.starts_with("moved from the GPU, which was lost ("), "{}", device.reason);
    assert!(device.reason.contains("it was lost twice within 60 s"), "{}", device.reason);
    // There is nothing to be lost any more.
    assert!(!model.lose_device());
    assert_eq!(generate(&model, prompt, &greedy(60)).tokens(), whole.tokens());
    assert_eq!(model.info().device.kind, DeviceKind::Gpu, "what it was loaded on");
}

/// Two losses within one stream.
#[test]
fn a_device_that_does_not_last_is_given_up() {
    let Some(model) = toy_on_gpu() else { return };
    let prompt = Prompt::Text("The keeper lights the lamp and");
    let whole = generate(&model, prompt, &greedy(60));
    let output = finish_without(&model, model.generate(prompt, &greedy(60)).unwrap(), &[5, 20]);
    assert_eq!(output.tokens(), whole.tokens());
    assert_eq!((model.device().kind, model.moves()), (DeviceKind::Cpu, 2), "{}", model.device().reason);
}

/// What was read is read again batch by batch, and a call that is given up meanwhile leaves nothing behind.
#[test]
fn reading_again_can_be_stopped() {
    let Some(model) = toy_on_gpu() else { return };
    let tokens: Vec<u32> = (0..200).map(|i| 5 + i % 40).collect();
    let session = model.session();
    finish(session.append(Prompt::Tokens(&tokens)).unwrap()).unwrap();
    let fork = pollster::block_on(session.fork()).unwrap();
    let whole = finish(fork.generate(&greedy(8)).unwrap()).unwrap().tokens();
    assert!(model.lose_device());
    let mut job = session.generate(&greedy(8)).unwrap();
    for done in [0, 128] {
        match pollster::block_on(job.next()).unwrap() {
            Event::Progress { phase: Phase::Replay, done: found, total: 199 } => assert_eq!(found, done),
            other => panic!("{other:?}"),
        }
    }
    drop(job);
    assert_eq!(finish(session.generate(&greedy(8)).unwrap()).unwrap().tokens(), whole);
    assert_eq!(model.moves(), 1, "{}", model.device().reason);
}

/// Every task, with the device lost at its beginning and in its middle.
#[test]
fn tasks_do_not_notice() {
    let text =
        "The keeper lights the lamp. Boats come in late. The storm took the roof, and nobody was hurt. ".repeat(4);
    let labels = ClassifyOptions { labels: Labels::Own(vec!["boats".into(), "roofs".into()]) };
    type Start<'a> = &'a dyn Fn(&Rc<Model>) -> Job;
    let starts: [Start<'_>; 4] = [
        &|model| model.summarize(&text, &SummarizeOptions::default()).unwrap(),
        &|model| {
            let options = SummarizeOptions { kind: SummaryKind::KeyPoints, ..SummarizeOptions::default() };
            model.summarize(&text, &options).unwrap()
        },
        &|model| model.classify(&text, &labels).unwrap(),
        &|model| model.extract_keywords(&text, &Default::default()).unwrap(),
    ];
    for (i, start) in starts.into_iter().enumerate() {
        let Some(model) = toy_on_gpu() else { return };
        let whole = finish(start(&model)).unwrap();
        let Some(model) = toy_on_gpu() else { return };
        let output = finish_without(&model, start(&model), &[0, 3]);
        assert!(model.moves() > 0, "task {i}");
        assert_eq!(output.text, whole.text, "task {i}");
        let points = |o: &Output| o.points.iter().map(|p| p.text.clone()).collect::<Vec<_>>();
        assert_eq!(points(&output), points(&whole), "task {i}");
        for (found, expected) in output.labels.iter().zip(&whole.labels) {
            assert_eq!(found.label, expected.label);
            assert!((found.score - expected.score).abs() < 1e-3, "{found:?} {expected:?}");
        }
        let keywords = |o: &Output| o.keywords.iter().map(|k| k.text.clone()).collect::<Vec<_>>();
        assert_eq!(keywords(&output), keywords(&whole), "task {i}");
        assert_eq!(output.labels.len(), whole.labels.len());
    }
}

/// Sessions that are kept, copied and saved over a loss while nothing ran.
#[test]
fn sessions_outlive_their_device() {
    let Some(model) = toy_on_gpu() else { return };
    let story = |model: &Rc<Model>, lose: bool| {
        let session = model.session();
        finish(session.append(Prompt::Text("The keeper of the lamp")).unwrap()).unwrap();
        let mut tokens = finish(session.generate(&greedy(10)).unwrap()).unwrap().tokens();
        if lose {
            assert!(model.lose_device());
        }
        // A copy of what is gone, before and after it was noticed.
        let early = pollster::block_on(session.fork()).unwrap();
        tokens.extend(finish(session.generate(&greedy(10)).unwrap()).unwrap().tokens());
        let late = pollster::block_on(session.fork()).unwrap();
        let saved = pollster::block_on(model.open_session(&early.save().unwrap())).unwrap();
        for other in [early, late, saved] {
            tokens.extend(finish(other.generate(&greedy(10)).unwrap()).unwrap().tokens());
        }
        tokens
    };
    let whole = story(&model, false);
    assert!(whole.len() >= 40, "{}", whole.len());
    assert_eq!(story(&model, true), whole);
    assert_eq!((model.moves(), model.device().kind), (1, DeviceKind::Gpu), "{}", model.device().reason);
}

/// A kernel that was made wrong on purpose is named, and the tokens are right without it.
#[test]
fn a_wrong_kernel_does_not_show_in_the_tokens() {
    let Some(model) = toy_on_gpu() else { return };
    let prompt = Prompt::Text("The keeper lights the lamp and");
    let whole = generate(&model, prompt, &greedy(30));
    let adapter = model.device().adapter.unwrap_or_default();
    let software = ["llvmpipe", "SwiftShader"].iter().any(|name| adapter.contains(name));
    for sabotage in ["fused_feed", "linear/matvec+lanes_", "choose/", "linear/gemm_alone"] {
        let request = DeviceRequest { sabotage: Some(sabotage), ..DeviceChoice::Gpu.into() };
        let model = toy::load(classify::file(), request).unwrap();
        let device = model.device();
        assert_eq!(generate(&model, prompt, &greedy(30)).tokens(), whole.tokens(), "{sabotage}");
        // Only graphics hardware fuses; only adapters that compute on the CPU read their weights in lanes.
        let used = match sabotage {
            "fused_feed" => !software,
            "linear/matvec+lanes_" | "linear/gemm_alone" => software,
            _ => true,
        };
        assert_eq!(device.reason.contains(sabotage), used, "{sabotage}: {}", device.reason);
    }
}

/// What a call cost on the GPU is said with its result: in all, and for what was written; nothing on the CPU.
#[test]
fn what_the_gpu_was_told_to_do_is_counted_per_call() {
    let Some(model) = toy_on_gpu() else { return };
    let prompt = Prompt::Text("Hello");
    let output = generate(&model, prompt, &greedy(20));
    let gpu = output.usage.gpu.expect("a GPU that counts");
    // The first token is chosen from the prompt's logits.
    assert!(output.tokens().len() > 8, "{output:?}");
    assert!(gpu.writing.chosen as usize + 1 >= output.tokens().len(), "{gpu:?}");
    assert_eq!(gpu.writing.dispatches % gpu.writing.chosen, 0, "{gpu:?}");
    // Two layers of at most 16 operations and five more, where none are fused.
    assert!(gpu.writing.dispatches / gpu.writing.chosen <= 2 * 16 + 5, "{gpu:?}");
    assert_eq!(gpu.writing.submits, gpu.writing.readbacks);
    // How many tokens a submit takes depends on how busy the machine is.
    assert!(gpu.writing.readbacks <= gpu.writing.chosen, "{gpu:?}");
    assert!(gpu.all.dispatches > gpu.writing.dispatches && gpu.all.submits > gpu.writing.submits, "{gpu:?}");
    // Calls are counted apart; a loss takes nothing away.
    let again = finish_without(&model, model.generate(prompt, &greedy(20)).unwrap(), &[3]).usage.gpu.unwrap();
    assert_eq!(model.moves(), 1);
    assert!(again.all.dispatches >= gpu.writing.dispatches, "{again:?}");
    let cpu = toy::load(classify::file(), DeviceChoice::Cpu).unwrap();
    assert_eq!(generate(&cpu, prompt, &greedy(20)).usage.gpu, None);
}
