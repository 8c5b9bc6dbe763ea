// Weights stored as Q5_1 and Q5_K are unpacked, for adapters that compute on a CPU: invocations next to each other, which are one of its vectors,
// read words next to each other. Of 16 rows the first 4 belong to one invocation, the next 4 to the next one; a word of
// the first invocation's row is followed by the same word of the other three's. Three bytes plus 128 and a signed one, and a scale
// and a minimum for every 16 of them.
//
// Such an adapter shifts and divides one number at a time: bytes are cut out where they stand, and what stands higher counts as
// so much more until the sum is made; no index is divided.
@group(0) @binding(2) var<storage, read> weights: array<u32>;
@group(0) @binding(3) var<storage, read> factors: array<vec2<f32>>;

// What a byte counts for where it stands, inverted.
const PLACES: vec4<f32> = vec4<f32>(1.0, 0.00390625, 0.0000152587890625, 5.9604644775390625e-8);
// From a group to the next one of its row, in factors.
const GROUP_STEP: u32 = 16u;

// The factors of the first group of a row: 16 rows after the other, in them group after group, in those row after row of an
// invocation.
fn weight_row(row: u32, groups: u32) -> u32 {
    return row / 16u * groups * 16u + row % 4u * 4u + row / 4u % 4u;
}

// The first word of the group whose factors are at `at`; the next one is 4 further.
fn first_word(at: u32) -> u32 {
    return at * 4u - (at & 3u) * 3u;
}

// The four signed bytes of a word, each times what it counts for.
fn signed_bytes(bits: u32) -> vec4<f32> {
    let word = bitcast<i32>(bits);
    return vec4<f32>(
        f32((word & 0xff) - 0x80),
        f32((word & 0xff00) - 0x8000),
        f32((word & 0xff0000) - 0x800000),
        f32(word & -0x1000000),
    );
}

// Group `at`: 16 elements of a row, one column of the result per 4 elements.
fn weight_group(at: u32) -> mat4x4<f32> {
    let word = first_word(at);
    let factor = factors[at];
    let scale = factor.x * PLACES;
    return mat4x4<f32>(
        scale * signed_bytes(weights[word]) + factor.y,
        scale * signed_bytes(weights[word + 4u]) + factor.y,
        scale * signed_bytes(weights[word + 8u]) + factor.y,
        scale * signed_bytes(weights[word + 12u]) + factor.y,
    );
}

// The dot product of group `at` and 16 elements of x; places, scale and minimum are applied once.
fn weight_dot(at: u32, x: mat4x4<f32>) -> f32 {
    let word = first_word(at);
    let sum = signed_bytes(weights[word]) * x[0]
        + signed_bytes(weights[word + 4u]) * x[1]
        + signed_bytes(weights[word + 8u]) * x[2]
        + signed_bytes(weights[word + 12u]) * x[3];
    let factor = factors[at];
    return factor.x * dot(sum, PLACES) + factor.y * dot(x[0] + x[1] + x[2] + x[3], vec4<f32>(1.0));
}
