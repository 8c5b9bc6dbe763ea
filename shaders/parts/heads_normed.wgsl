// The entry point of fused/qkv where each head of q and k is normed: x / sqrt(mean(x^2) + eps) * weight over its elements (arXiv
// 2302.05442). A workgroup takes a head, its teams two pairs at a time.

// Vectors of 4 in a head.
override HEAD: u32 = 16u;

// The head, two pairs to a vector.
var<workgroup> head_values: array<vec4<f32>, HEAD>;

@compute @workgroup_size(WORKGROUP)
fn fused_qkv(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let head = column_group(workgroup, workgroups);
    if head >= params.n_heads + 2u * params.n_kv_heads {
        return;
    }
    let pairs = (params.head_dim + 1u) / 2u;
    for (var turn = 0u; turn < HEAD; turn += WORKGROUP / TEAM) {
        let quad = turn + local / TEAM;
        // Pairs beyond the end repeat the last one and count as zeros.
        let first = pair_at(head * pairs + min(quad * 2u, pairs - 1u));
        let second = pair_at(head * pairs + min(quad * 2u + 1u, pairs - 1u));
        let sums = row_dots(local, vec4<u32>(first.rows, second.rows));
        if local % TEAM == 0u && quad < HEAD {
            let values = vec4<f32>(biased(first, sums.xy), biased(second, sums.zw));
            let both = quad * 2u + 1u < pairs;
            let inside = vec4<bool>(
                true,
                first.dims.y < params.head_dim,
                both,
                both && second.dims.y < params.head_dim,
            );
            head_values[quad] = select(vec4<f32>(0.0), values, inside);
        }
    }
    workgroupBarrier();
    var squares = 0.0;
    for (var quad = 0u; quad < HEAD; quad++) {
        squares += dot(head_values[quad], head_values[quad]);
    }
    let factor = 1.0 / sqrt(squares / f32(params.head_dim) + params.head_eps);
    // The weights of keys are behind those of queries.
    let weight = params.head_norm + select(0u, HEAD, head >= params.n_heads);
    for (var quad = local; quad < HEAD; quad += WORKGROUP) {
        let first = pair_at(head * pairs + min(quad * 2u, pairs - 1u));
        let second = pair_at(head * pairs + min(quad * 2u + 1u, pairs - 1u));
        var values = head_values[quad];
        if head < params.n_heads + params.n_kv_heads {
            let weights = vec4<f32>(
                bias_at(weight, first.dims.x),
                bias_at(weight, first.dims.y),
                bias_at(weight, second.dims.x),
                bias_at(weight, second.dims.y),
            );
            values *= factor * weights;
        }
        let turned = vec4<f32>(rotated(first, values.xy), rotated(second, values.zw));
        write_pairs(quad * 2u, pairs, first, second, turned);
    }
}
