//! What the CPU does with weights of one type.

use super::{Inputs, Part, Scratch};
use crate::cpu::simd::Vector;
use crate::quant::{BlockType, DType, with_block_type};

/// A type that the CPU decodes and multiplies. Every row of the table in `src/quant` has one: a type without does not compile.
pub trait CpuType: BlockType {
    /// Decodes whole blocks, exactly as [`BlockType::decode`] does.
    ///
    /// * `row`: bytes of a whole number of blocks
    /// * `out`: their elements
    fn dequantize<V: Vector>(row: &[u8], out: &mut [f32]) {
        for (block, out) in row.chunks_exact(Self::BYTES).zip(out.chunks_exact_mut(Self::LEN)) {
            Self::decode(block, out);
        }
    }

    /// Rounds `x: [n, cols]` as [`CpuType::rows`] needs it, if it does.
    fn prepare<V: Vector>(inputs: &mut Inputs, x: &[f32], cols: usize);

    /// Products of `x: [n, cols]`, for which `inputs` were prepared, with the rows of a part.
    fn rows<V: Vector>(x: &[f32], inputs: &Inputs, part: &Part<'_>, scratch: &mut Scratch);
}

/// [`CpuType::dequantize`] of a type that is known at run time.
pub fn dequantize<V: Vector>(dtype: DType, row: &[u8], out: &mut [f32]) {
    with_block_type!(dtype, B => B::dequantize::<V>(row, out));
}

/// A type that is multiplied as what it expands to.
macro_rules! multiplied_expanded {
    ($name:ident) => {
        impl super::CpuType for $name {
            fn prepare<V: crate::cpu::simd::Vector>(inputs: &mut super::Inputs, x: &[f32], cols: usize) {
                inputs.round::<V, super::expanded::Expanded>(x, cols);
            }

            fn rows<V: crate::cpu::simd::Vector>(
                x: &[f32],
                inputs: &super::Inputs,
                part: &super::Part<'_>,
                scratch: &mut super::Scratch,
            ) {
                inputs.multiply::<V, super::expanded::Expanded>(x.len() / part.weight.cols, part, scratch);
            }
        }
    };
}
pub(super) use multiplied_expanded;
