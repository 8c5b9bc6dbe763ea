//! What a text can be asked: one file or folder a task, and the table of them.
//!
//! A task's file holds its options, what it reads of the model file's `nanolm.tasks` (its *section*), the checks of what it
//! is given, and one async function over a [`Context`](crate::run::Context) that does the work. A new task is such a file,
//! a row in [`TABLE`], and its kind of [`Event`](crate::run::Event).

mod answer;
mod article;
mod classify;
mod duplicates;
mod entities;
mod format;
mod judge;
mod keywords;
// For training, which runs natively: no page downloads it.
#[cfg(not(target_arch = "wasm32"))]
mod measure;
mod memo;
mod salience;
mod summarize;
mod support;
mod text;

use std::cell::RefCell;
use std::rc::Rc;

pub use answer::AnswerOptions;
pub use classify::{Choice, ClassifyOptions, Labels};
pub use duplicates::DuplicateOptions;
pub use entities::EntityOptions;
pub use keywords::KeywordOptions;
use serde_json::{Map, Value};
pub use summarize::{Length, SummarizeOptions, SummaryKind, TitleOptions};
pub use text::{PlainSentence, sentences, support};

use crate::backend::{Clock, DeviceRequest};
use crate::error::{Error, Result};
use crate::format::ModelFile;
pub use crate::language::en::features::NAMES as FEATURE_NAMES;
use crate::run::section::{Description, Read, Sections};
use crate::run::{Job, LoadPhase, Model, Prompt, options};
use crate::tensor::Bytes;

/// A task: a row of [`TABLE`].
pub struct Task {
    /// What callers name it.
    pub name: &'static str,
    /// Reads what a model's file says about it.
    read: Read,
    start: Start,
}

/// Begins a task on a text, with options as a JSON object.
type Start = fn(&Rc<Model>, &str, Map<String, Value>) -> Result<Job>;

/// Every task.
pub const TABLE: &[Task] = &[
    Task { name: "generate", read: nothing, start: |m, text, o| m.generate(Prompt::Text(text), &options(o)?) },
    Task { name: "summarize", read: summarize::read, start: |m, text, o| m.summarize(text, &options(o)?) },
    Task { name: "classify", read: classify::read, start: |m, text, o| m.classify(text, &options(o)?) },
    Task { name: "entities", read: entities::read, start: |m, text, o| m.extract_entities(text, &options(o)?) },
    Task { name: "keywords", read: keywords::read, start: |m, text, o| m.extract_keywords(text, &options(o)?) },
    Task { name: "answer", read: answer::read, start: |m, text, o| m.answer(text, &options(o)?) },
    Task { name: "title", read: nothing, start: |m, text, o| m.title(text, &options(o)?) },
    Task { name: "nearDuplicates", read: nothing, start: |m, _, o| m.near_duplicates(options(o)?) },
    #[cfg(not(target_arch = "wasm32"))]
    Task { name: "measure", read: nothing, start: |m, text, _| m.measure(text) },
];

/// Begins a task by its name, with options by theirs.
///
/// # Errors
/// `InvalidOption` for an unknown task, an unknown option and a value that an option cannot have, and what the task's own
/// method says.
pub fn start(model: &Rc<Model>, task: &str, input: &str, options: Map<String, Value>) -> Result<Job> {
    let known = TABLE.iter().find(|known| known.name == task).ok_or_else(|| Error::InvalidOption {
        name: "task".into(),
        expected: format!("one of {}", TABLE.iter().map(|task| task.name).collect::<Vec<_>>().join(", ")),
        found: format!("{task:?}"),
    })?;
    (known.start)(model, input, options)
}

fn nothing(_: Option<&Description<'_>>, _: &mut Sections) -> Result<()> {
    Ok(())
}

/// Reads what a model's file says about the tasks: first what several of them share.
fn read(d: Option<&Description<'_>>, sections: &mut Sections) -> Result<()> {
    if let Some(d) = d {
        sections.insert(format::TaskFormat::read(d)?);
        sections.insert(salience::SalienceSection::from_description(d)?);
        sections.insert(RefCell::new(memo::Memo::default()));
    }
    sections.insert(classify::LastPrior::default());
    TABLE.iter().try_for_each(|task| (task.read)(d, sections))
}

impl Model {
    /// Loads a model from its files: one GGUF file, or the files of a Hugging Face folder.
    ///
    /// `device` says where it shall run, `clock` gives milliseconds, and `progress` is told the phase, and how much of how
    /// much of it is done.
    ///
    /// # Errors
    /// What is wrong with the files, in the words of the module that found it; `Gpu` where the GPU was asked for by name
    /// and cannot be used.
    pub async fn load(
        files: Vec<(String, Bytes)>,
        device: impl Into<DeviceRequest<'_>>,
        clock: Clock,
        progress: &mut dyn FnMut(LoadPhase, usize, usize),
    ) -> Result<Rc<Model>> {
        progress(LoadPhase::Read, 0, 3);
        Self::from_file(crate::format::parse(files)?, device, clock, progress).await
    }

    /// Loads a model from a parsed file; see [`Model::load`].
    pub async fn from_file(
        file: ModelFile,
        device: impl Into<DeviceRequest<'_>>,
        clock: Clock,
        progress: &mut dyn FnMut(LoadPhase, usize, usize),
    ) -> Result<Rc<Model>> {
        Model::open(file, device, clock, progress, read).await
    }
}
