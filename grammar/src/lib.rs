//! Structured output: which tokens may come next, so that what a model writes is JSON of a schema, or matches a regular
//! expression.
//!
//! This crate is a wasm module of its own, beside the engine's: a page fetches it when something first asks for structured
//! output. The parsing is [`llguidance`]'s. What this crate adds: schemas are checked before anything runs, with errors that
//! name the place ([`schema`]); patterns mean what they mean in JavaScript ([`pattern`]); formats are what validators take
//! ([`formats`]); and the surface that the engine's worker calls ([`abi`]).

pub mod abi;
pub mod formats;
pub mod guide;
pub mod pattern;
mod refs;
pub mod regex;
pub mod schema;

use serde_json::{Value, json};

/// What is wrong with a format.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// Where in the schema, as a JSON pointer; empty for the whole.
    pub place: String,
    /// What could stand there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl Refused {
    pub(crate) fn new(place: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Refused { place: place.to_string(), expected: expected.into(), found: found.into() }
    }

    /// As JSON, for the worker.
    pub fn to_json(&self) -> Value {
        json!({ "place": self.place, "expected": self.expected, "found": self.found })
    }
}

/// What may fail here.
pub type Result<T, E = Refused> = std::result::Result<T, E>;
