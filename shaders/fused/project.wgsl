// out[r] = cap(residual[r] + dot(norm(x), weight[r]) + bias[r]); cap: parts/cap_none or cap_tanh
// One row. weight: [rows, 16 groups], any weight type; x: see parts/dots; residual, out: [rows] f32.
// Accumulates in f32. A team of invocations computes 4 rows.
struct Params {
    // Groups of 16 elements in a row of the weight and of x.
    groups: u32,
    // Elements of x.
    width: u32,
    eps: f32,
    // Where the biases begin in `vectors`.
    bias: u32,
    rows: u32,
    // The buffer's row where the weight begins.
    from_row: u32,
    // See parts/cap_tanh.
    soft_cap: f32,
}

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(6) var<storage, read> residual: array<f32>;
@group(0) @binding(7) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn fused_project(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first = team_index(workgroup, workgroups, local) * 4u;
    // Rows beyond the end repeat the last one and are not written.
    let rows = min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.rows - 1u));
    let sums = row_dots(local, rows + params.from_row);
    if local % TEAM == 0u {
        for (var i = 0u; i < 4u; i++) {
            let row = first + i;
            if row < params.rows {
                out[row] = capped(vec4<f32>(residual[row] + sums[i] + bias_at(params.bias, row))).x;
            }
        }
    }
}
