//! From logits to the next token: temperature, top-k, top-p, min-p, penalties; seeded.
