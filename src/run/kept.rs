//! Sessions of calls that ended, for calls that begin with the same tokens: what a page asks about a text once, it often
//! asks again, or asks something else about.
//!
//! Only the time that a call takes depends on what is kept, never what it gives: see
//! [`Session::reusable`](crate::session::Session::reusable).

use crate::backend::Backend;
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
    pub fn take(&mut self, backend: &Backend, tokens: &[u32]) -> Option<(Session, usize)> {
        // Those of a device that was lost would have to be read again.
        self.0.retain(|session| session.is_on(backend));
        let reusable = self.0.iter().map(|session| session.reusable(backend, tokens)).enumerate();
        let (i, n) = reusable.max_by_key(|(_, n)| *n).filter(|(_, n)| *n >= LEAST_TOKENS)?;
        Some((self.0.remove(i), n))
    }

    /// Keeps a session, in place of those that are its beginning or were not used for the longest time.
    pub fn keep(&mut self, session: Session) {
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
