//! `F16` weights as they are in the file.

use super::encoding::{Encoding, GROUP, plain};
use crate::gpu::kernel::part;

pub const ENCODING: Encoding = Encoding {
    rows: part!("weight_f16", shown),
    lanes: part!("lanes_f16", shown),
    packed: None,
    group_bytes: GROUP * 2,
    factors: 0,
    flipped: 0,
    repack: plain,
};
