// Sums over a team of invocations, as in team_memory, within subgroups first: no barrier where a team is no larger than they are.
//
// Every SUBGROUP neighbours, counted by local_invocation_index, lie in one subgroup in that order, beginning at a multiple of
// SUBGROUP: so it is on all hardware for workgroups of one dimension, whatever the size of the subgroups is, as long as it is at
// least SUBGROUP. WGSL does not promise it, and the start-up check finds out where it is not so.

// Invocations of a workgroup.
override WORKGROUP: u32 = 64u;
// Invocations that share a row's dot product: a power of two, at most WORKGROUP.
override TEAM: u32 = 8u;
// Invocations of a subgroup at least: a power of two, at most WORKGROUP.
override SUBGROUP: u32 = 4u;
// Subgroups that there may be: WORKGROUP / SUBGROUP.
override SUBGROUPS: u32 = 16u;

var<workgroup> team_scratch: array<vec4<f32>, SUBGROUPS>;

fn team_sum(local: u32, value: vec4<f32>) -> vec4<f32> {
    var sum = value;
    for (var distance = 1u; distance < min(TEAM, SUBGROUP); distance <<= 1u) {
        sum += subgroupShuffleXor(sum, distance);
    }
    if TEAM <= SUBGROUP {
        return sum;
    }
    // The scratch may still be read by a slower invocation's previous sum.
    workgroupBarrier();
    if local % SUBGROUP == 0u {
        team_scratch[local / SUBGROUP] = sum;
    }
    workgroupBarrier();
    let first = (local - local % TEAM) / SUBGROUP;
    sum = team_scratch[first];
    for (var i = 1u; i < TEAM / SUBGROUP; i++) {
        sum += team_scratch[first + i];
    }
    return sum;
}
