//! The thread pool: every part once, nothing lost or early, with helpers that are busy, late, asleep, too many or dead.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use nanolm::cpu::threads::{MAX_PARTS, MAX_THREADS, Pool};

/// Runs `test` with a pool of `helpers` helpers, all of them there; ends them afterwards, also where the test panics.
fn with_helpers<R>(helpers: usize, test: impl FnOnce(&Pool) -> R) -> R {
    let pool = Pool::new();
    thread::scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|| catch_unwind(AssertUnwindSafe(|| pool.help())));
        }
        wait_for(|| pool.threads() == 1 + helpers);
        let result = catch_unwind(AssertUnwindSafe(|| test(&pool)));
        pool.end();
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn wait_for(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain");
        thread::yield_now();
    }
}

/// Sections of all kinds of sizes, each part adding to a cell of its own without an atomic, each section reading what the one
/// before wrote.
fn sections_follow_each_other(pool: &Pool, rounds: usize) {
    let mut values = vec![0u64; 64];
    let mut expected = values.clone();
    for round in 0..rounds {
        let parts = [1, 2, 3, 4, 7, 16, 64][round % 7];
        let chunk = values.len().div_ceil(parts);
        let before = values.clone();
        let cells: Vec<Mutex<&mut [u64]>> = values.chunks_mut(chunk).map(Mutex::new).collect();
        pool.run(parts, |part, _| {
            if let Some(cell) = cells.get(part) {
                let mut cell = cell.try_lock().expect("one part, one thread");
                for (i, value) in cell.iter_mut().enumerate() {
                    *value += before[(part * chunk + i + 1) % before.len()] + round as u64;
                }
            }
        });
        let next: Vec<u64> = (0..64).map(|i| expected[i].wrapping_add(expected[(i + 1) % 64]) + round as u64).collect();
        expected = next.iter().map(|x| x % 1_000_003).collect();
        values.iter_mut().for_each(|x| *x %= 1_000_003);
        assert_eq!(values, expected, "round {round}");
    }
}

#[test]
fn every_part_runs_once_without_helpers() {
    let pool = Pool::new();
    assert_eq!(pool.threads(), 1);
    sections_follow_each_other(&pool, 50);
}

#[test]
fn thousands_of_short_sections_under_contention() {
    for helpers in [1, 2, 5, MAX_THREADS - 1] {
        with_helpers(helpers, |pool| sections_follow_each_other(pool, 4000 / helpers));
    }
}

#[test]
fn helpers_take_part() {
    with_helpers(2, |pool| {
        let seen = Mutex::new(vec![0usize; MAX_THREADS]);
        // The caller's part ends only when both helpers have come.
        pool.run(3, |_, thread| {
            seen.lock().unwrap()[thread] += 1;
            wait_for(|| seen.lock().unwrap().iter().filter(|&&n| n > 0).count() == 3);
        });
        assert_eq!(seen.into_inner().unwrap()[..4], [1, 1, 1, 0]);
    });
}

#[test]
fn as_many_parts_as_threads_go_to_the_same_threads_each_time() {
    with_helpers(1, |pool| {
        for _ in 0..100 {
            let threads = [const { AtomicUsize::new(9) }; 2];
            pool.run(2, |part, thread| {
                threads[part].store(thread, SeqCst);
                wait_for(|| threads.iter().all(|thread| thread.load(SeqCst) != 9));
            });
            assert_eq!(threads.map(AtomicUsize::into_inner), [0, 1]);
        }
    });
}

#[test]
fn helpers_that_sleep_are_woken() {
    with_helpers(3, |pool| {
        for _ in 0..5 {
            // Long enough for all to fall asleep.
            thread::sleep(Duration::from_millis(30));
            let there = AtomicUsize::new(0);
            pool.run(4, |_, _| {
                there.fetch_add(1, SeqCst);
                wait_for(|| there.load(SeqCst) == 4);
            });
        }
    });
}

#[test]
fn a_late_helper_holds_nobody_up() {
    let pool = Pool::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(100));
            pool.help();
        });
        let start = Instant::now();
        sections_follow_each_other(&pool, 100);
        assert!(start.elapsed() < Duration::from_secs(10));
        wait_for(|| pool.threads() == 2);
        sections_follow_each_other(&pool, 100);
        pool.end();
    });
}

/// The caller has done its own part long before the helper ends: it sleeps, and is woken.
#[test]
fn a_slow_part_is_waited_for() {
    with_helpers(1, |pool| {
        for _ in 0..3 {
            let (ended, started) = (AtomicUsize::new(0), AtomicUsize::new(0));
            pool.run(2, |part, _| {
                started.fetch_add(1, SeqCst);
                wait_for(|| started.load(SeqCst) == 2);
                thread::sleep(Duration::from_millis(if part == 1 { 120 } else { 0 }));
                ended.fetch_add(1, SeqCst);
            });
            assert_eq!(ended.into_inner(), 2);
        }
    });
}

