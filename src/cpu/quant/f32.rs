//! `F32`: multiplied as f32.

use super::float::{self, Float};
use super::{CpuType, Inputs, Part, Scratch};
use crate::cpu::simd::Vector;
use crate::quant::F32;

impl CpuType for F32 {
    fn dequantize<V: Vector>(row: &[u8], out: &mut [f32]) {
        for (bytes, out) in row.as_chunks::<4>().0.iter().zip(out) {
            *out = f32::from_le_bytes(*bytes);
        }
    }

    fn prepare<V: Vector>(_: &mut Inputs, _: &[f32], _: usize) {}

    fn rows<V: Vector>(x: &[f32], _: &Inputs, part: &Part<'_>, scratch: &mut Scratch) {
        float::run::<V, Self>(x, part, scratch.float());
    }
}

impl Float for F32 {
    type Four = [u8; 16];
    #[inline(always)]
    fn fours(row: &[u8]) -> &[[u8; 16]] {
        row.as_chunks().0
    }
    #[inline(always)]
    fn load<V: Vector>(four: &[u8; 16]) -> V {
        V::from_f32(four)
    }
}
