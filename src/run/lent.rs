//! The text of an open session, which one call at a time may change.

use std::cell::RefCell;
use std::rc::Rc;

use super::model::Model;
use crate::error::{Error, Result};
use crate::session::Session;

/// What the calls on one session share.
#[derive(Default)]
pub struct Text {
    pub tokens: Vec<u32>,
    /// The model's memory of the first of them; absent while a call uses it, before the first, and after a failure.
    pub session: Option<Session>,
    pub lent: bool,
}

/// The right of one call to a session's text; ends with the call.
pub struct Lent(Rc<RefCell<Text>>);

impl Lent {
    pub fn new(text: &Rc<RefCell<Text>>) -> Result<Self> {
        if std::mem::replace(&mut text.borrow_mut().lent, true) {
            return Err(Error::Busy);
        }
        Ok(Lent(Rc::clone(text)))
    }

    /// The model's memory of the beginning of `tokens`, with room for `capacity`.
    pub async fn session(&self, model: &Model, tokens: &[u32], capacity: usize) -> Result<Session> {
        let held = self.0.borrow_mut().session.take();
        match held {
            Some(session) if session.capacity() >= capacity => Ok(session),
            Some(session) => {
                let larger = model.copy_session(&session, capacity).await;
                if larger.is_err() {
                    self.0.borrow_mut().session = Some(session);
                }
                larger
            }
            None => model.session_for(tokens, capacity).await,
        }
    }

    /// What the text is after the call. `session` has seen the beginning of `tokens`; else it is not kept.
    pub fn give_back(self, tokens: Vec<u32>, session: Option<Session>) {
        let mut text = self.0.borrow_mut();
        let session = session.map(|mut session| {
            session.truncate(tokens.len());
            session
        });
        text.session = session.filter(|session| tokens.starts_with(session.tokens()));
        text.tokens = tokens;
    }

    /// What the text was before the call.
    pub fn tokens(&self) -> Vec<u32> {
        self.0.borrow().tokens.clone()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.borrow_mut().lent = false;
    }
}
