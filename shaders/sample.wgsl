// results[step] = the token chosen from the logits, its log-probability and what was wrong; tokens[0] = the token
// The rules, and their order, are those of src/sample: bans, repetition penalty, temperature, top-k, top-p, min-p, one draw.
// logits: [n_vocab] f32; masks: [words] u32 of tokens seen, then [words] of tokens banned; settings: see Settings below;
// draws: one number in [0, 1) per step. One workgroup. Sums in f32, one partial sum per invocation, then by halving.
//
// Tokens are ordered by their logits, the highest first, and of equals by their ids. Nothing is sorted: top-k, top-p and the
// draw each look for a place in that order, given by a logit and an id, by counting or adding up what comes before it.
struct Params {
    n_vocab: u32,
    // Words of a mask.
    words: u32,
}

struct Settings {
    // 0: greedy.
    temperature: f32,
    repetition_penalty: f32,
    // 1: all.
    top_p: f32,
    // 0: all.
    min_p: f32,
    // 0: all.
    top_k: u32,
    // Whether any token is banned.
    bans: u32,
    unused_0: u32,
    unused_1: u32,
    draws: array<f32>,
}

// What is not a number, or too large for one.
const NOT_FINITE: u32 = 1u;
// Every token is banned.
const ALL_BANNED: u32 = 2u;
const NOBODY: u32 = 0xffffffffu;

override WORKGROUP: u32 = 128u;

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> logits: array<f32>;
@group(0) @binding(3) var<storage, read> settings: Settings;
@group(0) @binding(4) var<storage, read_write> masks: array<u32>;
@group(0) @binding(5) var<storage, read_write> tokens: array<u32>;
@group(0) @binding(6) var<storage, read_write> results: array<vec4<u32>>;

var<workgroup> scratch: array<vec4<f32>, WORKGROUP * 4u>;
var<workgroup> ids: array<u32, WORKGROUP>;
// A number that all invocations must agree on.
var<workgroup> agreed: u32;

// The tokens that may still be drawn: those before this place of the order.
struct Place {
    // Above this logit ...
    key: u32,
    // ... and of those with it, ids below this one.
    id: u32,
}

fn key_of(logit: f32) -> u32 {
    let bits = bitcast<u32>(logit);
    return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

fn logit_of(key: u32) -> f32 {
    return bitcast<f32>(select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u));
}

fn masked(mask: u32, token: u32) -> bool {
    return ((masks[mask * params.words + token / 32u] >> (token % 32u)) & 1u) == 1u;
}

fn banned(token: u32) -> bool {
    if settings.bans == 0u {
        return false;
    }
    return masked(1u, token);
}

fn penalised(token: u32) -> f32 {
    let logit = logits[token];
    let penalty = settings.repetition_penalty;
    if penalty == 1.0 || !masked(0u, token) {
        return logit;
    }
    return select(logit * penalty, logit / penalty, logit > 0.0);
}

fn weight_of(logit: f32, highest: f32) -> f32 {
    return exp((logit - highest) / settings.temperature);
}

fn before(key: u32, id: u32, place: Place) -> bool {
    return key > place.key || (key == place.key && id < place.id);
}

// The sum over the workgroup; every invocation must call it, and gets the result.
fn sum(local: u32, value: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    scratch[local] = value;
    for (var half = WORKGROUP / 2u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if local < half {
            scratch[local] += scratch[local + half];
        }
    }
    workgroupBarrier();
    return scratch[0];
}

// The logit and the token with the highest logit, of equals the lowest id.
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

