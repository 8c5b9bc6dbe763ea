//! A loaded model and its calls: continue a prompt, keep a text open, and whatever else `task` makes of it.
//!
//! A [`Model`] is loaded once; each call on it is a [`Job`] with a session of its own, or that of an [`OpenSession`]. A
//! job is an async function over a [`Context`]. It advances by [`Job::next`], one bounded piece of work at a time (a batch
//! of the prompt, or one token), so that whoever drives it can stop, show progress, or let another job go on in between.
//! Jobs never see each other's tokens.

mod beam;
mod bursts;
mod check;
pub(crate) mod choose;
mod context;
pub(crate) mod decode;
mod defaults;
mod device;
mod embed;
mod event;
mod generate;
mod ground;
mod head;
mod job;
mod kept;
mod lease;
mod lent;
#[cfg(not(feature = "tasks"))]
mod load;
mod masked;
mod model;
mod open_session;
mod options;
mod parts;
mod passes;
mod rules;
pub(crate) mod section;
mod sessions;
mod source;
mod stop;
mod stopwatch;

pub use check::check;
pub use context::Context;
pub use embed::EmbedOptions;
#[cfg(not(target_arch = "wasm32"))]
pub use event::Measured;
pub use event::{
    Answer, Entity, Event, FinishReason, GpuUsage, Group, Keyword, Label, Member, Phase, Piece, Place, Point, Support,
    Timings, Usage,
};
pub use generate::{GenerateOptions, Prompt, Written};
pub use head::TokenLogits;
pub use job::{Ended, Job};
pub use lease::Lease;
pub use masked::{Fill, Sparse};
pub use model::{ChatFiles, Clock, LoadPhase, Model, ModelInfo};
pub use open_session::OpenSession;
pub use options::options;
pub use rules::{EarlyStopping, SourceRules};
