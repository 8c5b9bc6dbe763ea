// out = table[token] + table[first_position + p], p the token's position
// One row. table: token embeddings and, from row first_position on, learned positions, [rows, 16 groups], any weight type;
// out: [16 groups] f32. One rounding but for the weight type's own decoding. One invocation per group.
struct Params {
    // Groups of 16 elements in a row.
    groups: u32,
    // Rows of token embeddings.
    n_vocab: u32,
    // The row of position 0.
    first_position: u32,
    // Positions there are.
    positions: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(4) var<storage, read> tokens: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn fused_embed(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let group = column_group(workgroup, workgroups) * WORKGROUP + local;
    if group >= params.groups || tokens[0] >= params.n_vocab || batch.position >= params.positions {
        return;
    }
    let token = weight_group(weight_row(tokens[0], params.groups) + group * GROUP_STEP);
    let row = params.first_position + batch.position;
    let position = weight_group(weight_row(row, params.groups) + group * GROUP_STEP);
    out[group * 4u] = token[0] + position[0];
    out[group * 4u + 1u] = token[1] + position[1];
    out[group * 4u + 2u] = token[2] + position[2];
    out[group * 4u + 3u] = token[3] + position[3];
}
