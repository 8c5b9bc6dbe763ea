//! Linear models over hashed features of a text: trained sets of labels ([`LabelHead`]) and names ([`NameHead`]). They need no
//! network, and microseconds a text.
//!
//! A file holds one of them, as GGUF. What a feature is (a word, two words, a part of a word, a shape) is hashed to a bucket of the
//! file's matrix (feature hashing: Weinberger et al. 2009), which was trained with the collisions that come of it. So no file
//! holds a word. `docs/heads.md` describes the format, `pkg-scripts/train/heads` makes the files.

mod features;
mod file;
mod labels;
mod lexicon;
mod names;
pub(crate) mod sequence;

use std::rc::Rc;

use self::file::File;
pub use self::labels::LabelHead;
pub use self::names::{Name, NameHead};
use crate::error::{Error, Result};
use crate::format::{ModelFile, Value};

/// What a model was given of them.
#[derive(Debug, Default)]
pub struct Heads {
    labels: Vec<Rc<LabelHead>>,
    names: Option<Rc<NameHead>>,
}

impl Heads {
    /// Adds what a file holds, in the place of what was there of the same kind and name.
    ///
    /// # Errors
    /// `Unsupported` for a file of another architecture, `Format` for a damaged one.
    #[inline(never)]
    pub fn add(&mut self, file: &ModelFile) -> Result<()> {
        let architecture = file.metadata.get("general.architecture");
        match architecture.and_then(Value::as_str) {
            Some(labels::ARCHITECTURE) => {
                let head = LabelHead::read(&File(file))?;
                self.labels.retain(|other| other.name() != head.name());
                self.labels.push(Rc::new(head));
            }
            Some(names::ARCHITECTURE) => self.names = Some(Rc::new(NameHead::read(&File(file))?)),
            _ => {
                return Err(Error::Unsupported {
                    what: format!("{}: general.architecture of something to add to a model", file.name),
                    found: architecture.map_or("nothing".into(), Value::describe),
                    supported: format!("static-embedding, {}, {}", labels::ARCHITECTURE, names::ARCHITECTURE),
                });
            }
        }
        Ok(())
    }

    /// The set of labels of that name.
    pub fn labels(&self, name: &str) -> Option<Rc<LabelHead>> {
        self.labels.iter().find(|head| head.name() == name).cloned()
    }

    /// What finds names.
    pub fn names(&self) -> Option<Rc<NameHead>> {
        self.names.clone()
    }
}
