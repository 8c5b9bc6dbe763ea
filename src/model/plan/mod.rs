//! A model as a list of named steps over named buffers and weights.

mod batch;
mod build;
mod feed_forward;
mod print;
mod source;
mod spec;
mod ssm;

pub use batch::{Batch, LogitRows, Texts};
pub use build::build;
pub use spec::{BufferSpec, MatrixSpec, Plan, Step, VectorSpec, ZEROS};
