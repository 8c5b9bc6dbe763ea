// out[i, r] = dot(x[i], weight[r]) + bias[r]
// x: [n, 16 groups] f32, zero beyond the columns; weight: [rows, 16 groups], any weight type, decoded in registers;
// bias: [rows of the whole matrix] f32; out: [n, stride] f32.
// Accumulates in f32. A matrix in several chunks takes one dispatch per chunk; each writes its columns of out.
//
// Three entry points: `matvec`, a team of invocations per 4 rows of the weight, for one row of x (decode), which is added up by
// parts/team_memory or team_subgroups; for many rows (prefill) `gemm`, a tile of 32 x 32 results per workgroup, and `gemm_alone`
// (parts/gemm_alone), 32 x 12 results per invocation without workgroup memory, for adapters that compute on a CPU and pay dearly
// for every barrier.
struct Params {
    // Groups of 16 elements in a row of x and of the weight.
    groups: u32,
    // The chunk's first row in the whole matrix.
    first_row: u32,
    // Rows of the chunk.
    rows: u32,
    // Elements in a row of out's storage.
    stride: u32,
    // The buffer's row where the chunk begins.
    from_row: u32,
}

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(4) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read_write> out: array<f32>;

fn x_group(at: u32) -> mat4x4<f32> {
    let i = at * 4u;
    return mat4x4<f32>(x[i], x[i + 1u], x[i + 2u], x[i + 3u]);
}

// Where row `row` of the chunk starts in the buffer.
fn row_start(row: u32) -> u32 {
    return weight_row(params.from_row + row, params.groups);
}

// The same for 4 rows. Rows beyond the end repeat the last one and are not written.
fn row_starts(first: u32) -> vec4<u32> {
    let last = params.rows - 1u;
    return vec4<u32>(
        row_start(min(first, last)),
        row_start(min(first + 1u, last)),
        row_start(min(first + 2u, last)),
        row_start(min(first + 3u, last)),
    );
}

@compute @workgroup_size(WORKGROUP)
fn matvec(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let lane = local % TEAM;
    let first = (column_group(workgroup, workgroups) * (WORKGROUP / TEAM) + local / TEAM) * 4u;
    let rows = row_starts(first);
    let x_row = workgroup.z * params.groups;
    var sum = vec4<f32>(0.0);
    for (var group = lane; group < params.groups; group += TEAM) {
        let values = x_group(x_row + group);
        sum += vec4<f32>(
            weight_dot(rows.x + group * GROUP_STEP, values),
            weight_dot(rows.y + group * GROUP_STEP, values),
            weight_dot(rows.z + group * GROUP_STEP, values),
            weight_dot(rows.w + group * GROUP_STEP, values),
        );
    }
    sum = team_sum(local, sum);
    if lane == 0u {
        let at = workgroup.z * params.stride + params.first_row + first;
        for (var i = 0u; i < 4u; i++) {
            if first + i < params.rows {
                out[at + i] = sum[i] + bias[params.first_row + first + i];
            }
        }
    }
}

// A step of gemm takes two groups of every row of its tile: 8 vectors of 4, vector-major so that neighbours in the
// workgroup read neighbours in memory.
const TILE: u32 = 32u;
const STEP: u32 = 8u;
var<workgroup> x_tile: array<vec4<f32>, 256>;
var<workgroup> weight_tile: array<vec4<f32>, 256>;

@compute @workgroup_size(64)
fn gemm(
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
    var acc0 = vec4<f32>(0.0);
    var acc1 = vec4<f32>(0.0);
    var acc2 = vec4<f32>(0.0);
    var acc3 = vec4<f32>(0.0);
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
        let to = load_group * 4u * TILE + load;
        x_tile[to] = x_values[0];
        x_tile[to + TILE] = x_values[1];
        x_tile[to + 2u * TILE] = x_values[2];
        x_tile[to + 3u * TILE] = x_values[3];
        weight_tile[to] = weight_values[0];
        weight_tile[to + TILE] = weight_values[1];
        weight_tile[to + 2u * TILE] = weight_values[2];
        weight_tile[to + 3u * TILE] = weight_values[3];
        workgroupBarrier();
        for (var k = 0u; k < STEP; k++) {
            let w_at = k * TILE + column;
            let w0 = weight_tile[w_at];
            let w1 = weight_tile[w_at + 8u];
            let w2 = weight_tile[w_at + 16u];
            let w3 = weight_tile[w_at + 24u];
            let x_at = k * TILE + row;
            let x0 = x_tile[x_at];
            let x1 = x_tile[x_at + 1u];
            let x2 = x_tile[x_at + 2u];
            let x3 = x_tile[x_at + 3u];
            acc0 += vec4<f32>(dot(x0, w0), dot(x0, w1), dot(x0, w2), dot(x0, w3));
            acc1 += vec4<f32>(dot(x1, w0), dot(x1, w1), dot(x1, w2), dot(x1, w3));
            acc2 += vec4<f32>(dot(x2, w0), dot(x2, w1), dot(x2, w2), dot(x2, w3));
            acc3 += vec4<f32>(dot(x3, w0), dot(x3, w1), dot(x3, w2), dot(x3, w3));
        }
    }
    write_results(tile_row + row, tile_column + column, acc0);
    write_results(tile_row + row + 1u, tile_column + column, acc1);
    write_results(tile_row + row + 2u, tile_column + column, acc2);
    write_results(tile_row + row + 3u, tile_column + column, acc3);
}

// Writes the 4 results of a row of out, 8 columns apart.
fn write_results(row: u32, column: u32, values: vec4<f32>) {
    if row >= batch.n {
        return;
    }
    for (var i = 0u; i < 4u; i++) {
        let r = column + i * 8u;
        if r < params.rows {
            let whole = params.first_row + r;
            out[row * params.stride + whole] = values[i] + bias[whole];
        }
    }
}

// The dot products of a group of x with a group of 4 rows of the weight.
fn dots(x: mat4x4<f32>, a: mat4x4<f32>, b: mat4x4<f32>, c: mat4x4<f32>, d: mat4x4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(x[0], a[0]), dot(x[0], b[0]), dot(x[0], c[0]), dot(x[0], d[0]))
        + vec4<f32>(dot(x[1], a[1]), dot(x[1], b[1]), dot(x[1], c[1]), dot(x[1], d[1]))
        + vec4<f32>(dot(x[2], a[2]), dot(x[2], b[2]), dot(x[2], c[2]), dot(x[2], d[2]))
        + vec4<f32>(dot(x[3], a[3]), dot(x[3], b[3]), dot(x[3], c[3]), dot(x[3], d[3]));
}

// Writes 4 neighbouring results of a row of out.
fn write_neighbours(row: u32, column: u32, values: vec4<f32>) {
    if row >= batch.n {
        return;
    }
    for (var i = 0u; i < 4u; i++) {
        if column + i < params.rows {
            let whole = params.first_row + column + i;
            out[row * params.stride + whole] = values[i] + bias[whole];
        }
    }
}
