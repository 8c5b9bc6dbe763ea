//! Runs a plan over slices on the CPU.
//!
//! - `ops`: one file an operation
//! - `quant`: one file a storage type: decoding and products
//! - `simd`: vectors, and what is built on them; each kernel is written once, generic over a [`simd::Vector`] of four f32 lanes, and
//!   [`Level`] says which implementation runs it. All levels give the same bits
//! - `forward`: a model, its memory and its caches; `encode`: the passes of an encoder; `source`: those of an encoder-decoder's;
//!   `relative`: biases by distance; `state_space` and `recurrent`: state spaces, and what they remember; `multiply`: products of one input; `experts`: those of a mixture; `validate`: what is checked
//!   before kernels rely on it
//! - `threads`: the pool; `share`: how its threads share products and attention, nearly all of the time, by ranges of weight rows
//!   and of heads, never by parts of a sum. The rest runs on the caller's thread
//!
//! Weights stay in the file's own quantisation, the quantised ones in panels of eight rows.

mod cache;
mod encode;
mod experts;
mod forward;
mod multiply;
pub mod ops;
pub mod out;
mod pass;
mod per_thread;
pub mod quant;
mod recurrent;
pub mod relative;
pub mod share;
pub mod simd;
mod source;
mod state_space;
pub mod threads;
mod validate;

pub use forward::{CpuCache, CpuModel};
pub use recurrent::STATES;
pub use source::SourcePass;

/// Which vector instructions run the kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// Any target; what the compiler makes of it.
    Scalar,
    /// WebAssembly's 128-bit vectors, where the crate was built with them.
    Simd128,
    /// The same with WebAssembly's relaxed SIMD, where the crate was built with it.
    Relaxed,
}

impl Level {
    /// All levels, the slowest first.
    pub const ALL: [Level; 3] = [Level::Scalar, Level::Simd128, Level::Relaxed];

    /// The fastest level this build can run.
    pub const fn best() -> Level {
        if cfg!(all(target_arch = "wasm32", target_feature = "relaxed-simd")) {
            Level::Relaxed
        } else if cfg!(all(target_arch = "wasm32", target_feature = "simd128")) {
            Level::Simd128
        } else {
            Level::Scalar
        }
    }

    /// Whether this build can run the level.
    pub const fn is_available(self) -> bool {
        self as u8 == Level::best() as u8 || (!cfg!(feature = "one-level") && (self as u8) < Level::best() as u8)
    }

    /// The name used in messages and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Scalar => "scalar",
            Level::Simd128 => "simd128",
            Level::Relaxed => "relaxed SIMD",
        }
    }
}
