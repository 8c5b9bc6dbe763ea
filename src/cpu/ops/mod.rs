//! One file an operation: a function over slices, generic over the vectors.

pub mod activation;
pub mod add;
pub mod attention;
pub mod embed;
pub mod experts;
pub mod gated_activation;
pub mod layer_norm;
pub mod linear;
pub mod position_embed;
pub mod rms_norm;
pub mod rope;
pub mod route;
pub mod scale;
pub mod select_rows;
pub mod short_conv;
pub mod soft_cap;
pub mod ssm;
pub mod store_kv;
