//! Whether sharing work is worth it at the moment.
//!
//! Where another program keeps a processor busy, its time is dealt out in slices of milliseconds. A helper that loses its
//! processor in the middle of a part holds the caller up for such a slice, a hundred times as long as the part takes: two
//! threads are then slower than one. So the time that the caller waits for others is held against what sharing saves. Where
//! it loses, a helper is left out for a pause; each pause is twice as long as the last, until all helpers hold out for a
//! while again. A try costs a slice at most, so that a long pause makes its price small.
//!
//! Two threads can also be slower than one where nobody waits long: where they share the units of one core, or memory. So one in
//! some dozens of passes over a single token is done alone, and where passes with helpers are then found to take longer, twice, all
//! helpers are left out for such a pause.
//!
//! Times are in milliseconds.

use std::ops::RangeInclusive;

/// What sharing saves of each millisecond, for each helper. With equal parts it would be one less what is not shared; where
/// the processors differ it is less.
const SAVED: f64 = 0.5;
/// What may be lost at most before a helper is left out, however much was saved before.
const CREDIT: f64 = 2.0;
/// How long a helper is left out for, at first and at most.
const PAUSE: RangeInclusive<f64> = 16.0..=1024.0;
/// All helpers have held out where they were there for so many pauses.
const HELD_OUT: f64 = 2.0;
/// Passes with helpers until one is tried alone: the first time, and then.
const FIRST_TRY: u32 = 8;
const TRY: u32 = 64;
/// Passes of a try; the last one counts, as helpers are still about in the first.
const TRIED: u32 = 2;
/// Passes with helpers that are judged together.
const JUDGED: u32 = 8;
/// How many times as long as they took helpers are then left out for.
const LONG: f64 = 16.0;

/// The account of what sharing saved and lost.
#[derive(Debug)]
pub(super) struct Worth {
    left_out: usize,
    credit: f64,
    /// When the credit was last counted.
    counted: f64,
    /// When all helpers were last asked again.
    all_since: f64,
    /// When a helper was last left out, and for how long.
    left_out_since: f64,
    pause: f64,
    /// How long the last two passes alone took; infinite where there was none.
    alone: [f64; 2],
    /// The fastest of the passes with helpers that are judged next, and how many these are so far.
    fastest: f64,
    passes: u32,
    /// Whether the last ones that were judged were slower.
    suspected: bool,
    /// Passes until the next try, and passes left of this one.
    next_try: u32,
    tried: u32,
    /// The pass at hand is one of a try.
    trying: bool,
}

impl Worth {
    pub const fn new() -> Worth {
        Worth {
            left_out: 0,
            credit: CREDIT,
            counted: 0.0,
            all_since: 0.0,
            left_out_since: 0.0,
            pause: 0.0,
            alone: [f64::INFINITY; 2],
            fastest: f64::INFINITY,
            passes: 0,
            suspected: false,
            next_try: FIRST_TRY,
            tried: 0,
            trying: false,
        }
    }

    /// How many helpers are left out.
    pub fn left_out(&self) -> usize {
        if self.trying { usize::MAX } else { self.left_out }
    }

    /// A pass over one token begins.
    pub fn begin(&mut self) {
        if self.left_out == 0 && self.tried == 0 {
            self.next_try -= 1;
            if self.next_try == 0 {
                (self.next_try, self.tried) = (TRY, TRIED);
            }
        }
        self.trying = self.tried > 0;
    }

