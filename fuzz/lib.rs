//! The targets for `cargo fuzz`, under the same watch as in `tests/fuzz`.

mod targets;

#[path = "../tests/formats/memory.rs"]
mod memory;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// Gives an input to a target. libFuzzer itself sees to panics, and with `-timeout=2` to hangs.
pub fn run(name: &str, input: &[u8]) {
    use std::sync::Once;
    static ONCE: Once = Once::new();
    let target = targets::target(name);
    // What it needs beside the input is there from then on.
    ONCE.call_once(|| drop((target.run)(&(target.seeds)()[0])));
    targets::watch(target, input, |work| memory::peak(work).1);
}
