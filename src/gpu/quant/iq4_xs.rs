//! `IQ4_XS` weights: as `F16`, because no kernel decodes their blocks yet. More memory than the file, and the bandwidth of `F16`.

use super::encoding::{Encoding, as_halves};
use super::f16;
use crate::quant::IQ4_XS;

pub const ENCODING: Encoding = Encoding { repack: as_halves::<IQ4_XS>, ..f16::ENCODING };
