//! Threads: the pool by itself, and models that share their work on it.

mod model;
mod pool;
