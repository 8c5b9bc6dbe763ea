//! Runs a plan with WGSL compute shaders through WebGPU.
//!
//! | to add | touch |
//! |---|---|
//! | an operation | `ops/<stem>.rs` with its parameters, workgroups and bindings, the tables in `ops/mod.rs`, `shaders/<stem>.wgsl` |
//! | a weight type | `quant/<type>.rs`, the table in `quant/mod.rs`, `shaders/parts/weight_<type>.wgsl` and `lanes_<type>.wgsl` |
//! | a fused kernel | `fused/<stem>.rs`, the tables in `fused/mod.rs`, what it takes together in `fuse.rs`, `shaders/fused/<stem>.wgsl` |
//!
//! and `catalogue.rs`, through which every shader is tested without a GPU.
//!
//! At load (`open.rs`) every kernel that the plan needs is compiled, the weights are uploaded (still quantised) and every
//! dispatch is bound to its buffers; a forward pass (`forward.rs`) writes one small uniform buffer and the token ids,
//! records the dispatches into one command buffer, submits it once (many rows in several parts where they take long), and
//! reads back the asked-for logits only.
//!
//! Only the default WebGPU limits and features are needed; timestamps, for benchmarks, must be asked for.

mod bind_cache;
mod cache;
mod catalogue;
mod choose;
mod counters;
mod device;
mod forward;
mod fuse;
mod fused;
pub mod kernel;
mod lanes;
mod launch;
mod left;
mod multi_step;
mod oneshot;
mod open;
mod ops;
mod options;
mod parts;
mod pipelines;
mod probe;
mod quant;
mod resources;
mod source;
mod sums;
mod supported;
mod team;
mod timing;
mod upload;
mod variants;

pub use cache::GpuCache;
pub use catalogue::catalogue;
pub use choose::MAX_STEPS;
pub use counters::Counters;
pub use device::AdapterReport;
pub use forward::GpuModel;
pub use options::{GpuOptions, Tuning};
pub use pipelines::OpenError;
pub use probe::{Attended, Given};
pub use timing::Timed;
