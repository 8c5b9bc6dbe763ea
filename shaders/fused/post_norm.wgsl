// out = residual + x / sqrt(mean(x^2) + eps) * weight (arXiv 1910.07467): the norm of what a block gives, and the sum behind it
// One row. x, residual, out: [stride] f32, zero beyond the width; weight: likewise. Accumulates in f32, one partial sum per
// invocation, then over the workgroup, as parts/reduce_memory or reduce_subgroups has it. One workgroup.
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
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn fused_post_norm(@builtin(local_invocation_index) local: u32) {
    var squares = 0.0;
    for (var i = local; i < params.stride; i += WORKGROUP) {
        squares += dot(x[i], x[i]);
    }
    let mean = reduce_sum(local, squares) / f32(params.width);
    let scale = 1.0 / sqrt(mean + params.eps);
    for (var i = local; i < params.stride; i += WORKGROUP) {
        out[i] = residual[i] + x[i] * scale * weight[i];
    }
}
