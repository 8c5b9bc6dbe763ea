//! `IQ4_XS` weights: as `Q6_K`, which has room for the same codes. Nine bits an element.

use super::encoding::{Encoding, as_grouped_bytes};
use super::q6_k;
use crate::quant::IQ4_XS;

pub const ENCODING: Encoding = Encoding { repack: as_grouped_bytes::<IQ4_XS>, ..q6_k::ENCODING };
