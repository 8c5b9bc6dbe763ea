//! `IQ4_XS`: multiplied as what it expands to.

use super::cpu_type::multiplied_expanded;
use crate::quant::IQ4_XS;

multiplied_expanded!(IQ4_XS);
