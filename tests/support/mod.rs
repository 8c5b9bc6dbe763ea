//! Seeded inputs and comparators that every kernel and model test shares.
//!
//! Include with `#[path = "../support/mod.rs"] mod support;`. Nothing here depends on a random number crate, so the
//! same seed gives the same input on every target, wasm included.

#![allow(dead_code)]

pub mod compare;
pub mod encode;
pub mod inputs;
pub mod models;
pub mod rng;
