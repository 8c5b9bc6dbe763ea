//! Whole models through the public API: tasks, jobs, devices, real and tiny weights.

#[path = "../support/mod.rs"]
mod support;

mod classify;
mod damage;
mod default;
mod entities;
mod grounded;
mod jobs;
mod run;
mod salience;
mod stories;
mod summaries;
mod tiny;
mod toy;
