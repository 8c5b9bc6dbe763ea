//! Stored matrices: their values, rows looked up by id, and products.

use half::{bf16, f16};
use nanolm::tensor::DType;
use nanolm::weights::Matrix;

/// The values of a stored matrix, `[rows, cols]`, from the block layouts of the GGUF specification.
pub fn dequantize(matrix: &Matrix) -> Vec<f64> {
    let half_at = |b: &[u8]| f16::from_le_bytes([b[0], b[1]]).to_f64();
    let blocks = matrix.data.chunks(matrix.dtype.block_bytes());
    match matrix.dtype {
        DType::F32 => blocks.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]) as f64).collect(),
        DType::F16 => blocks.map(half_at).collect(),
        DType::BF16 => blocks.map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f64()).collect(),
        DType::Q8_0 => blocks.flat_map(|b| (0..32).map(move |i| half_at(b) * (b[2 + i] as i8) as f64)).collect(),
        DType::Q4_0 => blocks
            .flat_map(|b| {
                (0..32).map(move |i| {
                    let code = if i < 16 { b[2 + i] & 15 } else { b[2 + i - 16] >> 4 };
                    half_at(b) * (code as f64 - 8.0)
                })
            })
            .collect(),
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
