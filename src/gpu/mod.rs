//! Runs a plan with WGSL compute shaders through WebGPU; one file per operation: its parameters, workgroups and
//! bindings.
//!
//! At load every kernel that the plan needs is compiled, the weights are uploaded (still quantised) and every dispatch
//! is bound to its buffers; a forward pass writes one small uniform buffer and the token ids, records the dispatches
//! into one command buffer, submits it once (many rows in several parts where they take long), and reads back the asked-for
//! logits only.
//!
//! Only the default WebGPU limits and features are needed; timestamps, for benchmarks, must be asked for.

mod activation;
mod add;
mod attention;
mod cache;
mod check;
mod counters;
mod device;
mod embed;
mod forward;
mod fuse;
mod fused_embed;
mod fused_feed;
mod fused_project;
mod fused_qkv;
mod gated_activation;
pub mod kernel;
mod lanes;
mod layer_norm;
mod linear;
mod load;
mod oneshot;
mod pipelines;
mod position_embed;
mod record;
mod resident;
mod rms_norm;
mod rope;
mod sample;
mod scale;
mod select_rows;
mod soft_cap;
mod source;
mod store_kv;
mod supported;
mod team;
mod timing;
mod upload;
mod variants;

pub use cache::GpuCache;
pub use check::Attended;
pub use counters::Counters;
pub use device::AdapterReport;
pub use forward::GpuModel;
pub use load::GpuOptions;
pub use sample::MAX_STEPS;
pub use timing::Timed;
pub use variants::Tuning;
