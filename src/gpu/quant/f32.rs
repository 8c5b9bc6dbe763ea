//! `F32` weights as they are in the file.

use super::encoding::{Encoding, GROUP, plain};
use crate::gpu::kernel::part;

pub const ENCODING: Encoding = Encoding {
    rows: part!("weight_f32", shown),
    lanes: part!("lanes_f32", shown),
    packed: None,
    group_bytes: GROUP * 4,
    factors: 0,
    flipped: 0,
    repack: plain,
};
