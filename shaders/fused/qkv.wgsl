// q, k_cache[p], v_cache[p] = rope(norm(x) Wq + bq), rope(norm(x) Wk + bk), norm(x) Wv + bv, p the token's position
// One row. weight: the rows of Wq, Wk and Wv in one buffer, [rows, 16 groups], any weight type; x: see parts/dots; angles:
// [capacity, n_dims / 2] (cos, sin) f32; q: heads side by side; caches: [capacity, n_kv_heads, head_stride] f32 or f16
// (parts/kv_f32 or kv_f16: for the latter head_dim, and n_dims where half_split is 1, are multiples of 4).
// Accumulates in f32. A team of invocations computes two pairs of elements that rotate together; the entry point is another part:
// heads_plain, or heads_normed where each head of q and k is normed before it is rotated.
struct Params {
    // Groups of 16 elements in a row of the weight and of x.
    groups: u32,
    // Elements of x.
    width: u32,
    eps: f32,
    // Where the biases begin in `vectors`.
    bias: u32,
    // Where the rows of Wk and Wv begin.
    k_row: u32,
    v_row: u32,
    n_heads: u32,
    n_kv_heads: u32,
    head_dim: u32,
    // Elements from head to head in the caches.
    head_stride: u32,
    // Rotated elements of each head; 0 without rotary positions.
    n_dims: u32,
    // 0: pairs (2i, 2i + 1); 1: pairs (i, i + n_dims / 2).
    half_split: u32,
    // See parts/heads_normed.
    head_norm: u32,
    head_eps: f32,
}

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(6) var<storage, read> angles: array<vec2<f32>>;
@group(0) @binding(7) var<storage, read_write> q: array<f32>;
@group(0) @binding(8) var<storage, read_write> k_cache: array<KvWord>;
@group(0) @binding(9) var<storage, read_write> v_cache: array<KvWord>;

// Two elements of a head.
struct Pair {
    // Counted over the heads of q, k and v.
    head: u32,
    // Its number in the head.
    index: u32,
    dims: vec2<u32>,
    // Their rows of the weight.
    rows: vec2<u32>,
}

fn pair_at(at: u32) -> Pair {
    let pairs = (params.head_dim + 1u) / 2u;
    var pair: Pair;
    pair.head = at / pairs;
    pair.index = at % pairs;
    let half = params.n_dims / 2u;
    pair.dims = vec2<u32>(pair.index * 2u) + vec2<u32>(0u, 1u);
    if params.half_split == 1u && pair.index < half {
        pair.dims = vec2<u32>(pair.index, pair.index + half);
    }
    var start = pair.head * params.head_dim;
    if pair.head >= params.n_heads + params.n_kv_heads {
        start = params.v_row + (pair.head - params.n_heads - params.n_kv_heads) * params.head_dim;
    } else if pair.head >= params.n_heads {
        start = params.k_row + (pair.head - params.n_heads) * params.head_dim;
    }
    // An odd head's last pair has one element.
    pair.rows = start + min(pair.dims, vec2<u32>(params.head_dim - 1u));
    return pair;
}

// The pair's sums with biases.
fn biased(pair: Pair, sums: vec2<f32>) -> vec2<f32> {
    return sums + vec2<f32>(bias_at(params.bias, pair.rows.x), bias_at(params.bias, pair.rows.y));
}

// A pair of q or k rotated, as far as it is to be.
fn rotated(pair: Pair, values: vec2<f32>) -> vec2<f32> {
    let half = params.n_dims / 2u;
    if pair.head < params.n_heads + params.n_kv_heads && pair.index < half {
        let angle = angles[batch.position * half + pair.index];
        return vec2<f32>(
            values.x * angle.x - values.y * angle.y,
            values.x * angle.y + values.y * angle.x,
        );
    }
    return values;
}

fn store(kv: u32, word: u32, value: KvWord) {
    let at = (batch.position * params.n_kv_heads + kv % params.n_kv_heads) * (params.head_stride / KV_ELEMENTS) + word;
    if kv < params.n_kv_heads {
        k_cache[at] = value;
    } else {
        v_cache[at] = value;
    }
}

fn write_pair(pair: Pair, values: vec2<f32>) {
    let both = pair.dims.y < params.head_dim;
    if pair.head < params.n_heads {
        let at = pair.head * params.head_dim;
        q[at + pair.dims.x] = values.x;
        if both {
            q[at + pair.dims.y] = values.y;
        }
        return;
    }
    let kv = pair.head - params.n_heads;
    store(kv, pair.dims.x, kv_word(values.x, 0.0));
    if both {
        store(kv, pair.dims.y, kv_word(values.y, 0.0));
    }
}

// Two neighbouring pairs of a head of keys or values, where two elements are a word.
fn write_words(first: Pair, second: Pair, values: vec4<f32>) {
    let kv = first.head - params.n_heads;
    if first.dims.y == first.dims.x + 1u {
        store(kv, first.dims.x / 2u, kv_word(values.x, values.y));
        store(kv, second.dims.x / 2u, kv_word(values.z, values.w));
    } else {
        // (i, i + half) and (i + 1, i + 1 + half).
        store(kv, first.dims.x / 2u, kv_word(values.x, values.z));
        store(kv, first.dims.y / 2u, kv_word(values.y, values.w));
    }
}

// Two pairs, of which there are the first, or both, where `index` is the first's place among `count`.
fn write_pairs(index: u32, count: u32, first: Pair, second: Pair, values: vec4<f32>) {
    if index >= count {
        return;
    }
    if KV_ELEMENTS == 2u && first.head >= params.n_heads {
        write_words(first, second, values);
        return;
    }
    write_pair(first, values.xy);
    if index + 1u < count {
        write_pair(second, values.zw);
    }
}
