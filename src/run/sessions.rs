//! Sessions of a model: new ones, and those that calls before left.

use super::kept::KeptSessions;
use super::model::Model;
use crate::error::{Error, Result};
use crate::session::Session;

impl Model {
    /// A session for `capacity` tokens that has read as much of the beginning of `tokens` as one of the calls before
    /// left, and nothing else.
    // The borrows are held while the device works, on purpose: they are the lock that makes a second call `Busy`.
    #[allow(clippy::await_holding_refcell_ref)]
    pub(super) async fn session_for(&self, tokens: &[u32], capacity: usize) -> Result<Session> {
        let backend = self.backend()?;
        let found = self.kept().borrow_mut().take(&backend, tokens);
        let made = match found {
            None => Session::new(&backend, capacity).await,
            Some((mut session, n)) if session.capacity() >= capacity && session.position() <= 2 * n => {
                session.truncate(n);
                return Ok(session);
            }
            Some((session, n)) => {
                let copy = session.copy(&backend, n, capacity).await;
                // Another call may want the rest of it.
                if session.position() > 2 * n {
                    self.keep(session);
                }
                copy
            }
        };
        match made {
            Err(Error::OutOfMemory { .. }) => {
                self.kept().replace(KeptSessions::default());
                Session::new(&backend, capacity).await
            }
            other => other,
        }
    }

    /// A session for `capacity` tokens that has read the same.
    #[allow(clippy::await_holding_refcell_ref)]
    pub(super) async fn copy_session(&self, session: &Session, capacity: usize) -> Result<Session> {
        let backend = self.backend()?;
        session.copy(&backend, session.position(), capacity).await
    }

    /// Keeps the session of a call that ended.
    pub(super) fn keep(&self, session: Session) {
        self.kept().borrow_mut().keep(session);
    }
}
