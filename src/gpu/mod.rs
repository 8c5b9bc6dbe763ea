//! Records a plan into one command buffer of WGSL compute passes; one file per operation.
