// Weights stored as BF16, two to a word, each row padded with zeros to whole groups of 16.
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;

// A bfloat16 is the upper half of an f32.
fn halves(low: u32, high: u32) -> vec4<f32> {
    return bitcast<vec4<f32>>(vec4<u32>(low << 16u, low & 0xffff0000u, high << 16u, high & 0xffff0000u));
}

// Group `at` of the stored matrix: elements 16 at .. 16 at + 16, one column of the result per 4 elements.
fn weight_group(at: u32) -> mat4x4<f32> {
    let a = weights[at * 2u];
    let b = weights[at * 2u + 1u];
    return mat4x4<f32>(halves(a.x, a.y), halves(a.z, a.w), halves(b.x, b.y), halves(b.z, b.w));
}

// The dot product of group `at` and 16 elements of x.
fn weight_dot(at: u32, x: mat4x4<f32>) -> f32 {
    let w = weight_group(at);
    return dot(w[0], x[0]) + dot(w[1], x[1]) + dot(w[2], x[2]) + dot(w[3], x[3]);
}
