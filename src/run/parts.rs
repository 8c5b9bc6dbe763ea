//! What a model is given beside its files: vectors of texts, trained sets of labels, names.

use std::rc::Rc;

use super::model::Model;
use crate::error::Result;
use crate::format;
use crate::heads::{LabelHead, NameHead};
use crate::table::{self, Table};
use crate::tensor::Bytes;

impl Model {
    /// Adds what a file holds: a table of static embeddings, a trained set of labels, or what finds names.
    ///
    /// # Errors
    /// `Truncated` and `Format` for a damaged file, `Unsupported` for one that is none of these.
    pub fn add(&self, files: Vec<(String, Bytes)>) -> Result<()> {
        let file = format::parse(files)?;
        if table::is_table(&file) {
            self.set_table(Table::of(&file)?);
            return Ok(());
        }
        self.heads.borrow_mut().add(&file)
    }

    /// The trained set of labels of that name, where it was added.
    pub fn label_head(&self, name: &str) -> Option<Rc<LabelHead>> {
        self.heads.borrow().labels(name)
    }

    /// What finds names, where it was added.
    pub fn name_head(&self) -> Option<Rc<NameHead>> {
        self.heads.borrow().names()
    }

    /// Gives the model a table of static embeddings: what [`Model::embed`] of a decoder and labels of one's own go by.
    pub fn set_table(&self, table: Table) {
        *self.table.borrow_mut() = Some(Rc::new(table));
    }

    /// The table that was given.
    pub fn table(&self) -> Option<Rc<Table>> {
        self.table.borrow().clone()
    }
}
