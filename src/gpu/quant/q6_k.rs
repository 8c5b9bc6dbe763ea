//! `Q6_K` weights: the codes of a row as bytes, and apart from them an f16 scale for every 16. Nine bits an element.

use super::encoding::{Encoding, as_grouped_bytes};
use super::q8_0;
use crate::gpu::kernel::part;
use crate::quant::Q6_K;

pub const ENCODING: Encoding = Encoding {
    rows: part!("weight_q6_k", shown),
    lanes: part!("lanes_q6_k", shown),
    packed: None,
    factors: 2,
    repack: as_grouped_bytes::<Q6_K>,
    ..q8_0::ENCODING
};
