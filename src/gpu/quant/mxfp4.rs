//! `MXFP4` weights: as `F16`, because no kernel decodes their blocks yet. More memory than the file, and the bandwidth of `F16`.

use super::encoding::{Encoding, as_halves};
use super::f16;
use crate::quant::MXFP4;

pub const ENCODING: Encoding = Encoding { repack: as_halves::<MXFP4>, ..f16::ENCODING };
