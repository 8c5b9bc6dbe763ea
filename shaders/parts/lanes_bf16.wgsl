// Weights stored as BF16, for adapters that compute on a CPU: invocations next to each other, which are one of its vectors,
// read words next to each other. Of 16 rows the first 4 belong to one invocation, the next 4 to the next one; a word of
// the first invocation's row is followed by the same word of the other three's. Each row is padded with zeros to
// whole groups of 16.
@group(0) @binding(2) var<storage, read> weights: array<u32>;

// Words of a group of 16 elements.
const WORDS: u32 = 8u;
// From a group to the next one of its row.
const GROUP_STEP: u32 = 16u * WORDS;

// The first group of a row: 16 rows after the other, in them group after group, in those row after row of an invocation.
fn weight_row(row: u32, groups: u32) -> u32 {
    return (row / 16u * groups * 4u + row % 4u) * 4u * WORDS + row / 4u % 4u;
}

// A bfloat16 is the upper half of an f32. Such adapters multiply by 65536 faster than they shift by 16 bits.
fn four(at: u32) -> vec4<f32> {
    let low = weights[at];
    let high = weights[at + 4u];
    return bitcast<vec4<f32>>(vec4<u32>(low * 65536u, low & 0xffff0000u, high * 65536u, high & 0xffff0000u));
}

// Group `at`: 16 elements of a row, one column of the result per 4 elements.
fn weight_group(at: u32) -> mat4x4<f32> {
    return mat4x4<f32>(four(at), four(at + 8u), four(at + 16u), four(at + 24u));
}

// The dot product of group `at` and 16 elements of x.
fn weight_dot(at: u32, x: mat4x4<f32>) -> f32 {
    let w = weight_group(at);
    return dot(w[0], x[0]) + dot(w[1], x[1]) + dot(w[2], x[2]) + dot(w[3], x[3]);
}
