//! Vectors of texts.

use std::rc::Rc;

use super::model::Model;
use crate::error::{Error, Result};
use crate::table::Table;

impl Model {
    /// Gives the model a table of static embeddings: what [`Model::embed`] and labels of one's own go by.
    pub fn set_table(&self, table: Table) {
        *self.table.borrow_mut() = Some(Rc::new(table));
    }

    /// The table that was given.
    pub fn table(&self) -> Option<Rc<Table>> {
        self.table.borrow().clone()
    }

    /// The vector of a text, at length 1: the nearer two texts are in what they say, the greater the product of their vectors. All
    /// zero where no word of the text is known.
    ///
    /// # Errors
    /// `UnsupportedTask` where no table was given; `Tokenizer`.
    pub fn embed(&self, text: &str) -> Result<Vec<f32>> {
        let table = self.table().ok_or_else(|| Error::UnsupportedTask {
            task: "embed".into(),
            why: "it has no embedding table. Give it one first: Model::set_table".into(),
        })?;
        table.embed(text)
    }
}