// What tokens with at least 16 logits, `step` apart from `base` on, add up to: counted, or their weights.
fn totals(local: u32, base: u32, step: u32, among: Place, highest: f32, weighed: bool) -> array<vec4<f32>, 4> {
    var sums = array<vec4<f32>, 4>();
    let four = vec4<u32>(0u, 1u, 2u, 3u) * step + base;
    for (var token = local; token < params.n_vocab; token += WORKGROUP) {
        let logit = penalised(token);
        let key = key_of(logit);
        if key >= base && before(key, token, among) && !banned(token) {
            var value = 1.0;
            if weighed {
                value = weight_of(logit, highest);
            }
            let at = vec4<u32>(key);
            sums[0] += select(vec4<f32>(0.0), vec4<f32>(value), at >= four);
            sums[1] += select(vec4<f32>(0.0), vec4<f32>(value), at >= four + 4u * step);
            sums[2] += select(vec4<f32>(0.0), vec4<f32>(value), at >= four + 8u * step);
            sums[3] += select(vec4<f32>(0.0), vec4<f32>(value), at >= four + 12u * step);
        }
    }
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

// The shortest beginning of the order, within `among`, that adds up to at least `goal`, or to more than it.
fn find(local: u32, goal: f32, more: bool, among: Place, highest: f32, weighed: bool) -> Place {
    // The lowest logit of that beginning, 4 bits at a time.
    var key = 0u;
    for (var shift = 28i; shift >= 0i; shift -= 4i) {
        let step = 1u << u32(shift);
        var sums = totals(local, key, step, among, highest, weighed);
        var digit = 0u;
        for (var i = 1u; i < 16u; i++) {
            let value = sums[i / 4u][i % 4u];
            if value > goal || (value == goal && !more) {
                digit = i;
            }
        }
        key += digit * step;
    }
    // How many of the tokens with exactly that logit belong to it.
    let above = totals(local, key, 1u, among, highest, weighed)[0].y;
    let equal = totals(local, key, 1u, among, highest, false)[0];
    let count = equal.x - equal.y;
    var each = 1.0;
    if weighed {
        each = weight_of(logit_of(key), highest);
    }
    var wanted = max(ceil((goal - above) / each), 1.0);
    if more {
        wanted = floor((goal - above) / each) + 1.0;
    }
    if local == 0u {
        agreed = select(0u, u32(clamp(wanted, 1.0, count)), wanted < count);
    }
    let part = workgroupUniformLoad(&agreed);
    if part == 0u {
        // All of them: before the first id of the next lower logit.
        return Place(key, among_id(key, among));
    }
    return Place(key, nth(local, key, part, among) + 1u);
}

// Ids with this logit lie below it where they are within `among`.
fn among_id(key: u32, among: Place) -> u32 {
    return select(params.n_vocab, among.id, key == among.key);
}

// The id of the `wanted`th token, from 1, with exactly this logit within `among`.
fn nth(local: u32, key: u32, wanted: u32, among: Place) -> u32 {
    let each = (params.n_vocab + WORKGROUP - 1u) / WORKGROUP;
    let start = local * each;
    let end = min(start + each, params.n_vocab);
    var count = 0u;
    for (var token = start; token < end; token++) {
        if key_of(penalised(token)) == key && before(key, token, among) && !banned(token) {
            count += 1u;
        }
    }
    workgroupBarrier();
    scratch[local] = vec4<f32>(f32(count));
    if local == 0u {
        agreed = NOBODY;
    }
    workgroupBarrier();
    var left = wanted;
    for (var other = 0u; other < local; other++) {
        left -= min(left, u32(scratch[other].x));
    }
    if left > 0u && left <= count {
        for (var token = start; token < end; token++) {
            if key_of(penalised(token)) == key && before(key, token, among) && !banned(token) {
                left -= 1u;
                if left == 0u {
                    agreed = token;
                    break;
                }
            }
        }
    }
    return workgroupUniformLoad(&agreed);
}

// The weight of a token that may be drawn, else 0.
fn drawable(token: u32, among: Place, highest: f32, least: f32) -> f32 {
    let logit = penalised(token);
    if !before(key_of(logit), token, among) || banned(token) {
        return 0.0;
    }
    let weight = weight_of(logit, highest);
    return select(0.0, weight, weight >= least);
}

// The largest number below a positive one.
fn below(value: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(value) - 1u);
}

