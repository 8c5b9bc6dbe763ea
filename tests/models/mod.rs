//! Whole models through the public API: tasks, jobs, devices, real and tiny weights.

mod ahead;
mod classify;
mod convolutions;
mod damage;
mod default;
mod embeddings;
mod encoder_heads;
mod encoders;
mod entities;
mod files;
mod grounded;
mod heads;
mod jobs;
mod lost;
mod masked;
mod mixtures;
mod reuse;
mod run;
mod salience;
mod seq2seq;
mod sessions;
mod states;
mod stories;
mod summaries;
mod tiny;
mod toy;