    /// At the time `now` a pass over one token has ended, which took so long and was begun with so many helpers left out, of
    /// `helpers` in all.
    pub fn end(&mut self, now: f64, took: f64, left_out: usize, helpers: usize) {
        let alone = left_out >= helpers && self.left_out() >= helpers;
        // What comes between two passes of a try, such as a prompt, has all helpers.
        self.trying = false;
        if alone {
            self.tried = self.tried.saturating_sub(1);
            if self.tried == 0 {
                self.alone = [self.alone[1], took];
            }
        } else if left_out == 0 && self.left_out == 0 {
            self.fastest = self.fastest.min(took);
            self.passes += 1;
            if self.passes == JUDGED {
                let [before, last] = self.alone;
                let slower = last.is_finite() && self.fastest > before.min(last);
                if slower && self.suspected {
                    // So long that the next passes that are judged cost little.
                    self.pause = (LONG * self.fastest * f64::from(JUDGED)).clamp(*PAUSE.start(), *PAUSE.end());
                    self.leave_out(now, helpers);
                } else if slower {
                    // Or the context grew since.
                    (self.alone, self.next_try) = ([f64::INFINITY; 2], 1);
                }
                self.suspected = slower;
                (self.passes, self.fastest) = (0, f64::INFINITY);
            }
        }
    }

    /// At the time `now` the caller has waited for so long for its `helpers`, those left out not counted.
    pub fn waited(&mut self, now: f64, waited: f64, helpers: usize) {
        let shared = (now - waited - self.counted).max(0.0);
        self.credit = (self.credit + shared * SAVED * helpers as f64).min(CREDIT) - waited;
        self.counted = now;
        if self.credit < 0.0 && helpers > 0 {
            if self.left_out == 0 {
                let held_out = now - self.all_since >= HELD_OUT * self.pause;
                self.pause = if held_out { *PAUSE.start() } else { (2.0 * self.pause).min(*PAUSE.end()) };
            }
            self.leave_out(now, 1);
        }
    }

    fn leave_out(&mut self, now: f64, more: usize) {
        self.left_out += more;
        self.left_out_since = now;
        self.credit = CREDIT;
    }

