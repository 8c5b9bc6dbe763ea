// Weights stored as Q6_K and others are unpacked: signed bytes, and an f16 scale for every 16 of them, kept apart so that both are aligned.
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;
// Two scales to a word.
@group(0) @binding(3) var<storage, read> scales: array<u32>;

// The four signed bytes of a word, times 2^24: each moved to the top of a word of its own, where no sign needs extending.
fn signed_bytes(word: u32) -> vec4<f32> {
    let top = vec4<u32>(word << 24u, word << 16u, word << 8u, word) & vec4<u32>(0xff000000u);
    return vec4<f32>(bitcast<vec4<i32>>(top));
}

fn group_scale(at: u32) -> f32 {
    let pair = unpack2x16float(scales[at >> 1u]);
    return select(pair.x, pair.y, (at & 1u) != 0u) * 5.9604644775390625e-8;
}

// Group `at` of the stored matrix: elements 16 at .. 16 at + 16, one column of the result per 4 elements.
fn weight_group(at: u32) -> mat4x4<f32> {
    let words = weights[at];
    let scale = group_scale(at);
    return mat4x4<f32>(
        scale * signed_bytes(words.x),
        scale * signed_bytes(words.y),
        scale * signed_bytes(words.z),
        scale * signed_bytes(words.w),
    );
}

// The dot product of group `at` and 16 elements of x; the scale is applied once.
fn weight_dot(at: u32, x: mat4x4<f32>) -> f32 {
    let words = weights[at];
    let sum = dot(signed_bytes(words.x), x[0])
        + dot(signed_bytes(words.y), x[1])
        + dot(signed_bytes(words.z), x[2])
        + dot(signed_bytes(words.w), x[3]);
    return group_scale(at) * sum;
}
