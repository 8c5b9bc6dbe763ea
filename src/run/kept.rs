//! Sessions of calls that ended, for calls that begin with the same tokens: what a page asks about a text once, it often
//! asks again, or asks something else about.
//!
//! Only the time that a call takes depends on what is kept, never what it gives: see
//! [`Session::reusable`](crate::session::Session::reusable).

use super::model::Model;
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::session::Session;

/// Sessions kept at most, and together at most this many bytes of keys and values; the last one is kept in any case.
const MAX_SESSIONS: usize = 8;
const MAX_BYTES: usize = 32 << 20;
/// Fewer tokens are read again sooner than looked after.
const LEAST_TOKENS: usize = 8;

/// Kept sessions, the one used last at the end.
#[derive(Default)]
pub struct KeptSessions(Vec<Session>);

impl KeptSessions {
    /// Takes out the session that begins with the most of `tokens`, and says how many.
    fn take(&mut self, backend: &Backend, tokens: &[u32]) -> Option<(Session, usize)> {
        // Those of a device that was lost would have to be read again.
        self.0.retain(|session| session.is_on(backend));
        let reusable = self.0.iter().map(|session| session.reusable(backend, tokens)).enumerate();
        let (i, n) = reusable.max_by_key(|(_, n)| *n).filter(|(_, n)| *n >= LEAST_TOKENS)?;
        Some((self.0.remove(i), n))
    }

    /// Keeps a session, in place of those that are its beginning or were not used for the longest time.
    fn keep(&mut self, session: Session) {
        if session.position() < LEAST_TOKENS {
            return;
        }
        self.0.retain(|other| !session.tokens().starts_with(other.tokens()));
        self.0.push(session);
        while self.0.len() > 1 && (self.0.len() > MAX_SESSIONS || self.bytes() > MAX_BYTES) {
            self.0.remove(0);
        }
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(Session::bytes).sum()
    }
}

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
