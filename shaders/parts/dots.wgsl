// Dot products of one row of x, normed on the way, with rows of the weight; a team of invocations shares them. How
// it adds them up and what norms are other parts: team_memory or team_subgroups; norm_none, norm_rms, norm_layer or norm_merge.

// [width, zero beyond it up to whole groups of 16] f32.
@group(0) @binding(4) var<storage, read> x: array<vec4<f32>>;
// The norm's weight and bias, each as long as x, where it has them; then the biases of the weight's rows.
@group(0) @binding(5) var<storage, read> vectors: array<vec4<f32>>;

fn x_group(group: u32) -> mat4x4<f32> {
    let i = group * 4u;
    return mat4x4<f32>(x[i], x[i + 1u], x[i + 2u], x[i + 3u]);
}

fn vector_group(at: u32) -> mat4x4<f32> {
    return mat4x4<f32>(vectors[at], vectors[at + 1u], vectors[at + 2u], vectors[at + 3u]);
}

// Element `at` of the biases, which begin at vector `start`.
fn bias_at(start: u32, at: u32) -> f32 {
    return vectors[start + at / 4u][at % 4u];
}

// The products of 4 rows of the weight and a group of x.
fn group_dots(rows: vec4<u32>, group: u32, values: mat4x4<f32>) -> vec4<f32> {
    let at = rows + group * GROUP_STEP;
    return vec4<f32>(
        weight_dot(at.x, values),
        weight_dot(at.y, values),
        weight_dot(at.z, values),
        weight_dot(at.w, values),
    );
}

// Where 4 rows of the weight begin.
fn row_starts(rows: vec4<u32>) -> vec4<u32> {
    return vec4<u32>(
        weight_row(rows.x, params.groups),
        weight_row(rows.y, params.groups),
        weight_row(rows.z, params.groups),
        weight_row(rows.w, params.groups),
    );
}

// The dot products of x, normed, with 4 rows of the weight.
fn row_dots(local: u32, rows: vec4<u32>) -> vec4<f32> {
    let starts = row_starts(rows);
    norm_begin(local);
    var sum = vec4<f32>(0.0);
    for (var group = local % TEAM; group < params.groups; group += TEAM) {
        sum += group_dots(starts, group, norm_group(group, x_group(group)));
    }
    return team_sum(local, sum) * norm_scale(local);
}

// The team's number among those of the dispatch.
fn team_index(workgroup: vec3<u32>, workgroups: vec3<u32>, local: u32) -> u32 {
    return column_group(workgroup, workgroups) * (WORKGROUP / TEAM) + local / TEAM;
}
