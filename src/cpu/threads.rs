//! Threads that share the work of one section after another: a forward pass has hundreds, of 10 to 500 us each.
//!
//! A section is a number of parts. Whoever runs it publishes it with one atomic write; the other threads, the helpers,
//! claim parts of it with one atomic addition each, and so does the caller, so that a section also ends when no helper
//! comes, or a late one. The caller takes parts from the first on and helpers from the last on: with as many parts as
//! threads, a thread gets the same part each time, and finds its data in its own cache.
//!
//! Helpers spin for a moment between sections, because waking one costs more than many a section; then they sleep.
//! Nothing spins while nobody computes. Where other programs keep a helper from its part, the caller would wait longer than
//! the helper saves: it then does without that helper for a while ([`worth`]).
//!
//! In a browser a helper is a worker that runs [`Pool::help`] on the same memory (see `js/threads.rs`); natively it is a
//! `std` thread. Without helpers everything runs on the caller's thread.

mod claims;
mod worth;

use std::cell::UnsafeCell;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use claims::{BY_CALLER, BY_HELPER, Claims};
use worth::Worth;

/// Helpers of one pool at most; more than that are sent away.
pub const MAX_HELPERS: usize = 15;
/// Threads of one pool at most, the caller included: numbers of threads that [`Pool::run`] hands out are below.
pub const MAX_THREADS: usize = MAX_HELPERS + 1;
/// Parts of one section at most; sections of more are run by the caller alone.
pub const MAX_PARTS: usize = 1 << 14;

/// Looks for work before a helper goes to sleep: some 200 us, longer than the serial work between two sections and mostly
/// than that between two tokens.
const HELPER_SPINS: u32 = 120_000;
/// Looks at the helpers' parts before the caller asks for the time: a microsecond.
const FREE_SPINS: u32 = 300;
/// Looks at the helpers' parts before the caller goes to sleep: a tenth of a millisecond. A helper that then does not run can
/// have the caller's processor.
const CALLER_SPINS: u32 = 50_000;
/// Sections with fewer helpers than there are between two looks at the clock.
const LOOK: u32 = 16;
/// How long the caller sleeps at a time: a helper that ends wakes it, one that dies does not.
const NAP: Duration = Duration::from_millis(50);
/// Naps after which a helper that has not ended its part counts as dead. In a browser workers can vanish; `std` threads
/// cannot.
const MOST_NAPS: u32 = if cfg!(target_arch = "wasm32") { 400 } else { u32::MAX };

/// Milliseconds since any fixed moment. Passed in, because a page and a program read it from different places.
pub type Clock = fn() -> f64;

/// The threads of this process, or of the page's worker. Without helpers until somebody calls [`Pool::help`] on it.
pub static POOL: Pool = Pool::new();

/// Threads that share sections of work.
pub struct Pool {
    /// The open section's claims, see [`Claims`].
    claims: Line<AtomicU64>,
    /// Parts that helpers have ended.
    ended_parts: Line<AtomicU32>,
    /// What the parts of the open section do. Written while no section is open, read by those who have a claim.
    work: UnsafeCell<Option<Work>>,
    /// Whether a section is open.
    open: AtomicBool,
    helpers: AtomicUsize,
    seats: [Seat; MAX_HELPERS],
    /// The caller, while it sleeps.
    caller: Mutex<Option<Thread>>,
    caller_sleeps: AtomicBool,
    /// A part of the open section panicked.
    failed: AtomicBool,
    /// A helper is gone without having ended its part.
    died: AtomicBool,
    ended: AtomicBool,
    /// What tells the time. Without one no helper is left out, however late it is.
    clock: OnceLock<Clock>,
    /// How many helpers are left out at the moment, as `worth` says, and how many sections there were since.
    left_out: AtomicUsize,
    looks: AtomicU32,
    worth: Mutex<Worth>,
}

// SAFETY: of the fields only `work` is not `Sync`; whoever reads it has a claim on a part of the section that it was
// written for, and it is written again only after all claimed parts have ended.
unsafe impl Sync for Pool {}

/// A cache line of its own: threads that wait for one number must not slow down those who write the next.
#[repr(align(128))]
struct Line<T>(T);

/// One helper's place.
struct Seat {
    thread: OnceLock<Thread>,
    asleep: AtomicBool,
}

/// A closure `Fn(part, thread)` without its type and lifetime.
#[derive(Clone, Copy)]
struct Work {
    closure: *const (),
    call: unsafe fn(*const (), usize, usize),
}

