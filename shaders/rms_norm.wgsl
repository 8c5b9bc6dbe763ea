// out = x / sqrt(mean(x^2) + eps) * weight, per row or per head (arXiv 1910.07467)
// x, out: [n, stride] f32, zero beyond the width; weight: as long as what is normed, f32.
// Accumulates in f32, one partial sum per invocation, then over the workgroup, as
// parts/reduce_memory or reduce_subgroups has it. One workgroup per row and head.
struct Params {
    // Elements that are normed together.
    width: u32,
    // Vectors of 4 of them.
    vectors: u32,
    // Vectors of 4 in a row's storage.
    stride: u32,
    eps: f32,
}

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn rms_norm(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = workgroup.z * params.stride + workgroup.x * params.vectors;
    var squares = 0.0;
    for (var i = local; i < params.vectors; i += WORKGROUP) {
        let value = x[row + i];
        squares += dot(value, value);
    }
    let mean = reduce_sum(local, squares) / f32(params.width);
    let scale = 1.0 / sqrt(mean + params.eps);
    for (var i = local; i < params.vectors; i += WORKGROUP) {
        out[row + i] = x[row + i] * scale * weight[i];
    }
}
