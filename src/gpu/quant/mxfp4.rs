//! `MXFP4` weights: as `F16`, because no kernel decodes them: f16 scales do not reach as far as theirs.

use super::encoding::{Encoding, as_halves};
use super::f16;
use crate::quant::MXFP4;

pub const ENCODING: Encoding = Encoding { repack: as_halves::<MXFP4>, ..f16::ENCODING };
