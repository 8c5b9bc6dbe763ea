// out = softmax(cap(scale * q . K)) V per head (arXiv 2305.13245). A row at position p sees the positions 0 ..= p, or all of the
// batch where CAUSAL is 0; of them those less than WINDOW away. cap: parts/cap_none or cap_tanh.
// q, out: [n, stride] f32, heads side by side; caches: [capacity, n_kv_heads, HEAD] vectors of 4 f32 or f16 (parts/kv_f32 or
// kv_f16), each head padded with zeros. The softmax is online (arXiv 2205.14135), rescaling what was summed before when the
// maximum grows. Accumulates in f32.
//
// Two entry points: `attention`, a workgroup per head and row, WORKGROUP * EACH positions at a time; `attention_alone`, an
// invocation per head and row, 4 positions at a time and without barriers, for many rows on adapters that compute on a CPU.
// Where SPLITS is more than 1, `attention` runs over one row with up to SPLITS workgroups per head, each over a part of the
// positions (parts/splits), and out is what parts/norm_merge takes.
struct Params {
    n_kv_heads: u32,
    // Query heads that share a key and value head.
    heads_per_kv: u32,
    head_dim: u32,
    // Elements in a row's storage of q and out.
    stride: u32,
    scale: f32,
    // See parts/cap_tanh.
    soft_cap: f32,
}

// 0: rows see later ones of their batch too.
override CAUSAL: u32 = 1u;

// Vectors of 4 in a head.
override HEAD: u32 = 16u;
// How many invocations share the sum over the positions for one vector of the result: max(1, WORKGROUP / HEAD).
override SLICES: u32 = 4u;

// Positions of an invocation in a round: what a round costs in barriers is shared by more of them.
override EACH: u32 = 4u;

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k_cache: array<KvVector>;
@group(0) @binding(4) var<storage, read> v_cache: array<KvVector>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

var<workgroup> query: array<vec4<f32>, HEAD>;
// The probabilities of the positions at hand, before the division by their total.
var<workgroup> weights: array<f32, WORKGROUP * EACH>;
// Partial results, [SLICES, HEAD]; each entry belongs to one invocation until the end.
var<workgroup> partial: array<vec4<f32>, HEAD * SLICES>;

// Behind the last position that a row at `position` sees.
fn seen_end(position: u32) -> u32 {
    if CAUSAL == 1u {
        return position + 1u;
    }
    return min(batch.position + batch.n, position + min(WINDOW, batch.n));
}

@compute @workgroup_size(WORKGROUP)
fn attention(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let head = workgroup.x / SPLITS;
    let row = workgroup.z;
    let oldest = seen_from(batch.position + row);
    let to = seen_end(batch.position + row);
    let parts = split_count(to - oldest);
    let part = workgroup.x % SPLITS;
    if part >= parts {
        return;
    }
    let positions = (to - oldest + parts - 1u) / parts;
    let begin = oldest + part * positions;
    let end = min(begin + positions, to);
    let q_at = row * params.stride + head * params.head_dim;
    // Row p of the cache, this head's part, starts at p * kv_row + kv_at.
    let kv_row = params.n_kv_heads * HEAD;
    let kv_at = head / params.heads_per_kv * HEAD;

    for (var d = local; d < HEAD; d += WORKGROUP) {
        var value = vec4<f32>(0.0);
        for (var i = 0u; i < min(4u, params.head_dim - d * 4u); i++) {
            value[i] = q[q_at + d * 4u + i] * params.scale;
        }
        query[d] = value;
    }
    for (var entry = local; entry < HEAD * SLICES; entry += WORKGROUP) {
        partial[entry] = vec4<f32>(0.0);
    }
    workgroupBarrier();

    var largest = -3.0e38;
    var total = 0.0;
    for (var base = begin; base < end; base += WORKGROUP * EACH) {
        var highest = -3.0e38;
        for (var i = local; i < WORKGROUP * EACH; i += WORKGROUP) {
            var score = -3.0e38;
            if base + i < end {
                let at = (base + i) * kv_row + kv_at;
                score = 0.0;
                for (var d = 0u; d < HEAD; d++) {
                    score += dot(query[d], kv_load(k_cache[at + d]));
                }
                score = capped(vec4<f32>(score)).x;
            }
            weights[i] = score;
            highest = max(highest, score);
        }
        let new_largest = max(largest, reduce_max(local, highest));
        var mine = 0.0;
        for (var i = local; i < WORKGROUP * EACH; i += WORKGROUP) {
            let weight = select(0.0, exp(weights[i] - new_largest), base + i < end);
            weights[i] = weight;
            mine += weight;
        }
        // Its barriers also publish the weights.
        let sum = reduce_sum(local, mine);
        let correction = exp(largest - new_largest);
        largest = new_largest;
        total = total * correction + sum;

        let count = min(WORKGROUP * EACH, end - base);
        for (var entry = local; entry < HEAD * SLICES; entry += WORKGROUP) {
            let d = entry % HEAD;
            var value = partial[entry] * correction;
            for (var i = entry / HEAD; i < count; i += SLICES) {
                value += weights[i] * kv_load(v_cache[(base + i) * kv_row + kv_at + d]);
            }
            partial[entry] = value;
        }
        workgroupBarrier();
    }

    let out_at = workgroup.x * (HEAD + 1u) * 4u;
    if SPLITS > 1u && local == 0u {
        out[out_at + HEAD * 4u] = largest;
        out[out_at + HEAD * 4u + 1u] = total;
    }
    for (var d = local; d < HEAD; d += WORKGROUP) {
        var value = partial[d];
        for (var slice = 1u; slice < SLICES; slice++) {
            value += partial[slice * HEAD + d];
        }
        if SPLITS > 1u {
            for (var i = 0u; i < 4u; i++) {
                out[out_at + d * 4u + i] = value[i];
            }
        } else {
            value /= total;
            for (var i = 0u; i < min(4u, params.head_dim - d * 4u); i++) {
                out[q_at + d * 4u + i] = value[i];
            }
        }
    }
}

