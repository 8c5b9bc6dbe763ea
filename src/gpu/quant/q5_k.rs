//! `Q5_K` weights: as `Q5_1`, with each part's scale and minimum rounded to f16. Nine bits an element.

use super::encoding::{Encoding, as_bytes_and_minima};
use super::q5_1;
use crate::quant::Q5_K;

pub const ENCODING: Encoding = Encoding { repack: as_bytes_and_minima::<Q5_K>, ..q5_1::ENCODING };
