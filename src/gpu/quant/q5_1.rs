//! `Q5_1` weights: the codes of a row as bytes, and apart from them an f16 scale and minimum for every 32.

use super::encoding::{Encoding, as_bytes_and_minima};
use super::q8_0;
use crate::gpu::kernel::part;
use crate::quant::Q5_1;

pub const ENCODING: Encoding = Encoding {
    rows: part!("weight_q5_1", shown),
    lanes: part!("lanes_q5_1", shown),
    packed: None,
    factors: 2,
    repack: as_bytes_and_minima::<Q5_1>,
    ..q8_0::ENCODING
};
