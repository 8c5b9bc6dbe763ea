// Weights stored as Q8_0: signed bytes, and an f16 scale for every 32 of them, kept apart so that both are aligned.
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;
// Two scales to a word.
@group(0) @binding(3) var<storage, read> scales: array<u32>;

fn signed_bytes(word: u32) -> vec4<f32> {
    let high = vec4<u32>(word << 24u, word << 16u, word << 8u, word);
    return vec4<f32>(bitcast<vec4<i32>>(high) >> vec4<u32>(24u));
}

// Group `at` of the stored matrix: elements 16 at .. 16 at + 16, one column of the result per 4 elements.
fn weight_group(at: u32) -> mat4x4<f32> {
    let words = weights[at];
    let pair = unpack2x16float(scales[at >> 2u]);
    let scale = select(pair.x, pair.y, (at & 2u) != 0u);
    return mat4x4<f32>(
        scale * signed_bytes(words.x),
        scale * signed_bytes(words.y),
        scale * signed_bytes(words.z),
        scale * signed_bytes(words.w),
    );
}
