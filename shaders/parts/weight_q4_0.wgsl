// Weights stored as Q4_0: 4-bit codes minus 8, and an f16 scale for every 32 of them, kept apart so that both are
// aligned. The upload puts the codes in the elements' order, 8 to a word, lowest bits first.
@group(0) @binding(2) var<storage, read> weights: array<vec2<u32>>;
// Two scales to a word.
@group(0) @binding(3) var<storage, read> scales: array<u32>;

fn nibbles(word: u32) -> vec4<f32> {
    return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u)) - 8.0;
}

fn group_scale(at: u32) -> f32 {
    let pair = unpack2x16float(scales[at >> 2u]);
    return select(pair.x, pair.y, (at & 2u) != 0u);
}

// Group `at` of the stored matrix: elements 16 at .. 16 at + 16, one column of the result per 4 elements.
fn weight_group(at: u32) -> mat4x4<f32> {
    let words = weights[at];
    let scale = group_scale(at);
    return mat4x4<f32>(
        scale * nibbles(words.x),
        scale * nibbles(words.x >> 16u),
        scale * nibbles(words.y),
        scale * nibbles(words.y >> 16u),
    );
}

// The dot product of group `at` and 16 elements of x; the scale is applied once.
fn weight_dot(at: u32, x: mat4x4<f32>) -> f32 {
    let words = weights[at];
    let sum = dot(nibbles(words.x), x[0])
        + dot(nibbles(words.x >> 16u), x[1])
        + dot(nibbles(words.y), x[2])
        + dot(nibbles(words.y >> 16u), x[3]);
    return group_scale(at) * sum;
}
