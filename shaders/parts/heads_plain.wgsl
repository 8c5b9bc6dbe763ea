// The entry point of fused/qkv where heads are not normed: teams take pairs of all heads.
@compute @workgroup_size(WORKGROUP)
fn fused_qkv(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let count = (params.n_heads + 2u * params.n_kv_heads) * ((params.head_dim + 1u) / 2u);
    let index = team_index(workgroup, workgroups, local) * 2u;
    // Pairs beyond the end repeat the last one and are not written.
    let first = pair_at(min(index, count - 1u));
    let second = pair_at(min(index + 1u, count - 1u));
    let sums = row_dots(local, vec4<u32>(first.rows, second.rows));
    if local % TEAM == 0u {
        let values = vec4<f32>(rotated(first, biased(first, sums.xy)), rotated(second, biased(second, sums.zw)));
        write_pairs(index, count, first, second, values);
    }
}
