// Weights stored as Q4_1: 4-bit codes, and an f16 scale and an f16 minimum for every 32 of them, kept apart so that all are aligned. The
// upload puts the codes in the elements' order, 8 to a word, lowest bits first.
@group(0) @binding(2) var<storage, read> weights: array<vec2<u32>>;
// A scale and a minimum.
@group(0) @binding(3) var<storage, read> factors: array<u32>;

fn nibbles(word: u32) -> vec4<f32> {
    return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u));
}

// Group `at` of the stored matrix: elements 16 at .. 16 at + 16, one column of the result per 4 elements.
fn weight_group(at: u32) -> mat4x4<f32> {
    let words = weights[at];
    let factor = unpack2x16float(factors[at >> 1u]);
    return mat4x4<f32>(
        factor.x * nibbles(words.x) + factor.y,
        factor.x * nibbles(words.x >> 16u) + factor.y,
        factor.x * nibbles(words.y) + factor.y,
        factor.x * nibbles(words.y >> 16u) + factor.y,
    );
}

// The dot product of group `at` and 16 elements of x; scale and minimum are applied once.
fn weight_dot(at: u32, x: mat4x4<f32>) -> f32 {
    let words = weights[at];
    let factor = unpack2x16float(factors[at >> 1u]);
    let sum = dot(nibbles(words.x), x[0])
        + dot(nibbles(words.x >> 16u), x[1])
        + dot(nibbles(words.y), x[2])
        + dot(nibbles(words.y >> 16u), x[3]);
    return factor.x * sum + factor.y * dot(x[0] + x[1] + x[2] + x[3], vec4<f32>(1.0));
}
