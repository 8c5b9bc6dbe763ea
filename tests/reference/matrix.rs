//! Stored matrices: their values, rows looked up by id, and products.

use half::{bf16, f16};
use nanolm::tensor::DType;
use nanolm::weights::Matrix;

/// The values of a stored matrix, `[rows, cols]`, from the block layouts of the GGUF specification: an element at a time.
pub fn dequantize(matrix: &Matrix) -> Vec<f64> {
    let dtype = matrix.dtype;
    let blocks = matrix.data.chunks(dtype.block_bytes());
    blocks.flat_map(|block| (0..dtype.block_len()).map(move |i| element(dtype, block, i))).collect()
}

/// Element `i` of a block.
fn element(dtype: DType, b: &[u8], i: usize) -> f64 {
    let half = |at: usize| f16::from_le_bytes([b[at], b[at + 1]]).to_f64();
    let bit = |at: usize, i: usize| f64::from(b[at + i / 8] >> (i % 8) & 1);
    // 32 codes of four bits, elements 16 apart in a byte.
    let nibble = |at: usize| f64::from(if i < 16 { b[at + i] & 15 } else { b[at + i - 16] >> 4 });
    match dtype {
        DType::F32 => f32::from_le_bytes([b[0], b[1], b[2], b[3]]) as f64,
        DType::F16 => half(0),
        DType::BF16 => bf16::from_le_bytes([b[0], b[1]]).to_f64(),
        DType::Q8_0 => half(0) * (b[2 + i] as i8) as f64,
        DType::Q4_0 => half(0) * (nibble(2) - 8.0),
        DType::Q4_1 => half(0) * nibble(4) + half(2),
        DType::Q5_0 => half(0) * (nibble(6) + 16.0 * bit(2, i) - 16.0),
        DType::Q5_1 => half(0) * (nibble(8) + 16.0 * bit(4, i)) + half(2),
        DType::Q4_K => {
            let part = i / 32;
            let (scale, minimum) = six_bits(&b[4..16], part);
            let byte = b[16 + part / 2 * 32 + i % 32];
            let code = if part.is_multiple_of(2) { byte & 15 } else { byte >> 4 };
            half(0) * f64::from(scale) * f64::from(code) - half(2) * f64::from(minimum)
        }
        DType::Q6_K => {
            let (block_half, part, column) = (i / 128, i % 128 / 32, i % 32);
            let low = b[block_half * 64 + part % 2 * 32 + column];
            let low = if part < 2 { low & 15 } else { low >> 4 };
            let high = b[128 + block_half * 32 + column] >> (2 * part) & 3;
            half(208) * f64::from(b[192 + i / 16] as i8) * (f64::from(low + 16 * high) - 32.0)
        }
        DType::Q5_K => {
            let (scale, minimum) = six_bits(&b[4..16], i / 32);
            let byte = b[48 + i / 64 * 32 + i % 32];
            let code = if (i / 32).is_multiple_of(2) { byte & 15 } else { byte >> 4 };
            let fifth = b[16 + i % 32] >> (i / 32) & 1;
            half(0) * f64::from(scale) * f64::from(code + 16 * fifth) - half(2) * f64::from(minimum)
        }
        DType::Q3_K => {
            let (s, g) = (&b[96..108], i / 16);
            let low = if g < 8 { s[g] & 15 } else { s[g - 8] >> 4 };
            let scale = low + 16 * (s[8 + g % 4] >> (2 * (g / 4)) & 3);
            let third = b[i % 32] >> (i / 32) & 1;
            half(108) * (f64::from(scale) - 32.0) * (two_bits(&b[32..96], i) + 4.0 * f64::from(third) - 4.0)
        }
        DType::Q2_K => {
            let both = b[i / 16];
            half(80) * f64::from(both & 15) * two_bits(&b[16..80], i) - half(82) * f64::from(both >> 4)
        }
        DType::IQ4_NL => half(0) * NONLINEAR[nibble(2) as usize],
        DType::IQ4_XS => {
            let part = i / 32;
            let low = if part.is_multiple_of(2) { b[4 + part / 2] & 15 } else { b[4 + part / 2] >> 4 };
            let scale = low + 16 * (b[2 + part / 4] >> (2 * (part % 4)) & 3);
            let byte = b[8 + 16 * part + i % 16];
            let index = if i % 32 < 16 { byte & 15 } else { byte >> 4 };
            half(0) * (f64::from(scale) - 32.0) * NONLINEAR[usize::from(index)]
        }
        DType::MXFP4 => {
            let index = nibble(1) as usize;
            let magnitude = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0][index % 8];
            2f64.powi(i32::from(b[0]) - 127) * if index < 8 { magnitude } else { -magnitude }
        }
        DType::TQ2_0 => half(64) * (two_bits(&b[..64], i) - 1.0),
        DType::TQ1_0 => {
            let (byte, digit) = match i {
                0..160 => (b[i % 32], i / 32),
                160..240 => (b[32 + i % 16], (i - 160) / 16),
                _ => (b[48 + i % 4], (i - 240) / 4),
            };
            // A byte is a fraction of 256 whose digits in base 3 are the codes.
            let fraction = f64::from(byte) / 256.0 * 3f64.powi(digit as i32);
            half(52) * ((fraction.fract() * 3.0).floor() - 1.0)
        }
        other => panic!("the reference does not know {other}"),
    }
}

/// The numbers of `IQ4_NL` and `IQ4_XS`.
const NONLINEAR: [f64; 16] =
    [-127.0, -104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0, 1.0, 13.0, 25.0, 38.0, 53.0, 69.0, 89.0, 113.0];

/// A part's scale and minimum, of 12 bytes.
fn six_bits(s: &[u8], part: usize) -> (u8, u8) {
    match part {
        0..=3 => (s[part] & 63, s[part + 4] & 63),
        _ => ((s[part - 4] >> 6) * 16 + (s[part + 4] & 15), (s[part] >> 6) * 16 + (s[part + 4] >> 4)),
    }
}

/// The `i`-th of 256 two-bit codes, 128 in each half of 64 bytes.
fn two_bits(b: &[u8], i: usize) -> f64 {
    f64::from(b[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3)
}

/// `out[i] = table[tokens[i]]`.
pub fn embed(table: &Matrix, tokens: &[u32]) -> Vec<f64> {
    let values = dequantize(table);
    tokens.iter().flat_map(|&t| values[t as usize * table.cols..][..table.cols].to_vec()).collect()
}

/// `out[i] = x[i] + table[position + i]`.
pub fn position_embed(x: &[f64], table: &Matrix, position: usize) -> Vec<f64> {
    let values = dequantize(table);
    x.iter().enumerate().map(|(i, v)| v + values[position * table.cols + i]).collect()
}

/// `out[i, r] = dot(x[i], weight[r]) + bias[r]` for `x: [n, cols]`.
pub fn linear(x: &[f64], weight: &Matrix, bias: Option<&[f64]>) -> Vec<f64> {
    let values = dequantize(weight);
    let mut out = Vec::new();
    for x in x.chunks(weight.cols) {
        for (r, w) in values.chunks(weight.cols).enumerate() {
            let dot: f64 = x.iter().zip(w).map(|(a, b)| a * b).sum();
            out.push(dot + bias.map_or(0.0, |b| b[r]));
        }
    }
    out
}
