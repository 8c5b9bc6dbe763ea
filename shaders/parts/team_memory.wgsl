// Sums over a team of invocations, through workgroup memory by halving. All of the workgroup must call it, and all get it.

// Invocations of a workgroup.
override WORKGROUP: u32 = 64u;
// Invocations that share a row's dot product: a power of two, at most WORKGROUP.
override TEAM: u32 = 8u;

var<workgroup> team_scratch: array<vec4<f32>, WORKGROUP>;

fn team_sum(local: u32, value: vec4<f32>) -> vec4<f32> {
    if TEAM == 1u {
        return value;
    }
    // The scratch may still be read by a slower invocation's previous sum.
    workgroupBarrier();
    team_scratch[local] = value;
    for (var half = TEAM / 2u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if local % TEAM < half {
            team_scratch[local] += team_scratch[local + half];
        }
    }
    workgroupBarrier();
    return team_scratch[local - local % TEAM];
}
