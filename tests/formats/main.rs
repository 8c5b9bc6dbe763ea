//! Damaged and hostile files: an error or a working load, never a panic, a hang or an allocation out of proportion.

mod damage;
mod gguf;
mod hugging_face;
mod memory;
mod sniff;

/// Measures what a load allocates, in this test binary only.
#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;
