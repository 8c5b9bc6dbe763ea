//! `TQ1_0`: multiplied as what it expands to.

use super::cpu_type::multiplied_expanded;
use crate::quant::TQ1_0;

multiplied_expanded!(TQ1_0);
