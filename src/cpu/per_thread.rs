//! Memory that each thread of a pool has for itself.

use super::threads::MAX_THREADS;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// One `T` for each thread, made when the thread first needs it: scratch memory.
pub struct PerThread<T> {
    of: [OnceLock<Mutex<T>>; MAX_THREADS],
    make: Arc<dyn Fn() -> T + Send + Sync>,
}

impl<T> PerThread<T> {
    /// `make` makes one.
    pub fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        PerThread { of: [const { OnceLock::new() }; MAX_THREADS], make: Arc::new(make) }
    }

    /// Lends the one of a thread, by the number that [`Pool::run`](super::threads::Pool::run) gave it.
    pub fn with<R>(&self, thread: usize, f: impl FnOnce(&mut T) -> R) -> R {
        let own = self.of[thread].get_or_init(|| Mutex::new((self.make)()));
        // Nobody else wants it, so there is no waiting; its contents matter to nobody later.
        f(&mut own.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A clone has memory of its own.
impl<T> Clone for PerThread<T> {
    fn clone(&self) -> Self {
        PerThread { of: [const { OnceLock::new() }; MAX_THREADS], make: Arc::clone(&self.make) }
    }
}

impl<T> std::fmt::Debug for PerThread<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PerThread").finish_non_exhaustive()
    }
}
