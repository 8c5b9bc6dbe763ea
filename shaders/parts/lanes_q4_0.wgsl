// Weights stored as Q4_0, for adapters that compute on a CPU: invocations next to each other, which are one of its vectors,
// read words next to each other. Of 16 rows the first 4 belong to one invocation, the next 4 to the next one; a word of
// the first invocation's row is followed by the same word of the other three's. 4-bit codes minus 8 in the elements'
// order, lowest bits first, and a scale for every 32 of them.
@group(0) @binding(2) var<storage, read> weights: array<u32>;
// One scale for 2 groups of a row, in the same order.
@group(0) @binding(3) var<storage, read> scales: array<f32>;

// Words of a group of 16 elements.
const WORDS: u32 = 2u;
// From a group to the next one of its row.
const GROUP_STEP: u32 = 16u * WORDS;

// The first group of a row: 16 rows after the other, in them group after group, in those row after row of an invocation.
fn weight_row(row: u32, groups: u32) -> u32 {
    return (row / 16u * groups * 4u + row % 4u) * 4u * WORDS + row / 4u % 4u;
}

fn nibbles(word: u32) -> vec4<f32> {
    return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u)) - 8.0;
}

fn group_scale(at: u32) -> f32 {
    return scales[at / (2u * GROUP_STEP) * 16u + at / (4u * WORDS) % 4u * 4u + at % 4u];
}

// Group `at`: 16 elements of a row, one column of the result per 4 elements.
fn weight_group(at: u32) -> mat4x4<f32> {
    let scale = group_scale(at);
    let low = weights[at];
    let high = weights[at + 4u];
    return mat4x4<f32>(
        scale * nibbles(low),
        scale * nibbles(low >> 16u),
        scale * nibbles(high),
        scale * nibbles(high >> 16u),
    );
}

// The dot product of group `at` and 16 elements of x; the scale is applied once.
fn weight_dot(at: u32, x: mat4x4<f32>) -> f32 {
    let low = weights[at];
    let high = weights[at + 4u];
    let sum = dot(nibbles(low), x[0]) + dot(nibbles(low >> 16u), x[1])
        + dot(nibbles(high), x[2]) + dot(nibbles(high >> 16u), x[3]);
    return group_scale(at) * sum;
}
