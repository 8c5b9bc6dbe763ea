//! Chooses between CPU and GPU, with a stated reason, and runs a plan on the choice.
