//! Loading and running, without ceremony.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nanolm::backend::{DeviceChoice, DeviceKind};
use nanolm::run::{
    Answer, Entity, Event, FinishReason, GenerateOptions, Group, Job, Keyword, Label, Measured, Model, Piece, Point,
    Prompt, Support, Usage,
};
use nanolm::tensor::Bytes;
use nanolm::{Error, Result};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of `../shared/weights`, or a message that the lane is skipped.
pub fn shared(lane: &str, folder: &str) -> Option<PathBuf> {
    let path = root().join("../shared/weights").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    skipped(lane, &format!("../shared/weights/{folder} is not here"));
    None
}

/// Says once per lane that it cannot run here.
pub fn skipped(lane: &str, why: &str) {
    // Not eprintln: the test runner would keep it to itself.
    drop(writeln!(std::io::stderr(), "SKIPPED {lane}: {why}"));
}

pub fn read(folder: &Path, names: &[&str]) -> Vec<(String, Bytes)> {
    names.iter().map(|name| (name.to_string(), Bytes::new(std::fs::read(folder.join(name)).unwrap()))).collect()
}

pub fn clock() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |t| t.as_secs_f64() * 1e3)
}

pub fn load(files: Vec<(String, Bytes)>, device: DeviceChoice) -> Result<Rc<Model>> {
    pollster::block_on(Model::load(files, device, clock, &mut |_, _, _| {}))
}

/// The model on the CPU and, where there is an adapter, on the GPU.
pub fn on_each_device(lane: &str, load: impl Fn(DeviceChoice) -> Result<Rc<Model>>) -> Vec<Rc<Model>> {
    let mut models = vec![load(DeviceChoice::Cpu).unwrap()];
    match load(DeviceChoice::Gpu) {
        Ok(model) => {
            assert_eq!(model.info().device.kind, DeviceKind::Gpu);
            models.push(model);
        }
        Err(Error::Gpu { what, why }) if what == "adapter" || cfg!(not(feature = "gpu")) => {
            skipped(&format!("{lane} on the GPU"), &why)
        }
        // The GPU lacks an operation of the model, and says which; then "auto" takes the CPU.
        Err(Error::Unsupported { what, .. }) => {
            println!("{lane} on the GPU: it does not do {what}");
            assert_eq!(load(DeviceChoice::Auto).unwrap().info().device.kind, DeviceKind::Cpu);
        }
        Err(error) => panic!("{error}"),
    }
    models
}

/// All that a job gave.
#[derive(Debug, Default)]
pub struct Output {
    pub pieces: Vec<Piece>,
    pub points: Vec<Point>,
    pub measured: Vec<Measured>,
    pub supports: Vec<Support>,
    pub labels: Vec<Label>,
    pub entities: Vec<Entity>,
    pub keywords: Vec<Keyword>,
    pub answers: Vec<Answer>,
    pub groups: Vec<Group>,
    pub progress: Vec<(&'static str, usize, usize)>,
    pub finish: Option<FinishReason>,
    pub text: String,
    pub usage: Usage,
}

/// Progress, and the tokens that were spared or read ahead, tell how the work was done; two outputs are equal without.
impl PartialEq for Output {
    fn eq(&self, other: &Output) -> bool {
        let given = |o: &Output| (o.usage.prompt_tokens, o.usage.completion_tokens, o.finish, o.text.clone());
        given(self) == given(other)
            && self.pieces == other.pieces
            && self.points == other.points
            && self.measured == other.measured
            && self.supports == other.supports
            && self.labels == other.labels
            && self.entities == other.entities
            && self.keywords == other.keywords
            && self.answers == other.answers
            && self.groups == other.groups
    }
}

impl Output {
    pub fn tokens(&self) -> Vec<u32> {
        self.pieces.iter().map(|p| p.token).collect()
    }

    pub fn joined(&self) -> String {
        self.pieces.iter().map(|p| p.text.as_str()).collect()
    }

    /// Takes an event in; true at the end.
    pub fn take(&mut self, event: Event) -> bool {
        match event {
            Event::Progress { phase, done, total } => {
                assert!(done <= total);
                self.progress.push((phase.name(), done, total));
            }
            Event::Piece(piece) => self.pieces.push(piece),
            Event::Point(point) => self.points.push(point),
            Event::Support(support) => self.supports.push(support),
            Event::Measured(measured) => self.measured.push(measured),
            Event::Label(label) => self.labels.push(label),
            Event::Entity(entity) => self.entities.push(entity),
            Event::Keyword(keyword) => self.keywords.push(keyword),
            Event::Answer(answer) => self.answers.push(answer),
            Event::Group(group) => self.groups.push(group),
            Event::Done { finish_reason, text, usage, timings } => {
                assert!(timings.prefill_ms >= 0.0 && timings.first_token_ms >= 0.0 && timings.decode_ms >= 0.0);
                self.finish = Some(finish_reason);
                self.text = text;
                self.usage = usage;
                return true;
            }
            other => panic!("an event that this does not know: {other:?}"),
        }
        false
    }
}

pub fn finish(mut job: Job) -> Result<Output> {
    let mut output = Output::default();
    pollster::block_on(async {
        // Far more steps than any test needs: a job that never ends is a failure, not a hang.
        for _ in 0..100_000 {
            if output.take(job.next().await?) {
                return Ok(output);
            }
        }
        panic!("the job does not end");
    })
}

pub fn greedy(max_new_tokens: usize) -> GenerateOptions {
    GenerateOptions { max_new_tokens: Some(max_new_tokens), ..GenerateOptions::default() }
}

pub fn generate(model: &Rc<Model>, prompt: Prompt<'_>, options: &GenerateOptions) -> Output {
    finish(model.generate(prompt, options).unwrap()).unwrap()
}
