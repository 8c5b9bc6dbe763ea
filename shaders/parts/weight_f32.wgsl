// Weights stored as F32, each row padded with zeros to whole groups of 16.
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;

// Group `at` of the stored matrix: elements 16 at .. 16 at + 16, one column of the result per 4 elements.
fn weight_group(at: u32) -> mat4x4<f32> {
    let i = at * 4u;
    return mat4x4<f32>(weights[i], weights[i + 1u], weights[i + 2u], weights[i + 3u]);
}

// The dot product of group `at` and 16 elements of x.
fn weight_dot(at: u32, x: mat4x4<f32>) -> f32 {
    let w = weight_group(at);
    return dot(w[0], x[0]) + dot(w[1], x[1]) + dot(w[2], x[2]) + dot(w[3], x[3]);
}
