//! `BF16`: multiplied as f32.

use super::float::{self, Float};
use super::{CpuType, Inputs, Part, Scratch};
use crate::cpu::simd::Vector;
use crate::quant::BF16;

impl CpuType for BF16 {
    fn dequantize<V: Vector>(row: &[u8], out: &mut [f32]) {
        float::decode_halves::<V>(row, out, V::from_bf16);
    }

    fn prepare<V: Vector>(_: &mut Inputs, _: &[f32], _: usize) {}

    fn rows<V: Vector>(x: &[f32], _: &Inputs, part: &Part<'_>, scratch: &mut Scratch) {
        float::run::<V, Self>(x, part, scratch.float());
    }
}

impl Float for BF16 {
    type Four = [u8; 8];
    #[inline(always)]
    fn fours(row: &[u8]) -> &[[u8; 8]] {
        row.as_chunks().0
    }
    #[inline(always)]
    fn load<V: Vector>(four: &[u8; 8]) -> V {
        V::from_bf16(four)
    }
}
