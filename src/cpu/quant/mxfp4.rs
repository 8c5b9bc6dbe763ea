//! `MXFP4`: multiplied as what it expands to.

use super::cpu_type::multiplied_expanded;
use crate::quant::MXFP4;

multiplied_expanded!(MXFP4);
