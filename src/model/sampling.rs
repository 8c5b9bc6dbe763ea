//! How a device that chooses tokens itself is told to. What the numbers mean is said in `src/sample`, which owns the rules.

/// Rules for the next tokens, and what they depend on.
#[derive(Clone, Copy, Debug)]
pub struct Sampling<'a> {
    /// 0 is greedy.
    pub temperature: f32,
    /// 0 keeps all.
    pub top_k: usize,
    /// 1 keeps all.
    pub top_p: f32,
    /// 0 keeps all.
    pub min_p: f32,
    /// 1 changes nothing.
    pub repetition_penalty: f32,
    /// Random bits for each token; none are needed where it is greedy.
    pub draws: &'a [u32],
    /// One bit per token of the vocabulary, lowest first: those that the repetition penalty applies to.
    pub seen: &'a [u64],
    /// Likewise: those that may not come.
    pub banned: &'a [u64],
}

impl Sampling<'static> {
    /// The likeliest token, always.
    pub const GREEDY: Self = Sampling {
        temperature: 0.0,
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        repetition_penalty: 1.0,
        draws: &[],
        seen: &[],
        banned: &[],
    };
}

/// A token that was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampled {
    /// Its id.
    pub token: u32,
    /// Natural logarithm of the probability that the model itself gives it, before any rule.
    pub logprob: f32,
}
