//! `Q5_0` weights: as `Q8_0`, which has the same scales and room for the same codes.

use super::encoding::Encoding;
use super::q8_0;
use crate::quant::{BlockType, Q5_0, unpack_fives};

pub const ENCODING: Encoding = Encoding { repack, ..q8_0::ENCODING };

fn repack(row: &[u8], elements: &mut Vec<u8>, factors: &mut Vec<u8>) {
    for (scale, codes) in row.chunks_exact(Q5_0::BYTES).filter_map(|block| block.split_at_checked(2)) {
        factors.extend_from_slice(scale);
        elements.extend(unpack_fives(codes).map(|code| code.wrapping_sub(16)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_same_in_eight_bits() {
        let x: Vec<f32> = (0..32).map(|i| i as f32 - 16.0).collect();
        let (mut block, mut elements, mut scales) = (Vec::new(), Vec::new(), Vec::new());
        Q5_0::encode(&x, &mut block);
        repack(&block, &mut elements, &mut scales);
        assert_eq!(elements, (-16..16i8).map(|code| code as u8).collect::<Vec<_>>());
        assert_eq!(scales, block[..2]);
    }
}
