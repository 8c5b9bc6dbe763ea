// k_cache[p] = k[i], v_cache[p] = v[i], p the row's position
// k, v: [n, stride] f32, heads side by side; caches: [capacity, n_kv_heads, HEAD] vectors of 4 f32 or f16 (parts/kv_f32 or
// kv_f16), each head padded with zeros. Exact but for the rounding to f16.
struct Params {
    n_kv_heads: u32,
    head_dim: u32,
    // Elements in a row's storage of k and v.
    stride: u32,
}

override WORKGROUP: u32 = 64u;
// Vectors of 4 in a head.
override HEAD: u32 = 16u;

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> k_cache: array<KvVector>;
@group(0) @binding(5) var<storage, read_write> v_cache: array<KvVector>;

@compute @workgroup_size(WORKGROUP)
fn store_kv(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let row = workgroup.z;
    let column = column_group(workgroup, workgroups) * WORKGROUP + local;
    let columns = params.n_kv_heads * HEAD;
    if row >= batch.n || column >= columns {
        return;
    }
    let dim = (column % HEAD) * 4u;
    let at = row * params.stride + (column / HEAD) * params.head_dim + dim;
    var key = vec4<f32>(0.0);
    var value = vec4<f32>(0.0);
    for (var i = 0u; i < min(4u, params.head_dim - dim); i++) {
        key[i] = k[at + i];
        value[i] = v[at + i];
    }
    let to = (batch.position + row) * columns + column;
    k_cache[to] = kv_store(key);
    v_cache[to] = kv_store(value);
}