    /// Asks all helpers again where the pause is over.
    pub fn look(&mut self, now: f64) {
        if self.left_out > 0 && now - self.left_out_since >= self.pause {
            self.left_out = 0;
            self.credit = CREDIT;
            self.counted = now;
            self.all_since = now;
            (self.passes, self.fastest) = (0, f64::INFINITY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Threads that compute for `ms`, in sections of a tenth of a millisecond; at each time the helpers may hold the caller up. How
    /// many milliseconds' work of one thread is done.
    fn compute(worth: &mut Worth, from: f64, ms: f64, helpers: usize, held_up: impl Fn(f64, usize) -> f64) -> f64 {
        let (mut now, mut done) = (from, 0.0);
        while now < from + ms {
            worth.look(now);
            let helping = helpers - worth.left_out().min(helpers);
            done += 0.1 * (1 + helping) as f64;
            now += 0.1;
            let waits = if helping > 0 { held_up(now, helping) } else { 0.0 };
            now += waits;
            if helping > 0 {
                worth.waited(now, waits, helping);
            }
        }
        done / ms
    }

    /// The helper loses its processor for the second half of every 7 ms.
    fn busy(now: f64, _: usize) -> f64 {
        if now % 7.0 >= 3.5 { 7.0 - now % 7.0 } else { 0.0 }
    }

    #[test]
    fn helpers_that_hold_out_are_never_left_out() {
        let mut worth = Worth::new();
        // Each section ends a little late, and now and then the system needs a moment.
        let speed = compute(&mut worth, 0.0, 5000.0, 1, |now, _| if now % 300.0 < 0.1 { 1.0 } else { 0.01 });
        assert!(speed > 1.7, "{speed}");
        assert_eq!(worth.left_out(), 0);
    }

    #[test]
    fn beside_a_busy_processor_one_thread_alone_is_nearly_as_fast() {
        let mut worth = Worth::new();
        let speed = compute(&mut worth, 0.0, 2000.0, 1, |now, _| 1.5 * busy(now, 1));
        assert!(speed > 0.95, "{speed}");
        // From the first slice on.
        let mut worth = Worth::new();
        let speed = compute(&mut worth, 0.0, 50.0, 1, |now, _| 1.5 * busy(now, 1));
        assert!(speed > 0.85, "{speed}");
    }

    #[test]
    fn helpers_come_back_within_the_longest_pause() {
        let mut worth = Worth::new();
        compute(&mut worth, 0.0, 5000.0, 1, |now, _| 1.5 * busy(now, 1));
        let speed = compute(&mut worth, 10_000.0, 3000.0, 1, |_, _| 0.0);
        assert!(speed > 1.6, "{speed}");
        // And a moment of the system then costs a short pause, not the long one of before.
        let mut before = worth.left_out();
        for now in [13_001.0, 13_002.0] {
            worth.waited(now, 10.0, 1);
            before = before.max(worth.left_out());
        }
        worth.look(13_100.0);
        assert_eq!((before > 0, worth.left_out()), (true, 0));
    }

    #[test]
    fn of_several_helpers_only_as_many_are_left_out_as_are_kept() {
        let mut worth = Worth::new();
        // One of four processors is busy: three threads find free ones.
        let speed =
            compute(&mut worth, 0.0, 3000.0, 3, |now, helpers| if helpers == 3 { 4.0 * busy(now, 3) } else { 0.0 });
        assert!(speed > 2.8, "{speed}");
    }

    #[test]
    fn a_processor_of_half_the_speed_gains_nothing_and_loses_nothing() {
        let mut worth = Worth::new();
        let speed = compute(&mut worth, 0.0, 1000.0, 1, |_, _| 0.1);
        assert!(speed > 0.95, "{speed}");
        let mut worth = Worth::new();
        let speed = compute(&mut worth, 0.0, 1000.0, 1, |_, _| 0.03);
        assert!(speed > 1.4, "{speed}");
    }

    /// How many tokens a millisecond are written, where a pass takes `alone` with one thread, and `shared` with two.
    fn write(worth: &mut Worth, from: f64, ms: f64, alone: f64, shared: f64) -> f64 {
        let (mut now, mut tokens) = (from, 0.0);
        while now < from + ms {
            worth.look(now);
            worth.begin();
            let left_out = worth.left_out();
            let took = if left_out > 0 { alone } else { shared };
            now += took;
            worth.end(now, took, left_out, 1);
            tokens += 1.0;
        }
        tokens / ms
    }

    #[test]
    fn threads_that_slow_each_other_down_without_waiting_are_noticed() {
        for alone in [0.2, 1.0, 8.0] {
            let mut worth = Worth::new();
            let speed = alone * write(&mut worth, 0.0, 10_000.0, alone, alone / 0.7);
            assert!(speed > 0.95, "{alone}: {speed}");
            // When it is over, they are back within the longest pause.
            let speed = alone * write(&mut worth, 10_000.0, 10_000.0, alone, alone / 1.5);
            assert!(speed > 1.35, "{alone}: {speed}");
        }
    }

    #[test]
    fn between_the_passes_of_a_try_nobody_is_left_out() {
        let mut worth = Worth::new();
        let mut alone = 0;
        for now in 0..200 {
            assert_eq!(worth.left_out(), 0, "before pass {now}");
            worth.begin();
            let left_out = worth.left_out();
            alone += usize::from(left_out > 0);
            worth.end(f64::from(now), if left_out > 0 { 1.0 } else { 0.6 }, left_out, 1);
        }
        assert!((4..=8).contains(&alone), "{alone}");
    }

    #[test]
    fn trying_alone_costs_little_where_sharing_pays() {
        let speed = write(&mut Worth::new(), 0.0, 2000.0, 1.0, 0.6);
        assert!(speed > 0.97 / 0.6, "{speed}");
        // A longer context makes passes longer: what was alone before tells nothing for long.
        let mut worth = Worth::new();
        write(&mut worth, 0.0, 1000.0, 0.5, 0.3);
        let speed = write(&mut worth, 1000.0, 1000.0, 2.0, 1.2);
        assert!(speed > 0.96 / 1.2, "{speed}");
    }

    #[test]
    fn time_between_calls_counts_for_nothing() {
        let mut worth = Worth::new();
        worth.waited(100_000.0, 1.9, 1);
        assert_eq!(worth.left_out(), 0);
        worth.waited(200_000.0, 2.1, 1);
        assert_eq!(worth.left_out(), 1);
    }
}
