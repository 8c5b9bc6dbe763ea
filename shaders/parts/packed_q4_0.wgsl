// Q4_0 weights for products of bytes, beside weight_q4_0: of eight codes those at even places, then those at odd ones.

// The largest code of activations that are multiplied by them: as the CPU's, see src/cpu/linear.rs.
const LARGEST_CODE: f32 = 127.0;

// 4-bit codes in the low halves of bytes, 8 taken from each: with the highest bit set, none borrows from the next.
fn less_8(codes: vec4<u32>) -> vec4<u32> {
    return ((codes | vec4<u32>(0x80808080u)) - vec4<u32>(0x08080808u)) ^ vec4<u32>(0x80808080u);
}

// The codes of group `at`.
fn packed_weights(at: u32) -> vec4<u32> {
    let words = weights[at].xxyy >> vec4<u32>(0u, 4u, 0u, 4u);
    return less_8(words & vec4<u32>(0x0f0f0f0fu));
}

// What a code of 1 stands for.
fn packed_scale(at: u32) -> f32 {
    return group_scale(at);
}

// The codes of 16 activations, in the order of the weights.
fn packed_inputs(a: vec4<i32>, b: vec4<i32>, c: vec4<i32>, d: vec4<i32>) -> vec4<u32> {
    return vec4<u32>(
        pack4xI8(vec4<i32>(a.xz, b.xz)),
        pack4xI8(vec4<i32>(a.yw, b.yw)),
        pack4xI8(vec4<i32>(c.xz, d.xz)),
        pack4xI8(vec4<i32>(c.yw, d.yw)),
    );
}
