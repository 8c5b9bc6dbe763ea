//! Damaged and hostile files: an error or a working load, never a panic, a hang or an allocation out of proportion.

mod blocks;
mod damage;
pub mod gguf;
mod hugging_face;
pub mod memory;
mod parts;
mod sniff;
