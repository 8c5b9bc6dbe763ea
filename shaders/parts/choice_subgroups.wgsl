// What sample asks of a whole workgroup, as in choice_memory, within subgroups first. For what is expected of them see
// team_subgroups.

// Invocations of a workgroup: a power of two.
override WORKGROUP: u32 = 128u;
// Invocations of a subgroup at least: a power of two, at most WORKGROUP.
override SUBGROUP: u32 = 4u;
// Subgroups that there may be: WORKGROUP / SUBGROUP.
override SUBGROUPS: u32 = 32u;

var<workgroup> scratch: array<vec4<f32>, SUBGROUPS * 4u>;
var<workgroup> ids: array<u32, SUBGROUPS>;

// The sum of each of 16 numbers.
fn choice_sums(local: u32, values: array<vec4<f32>, 4>) -> array<vec4<f32>, 4> {
    var sums = values;
    // The scratch may still be read by a slower invocation's previous call.
    workgroupBarrier();
    for (var i = 0u; i < 4u; i++) {
        var sum = sums[i];
        for (var distance = 1u; distance < SUBGROUP; distance <<= 1u) {
            sum += subgroupShuffleXor(sum, distance);
        }
        if local % SUBGROUP == 0u {
            scratch[local / SUBGROUP * 4u + i] = sum;
        }
    }
    workgroupBarrier();
    for (var i = 0u; i < 4u; i++) {
        var sum = scratch[i];
        for (var other = 1u; other < SUBGROUPS; other++) {
            sum += scratch[other * 4u + i];
        }
        sums[i] = sum;
    }
    return sums;
}

fn choice_sum(local: u32, value: f32) -> f32 {
    var sum = value;
    for (var distance = 1u; distance < SUBGROUP; distance <<= 1u) {
        sum += subgroupShuffleXor(sum, distance);
    }
    workgroupBarrier();
    if local % SUBGROUP == 0u {
        scratch[local / SUBGROUP] = vec4<f32>(sum);
    }
    workgroupBarrier();
    sum = scratch[0].x;
    for (var i = 1u; i < SUBGROUPS; i++) {
        sum += scratch[i].x;
    }
    return sum;
}

// Whether another logit and token come before these.
fn comes_first(other: f32, other_id: u32, logit: f32, id: u32) -> bool {
    return other_id != NOBODY && (id == NOBODY || other > logit || (other == logit && other_id < id));
}

// The highest logit and its token, of equals the lowest id; of nobody else's where the id is NOBODY.
fn best(local: u32, logit: f32, token: u32) -> vec2<u32> {
    var highest = logit;
    var id = token;
    for (var distance = 1u; distance < SUBGROUP; distance <<= 1u) {
        let other = subgroupShuffleXor(highest, distance);
        let other_id = subgroupShuffleXor(id, distance);
        let first = comes_first(other, other_id, highest, id);
        highest = select(highest, other, first);
        id = select(id, other_id, first);
    }
    workgroupBarrier();
    if local % SUBGROUP == 0u {
        scratch[local / SUBGROUP] = vec4<f32>(highest);
        ids[local / SUBGROUP] = id;
    }
    workgroupBarrier();
    highest = scratch[0].x;
    id = ids[0];
    for (var i = 1u; i < SUBGROUPS; i++) {
        let first = comes_first(scratch[i].x, ids[i], highest, id);
        highest = select(highest, scratch[i].x, first);
        id = select(id, ids[i], first);
    }
    return vec2<u32>(bitcast<u32>(highest), id);
}
