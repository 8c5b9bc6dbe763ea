//! `Q4_0` weights: the codes of a row in the elements' order, 8 to a word, and apart from them an f16 scale for every 32.

use super::encoding::{Encoding, GROUP};
use crate::gpu::kernel::part;

/// Bytes of a block: an f16 scale and 32 codes of 4 bits.
const BLOCK_BYTES: usize = 18;

pub const ENCODING: Encoding = Encoding {
    rows: part!("weight_q4_0", shown),
    lanes: part!("lanes_q4_0", shown),
    packed: Some(part!("packed_q4_0")),
    group_bytes: GROUP / 2,
    factors: 1,
    // A word's highest code gets its 8 taken away.
    flipped: 0x8000_0000,
    repack,
};

fn repack(row: &[u8], elements: &mut Vec<u8>, factors: &mut Vec<u8>) {
    for (scale, codes) in row.chunks_exact(BLOCK_BYTES).filter_map(|block| block.split_at_checked(2)) {
        factors.extend_from_slice(scale);
        // The file has elements 0..16 in the low nibbles and 16..32 in the high ones.
        let pairs = || codes.chunks_exact(2).filter_map(|pair| pair.first_chunk::<2>());
        elements.extend(pairs().map(|[a, b]| (a & 15) | (b & 15) << 4));
        elements.extend(pairs().map(|[a, b]| (a >> 4) | (b & 0xf0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nibbles_come_in_the_order_of_the_elements() {
        // Element i has the code i % 16 in the first half and 15 - i % 16 in the second.
        let mut block = vec![0xaa, 0xbb];
        block.extend((0..16u8).map(|i| i | (15 - i) << 4));
        let (mut elements, mut scales) = (Vec::new(), Vec::new());
        repack(&block, &mut elements, &mut scales);
        let codes: Vec<u8> = elements.iter().flat_map(|b| [b & 15, b >> 4]).collect();
        let want: Vec<u8> = (0..16).chain((0..16).rev()).collect();
        assert_eq!(codes, want);
        assert_eq!(scales, [0xaa, 0xbb]);
    }
}
