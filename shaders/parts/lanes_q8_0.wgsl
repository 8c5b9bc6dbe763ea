// Weights stored as Q8_0, for adapters that compute on a CPU: invocations next to each other, which are one of its vectors,
// read words next to each other. Of 16 rows the first 4 belong to one invocation, the next 4 to the next one; a word of
// the first invocation's row is followed by the same word of the other three's. Signed bytes, and a scale for every
// 32 of them.
@group(0) @binding(2) var<storage, read> weights: array<u32>;
// One scale for 2 groups of a row, in the same order.
@group(0) @binding(3) var<storage, read> scales: array<f32>;

// Words of a group of 16 elements.
const WORDS: u32 = 4u;
// From a group to the next one of its row.
const GROUP_STEP: u32 = 16u * WORDS;

// The first group of a row: 16 rows after the other, in them group after group, in those row after row of an invocation.
fn weight_row(row: u32, groups: u32) -> u32 {
    return (row / 16u * groups * 4u + row % 4u) * 4u * WORDS + row / 4u % 4u;
}

// The four signed bytes of a word, times 2^24: each moved to the top of a word of its own, where no sign needs extending.
fn signed_bytes(word: u32) -> vec4<f32> {
    return vec4<f32>(
        f32(bitcast<i32>(word << 24u)),
        f32(bitcast<i32>((word << 16u) & 0xff000000u)),
        f32(bitcast<i32>((word << 8u) & 0xff000000u)),
        f32(bitcast<i32>(word & 0xff000000u)),
    );
}

fn group_scale(at: u32) -> f32 {
    return 5.9604644775390625e-8 * scales[at / (2u * GROUP_STEP) * 16u + at / (4u * WORDS) % 4u * 4u + at % 4u];
}

// Group `at`: 16 elements of a row, one column of the result per 4 elements.
fn weight_group(at: u32) -> mat4x4<f32> {
    let scale = group_scale(at);
    return mat4x4<f32>(
        scale * signed_bytes(weights[at]),
        scale * signed_bytes(weights[at + 4u]),
        scale * signed_bytes(weights[at + 8u]),
        scale * signed_bytes(weights[at + 12u]),
    );
}

// The dot product of group `at` and 16 elements of x; the scale is applied once.
fn weight_dot(at: u32, x: mat4x4<f32>) -> f32 {
    let sum = dot(signed_bytes(weights[at]), x[0])
        + dot(signed_bytes(weights[at + 4u]), x[1])
        + dot(signed_bytes(weights[at + 8u]), x[2])
        + dot(signed_bytes(weights[at + 12u]), x[3]);
    return group_scale(at) * sum;
}
