// results[step] = the token chosen from the logits, its log-probability and what was wrong; tokens[0] = the token
// The rules, and their order, are those of src/sample: bans, repetition penalty, temperature, top-k, top-p, min-p, one draw.
// logits: [n_vocab] f32; masks: [words] u32 of tokens seen, then [words] of tokens banned; settings: see Settings below;
// draws: 32 random bits per step. One workgroup. Sums in f32, one partial sum per invocation, then over the
// workgroup: parts/choice_memory or choice_subgroups.
//
// Tokens are ordered by their logits, the highest first, and of equals by their ids. Nothing is sorted: top-k and top-p each look
// for a place in that order, given by a logit and an id, by counting or adding up what comes before it. The draw is a race, see
// src/sample/race.rs.
//
// Adapters that compute on a CPU compile every function anew wherever it is called, slowly: hence loops where calls would do.
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
    draws: array<u32>,
}

// What is not a number, or too large for one.
const NOT_FINITE: u32 = 1u;
// Every token is banned.
const ALL_BANNED: u32 = 2u;
const NOBODY: u32 = 0xffffffffu;

@group(0) @binding(1) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> logits: array<f32>;
@group(0) @binding(3) var<storage, read> settings: Settings;
@group(0) @binding(4) var<storage, read_write> masks: array<u32>;
@group(0) @binding(5) var<storage, read_write> tokens: array<u32>;
@group(0) @binding(6) var<storage, read_write> results: array<vec4<u32>>;

// Tokens with the wanted logit that each invocation counted.
var<workgroup> counts: array<u32, WORKGROUP>;
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
    return choice_sums(local, sums);
}

// The tokens that top-k, or top-p where `weighed`, leaves of those within `among`: the shortest beginning of the order that counts
// k, or weighs p of all.
fn find(local: u32, among: Place, highest: f32, weighed: bool) -> Place {
    var goal = f32(settings.top_k);
    var key = 0u;
    var above = 0.0;
    var count = 0.0;
    // 0: what all weigh; 1 to 8: the lowest logit of that beginning, 4 bits at a time; 9 and 10: what is above it, and how many
    // tokens have exactly that logit.
    for (var turn = select(1u, 0u, weighed); turn < 11u; turn++) {
        var step = 1u;
        if turn < 9u {
            step = select(0u, 1u << (32u - 4u * turn), turn > 0u);
        }
        var sums = totals(local, key, step, among, highest, weighed && turn < 10u);
        if turn == 0u {
            goal = settings.top_p * sums[0].x;
        } else if turn < 9u {
            var digit = 0u;
            for (var i = 1u; i < 16u; i++) {
                if sums[i / 4u][i % 4u] >= goal {
                    digit = i;
                }
            }
            key += digit * step;
        } else if turn == 9u {
            above = sums[0].y;
        } else {
            count = sums[0].x - sums[0].y;
        }
    }
    // How many of these belong to it.
    var each = 1.0;
    if weighed {
        each = weight_of(logit_of(key), highest);
    }
    let wanted = max(ceil((goal - above) / each), 1.0);
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
    counts[local] = count;
    if local == 0u {
        agreed = NOBODY;
    }
    workgroupBarrier();
    var left = wanted;
    for (var other = 0u; other < local; other++) {
        left -= min(left, counts[other]);
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

fn mixed(bits: u32) -> u32 {
    var h = bits;
    h ^= h >> 16u;
    h *= 0x85ebca6bu;
    h ^= h >> 13u;
    h *= 0xc2b2ae35u;
    return h ^ (h >> 16u);
}

// A token's random bits in a draw.
fn noise(draw: u32, token: u32) -> u32 {
    return mixed(draw ^ mixed(token + 0x9e3779b9u));
}

// Random bits as a number between 0 and 1, neither of them.
fn unit(bits: u32) -> f32 {
    return (f32(bits) + 0.5) * 2.3283064365386963e-10;
}

// A time that is exponentially distributed, of mean 1: -ln(1 - unit(bits)), to 1e-6 of itself. At least unit(bits).
fn time(bits: u32) -> f32 {
    if bits >= 0x80000000u {
        return -log(unit(~bits));
    }
    // 2 artanh(s), because logarithms near 1 need only be exact to 5e-7 as such.
    let s = unit(bits) / (2.0 - unit(bits));
    let q = s * s;
    return 2.0 * s * (1.0 + q * (0.33333333 + q * (0.2 + q * (0.14285714 + q * (0.11111111 + q * (0.09090909 + q * 0.07692308))))));
}

// The token that the draw gives: of those that may come the first to arrive, each after a random time divided by its weight.
fn draw(local: u32, highest: f32) -> u32 {
    var among = Place(0u, NOBODY);
    for (var rule = 0u; rule < 2u; rule++) {
        let by_weight = rule == 1u;
        if select(settings.top_k > 0u && settings.top_k < params.n_vocab, settings.top_p < 1.0, by_weight) {
            among = find(local, among, highest, by_weight);
        }
    }
    let number = settings.draws[batch.step];
    var fastest = 0.0;
    var chosen = NOBODY;
    for (var token = local; token < params.n_vocab; token += WORKGROUP) {
        let weight = drawable(token, among, highest, settings.min_p);
        let bits = noise(number, token);
        if weight > fastest * unit(bits) {
            let speed = weight / time(bits);
            if speed > fastest {
                fastest = speed;
                chosen = token;
            }
        }
    }
    return best(local, fastest, chosen).y;
}

@compute @workgroup_size(WORKGROUP)
fn choose(@builtin(local_invocation_index) local: u32) {
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
    var top = vec2<u32>();
    var bad = NOBODY;
    for (var which = 0u; which < 3u; which++) {
        var value = highest;
        var token = chosen;
        if which == 1u {
            value = raw;
            token = local;
        } else if which == 2u {
            value = 0.0;
            token = wrong;
        }
        let found = best(local, value, token);
        if which == 0u {
            top = found;
            highest = bitcast<f32>(found.x);
            chosen = found.y;
        } else if which == 1u {
            raw = bitcast<f32>(found.x);
        } else {
            bad = found.y;
        }
    }

    var mine = 0.0;
    for (var token = local; token < params.n_vocab; token += WORKGROUP) {
        mine += exp(logits[token] - raw);
    }
    let total = choice_sum(local, mine);

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
