//! Threads: the pool by itself, and models that share their work on it.

#[path = "../support/mod.rs"]
mod support;

mod model;
mod pool;
