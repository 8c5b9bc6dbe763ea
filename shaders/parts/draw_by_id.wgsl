// A draw among tokens in the order of their ids, part of sample.

// Ids that are added up together.
const BLOCK: u32 = 32u;

// The token where the weights within `among`, added up by id, exceed `goal`. Blocks of ids are added up on their own:
// thousands of small weights would be lost in a large sum.
fn by_id(local: u32, goal: f32, among: Place, highest: f32, least: f32) -> u32 {
    let each = (params.n_vocab + WORKGROUP - 1u) / WORKGROUP;
    let start = local * each;
    let end = min(start + each, params.n_vocab);
    var own = 0.0;
    for (var block = start; block < end; block += BLOCK) {
        own += block_weight(block, end, among, highest, least);
    }
    workgroupBarrier();
    scratch[local] = vec4<f32>(own);
    if local == 0u {
        agreed = NOBODY;
    }
    workgroupBarrier();
    var total = 0.0;
    for (var other = 0u; other < local; other++) {
        total += scratch[other].x;
    }
    if own > 0.0 && total <= goal && total + own > goal {
        let left = goal - total;
        var sum = 0.0;
        for (var block = start; block < end; block += BLOCK) {
            let next = block_weight(block, end, among, highest, least);
            if next > 0.0 && (sum + next > left || agreed == NOBODY) {
                // Where the last bit of a sum says otherwise: the last token of the last block there is.
                var part = 0.0;
                for (var token = block; token < min(block + BLOCK, end); token++) {
                    let weight = drawable(token, among, highest, least);
                    if weight > 0.0 {
                        agreed = token;
                        part += weight;
                        if sum + part > left {
                            break;
                        }
                    }
                }
            }
            sum += next;
            if sum > left {
                break;
            }
        }
    }
    return workgroupUniformLoad(&agreed);
}

// What a block of ids weighs.
fn block_weight(block: u32, end: u32, among: Place, highest: f32, least: f32) -> f32 {
    var sum = 0.0;
    for (var token = block; token < min(block + BLOCK, end); token++) {
        sum += drawable(token, among, highest, least);
    }
    return sum;
}
