//! Naive f64 kernels: the formula of each operation written down once, never optimised, and a whole model made of them.
//!
//! Each test binary includes this module at its root (`crate::reference`). Matrices are row-major slices. Every fast kernel is
//! held against these.

#![allow(dead_code)]

pub mod attention;
pub mod elementwise;
pub mod experts;
pub mod matrix;
pub mod model;
pub mod norm;
pub mod rope;
pub mod short_conv;
pub mod ssm;
