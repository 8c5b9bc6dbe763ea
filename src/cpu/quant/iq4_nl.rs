//! `IQ4_NL`: multiplied as what it expands to.

use super::cpu_type::multiplied_expanded;
use crate::quant::IQ4_NL;

multiplied_expanded!(IQ4_NL);
