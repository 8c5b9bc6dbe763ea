//! From a parsed file to what the backends run: hyperparameters, plans, weights.

mod config;
mod fixture;
mod golden;
mod load;
mod mixtures;
mod states;
mod story;
