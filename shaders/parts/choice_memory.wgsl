// What sample asks of a whole workgroup, through its memory by halving. Every invocation must call these, and gets the result.

// Invocations of a workgroup: a power of two.
override WORKGROUP: u32 = 128u;

var<workgroup> scratch: array<vec4<f32>, WORKGROUP * 4u>;
var<workgroup> ids: array<u32, WORKGROUP>;

// The sum of each of 16 numbers.
fn choice_sums(local: u32, values: array<vec4<f32>, 4>) -> array<vec4<f32>, 4> {
    var sums = values;
    // The scratch may still be read by a slower invocation's previous call.
    workgroupBarrier();
    for (var i = 0u; i < 4u; i++) {
        scratch[i * WORKGROUP + local] = sums[i];
    }
    for (var half = WORKGROUP / 2u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if local < half {
            for (var i = 0u; i < 4u; i++) {
                scratch[i * WORKGROUP + local] += scratch[i * WORKGROUP + local + half];
            }
        }
    }
    workgroupBarrier();
    for (var i = 0u; i < 4u; i++) {
        sums[i] = scratch[i * WORKGROUP];
    }
    return sums;
}

fn choice_sum(local: u32, value: f32) -> f32 {
    workgroupBarrier();
    scratch[local] = vec4<f32>(value);
    for (var half = WORKGROUP / 2u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if local < half {
            scratch[local] += scratch[local + half];
        }
    }
    workgroupBarrier();
    return scratch[0].x;
}

// The highest logit and its token, of equals the lowest id; of nobody else's where the id is NOBODY.
fn best(local: u32, logit: f32, token: u32) -> vec2<u32> {
    workgroupBarrier();
    scratch[local] = vec4<f32>(logit);
    ids[local] = token;
    for (var half = WORKGROUP / 2u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if local < half {
            let a = scratch[local].x;
            let b = scratch[local + half].x;
            let earlier = ids[local + half] < ids[local];
            if ids[local + half] != NOBODY && (ids[local] == NOBODY || b > a || (b == a && earlier)) {
                scratch[local] = vec4<f32>(b);
                ids[local] = ids[local + half];
            }
        }
    }
    workgroupBarrier();
    return vec2<u32>(bitcast<u32>(scratch[0].x), ids[0]);
}
