// out = activation(norm(x) Wg + bg) * (norm(x) Wu + bu), or activation(norm(x) Wu + bu) without a gate (arXiv 2002.05202)
// One row. weight: the rows of Wg, where there is one, and Wu in one buffer, [rows, 16 groups], any weight type; x: see
// parts/dots; out: [d_ff] f32. Accumulates in f32. A team of invocations computes 4 elements.
struct Params {
    // Groups of 16 elements in a row of the weight and of x.
    groups: u32,
    // Elements of x.
    width: u32,
    eps: f32,
    // Where the biases begin in `vectors`: of each row of the buffer.
    bias: u32,
    // Elements of out.
    rows: u32,
    // Where the rows of Wu begin.
    up_row: u32,
}

// Whether there is a gate.
override GATED: u32 = 1u;

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(6) var<storage, read_write> out: array<f32>;

fn biases(rows: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(
        bias_at(params.bias, rows.x),
        bias_at(params.bias, rows.y),
        bias_at(params.bias, rows.z),
        bias_at(params.bias, rows.w),
    );
}

@compute @workgroup_size(WORKGROUP)
fn fused_feed(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first = team_index(workgroup, workgroups, local) * 4u;
    // Rows beyond the end repeat the last one and are not written.
    let gate_rows = min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.rows - 1u));
    let up_rows = gate_rows + params.up_row;
    let gate_starts = row_starts(gate_rows);
    let up_starts = row_starts(up_rows);
    norm_begin(local);
    var gate = vec4<f32>(0.0);
    var up = vec4<f32>(0.0);
    for (var group = local % TEAM; group < params.groups; group += TEAM) {
        let values = norm_group(group, x_group(group));
        up += group_dots(up_starts, group, values);
        if GATED == 1u {
            gate += group_dots(gate_starts, group, values);
        }
    }
    let scale = norm_scale(local);
    up = team_sum(local, up) * scale + biases(up_rows);
    if GATED == 1u {
        gate = team_sum(local, gate) * scale + biases(gate_rows);
        up = activate(gate) * up;
    } else {
        up = activate(up);
    }
    if local % TEAM == 0u {
        for (var i = 0u; i < 4u; i++) {
            if first + i < params.rows {
                out[first + i] = up[i];
            }
        }
    }
}
