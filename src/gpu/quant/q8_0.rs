//! `Q8_0` weights: the codes of a row, and apart from them an f16 scale for every 32.

use super::encoding::{Encoding, GROUP};
use crate::gpu::kernel::part;

/// Bytes of a block: an f16 scale and 32 signed bytes.
const BLOCK_BYTES: usize = 34;

pub const ENCODING: Encoding = Encoding {
    rows: part!("weight_q8_0", shown),
    lanes: part!("lanes_q8_0", shown),
    packed: Some(part!("packed_q8_0")),
    group_bytes: GROUP,
    factors: 1,
    // Signed bytes, of which all but a word's highest get 128 added.
    flipped: 0x0080_8080,
    repack,
};

fn repack(row: &[u8], elements: &mut Vec<u8>, factors: &mut Vec<u8>) {
    for (scale, codes) in row.chunks_exact(BLOCK_BYTES).filter_map(|block| block.split_at_checked(2)) {
        factors.extend_from_slice(scale);
        elements.extend_from_slice(codes);
    }
}