impl Pool {
    /// A pool without helpers.
    pub const fn new() -> Pool {
        Pool {
            claims: Line(AtomicU64::new(0)),
            ended_parts: Line(AtomicU32::new(0)),
            work: UnsafeCell::new(None),
            open: AtomicBool::new(false),
            helpers: AtomicUsize::new(0),
            seats: [const { Seat { thread: OnceLock::new(), asleep: AtomicBool::new(false) } }; MAX_HELPERS],
            caller: Mutex::new(None),
            caller_sleeps: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            died: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            clock: OnceLock::new(),
            left_out: AtomicUsize::new(0),
            looks: AtomicU32::new(0),
            worth: Mutex::new(Worth::new()),
        }
    }

    /// From now on helpers are left out where waiting for them costs more time than they save. The clock, in milliseconds, is
    /// asked on the callers' threads only. Without one the pool is as patient as tests want it, which must not depend on what
    /// else the machine does. The first clock stays.
    pub fn watch(&self, clock: Clock) {
        let _ = self.clock.set(clock);
    }

    /// How many threads there are, the caller's included. Helpers may join at any time.
    pub fn threads(&self) -> usize {
        1 + self.helpers.load(Acquire).min(MAX_HELPERS)
    }

    /// How many threads work at the moment, the caller's included; now and then all of them are asked again.
    pub fn working(&self) -> usize {
        let left_out = self.left_out.load(Relaxed);
        if left_out == 0 {
            return self.threads();
        }
        if self.looks.fetch_add(1, Relaxed).is_multiple_of(LOOK)
            && let Some(clock) = self.clock.get()
        {
            self.count(|worth| worth.look(clock()));
        }
        self.threads().saturating_sub(self.left_out.load(Relaxed)).max(1)
    }

    /// Runs a pass over one token: the time that it takes tells whether threads are worth it.
    pub fn pass<R>(&self, pass: impl FnOnce() -> R) -> R {
        let helpers = self.threads() - 1;
        let Some(clock) = self.clock.get().filter(|_| helpers > 0) else { return pass() };
        self.count(Worth::begin);
        let left_out = self.left_out.load(Relaxed);
        let began = clock();
        let result = pass();
        let now = clock();
        self.count(|worth| worth.end(now, now - began, left_out, helpers));
        result
    }

