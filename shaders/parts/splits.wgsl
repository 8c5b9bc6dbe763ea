// Which positions a token sees, and how its attention is split: parts of the positions for workgroups of their own, merged by
// who reads it.

// Positions that a token sees at most, its own included, and of later ones as many.
override WINDOW: u32 = 0xffffffffu;

// The first position that a token at `position` sees.
fn seen_from(position: u32) -> u32 {
    return position + 1u - min(position + 1u, WINDOW);
}

// Parts at most; 1: not split.
override SPLITS: u32 = 1u;

// Fewer positions are not worth a part more: that many are a few rounds of a workgroup. Rust twin: POSITIONS_OF_A_PART.
const PART: u32 = 128u;

// The parts that `length` positions are split into; none is empty, as long as there are no more than PART of them.
fn split_count(length: u32) -> u32 {
    return clamp((length + PART - 1u) / PART, 1u, SPLITS);
}
