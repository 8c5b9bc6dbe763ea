//! Weights as the CPU decodes and multiplies them: one file a type, under the stems of `src/quant/`, and what they share.
//!
//! A [`CpuType`] decodes rows and multiplies them. Plain floats do so by [`float`]. Quantised types say in a [`block::Block`] how their
//! panels of eight rows are read, and are multiplied by [`Inputs`], rounded activations: as bytes ([`bytes`]) where the processor
//! multiplies those at once, else as 16-bit numbers ([`integer`]).

pub mod block;
pub mod bytes;
mod columns;
mod cpu_type;
mod expanded;
pub mod float;
mod inputs;
pub mod integer;
mod part;

pub use crate::weights::PANEL;
pub use cpu_type::{CpuType, dequantize};
pub use inputs::{Inputs, Scratch, dots};
pub use part::Part;

/// Activations that are rounded together, with one scale.
pub const ROUNDED: usize = 32;

macro_rules! types {
    ($($name:ident in $stem:ident,)+) => {
        $(mod $stem;)+
    };
}
crate::quant::for_each_block_type!(types);
