//! Texts that are nearly the same.
//!
//! Two texts are near duplicates where the cosine of their vectors, by the embedding table, is at least the threshold, at least
//! [`OVERLAP`] of the words of both are in both, and no sentence disagrees with its twin in a number, a negation, a direction or a name
//! (see [`said`](crate::language::en::said)). The cosine is exact; nothing is hashed. A group is what is like its first text: no chain
//! leads from one text to another that is unlike it.

use std::cell::OnceCell;
use std::rc::Rc;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::language::en::said::Said;
use crate::run::{Ended, Event, Group, Job, Member, Model, Phase};
use crate::table::dot;

/// Share of the words of both that near duplicates have in common.
const OVERLAP: f64 = 0.5;
/// Texts between two reports of progress, and chances to stop.
const STEP: usize = 16;

/// Options of [`Model::near_duplicates`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct DuplicateOptions {
    /// What is compared.
    pub texts: Vec<String>,
    /// The least cosine.
    pub threshold: f32,
    /// Texts that differ in a number, a negation, a direction or a name are none.
    pub same_facts: bool,
}

impl Default for DuplicateOptions {
    fn default() -> Self {
        DuplicateOptions { texts: Vec::new(), threshold: 0.9, same_facts: true }
    }
}

/// A text as it is compared.
struct Text {
    text: String,
    vector: Vec<f32>,
    said: OnceCell<Said>,
}

impl Model {
    /// Groups of texts that are nearly the same, in the order of their first texts; what is like nothing else is in none.
    ///
    /// # Errors
    /// `UnsupportedTask` where the model was given no table, `InvalidOption` for a threshold that no cosine can be.
    pub fn near_duplicates(self: &Rc<Self>, options: DuplicateOptions) -> Result<Job> {
        let table = self.table().ok_or_else(|| Error::UnsupportedTask {
            task: "nearDuplicates".into(),
            why: "it has no embedding table. Give it one first: Model::set_table".into(),
        })?;
        let DuplicateOptions { texts, threshold, same_facts } = options;
        if !(threshold > 0.0 && threshold <= 1.0) {
            let (expected, found) = ("a number above 0, at most 1".into(), threshold.to_string());
            return Err(Error::InvalidOption { name: "threshold".into(), expected, found });
        }
        Ok(Job::new(self, move |context| async move {
            let n = texts.len();
            // The first text of each group, and where the others are.
            let mut first: Vec<Text> = Vec::new();
            let mut groups: Vec<Vec<Member>> = Vec::new();
            for (index, text) in texts.into_iter().enumerate() {
                if index % STEP == 0 {
                    context.progress(Phase::Compare, index, n).await;
                }
                let text = Text { vector: table.embed(&text)?, text, said: OnceCell::new() };
                let mut best: Option<(f32, &mut Vec<Member>)> = None;
                for (other, group) in first.iter().zip(&mut groups) {
                    let score = other.likeness(&text);
                    let better = score >= threshold && best.as_ref().is_none_or(|(most, _)| score > *most);
                    if better && other.is_like(&text, same_facts) {
                        best = Some((score, group));
                    }
                }
                match best {
                    Some((score, group)) => group.push(Member { index, score }),
                    None => {
                        first.push(text);
                        groups.push(vec![Member { index, score: 1.0 }]);
                    }
                }
            }
            context.progress(Phase::Compare, n, n).await;
            for members in groups.into_iter().filter(|members| members.len() > 1) {
                context.emit(Event::Group(Group { members })).await;
            }
            Ok(Ended::given())
        }))
    }
}

impl Text {
    fn said(&self) -> &Said {
        self.said.get_or_init(|| Said::new(&self.text))
    }

    /// The cosine of the vectors; for texts without any word that the table knows, such as those in other scripts, the overlap of their
    /// words.
    fn likeness(&self, other: &Text) -> f32 {
        if self.vector.iter().chain(&other.vector).all(|x| *x == 0.0) {
            return self.said().overlap(other.said()) as f32;
        }
        dot(&self.vector, &other.vector).min(1.0)
    }

    fn is_like(&self, other: &Text, same_facts: bool) -> bool {
        let (a, b) = (self.said(), other.said());
        a.overlap(b) >= OVERLAP && (!same_facts || a.agrees(b))
    }
}
