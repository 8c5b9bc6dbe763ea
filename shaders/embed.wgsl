// out[i] = table[token[i]]
// table: [rows, 16 groups], any weight type; tokens: [n] u32; out: [n, stride] f32.
// Exact but for the weight type's own decoding. A table in several chunks takes one dispatch per chunk; each writes the
// rows whose token lies in its chunk.
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
@group(0) @binding(4) var<storage, read> tokens: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn embed(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let row = workgroup.z;
    let group = column_group(workgroup, workgroups) * WORKGROUP + local;
    if row >= batch.n || group >= params.groups {
        return;
    }
    let token = tokens[row];
    if token < params.first_row || token - params.first_row >= params.rows {
        return;
    }
    let start = weight_row(params.from_row + token - params.first_row, params.groups);
    let values = weight_group(start + group * GROUP_STEP);
    let at = (row * params.groups + group) * 4u;
    out[at] = values[0];
    out[at + 1u] = values[1];
    out[at + 2u] = values[2];
    out[at + 3u] = values[3];
}
