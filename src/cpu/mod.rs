//! Runs a plan over slices on the CPU; one file per operation.
//!
//! Each kernel is written once, generic over a [`vector::Vector`] of four f32 lanes; [`Level`] says which
//! implementation runs it. All levels give the same bits. Weights stay in the file's own
//! quantisation, the quantised ones in panels of eight rows.
//!
//! Products and attention, nearly all of the time, are shared among the threads of a [`pool`] (see [`share`]): by ranges
//! of weight rows and of heads, never by parts of a sum. The rest runs on the caller's thread.

pub mod activation;
pub mod add;
pub mod attention;
mod cache;
mod check;
pub mod dequantize;
pub mod embed;
pub mod gated_activation;
pub mod layer_norm;
pub mod linear;
pub mod math;
mod model;
pub mod out;
mod per_thread;
pub mod pool;
pub mod position_embed;
pub mod rms_norm;
pub mod rope;
pub mod scale;
pub mod select_rows;
pub mod share;
pub mod soft_cap;
pub mod store_kv;
mod tile;
pub mod vector;

pub use model::{CpuCache, CpuModel};

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
