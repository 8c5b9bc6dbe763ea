//! `Q3_K`: multiplied as what it expands to.

use super::cpu_type::multiplied_expanded;
use crate::quant::Q3_K;

multiplied_expanded!(Q3_K);
