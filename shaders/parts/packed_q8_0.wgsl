// Q8_0 weights for products of bytes, beside weight_q8_0: the codes are bytes as they are stored.

// The largest code of activations that are multiplied by them: as the CPU's, see src/cpu/linear.rs.
const LARGEST_CODE: f32 = 63.0;

// The codes of group `at`.
fn packed_weights(at: u32) -> vec4<u32> {
    return weights[at];
}

// What a code of 1 stands for.
fn packed_scale(at: u32) -> f32 {
    return group_scale(at) * 16777216.0;
}

// The codes of 16 activations, in the order of the weights.
fn packed_inputs(a: vec4<i32>, b: vec4<i32>, c: vec4<i32>, d: vec4<i32>) -> vec4<u32> {
    return vec4<u32>(pack4xI8(a), pack4xI8(b), pack4xI8(c), pack4xI8(d));
}
