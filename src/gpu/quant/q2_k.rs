//! `Q2_K` weights: as `F16`, because no kernel decodes them: sixteen elements share a minimum.

use super::encoding::{Encoding, as_halves};
use super::f16;
use crate::quant::Q2_K;

pub const ENCODING: Encoding = Encoding { repack: as_halves::<Q2_K>, ..f16::ENCODING };
