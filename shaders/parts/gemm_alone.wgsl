// The product of many rows of x on adapters that compute on a CPU, part of linear: up to 32 x 12 results per invocation. What such
// an adapter pays for is loads, each of which is checked for every invocation of a vector, and what loops carry from turn to turn:
// weights are decoded once for 32 rows, and sums stay in memory.
//
// Every line is compiled to instructions for each of its elements, and slowly: in Chromium this takes 0.25 s to compile. 8 x 24
// results, all written out, took 1.5 s, and 1.2 times as long to run.
const ALONE_ROWS: u32 = 32u;

@compute @workgroup_size(WORKGROUP)
fn gemm_alone(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    // 3 times 4 columns, 16 apart: neighbouring invocations' columns lie between.
    let index = column_group(workgroup, workgroups) * WORKGROUP + local;
    let first = index / 4u * 48u + index % 4u * 4u;
    if first >= params.rows {
        return;
    }
    let at0 = row_starts(first);
    let at1 = row_starts(first + 16u);
    let at2 = row_starts(first + 32u);
    let row = workgroup.z * ALONE_ROWS;
    let rows = min(ALONE_ROWS, batch.n - row);
    var alone_sums: array<vec4<f32>, 96>;
    for (var group = 0u; group < params.groups; group++) {
        let step = group * GROUP_STEP;
        let a0 = weight_group(at0.x + step);
        let a1 = weight_group(at0.y + step);
        let a2 = weight_group(at0.z + step);
        let a3 = weight_group(at0.w + step);
        let b0 = weight_group(at1.x + step);
        let b1 = weight_group(at1.y + step);
        let b2 = weight_group(at1.z + step);
        let b3 = weight_group(at1.w + step);
        let c0 = weight_group(at2.x + step);
        let c1 = weight_group(at2.y + step);
        let c2 = weight_group(at2.z + step);
        let c3 = weight_group(at2.w + step);
        for (var r = 0u; r < rows; r++) {
            let values = x_group((row + r) * params.groups + group);
            alone_sums[r * 3u] += dots(values, a0, a1, a2, a3);
            alone_sums[r * 3u + 1u] += dots(values, b0, b1, b2, b3);
            alone_sums[r * 3u + 2u] += dots(values, c0, c1, c2, c3);
        }
    }
    for (var r = 0u; r < rows; r++) {
        for (var c = 0u; c < 3u; c++) {
            write_neighbours(row + r, first + c * 16u, alone_sums[r * 3u + c]);
        }
    }
}
