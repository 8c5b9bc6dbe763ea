// How the attention of one token is split: parts of the positions for workgroups of their own, merged by who reads it.

// Parts at most; 1: not split.
override SPLITS: u32 = 1u;

// Fewer positions are not worth a part more: that many are a few rounds of a workgroup. Rust twin: gpu::attention::PART.
const PART: u32 = 128u;

// The parts that `length` positions are split into; none is empty, as long as there are no more than PART of them.
fn split_count(length: u32) -> u32 {
    return clamp((length + PART - 1u) / PART, 1u, SPLITS);
}
