//! `Q3_K` weights: as `Q6_K`, which has room for the same codes. Nine bits an element.

use super::encoding::{Encoding, as_grouped_bytes};
use super::q6_k;
use crate::quant::Q3_K;

pub const ENCODING: Encoding = Encoding { repack: as_grouped_bytes::<Q3_K>, ..q6_k::ENCODING };
