// out = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias, per row (arXiv 1607.06450); var divides by the width
// x, out: [n, stride] f32, zero beyond width; weight, bias: [stride] f32, zero beyond width.
// Accumulates in f32 in two passes, one partial sum per invocation, then over the workgroup, as
// parts/reduce_memory or reduce_subgroups has it. One workgroup per row.
struct Params {
    // Elements in a row.
    width: u32,
    // Vectors of 4 in a row's storage.
    stride: u32,
    eps: f32,
}

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn layer_norm(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = workgroup.z * params.stride;
    let width = f32(params.width);
    var sum = 0.0;
    for (var i = local; i < params.stride; i += WORKGROUP) {
        sum += dot(x[row + i], vec4<f32>(1.0));
    }
    let mean = reduce_sum(local, sum) / width;
    var squares = 0.0;
    for (var i = local; i < params.stride; i += WORKGROUP) {
        // The padding is no part of the variance.
        let inside = vec4<u32>(i * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(params.width);
        let centred = select(vec4<f32>(0.0), x[row + i] - mean, inside);
        squares += dot(centred, centred);
    }
    let variance = reduce_sum(local, squares) / width;
    let scale = 1.0 / sqrt(variance + params.eps);
    for (var i = local; i < params.stride; i += WORKGROUP) {
        out[row + i] = (x[row + i] - mean) * scale * weight[i] + bias[i];
    }
}