// Vectors of 4 in the longest head of `attention_alone`: what an invocation keeps has a fixed size.
const LONGEST: u32 = 32u;

@compute @workgroup_size(WORKGROUP)
fn attention_alone(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let head = workgroup.x;
    let first = workgroup.z * WORKGROUP;
    // Rows beyond the end repeat the last one and are not written. All rows of a workgroup walk over the positions of
    // all of them: invocations that are one vector stay together.
    let row = min(first + local, batch.n - 1u);
    let oldest = seen_from(batch.position + row);
    let to = seen_end(batch.position + row);
    let longest = seen_end(batch.position + min(first + WORKGROUP, batch.n) - 1u);
    let q_at = row * params.stride + head * params.head_dim;
    let kv_row = params.n_kv_heads * HEAD;
    let kv_at = head / params.heads_per_kv * HEAD;

    var own_query: array<vec4<f32>, LONGEST>;
    var sums: array<vec4<f32>, LONGEST>;
    for (var d = 0u; d < HEAD; d++) {
        var value = vec4<f32>(0.0);
        for (var i = 0u; i < min(4u, params.head_dim - d * 4u); i++) {
            value[i] = q[q_at + d * 4u + i] * params.scale;
        }
        own_query[d] = value;
        sums[d] = vec4<f32>(0.0);
    }
    var largest = -3.0e38;
    var total = 0.0;
    for (var base = seen_from(batch.position + first); base < longest; base += 4u) {
        let positions = vec4<u32>(base) + vec4<u32>(0u, 1u, 2u, 3u);
        let at = min(positions, vec4<u32>(longest - 1u)) * kv_row + kv_at;
        var scores = vec4<f32>(0.0);
        for (var d = 0u; d < HEAD; d++) {
            let part = own_query[d];
            scores += vec4<f32>(
                dot(part, kv_load(k_cache[at.x + d])),
                dot(part, kv_load(k_cache[at.y + d])),
                dot(part, kv_load(k_cache[at.z + d])),
                dot(part, kv_load(k_cache[at.w + d])),
            );
        }
        let inside = (positions >= vec4<u32>(oldest)) & (positions < vec4<u32>(to));
        scores = select(vec4<f32>(-3.0e38), capped(scores), inside);
        let new_largest = max(largest, max(max(scores.x, scores.y), max(scores.z, scores.w)));
        let parts = select(vec4<f32>(0.0), exp(scores - new_largest), inside);
        let correction = exp(largest - new_largest);
        largest = new_largest;
        total = total * correction + dot(parts, vec4<f32>(1.0));
        for (var d = 0u; d < HEAD; d++) {
            sums[d] = sums[d] * correction
                + parts.x * kv_load(v_cache[at.x + d]) + parts.y * kv_load(v_cache[at.y + d])
                + parts.z * kv_load(v_cache[at.z + d]) + parts.w * kv_load(v_cache[at.w + d]);
        }
    }
    if first + local >= batch.n {
        return;
    }
    for (var d = 0u; d < HEAD; d++) {
        let value = sums[d] / total;
        for (var i = 0u; i < min(4u, params.head_dim - d * 4u); i++) {
            out[q_at + d * 4u + i] = value[i];
        }
    }
}
