// out = cap * tanh(x / cap), elementwise
// x, out: [n, stride] vectors of 4 f32.
struct Params {
    // Vectors of 4 in a row.
    stride: u32,
    cap: f32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn soft_cap(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let row = workgroup.z;
    let column = column_group(workgroup, workgroups) * WORKGROUP + local;
    if row >= batch.n || column >= params.stride {
        return;
    }
    let at = row * params.stride + column;
    out[at] = params.cap * soft_tanh(x[at] / params.cap);
}
