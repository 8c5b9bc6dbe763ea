// The product of many rows of x whose tiles are held as f16, part of linear: as gemm, with half of its traffic with workgroup memory.
// Multiplies and accumulates in f32. x, and weights of types that f16 does not hold, are rounded to 11 bits, and to the largest f16
// where they are larger.
const LARGEST_HALF: vec4<f32> = vec4<f32>(65504.0);

var<workgroup> x_halves: array<vec4<f16>, 256>;
var<workgroup> weight_halves: array<vec4<f16>, 256>;

fn halved(values: vec4<f32>) -> vec4<f16> {
    return vec4<f16>(clamp(values, -LARGEST_HALF, LARGEST_HALF));
}

@compute @workgroup_size(64)
fn gemm_half(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let tile_row = workgroup.z * TILE;
    let tile_column = column_group(workgroup, workgroups) * TILE;
    // This invocation loads group `load_group` of the step for row and column `load` of the tile ...
    let load = local % TILE;
    let load_group = local / TILE;
    // ... and computes 4 neighbouring rows times 4 columns that lie 8 apart.
    let row = (local / 8u) * 4u;
    let column = local % 8u;
    var sums = mat4x4<f32>();
    for (var base = 0u; base < params.groups; base += 2u) {
        let group = base + load_group;
        var x_values = mat4x4<f32>();
        var weight_values = mat4x4<f32>();
        if group < params.groups {
            if tile_row + load < batch.n {
                x_values = x_group((tile_row + load) * params.groups + group);
            }
            if tile_column + load < params.rows {
                weight_values = weight_group(row_start(tile_column + load) + group * GROUP_STEP);
            }
        }
        workgroupBarrier();
        for (var i = 0u; i < 4u; i++) {
            let to = (load_group * 4u + i) * TILE + load;
            x_halves[to] = halved(x_values[i]);
            weight_halves[to] = halved(weight_values[i]);
        }
        workgroupBarrier();
        for (var k = 0u; k < STEP; k++) {
            let at = k * TILE + column;
            let w = mat4x4<f32>(
                vec4<f32>(weight_halves[at]),
                vec4<f32>(weight_halves[at + 8u]),
                vec4<f32>(weight_halves[at + 16u]),
                vec4<f32>(weight_halves[at + 24u]),
            );
            // A vector times a matrix: its dot product with each column.
            let x_at = k * TILE + row;
            sums[0] += vec4<f32>(x_halves[x_at]) * w;
            sums[1] += vec4<f32>(x_halves[x_at + 1u]) * w;
            sums[2] += vec4<f32>(x_halves[x_at + 2u]) * w;
            sums[3] += vec4<f32>(x_halves[x_at + 3u]) * w;
        }
    }
    write_results(tile_row + row, tile_column + column, sums[0]);
    write_results(tile_row + row + 1u, tile_column + column, sums[1]);
    write_results(tile_row + row + 2u, tile_column + column, sums[2]);
    write_results(tile_row + row + 3u, tile_column + column, sums[3]);
}
