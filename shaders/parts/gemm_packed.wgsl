// The product of many rows of x with quantised weights as bytes, part of linear: a tile of 32 x 32 results per workgroup, as gemm.
// x is rounded by blocks of 32 to LARGEST_CODE, as coarsely as the CPU does it in wide models (src/cpu/linear.rs), so that the
// product of two blocks is the same integer, but where a quotient is rounded otherwise right between two codes.
//
// The codes of the block at hand, its first and second half apart, and what a code of 1 stands for.
var<workgroup> x_codes: array<vec4<u32>, 64>;
var<workgroup> weight_codes: array<vec4<u32>, 64>;
var<workgroup> x_scales: array<f32, 32>;
var<workgroup> weight_scales: array<f32, 32>;

// The largest absolute value of 16, by its bits: what is no number is larger than any.
fn largest_bits(values: mat4x4<f32>) -> u32 {
    let magnitude = vec4<u32>(0x7fffffffu);
    let bits = max(
        max(bitcast<vec4<u32>>(values[0]) & magnitude, bitcast<vec4<u32>>(values[1]) & magnitude),
        max(bitcast<vec4<u32>>(values[2]) & magnitude, bitcast<vec4<u32>>(values[3]) & magnitude),
    );
    return max(max(bits.x, bits.y), max(bits.z, bits.w));
}

fn rounded(values: mat4x4<f32>, inverse: f32) -> vec4<u32> {
    return packed_inputs(
        vec4<i32>(round(values[0] * inverse)),
        vec4<i32>(round(values[1] * inverse)),
        vec4<i32>(round(values[2] * inverse)),
        vec4<i32>(round(values[3] * inverse)),
    );
}

fn dots_16(x: vec4<u32>, w: vec4<u32>) -> i32 {
    return dot4I8Packed(x.x, w.x) + dot4I8Packed(x.y, w.y) + dot4I8Packed(x.z, w.z) + dot4I8Packed(x.w, w.w);
}

// The products of row `row` of the tile's block with 4 columns that lie 8 apart.
fn block_dots(row: u32, column: u32) -> vec4<i32> {
    let first = x_codes[row];
    let second = x_codes[row + 32u];
    var sums = vec4<i32>();
    for (var i = 0u; i < 4u; i++) {
        let at = column + i * 8u;
        sums[i] = dots_16(first, weight_codes[at]) + dots_16(second, weight_codes[at + 32u]);
    }
    return sums;
}

@compute @workgroup_size(64)
fn gemm_packed(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let tile_row = workgroup.z * TILE;
    let tile_column = column_group(workgroup, workgroups) * TILE;
    // This invocation loads a block of row, or of column, `load` of the tile ...
    let load = local % TILE;
    // ... and computes 4 neighbouring rows times 4 columns that lie 8 apart.
    let row = (local / 8u) * 4u;
    let column = local % 8u;
    var acc0 = vec4<f32>(0.0);
    var acc1 = vec4<f32>(0.0);
    var acc2 = vec4<f32>(0.0);
    var acc3 = vec4<f32>(0.0);
    for (var group = 0u; group < params.groups; group += 2u) {
        workgroupBarrier();
        if local < TILE {
            var first = mat4x4<f32>();
            var second = mat4x4<f32>();
            if tile_row + load < batch.n {
                let at = (tile_row + load) * params.groups + group;
                first = x_group(at);
                second = x_group(at + 1u);
            }
            let largest = bitcast<f32>(max(largest_bits(first), largest_bits(second)));
            // Smaller blocks would need a factor beyond f32; at most 1e-30 is lost.
            var inverse = 0.0;
            if largest > 1e-30 {
                inverse = LARGEST_CODE / largest;
            }
            x_scales[load] = largest / LARGEST_CODE;
            x_codes[load] = rounded(first, inverse);
            x_codes[load + TILE] = rounded(second, inverse);
        } else {
            let at = row_start(min(tile_column + load, params.rows - 1u)) + group * GROUP_STEP;
            weight_scales[load] = packed_scale(at);
            weight_codes[load] = packed_weights(at);
            weight_codes[load + TILE] = packed_weights(at + GROUP_STEP);
        }
        workgroupBarrier();
        let scales = vec4<f32>(
            weight_scales[column],
            weight_scales[column + 8u],
            weight_scales[column + 16u],
            weight_scales[column + 24u],
        );
        acc0 += vec4<f32>(block_dots(row, column)) * (scales * x_scales[row]);
        acc1 += vec4<f32>(block_dots(row + 1u, column)) * (scales * x_scales[row + 1u]);
        acc2 += vec4<f32>(block_dots(row + 2u, column)) * (scales * x_scales[row + 2u]);
        acc3 += vec4<f32>(block_dots(row + 3u, column)) * (scales * x_scales[row + 3u]);
    }
    write_results(tile_row + row, tile_column + column, acc0);
    write_results(tile_row + row + 1u, tile_column + column, acc1);
    write_results(tile_row + row + 2u, tile_column + column, acc2);
    write_results(tile_row + row + 3u, tile_column + column, acc3);
}
