//! What a text can be asked: one file or folder a task, and the table of them.
//!
//! A task's file holds its options, what it reads of the model file's `nanolm.tasks` (its *section*), the checks of what it
//! is given, and one async function over a [`Context`](crate::run::Context) that does the work. A new task is such a file,
//! a row in [`TABLE`], and its kind of [`Event`](crate::run::Event).

mod answer;
mod article;
mod classify;
mod entities;
mod format;
mod judge;
mod keywords;
mod measure;
mod memo;
mod salience;
mod summarize;

use std::cell::RefCell;
use std::rc::Rc;

pub use answer::AnswerOptions;
pub use classify::{ClassifyOptions, Labels};
pub use entities::EntityOptions;
pub use keywords::KeywordOptions;
pub use summarize::{Length, SummarizeOptions, SummaryKind};

use crate::backend::{Clock, DeviceRequest};
use crate::error::Result;
use crate::format::ModelFile;
pub use crate::language::en::features::NAMES as FEATURE_NAMES;
use crate::run::section::{Description, Sections};
use crate::run::{LoadPhase, Model};
use crate::tensor::Bytes;

/// Reads what a model's file says about the tasks.
fn read(d: Option<&Description<'_>>, sections: &mut Sections) -> Result<()> {
    if let Some(d) = d {
        sections.insert(format::TaskFormat::read(d)?);
        sections.insert(salience::SalienceSection::from_description(d)?);
        sections.insert(RefCell::new(memo::Memo::default()));
    }
    summarize::read(d, sections)?;
    classify::read(d, sections)?;
    entities::read(d, sections)?;
    // Any model will do.
    sections.names.extend(["keywords", "answer"]);
    Ok(())
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
