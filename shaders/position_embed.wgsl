// out[i] = x[i] + table[p], p the row's position
// x, out: [n, stride] f32; table: [rows, 16 groups], any weight type.
// One rounding. A table in several chunks takes one dispatch per chunk; each writes the rows whose position lies in it.
struct Params {
    // Groups of 16 elements in a row.
    groups: u32,
    // The chunk's first row in the table.
    first_row: u32,
    // Rows of the chunk.
    rows: u32,
    // The buffer's row where the chunk begins.
    from_row: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(4) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn position_embed(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let row = workgroup.z;
    let group = column_group(workgroup, workgroups) * WORKGROUP + local;
    if row >= batch.n || group >= params.groups {
        return;
    }
    let position = batch.position + row;
    if position < params.first_row || position - params.first_row >= params.rows {
        return;
    }
    let start = weight_row(params.from_row + position - params.first_row, params.groups);
    let values = weight_group(start + group * GROUP_STEP);
    let at = (row * params.groups + group) * 4u;
    out[at] = x[at] + values[0];
    out[at + 1u] = x[at + 1u] + values[1];
    out[at + 2u] = x[at + 2u] + values[2];
    out[at + 3u] = x[at + 3u] + values[3];
}
