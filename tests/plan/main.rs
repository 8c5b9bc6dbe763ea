//! Plans and the loading of weights: from files to what the backends run.

mod story;
