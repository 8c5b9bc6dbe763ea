// Gated convolution of each column over time (LFM2, arXiv 2511.23404). A row of x is [b; c; u]; with s[p] = b * u of the row at
// position p, out = c * sum over j of weight[:, j] * s[p - taps + 1 + j], where what is before the first position is 0.
// x: [n, x_stride], out: [n, stride] vectors of 4 f32; weight: [width, taps] f32; caches: [capacity, vectors] vectors of 4 f32 or f16
// (parts/kv_f32 or kv_f16), the first half of s in one and the rest in the other. Every row stores its s; of earlier ones those of
// the batch are computed once more, as the cache holds them, so that no invocation waits for another.
struct Params {
    // Vectors of 4 in half of a row of s.
    vectors: u32,
    // Vectors of 4 in a row's storage of x.
    x_stride: u32,
    // The same of out.
    stride: u32,
    // Positions that are seen.
    taps: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> first: array<KvVector>;
@group(0) @binding(5) var<storage, read_write> rest: array<KvVector>;
@group(0) @binding(6) var<storage, read_write> out: array<vec4<f32>>;

// A vector of s of a row of the batch.
fn gated(row: u32, column: u32) -> KvVector {
    let at = row * params.x_stride + column;
    return kv_store(x[at] * x[at + 4u * params.vectors]);
}

@compute @workgroup_size(WORKGROUP)
fn short_conv(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let row = workgroup.z;
    let column = column_group(workgroup, workgroups) * WORKGROUP + local;
    if row >= batch.n || column >= 2u * params.vectors {
        return;
    }
    let is_first = column < params.vectors;
    let place = select(column - params.vectors, column, is_first);
    let position = batch.position + row;
    // The positions seen are those before `position + 1`, as many as there are up to `taps`.
    let seen = min(params.taps, position + 1u);
    var sum = vec4<f32>(0.0);
    for (var i = 0u; i < seen; i++) {
        let p = position + 1u - seen + i;
        var stored: KvVector;
        if p >= batch.position {
            stored = gated(p - batch.position, column);
        } else if is_first {
            stored = first[p * params.vectors + place];
        } else {
            stored = rest[p * params.vectors + place];
        }
        let at = 4u * column * params.taps + params.taps - seen + i;
        let tap = vec4<f32>(weight[at], weight[at + params.taps], weight[at + 2u * params.taps], weight[at + 3u * params.taps]);
        sum += tap * kv_load(stored);
    }
    let own = position * params.vectors + place;
    if is_first {
        first[own] = gated(row, column);
    } else {
        rest[own] = gated(row, column);
    }
    out[row * params.stride + column] = sum * x[row * params.x_stride + 2u * params.vectors + column];
}
