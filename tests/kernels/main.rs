//! Every kernel of the CPU backend against the naive f64 reference.

#[path = "../reference/mod.rs"]
mod reference;
#[path = "../support/mod.rs"]
mod support;
