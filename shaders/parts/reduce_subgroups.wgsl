// Reductions over one workgroup, as in reduce_memory, within subgroups first: two barriers instead of one for every halving. For
// what is expected of subgroups see team_subgroups.

// Invocations of a workgroup: a power of two.
override WORKGROUP: u32 = 64u;
// Invocations of a subgroup at least: a power of two, at most WORKGROUP.
override SUBGROUP: u32 = 4u;
// Subgroups that there may be: WORKGROUP / SUBGROUP.
override SUBGROUPS: u32 = 16u;

var<workgroup> reduce_scratch: array<f32, SUBGROUPS>;

// Puts what each subgroup has where all can read it.
fn reduce_share(local: u32, value: f32) {
    // The scratch may still be read by a slower invocation's previous reduction.
    workgroupBarrier();
    if local % SUBGROUP == 0u {
        reduce_scratch[local / SUBGROUP] = value;
    }
    workgroupBarrier();
}

fn reduce_sum(local: u32, value: f32) -> f32 {
    var sum = value;
    for (var distance = 1u; distance < SUBGROUP; distance <<= 1u) {
        sum += subgroupShuffleXor(sum, distance);
    }
    reduce_share(local, sum);
    sum = reduce_scratch[0];
    for (var i = 1u; i < SUBGROUPS; i++) {
        sum += reduce_scratch[i];
    }
    return sum;
}

fn reduce_max(local: u32, value: f32) -> f32 {
    var largest = value;
    for (var distance = 1u; distance < SUBGROUP; distance <<= 1u) {
        largest = max(largest, subgroupShuffleXor(largest, distance));
    }
    reduce_share(local, largest);
    largest = reduce_scratch[0];
    for (var i = 1u; i < SUBGROUPS; i++) {
        largest = max(largest, reduce_scratch[i]);
    }
    return largest;
}
