//! What a model gives for what it reads: logits, or rows that a text's vector is made of.

/// What a model gives for the tokens that it reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// Logits of the token that follows: a decoder.
    #[default]
    Logits,
    /// The hidden rows themselves, of which a text's vector is made: an encoder.
    Rows(EncoderConfig),
}

/// What an encoder's files say of its vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncoderConfig {
    /// How a text's rows become one vector.
    pub pooling: Pooling,
    /// Numbers of a row.
    pub width: usize,
    /// Numbers of a vector: others, where dense modules follow the pooling.
    pub dimensions: usize,
    /// Vectors are brought to length 1.
    pub normalize: bool,
    /// Longer texts are cut off.
    pub max_tokens: usize,
}

/// How a text's rows become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pooling {
    /// The mean of all rows.
    Mean,
    /// The first row, that of `[CLS]`.
    Cls,
    /// The last row.
    Last,
}
