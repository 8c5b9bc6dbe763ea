// Weights stored as Q5_1 and Q5_K are unpacked: bytes, and an f16 scale and an f16 minimum for every 32 of them, kept apart so that all are
// aligned.
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;
// A scale and a minimum.
@group(0) @binding(3) var<storage, read> factors: array<u32>;

// The four signed bytes of a word, times 2^24: each moved to the top of a word of its own, where no sign needs extending.
fn signed_bytes(word: u32) -> vec4<f32> {
    let top = vec4<u32>(word << 24u, word << 16u, word << 8u, word) & vec4<u32>(0xff000000u);
    return vec4<f32>(bitcast<vec4<i32>>(top));
}

// The scale, as it is for `signed_bytes`, and the minimum.
fn group_factors(at: u32) -> vec2<f32> {
    return unpack2x16float(factors[at >> 1u]) * vec2<f32>(5.9604644775390625e-8, 1.0);
}

// Group `at` of the stored matrix: elements 16 at .. 16 at + 16, one column of the result per 4 elements.
fn weight_group(at: u32) -> mat4x4<f32> {
    let words = weights[at];
    let factor = group_factors(at);
    return mat4x4<f32>(
        factor.x * signed_bytes(words.x) + factor.y,
        factor.x * signed_bytes(words.y) + factor.y,
        factor.x * signed_bytes(words.z) + factor.y,
        factor.x * signed_bytes(words.w) + factor.y,
    );
}

// The dot product of group `at` and 16 elements of x; scale and minimum are applied once.
fn weight_dot(at: u32, x: mat4x4<f32>) -> f32 {
    let words = weights[at];
    let factor = group_factors(at);
    let sum = dot(signed_bytes(words.x), x[0])
        + dot(signed_bytes(words.y), x[1])
        + dot(signed_bytes(words.z), x[2])
        + dot(signed_bytes(words.w), x[3]);
    return factor.x * sum + factor.y * dot(x[0] + x[1] + x[2] + x[3], vec4<f32>(1.0));
}
