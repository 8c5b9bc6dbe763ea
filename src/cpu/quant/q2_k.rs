//! `Q2_K`: multiplied as what it expands to.

use super::cpu_type::multiplied_expanded;
use crate::quant::Q2_K;

multiplied_expanded!(Q2_K);
