//! `Q3_K` weights: as `F16`, because no kernel decodes their blocks yet. More memory than the file, and the bandwidth of `F16`.

use super::encoding::{Encoding, as_halves};
use super::f16;
use crate::quant::Q3_K;

pub const ENCODING: Encoding = Encoding { repack: as_halves::<Q3_K>, ..f16::ENCODING };
