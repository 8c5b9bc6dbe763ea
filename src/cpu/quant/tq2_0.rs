//! `TQ2_0`: multiplied as what it expands to.

use super::cpu_type::multiplied_expanded;
use crate::quant::TQ2_0;

multiplied_expanded!(TQ2_0);
