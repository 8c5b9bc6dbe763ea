//! An allocator that knows how much the current thread holds and what its peak was.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

pub struct Counting;

thread_local! {
    /// Bytes this thread holds, and their peak; constant, so that reading them allocates nothing.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // A thread that is ending has no counters any more, and nobody who reads them.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches thread-local numbers only.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs `f`; also says how many bytes it held at its peak beyond what was held before.
pub fn peak<T>(f: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    PEAK.set(before);
    let result = f();
    (result, usize::try_from(PEAK.get() - before).unwrap_or(0))
}

#[test]
fn the_peak_is_measured() {
    let (_, none) = peak(|| 1 + 1);
    assert_eq!(none, 0);
    let (kept, some) = peak(|| {
        drop(std::hint::black_box(vec![0u8; 1 << 20]));
        std::hint::black_box(vec![0u8; 1000])
    });
    assert_eq!(kept.len(), 1000);
    assert!((1 << 20..(1 << 20) + 5000).contains(&some), "{some}");
    let (_, grown) = peak(|| {
        let mut v = vec![0u8; 10];
        v.reserve_exact(100_000);
        std::hint::black_box(v).len()
    });
    assert!((100_000..200_000).contains(&grown), "{grown}");
}
