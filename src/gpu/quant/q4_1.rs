//! `Q4_1` weights: the codes of a row in the elements' order, 8 to a word, and apart from them an f16 scale and minimum for every 32.

use super::encoding::{Encoding, GROUP, as_nibbles_and_minima};
use crate::gpu::kernel::part;
use crate::quant::Q4_1;

pub const ENCODING: Encoding = Encoding {
    rows: part!("weight_q4_1", shown),
    lanes: part!("lanes_q4_1", shown),
    packed: None,
    group_bytes: GROUP / 2,
    factors: 2,
    // A word's highest code would make it negative.
    flipped: 0x8000_0000,
    repack: as_nibbles_and_minima::<Q4_1>,
};
