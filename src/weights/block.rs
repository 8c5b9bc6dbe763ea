//! The storage of matrix rows in scalar form: the one place that spells the block layouts out.
//!
//! Layouts (GGUF specification, ggml's block types): `Q8_0` is an f16 scale `d` and 32 signed bytes, element `d * q`;
//! `Q4_0` is an f16 scale `d` and 16 bytes, element `i < 16` in the low and `i + 16` in the high half of byte `i`, each
//! `d * (q - 8)`. All little-endian. Kernels read the same bytes in their own, faster ways and are tested against this.

use half::{bf16, f16};

use super::Matrix;
use crate::tensor::{DType, QUANT_BLOCK};

/// Expands row `r` of a matrix to f32.
///
/// * `r`: below `matrix.rows`
/// * `out`: `[matrix.cols]`; only the shorter of `out` and the row is written
pub fn dequantize_row(matrix: &Matrix, r: usize, out: &mut [f32]) {
    dequantize(matrix.dtype, matrix.row(r, &mut Vec::new()), out);
}

/// Expands consecutive elements to f32. Plain floats are exact; quantised elements are one f32 product each.
///
/// * `bytes`: whole blocks
/// * `out`: one value per element; only as many as both sides have are written
pub fn dequantize(dtype: DType, bytes: &[u8], out: &mut [f32]) {
    let blocks = bytes.chunks_exact(dtype.block_bytes()).zip(out.chunks_mut(dtype.block_len()));
    match dtype {
        DType::F32 => blocks.for_each(|(b, o)| o[0] = f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
        DType::F16 => blocks.for_each(|(b, o)| o[0] = half_at(b)),
        DType::BF16 => blocks.for_each(|(b, o)| o[0] = bf16::from_le_bytes([b[0], b[1]]).to_f32()),
        DType::Q8_0 => blocks.for_each(|(b, o)| {
            let scale = half_at(b);
            for (o, &q) in o.iter_mut().zip(&b[2..]) {
                *o = scale * f32::from(q as i8);
            }
        }),
        DType::Q4_0 => blocks.for_each(|(b, o)| {
            let scale = half_at(b);
            let nibbles = b[2..].iter().map(|q| q & 15).chain(b[2..].iter().map(|q| q >> 4));
            for (o, q) in o.iter_mut().zip(nibbles) {
                *o = scale * (f32::from(q) - 8.0);
            }
        }),
    }
}

/// The f16 at the beginning of a block.
fn half_at(block: &[u8]) -> f32 {
    f16::from_le_bytes([block[0], block[1]]).to_f32()
}

/// Stores a row: the plain floats rounded to nearest even, `Q8_0` with scale `max|x| / 127`, `Q4_0` with scale
/// `m / -8` where `m` is the element of largest magnitude (so that it falls on the one code without a negative).
///
/// * `row`: `[cols]`, a whole number of blocks, finite; a ragged end is left out
///
/// Returns `dtype.bytes_for(row.len())` bytes.
pub fn quantize_row(dtype: DType, row: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(row.len() / dtype.block_len() * dtype.block_bytes());
    for block in row.chunks_exact(dtype.block_len()) {
        match dtype {
            DType::F32 => bytes.extend(block[0].to_le_bytes()),
            DType::F16 => bytes.extend(f16::from_f32(block[0]).to_le_bytes()),
            DType::BF16 => bytes.extend(bf16::from_f32(block[0]).to_le_bytes()),
            DType::Q8_0 => {
                let scale = block.iter().fold(0f32, |m, x| m.max(x.abs())) / 127.0;
                bytes.extend(f16::from_f32(scale).to_le_bytes());
                let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
                bytes.extend(block.iter().map(|x| (x * inverse).round() as i8 as u8));
            }
            DType::Q4_0 => {
                let extreme = block.iter().fold(0f32, |m, &x| if x.abs() > m.abs() { x } else { m });
                let scale = extreme / -8.0;
                bytes.extend(f16::from_f32(scale).to_le_bytes());
                let inverse = if scale != 0.0 { 1.0 / scale } else { 0.0 };
                let code = |x: f32| (x * inverse + 8.5).clamp(0.0, 15.0) as u8;
                let (low, high) = block.split_at(QUANT_BLOCK / 2);
                bytes.extend(low.iter().zip(high).map(|(&l, &h)| code(l) | code(h) << 4));
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_layouts_of_the_specification() {
        let two = f16::from_f32(2.0).to_le_bytes();
        let mut q8 = two.to_vec();
        q8.extend((0..32).map(|i| (i - 16) as i8 as u8));
        let mut out = [0.0; 32];
        dequantize(DType::Q8_0, &q8, &mut out);
        assert_eq!((out[0], out[16], out[31]), (-32.0, 0.0, 30.0));

        let mut q4 = two.to_vec();
        q4.extend((0..16u8).map(|i| i | (15 - i) << 4));
        dequantize(DType::Q4_0, &q4, &mut out);
        assert_eq!((out[0], out[8], out[15], out[16], out[31]), (-16.0, 0.0, 14.0, 14.0, -16.0));

        let mut one = [0.0];
        dequantize(DType::BF16, &[0xc0, 0x3f], &mut one);
        assert_eq!(one, [1.5]);
        dequantize(DType::F16, &[0x00, 0x3e], &mut one);
        assert_eq!(one, [1.5]);
    }

    #[test]
    fn quantising_stays_within_half_a_step() {
        let row: Vec<f32> = (0..96).map(|i| ((i * 37 % 101) as f32 - 50.0) * 0.03).collect();
        // Half a step of the largest block, plus the scale's f16 rounding; Q4_0 loses a whole step at its positive end.
        for (dtype, limit) in
            [(DType::F32, 0.0), (DType::F16, 1e-3), (DType::BF16, 8e-3), (DType::Q8_0, 8e-3), (DType::Q4_0, 0.2)]
        {
            let bytes = quantize_row(dtype, &row);
            assert_eq!(Some(bytes.len()), dtype.bytes_for(row.len()));
            let mut back = vec![f32::NAN; row.len()];
            dequantize(dtype, &bytes, &mut back);
            let worst = row.iter().zip(&back).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(worst <= limit, "{dtype}: {worst}");
        }
    }

    #[test]
    fn zero_blocks_stay_zero() {
        for dtype in [DType::Q8_0, DType::Q4_0] {
            let mut back = [1.0; 32];
            dequantize(dtype, &quantize_row(dtype, &[0.0; 32]), &mut back);
            assert_eq!(back, [0.0; 32]);
        }
    }
}
