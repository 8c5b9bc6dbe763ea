// Weights stored as Q4_1, for adapters that compute on a CPU: invocations next to each other, which are one of its vectors,
// read words next to each other. Of 16 rows the first 4 belong to one invocation, the next 4 to the next one; a word of
// the first invocation's row is followed by the same word of the other three's. 4-bit codes in the elements' order, lowest bits
// first, the highest with its top bit inverted; and a scale and a minimum for every 16 of them.
//
// Such an adapter shifts and divides one number at a time: codes are cut out where they stand, and what stands higher counts as
// so much more until the sum is made; no index is divided.
@group(0) @binding(2) var<storage, read> weights: array<u32>;
@group(0) @binding(3) var<storage, read> factors: array<vec2<f32>>;

// What a code counts for where it stands, inverted: of the lower four and of the upper four.
const LOW_PLACES: vec4<f32> = vec4<f32>(1.0, 0.0625, 0.00390625, 0.000244140625);
const HIGH_PLACES: vec4<f32> = vec4<f32>(0.0000152587890625, 9.5367431640625e-7, 5.9604644775390625e-8, 3.725290298461914e-9);
// From a group to the next one of its row, in factors.
const GROUP_STEP: u32 = 16u;

// The factors of the first group of a row: 16 rows after the other, in them group after group, in those row after row of an
// invocation.
fn weight_row(row: u32, groups: u32) -> u32 {
    return row / 16u * groups * 16u + row % 4u * 4u + row / 4u % 4u;
}

// The first word of the group whose factors are at `at`; the other is 4 further.
fn first_word(at: u32) -> u32 {
    return at * 2u - (at & 3u);
}

// The lower four codes of a word, each times what it counts for.
fn low_codes(bits: u32) -> vec4<f32> {
    let word = bitcast<i32>(bits);
    return vec4<f32>(
        f32(word & 0xf),
        f32(word & 0xf0),
        f32(word & 0xf00),
        f32(word & 0xf000),
    );
}

// The upper four.
fn high_codes(bits: u32) -> vec4<f32> {
    let word = bitcast<i32>(bits);
    return vec4<f32>(
        f32(word & 0xf0000),
        f32(word & 0xf00000),
        f32(word & 0xf000000),
        f32(word & -0x10000000) + 2147483648.0,
    );
}

// Group `at`: 16 elements of a row, one column of the result per 4 elements.
fn weight_group(at: u32) -> mat4x4<f32> {
    let word = first_word(at);
    let first = weights[word];
    let second = weights[word + 4u];
    let factor = factors[at];
    let low = factor.x * LOW_PLACES;
    let high = factor.x * HIGH_PLACES;
    return mat4x4<f32>(
        low * low_codes(first) + factor.y,
        high * high_codes(first) + factor.y,
        low * low_codes(second) + factor.y,
        high * high_codes(second) + factor.y,
    );
}

// The dot product of group `at` and 16 elements of x; places, scale and minimum are applied once.
fn weight_dot(at: u32, x: mat4x4<f32>) -> f32 {
    let word = first_word(at);
    let first = weights[word];
    let second = weights[word + 4u];
    let low = low_codes(first) * x[0] + low_codes(second) * x[2];
    let high = high_codes(first) * x[1] + high_codes(second) * x[3];
    let factor = factors[at];
    return factor.x * (dot(low, LOW_PLACES) + dot(high, HIGH_PLACES)) + factor.y * dot(x[0] + x[1] + x[2] + x[3], vec4<f32>(1.0));
}
