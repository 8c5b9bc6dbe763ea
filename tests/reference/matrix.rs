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
            let (part, s) = (i / 32, &b[4..16]);
            let (scale, minimum) = match part {
                0..=3 => (s[part] & 63, s[part + 4] & 63),
                _ => ((s[part - 4] >> 6) * 16 + (s[part + 4] & 15), (s[part] >> 6) * 16 + (s[part + 4] >> 4)),
            };
            let byte = b[16 + part / 2 * 32 + i % 32];
            let code = if part % 2 == 0 { byte & 15 } else { byte >> 4 };
            half(0) * f64::from(scale) * f64::from(code) - half(2) * f64::from(minimum)
        }
        DType::Q6_K => {
            let (block_half, part, column) = (i / 128, i % 128 / 32, i % 32);
            let low = b[block_half * 64 + part % 2 * 32 + column];
            let low = if part < 2 { low & 15 } else { low >> 4 };
            let high = b[128 + block_half * 32 + column] >> (2 * part) & 3;
            half(208) * f64::from(b[192 + i / 16] as i8) * (f64::from(low + 16 * high) - 32.0)
        }
        other => panic!("the reference does not know {other}"),
    }
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
