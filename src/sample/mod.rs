//! From logits to the next token, seeded.
//!
//! The transforms run in this order, each on the result of the one before:
//!
//! 1. bans: tokens that may not come (control tokens, and what would repeat an n-gram),
//! 2. repetition penalty (CTRL, arXiv 1909.05858): the logit of each token already seen is divided by the penalty where
//!    it is positive and multiplied where it is negative,
//! 3. temperature: logits are divided by it; 0 is greedy and ends here with the highest logit (the lowest id of equals),
//! 4. top-k: the k highest stay,
//! 5. top-p (nucleus, arXiv 1904.09751): the fewest most likely tokens whose probabilities add up to at least p stay,
//! 6. min-p (arXiv 2407.01082): tokens at least `min_p` times as likely as the most likely stay.
//!
//! Then one of them is drawn, by a race ([`race`]). The same seed draws the same random bits on every platform (PCG32, see
//! [`rng`]), and weighs tokens by the same bits. Logarithms may differ between platforms in their last bit, which can only matter
//! where two tokens arrive at the same time but for that.

mod draw;
mod guide;
mod options;
pub mod race;
pub mod rng;
mod sampler;
mod softmax;

pub use guide::Guide;
pub use options::SampleOptions;
pub use sampler::{Sampler, log_probability};
