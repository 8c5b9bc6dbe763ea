//! Runs a plan over slices on the CPU; one file per operation.