    fn count(&self, change: impl FnOnce(&mut Worth)) {
        let mut worth = self.worth.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut worth);
        self.left_out.store(worth.left_out(), Relaxed);
    }

    /// Calls `work(part, thread)` once for each part below `parts`, on any thread and in any order; returns when all have
    /// ended. No two calls at the same time have the same `thread`, which is below [`MAX_THREADS`]: it can number scratch
    /// memory.
    ///
    /// Of two sections at the same time, or one within another, the second runs on its caller's thread alone, whose number
    /// is then 0 too: give each a scratch memory of its own.
    ///
    /// # Panics
    /// Where a part did on any thread, or a helper died over its part: the work is not done and cannot be.
    pub fn run<F: Fn(usize, usize) + Sync>(&self, parts: usize, work: F) {
        let helpers = if parts < 2 { 0 } else { self.working() - 1 };
        if helpers == 0 || parts > MAX_PARTS || self.open.swap(true, Acquire) {
            for part in 0..parts {
                work(part, 0);
            }
            return;
        }
        /// # Safety
        /// `closure` points to a live `F`.
        unsafe fn call<F: Fn(usize, usize)>(closure: *const (), part: usize, thread: usize) {
            unsafe { (*closure.cast::<F>())(part, thread) }
        }
        self.ended_parts.0.store(0, Relaxed);
        // SAFETY: no section is open, so nobody reads.
        unsafe { *self.work.get() = Some(Work { closure: (&raw const work).cast(), call: call::<F> }) };
        // Ends the section in any case, also when a part panics: `work` must outlive all its calls.
        let mut section = Section { pool: self, helpers, mine: 0 };
        // A helper first says that it sleeps and then looks at the claims; here it is the other way around. One of the two
        // sees what the other wrote.
        self.claims.0.store((parts as u64) << 32, SeqCst);
        for seat in self.seats.iter().take(helpers.min(parts - 1)) {
            seat.wake();
        }
        while let Some(part) = self.claim(BY_CALLER) {
            section.mine += 1;
            work(part, 0);
        }
    }

    /// Works as a helper until the pool ends. Returns at once where there is no seat left.
    pub fn help(&self) {
        let number = self.helpers.fetch_add(1, SeqCst);
        let Some(seat) = self.seats.get(number) else {
            self.helpers.fetch_sub(1, SeqCst);
            return;
        };
        let _ = seat.thread.set(thread::current());
        // The last ones are left out: they take nothing, and fall asleep.
        let wanted = || number.saturating_add(self.left_out.load(Relaxed)) < self.helpers.load(Relaxed);
        let mut spins = 0;
        while !self.ended.load(Relaxed) {
            if let Some(part) = wanted().then(|| self.claim(BY_HELPER)).flatten() {
                self.perform(part, number + 1);
                spins = 0;
            } else if spins < HELPER_SPINS {
                spins += 1;
                std::hint::spin_loop();
            } else {
                seat.asleep.store(true, SeqCst);
                let is_called = || wanted() && Claims(self.claims.0.load(SeqCst)).are_open();
                while !is_called() && !self.ended.load(SeqCst) && seat.asleep.load(SeqCst) {
                    thread::park();
                }
                seat.asleep.store(false, Relaxed);
                spins = 0;
            }
        }
    }

    /// Lets all helpers go. Sections run on their caller's thread from then on.
    pub fn end(&self) {
        self.ended.store(true, SeqCst);
        for seat in &self.seats {
            seat.wake();
        }
    }

    /// Says of a helper that it died over its part, as one does that traps in a browser: the section's caller panics.
    pub fn bury(&self) {
        self.died.store(true, SeqCst);
        self.wake_caller();
    }

    fn claim(&self, by: u64) -> Option<usize> {
        if !Claims(self.claims.0.load(Relaxed)).are_open() {
            return None;
        }
        let before = Claims(self.claims.0.fetch_add(by, Acquire));
        let part =
            if by == BY_CALLER { before.by_caller() } else { before.parts().wrapping_sub(1 + before.by_helpers()) };
        before.are_open().then_some(part)
    }

    /// Does a part that was claimed, as a helper.
    fn perform(&self, part: usize, thread: usize) {
        // The count, also where the part panics: the section must not end before, and not wait for ever either.
        struct End<'a>(&'a Pool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                if thread::panicking() {
                    self.0.failed.store(true, SeqCst);
                }
                self.0.ended_parts.0.fetch_add(1, SeqCst);
                self.0.wake_caller();
            }
        }
        let _end = End(self);
        // SAFETY: the claim holds the section open, and with it what `closure` points to, until the count below. The
        // claim's Acquire saw the write, which came before the claims were published.
        if let Some(work) = unsafe { *self.work.get() } {
            unsafe { (work.call)(work.closure, part, thread) };
        }
    }

    fn wake_caller(&self) {
        if self.caller_sleeps.load(SeqCst)
            && let Some(caller) = self.caller.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
        {
            caller.unpark();
        }
    }

    /// Waits until `helpers` have ended `parts`.
    fn wait_for(&self, parts: usize, helpers: usize) {
        let waits = || self.ended_parts.0.load(Acquire) as usize != parts;
        for _ in 0..FREE_SPINS {
            if !waits() {
                return;
            }
            std::hint::spin_loop();
        }
        let Some(clock) = self.clock.get() else { return self.wait_long(waits) };
        let began = clock();
        self.wait_long(waits);
        let now = clock();
        self.count(|worth| worth.waited(now, now - began, helpers));
    }

    fn wait_long(&self, waits: impl Fn() -> bool) {
        for _ in 0..CALLER_SPINS {
            if !waits() {
                return;
            }
            std::hint::spin_loop();
        }
        *self.caller.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        self.caller_sleeps.store(true, SeqCst);
        // A helper adds its part and then looks whether the caller sleeps; here it is the other way around.
        std::sync::atomic::fence(SeqCst);
        let mut naps = 0;
        while waits() && !self.died.load(SeqCst) {
            if naps == MOST_NAPS {
                self.died.store(true, SeqCst);
            }
            thread::park_timeout(NAP);
            naps += 1;
        }
        self.caller_sleeps.store(false, SeqCst);
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads()).finish_non_exhaustive()
    }
}

impl Default for Pool {
    fn default() -> Self {
        Pool::new()
    }
}

impl Seat {
    fn wake(&self) {
        // A helper that only just came has no thread yet, and does not sleep either.
        if self.asleep.load(SeqCst)
            && self.asleep.swap(false, SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }
}

/// An open section, which ends when this goes.
struct Section<'a> {
    pool: &'a Pool,
    helpers: usize,
    /// Parts that the caller claimed.
    mine: usize,
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        let pool = self.pool;
        // No new claims; normally there are none left.
        let claims = Claims(pool.claims.0.swap(0, SeqCst));
        let claimed = (claims.by_caller() + claims.by_helpers()).min(claims.parts());
        pool.wait_for(claimed - self.mine, self.helpers);
        let died = pool.died.load(SeqCst);
        let failed = pool.failed.swap(false, SeqCst);
        // With a part that may still be under way no section can be opened again.
        if !died {
            pool.open.store(false, Release);
        }
        if (failed || died) && !thread::panicking() {
            panic!("a thread died over its part of the work");
        }
    }
}
