//! Encoders from f32 to each storage type (the engine itself only decodes).

use half::{bf16, f16};
use nanolm::tensor::{DType, QUANT_BLOCK};

/// Stores `values` as `dtype`. For the block types the length is a whole number of blocks.
pub fn encode(dtype: DType, values: &[f32]) -> Vec<u8> {
    assert!(dtype.bytes_for(values.len()).is_some(), "{} values are not whole {dtype} blocks", values.len());
    match dtype {
        DType::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        DType::F16 => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        DType::BF16 => values.iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect(),
        DType::Q8_0 => values.chunks(QUANT_BLOCK).flat_map(q8_0_block).collect(),
        DType::Q4_0 => values.chunks(QUANT_BLOCK).flat_map(q4_0_block).collect(),
    }
}

fn q8_0_block(values: &[f32]) -> Vec<u8> {
    let largest = values.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let scale = f16::from_f32(largest / 127.0);
    let inverse = if scale.to_f32() > 0.0 { 1.0 / scale.to_f32() } else { 0.0 };
    let mut block = scale.to_le_bytes().to_vec();
    block.extend(values.iter().map(|v| (v * inverse).round().clamp(-127.0, 127.0) as i8 as u8));
    block
}

fn q4_0_block(values: &[f32]) -> Vec<u8> {
    // The element of largest magnitude becomes -8, so that the one extra negative code is used.
    let extreme = values.iter().fold(0.0f32, |m, &v| if v.abs() > m.abs() { v } else { m });
    let scale = f16::from_f32(extreme / -8.0);
    let inverse = if scale.to_f32() != 0.0 { 1.0 / scale.to_f32() } else { 0.0 };
    let code = |v: f32| ((v * inverse).round() + 8.0).clamp(0.0, 15.0) as u8;
    let mut block = scale.to_le_bytes().to_vec();
    block.extend((0..QUANT_BLOCK / 2).map(|i| code(values[i]) | code(values[i + QUANT_BLOCK / 2]) << 4));
    block
}
