//! Seeded inputs and comparators that every kernel and model test shares.
//!
//! Each test binary includes this module at its root (`crate::support`). Nothing here depends on a random number crate, so the
//! same seed gives the same input on every target, wasm included.

#![allow(dead_code)]

pub mod compare;
pub mod encode;
pub mod inputs;
pub mod models;
pub mod rng;
