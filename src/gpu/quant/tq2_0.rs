//! `TQ2_0` weights: as `Q8_0`, which has room for the same codes and scales.

use super::encoding::{Encoding, as_bytes};
use super::q8_0;
use crate::quant::TQ2_0;

pub const ENCODING: Encoding = Encoding { repack: as_bytes::<TQ2_0>, ..q8_0::ENCODING };