/// The clock of [`helpers_that_cost_time_are_left_out_until_a_pause_is_over`], which goes on when it says so, and how often it was asked.
static TIME: AtomicUsize = AtomicUsize::new(0);
static ASKED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn helpers_that_cost_time_are_left_out_until_a_pause_is_over() {
    with_helpers(2, |pool| {
        pool.watch(|| {
            ASKED.fetch_add(1, SeqCst);
            TIME.load(SeqCst) as f64
        });
        let helping = |lost: usize| {
            let seen = AtomicUsize::new(0);
            let parts = pool.working();
            let asked = ASKED.load(SeqCst);
            pool.run(parts, |_, thread| {
                seen.fetch_or(1 << thread, SeqCst);
                wait_for(|| seen.load(SeqCst).count_ones() as usize == parts);
                if thread != 0 {
                    // The caller waits, and has asked since when.
                    wait_for(|| ASKED.load(SeqCst) > asked);
                    TIME.fetch_add(lost, SeqCst);
                }
            });
            seen.into_inner()
        };
        assert_eq!(helping(0), 0b111);
        assert_eq!(helping(50), 0b111, "what it costs is known afterwards");
        assert_eq!(helping(50), 0b011, "the last one is left out");
        assert_eq!(pool.working(), 1, "and the other one");
        assert_eq!(pool.threads(), 3, "but they are there");
        sections_follow_each_other(pool, 100);
        assert_eq!(pool.working(), 1, "no time has passed");
        TIME.fetch_add(2000, SeqCst);
        // The clock is asked now and then.
        wait_for(|| pool.working() == 3);
        assert_eq!(helping(0), 0b111);
    });
}

#[test]
fn sections_within_sections_and_beside_them_run_alone() {
    with_helpers(2, |pool| {
        let count = AtomicUsize::new(0);
        pool.run(4, |_, _| {
            pool.run(4, |_, thread| {
                assert_eq!(thread, 0);
                count.fetch_add(1, SeqCst);
            })
        });
        assert_eq!(count.load(SeqCst), 16);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        pool.run(3, |_, _| {
                            count.fetch_add(1, SeqCst);
                        });
                    }
                });
            }
        });
        assert_eq!(count.load(SeqCst), 16 + 4 * 200 * 3);
        let many = AtomicUsize::new(0);
        pool.run(MAX_PARTS + 1, |_, _| {
            many.fetch_add(1, SeqCst);
        });
        pool.run(0, |_, _| unreachable!());
        assert_eq!(many.into_inner(), MAX_PARTS + 1);
    });
}

#[test]
fn too_many_helpers_are_sent_away() {
    with_helpers(MAX_THREADS - 1, |pool| {
        pool.help();
        assert_eq!(pool.threads(), MAX_THREADS);
        sections_follow_each_other(pool, 20);
    });
}

#[test]
fn a_panic_reaches_the_caller_and_no_part_outlives_it() {
    for bad in [0, 1] {
        with_helpers(2, |pool| {
            let under_way = AtomicUsize::new(0);
            let result = catch_unwind(AssertUnwindSafe(|| {
                pool.run(3, |part, _| {
                    under_way.fetch_add(1, SeqCst);
                    wait_for(|| under_way.load(SeqCst) >= 3);
                    if part == bad {
                        panic!("a part panics, for the test");
                    }
                    thread::sleep(Duration::from_millis(50));
                    under_way.fetch_add(100, SeqCst);
                });
            }));
            assert!(result.is_err());
            assert_eq!(under_way.load(SeqCst), 203, "the others ended before");
            // Whoever is left goes on.
            sections_follow_each_other(pool, 50);
        });
    }
}

#[test]
fn a_helper_that_vanishes_is_an_error_and_no_hang() {
    let gone = catch_unwind(AssertUnwindSafe(|| {
        with_helpers(1, |pool| {
            let started = AtomicUsize::new(0);
            pool.run(2, |part, _| {
                started.fetch_add(1, SeqCst);
                wait_for(|| started.load(SeqCst) == 2);
                // A thread cannot vanish; one that is said to have is as good.
                if part == 0 {
                    pool.bury();
                } else {
                    thread::sleep(Duration::from_millis(300));
                }
            });
        })
    }));
    let message = *gone.unwrap_err().downcast::<&str>().unwrap();
    assert!(message.contains("died"), "{message}");
}
