//! Stored values for tests.

use nanolm::tensor::DType;

/// Stores `values` as `dtype`. For the block types the length is a whole number of blocks.
pub fn encode(dtype: DType, values: &[f32]) -> Vec<u8> {
    assert!(dtype.bytes_for(values.len()).is_some(), "{} values are not whole {dtype} blocks", values.len());
    dtype.encode(values)
}
