//! `IQ4_NL` weights: as `Q8_0`, which has room for the same codes and scales.

use super::encoding::{Encoding, as_bytes};
use super::q8_0;
use crate::quant::IQ4_NL;

pub const ENCODING: Encoding = Encoding { repack: as_bytes::<IQ4_NL>, ..q8_0::ENCODING };
