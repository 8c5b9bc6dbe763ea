//! `Q4_K` weights: as `Q4_1`, with each part's scale and minimum rounded to f16. Five bits an element.

use super::encoding::{Encoding, as_nibbles_and_minima};
use super::q4_1;
use crate::quant::Q4_K;

pub const ENCODING: Encoding = Encoding { repack: as_nibbles_and_minima::<Q4_K>, ..q4_1::ENCODING };
