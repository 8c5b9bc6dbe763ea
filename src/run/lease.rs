//! A session that a call has for as long as it lasts. It returns itself, whichever way the call ends.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use super::lent::Lent;
use super::model::Model;
use crate::session::Session;

/// Where a session goes afterwards.
pub(super) enum Home {
    /// To the sessions kept for later calls.
    Kept,
    /// To the open text that it belongs to, whose tokens these are then.
    Text(Lent, Vec<u32>),
    Nowhere,
}

/// Sessions of leases that ended: the job decides what becomes of them.
pub(super) struct Returns {
    model: Rc<Model>,
    returned: RefCell<Vec<Returned>>,
}

impl Returns {
    pub fn new(model: &Rc<Model>) -> Self {
        Returns { model: Rc::clone(model), returned: RefCell::default() }
    }

    /// Brings sessions back to where they came from. `sound`: nothing failed.
    pub fn go_home(&self, sound: bool) {
        self.returned.take().into_iter().for_each(|returned| returned.go_home(&self.model, sound));
    }
}

/// A leased session; see [`Context::lease`](super::Context::lease).
pub struct Lease {
    returns: Rc<Returns>,
    session: Session,
    home: Home,
    /// Tokens at the end that were read and do not count yet.
    ahead: usize,
}

impl Lease {
    pub(super) fn new(returns: &Rc<Returns>, session: Session, home: Home) -> Self {
        Lease { returns: Rc::clone(returns), session, home, ahead: 0 }
    }

    /// How many tokens at the end were read ahead of being written.
    pub(super) fn set_ahead(&mut self, n: usize) {
        self.ahead = n;
    }

    /// A token belongs to the text from now on.
    pub(super) fn write(&mut self, token: u32) {
        if let Home::Text(_, tokens) = &mut self.home {
            tokens.push(token);
        }
    }

    /// These are the tokens of the text from now on.
    pub(super) fn set_text(&mut self, text: Vec<u32>) {
        if let Home::Text(_, tokens) = &mut self.home {
            *tokens = text;
        }
    }

    /// Leaves the session to later calls, and to this one, at once.
    pub fn leave(mut self) {
        self.returned().go_home(&self.returns.model, true);
    }

    fn returned(&mut self) -> Returned {
        let home = std::mem::replace(&mut self.home, Home::Nowhere);
        Returned { session: std::mem::take(&mut self.session), home, ahead: std::mem::take(&mut self.ahead) }
    }
}

impl Deref for Lease {
    type Target = Session;
    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Whether the call failed, the job knows.
        let returned = self.returned();
        self.returns.returned.borrow_mut().push(returned);
    }
}

/// A session whose lease ended.
struct Returned {
    session: Session,
    home: Home,
    ahead: usize,
}

impl Returned {
    /// `sound`: nothing failed, so that the session can be used again.
    fn go_home(mut self, model: &Model, sound: bool) {
        self.session.truncate(self.session.position().saturating_sub(self.ahead));
        match self.home {
            Home::Kept if sound => model.keep(self.session),
            Home::Text(lent, tokens) => lent.give_back(tokens, Some(self.session).filter(|_| sound)),
            Home::Kept | Home::Nowhere => {}
        }
    }
}
