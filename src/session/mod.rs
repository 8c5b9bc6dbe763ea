//! Position and KV cache: tokens in, logits out.