fn draw(local: u32, highest: f32) -> u32 {
    var among = Place(0u, NOBODY);
    if settings.top_k > 0u && settings.top_k < params.n_vocab {
        among = find(local, f32(settings.top_k), false, among, highest, false);
    }
    if settings.top_p < 1.0 {
        let total = totals(local, 0u, 0u, among, highest, true)[0].x;
        among = find(local, settings.top_p * total, false, among, highest, true);
    }
    if settings.min_p > 0.0 && settings.top_p < 1.0 {
        // The order is by weight: those that are heavy enough are a beginning of it.
        var mine = 0.0;
        for (var token = local; token < params.n_vocab; token += WORKGROUP) {
            if drawable(token, among, highest, settings.min_p) > 0.0 {
                mine += 1.0;
            }
        }
        let kept = sum(local, vec4<f32>(mine)).x;
        among = find(local, kept, false, among, highest, false);
    }
    let number = settings.draws[batch.step];
    if settings.top_p < 1.0 {
        let total = totals(local, 0u, 0u, among, highest, true)[0].x;
        let place = find(local, min(number * total, below(total)), true, among, highest, true);
        // The last token before the place.
        var mine = 0.0;
        for (var token = local; token < params.n_vocab; token += WORKGROUP) {
            if key_of(penalised(token)) == place.key && before(place.key, token, place) && !banned(token) {
                mine = max(mine, f32(token));
            }
        }
        workgroupBarrier();
        scratch[local] = vec4<f32>(mine);
        for (var half = WORKGROUP / 2u; half > 0u; half >>= 1u) {
            workgroupBarrier();
            if local < half {
                scratch[local] = max(scratch[local], scratch[local + half]);
            }
        }
        workgroupBarrier();
        return u32(scratch[0].x);
    }
    var mine = 0.0;
    for (var token = local; token < params.n_vocab; token += WORKGROUP) {
        mine += drawable(token, among, highest, settings.min_p);
    }
    let total = sum(local, vec4<f32>(mine)).x;
    return by_id(local, min(number * total, below(total)), among, highest, settings.min_p);
}

@compute @workgroup_size(WORKGROUP)
fn sample(@builtin(local_invocation_index) local: u32) {
    // The most likely token as the model says, and as the rules say; and one whose logit is no number.
    var raw = -3.4e38;
    var highest = 0.0;
    var chosen = NOBODY;
    var wrong = NOBODY;
    for (var token = local; token < params.n_vocab; token += WORKGROUP) {
        let logit = logits[token];
        if (bitcast<u32>(logit) & 0x7f800000u) == 0x7f800000u {
            wrong = min(wrong, token);
        }
        raw = max(raw, logit);
        let value = penalised(token);
        if !banned(token) && (chosen == NOBODY || value > highest) {
            highest = value;
            chosen = token;
        }
    }
    let top = best(local, highest, chosen);
    highest = bitcast<f32>(top.x);
    chosen = top.y;
    raw = bitcast<f32>(best(local, raw, local).x);
    let bad = best(local, 0.0, wrong).y;

    var mine = 0.0;
    for (var token = local; token < params.n_vocab; token += WORKGROUP) {
        mine += exp(logits[token] - raw);
    }
    let total = sum(local, vec4<f32>(mine)).x;

    if settings.temperature > 0.0 {
        chosen = draw(local, highest);
    }
    if local == 0u {
        var flag = select(0u, ALL_BANNED, top.y == NOBODY);
        if bad != NOBODY {
            flag = NOT_FINITE;
        }
        if flag != 0u || chosen >= params.n_vocab {
            chosen = select(0u, top.y, flag == 0u);
        }
        results[batch.step] = vec4<u32>(chosen, bitcast<u32>(logits[chosen] - raw - log(total)), flag, bad);
        tokens[0] = chosen;
        if settings.repetition_penalty != 1.0 {
            masks[chosen / 32u] |= 1u << (chosen % 32u);
        }
    }
}
