// (a, b) -> (a cos - b sin, a sin + b cos) for each pair of the leading n_dims of each head (arXiv 2104.09864)
// x, out: [n, stride] f32, heads side by side; angles: [capacity, n_dims / 2] (cos, sin) f32, computed in f64.
// Two roundings per element. One invocation per element.
struct Params {
    // Elements in a row.
    width: u32,
    // Elements in a row's storage.
    stride: u32,
    head_dim: u32,
    // Rotated elements of each head.
    n_dims: u32,
    // 0: pairs (2i, 2i + 1); 1: pairs (i, i + n_dims / 2).
    half_split: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> angles: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn rope(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let row = workgroup.z;
    let column = column_group(workgroup, workgroups) * WORKGROUP + local;
    if row >= batch.n || column >= params.width {
        return;
    }
    let at = row * params.stride + column;
    let dim = column % params.head_dim;
    if dim >= params.n_dims {
        out[at] = x[at];
        return;
    }
    let half = params.n_dims / 2u;
    var pair = dim / 2u;
    var second = (dim & 1u) == 1u;
    var distance = 1u;
    if params.half_split == 1u {
        pair = dim % half;
        second = dim >= half;
        distance = half;
    }
    let angle = angles[(batch.position + row) * half + pair];
    if second {
        out[at] = x[at - distance] * angle.y + x[at] * angle.x;
    } else {
        out[at] = x[at] * angle.x - x[at + distance] * angle.y;
    }
}
