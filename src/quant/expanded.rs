//! 32 elements with a byte for each code: what types are multiplied as that have no kernels of their own.

/// 32 elements, in two groups of 16: an element is `scale * code - minimum`.
#[derive(Clone, Copy, Debug)]
pub struct Expanded {
    /// In the elements' order.
    pub codes: [i8; 32],
    /// By group.
    pub scales: [f32; 2],
    /// By group; 0 in types that have none.
    pub minima: [f32; 2],
}

/// Expands a block into as many as its elements fill.
pub type Expand = fn(block: &[u8], out: &mut [Expanded]);

impl Expanded {
    /// Zeros.
    pub const ZERO: Expanded = Expanded { codes: [0; 32], scales: [0.0; 2], minima: [0.0; 2] };
    /// Of the longest block.
    pub const MOST: usize = 8;
}

/// Decodes a block by what it expands to. (Subtracting a minimum of 0 changes no bit.)
pub fn decode(expand: Expand, block: &[u8], out: &mut [f32]) {
    let mut parts = [Expanded::ZERO; Expanded::MOST];
    let parts = &mut parts[..out.len() / 32];
    expand(block, parts);
    for (part, out) in parts.iter().zip(out.chunks_exact_mut(32)) {
        for (i, (out, &code)) in out.iter_mut().zip(&part.codes).enumerate() {
            *out = part.scales[i / 16] * f32::from(code) - part.minima[i / 16];
        }
    }
}

/// The 256 two-bit codes in 64 bytes: of each half, 32 bytes, the lowest bits are the first 32 codes.
pub fn expand_twos(bytes: &[u8], out: &mut [Expanded]) {
    for (p, part) in out.iter_mut().enumerate() {
        for (code, byte) in part.codes.iter_mut().zip(&bytes[p / 4 * 32..]) {
            *code = (byte >> (p % 4 * 2) & 3) as i8;
        }
    }
}

/// What [`expand_twos`] reads, to be written over `bytes`, 64 zeros.
pub fn pack_twos(codes: impl Iterator<Item = u8>, bytes: &mut [u8]) {
    for (i, code) in codes.enumerate() {
        bytes[i / 128 * 32 + i % 32] |= code << (i / 32 % 4 * 2);
    }
}

/// 32 four-bit numbers of a table, in 16 bytes as in `Q4_0`.
pub fn expand_nibbles(bytes: &[u8], table: &[i8; 16], out: &mut Expanded) {
    let (low, high) = out.codes.split_at_mut(16);
    for ((low, high), byte) in low.iter_mut().zip(high).zip(bytes) {
        *low = table[usize::from(byte & 15)];
        *high = table[usize::from(byte >> 4)];
    }
}

/// What [`expand_nibbles`] reads: for each of 32 elements, in units of `scale`, the nearest of the table.
pub fn pack_nibbles(x: &[f32], scale: f32, table: &[i8; 16], out: &mut Vec<u8>) {
    let distance = |x: f32, i: u8| (x - scale * f32::from(table[usize::from(i)])).abs();
    let nearest = |x: f32| (0..16).min_by(|&a, &b| distance(x, a).total_cmp(&distance(x, b))).unwrap_or(0);
    let (low, high) = x.split_at(16);
    out.extend(low.iter().zip(high).map(|(&l, &h)| nearest(l) | nearest(h) << 4));
}

/// Gives all parts the same scale.
pub fn one_scale(scale: f32, out: &mut [Expanded]) {
    out.iter_mut().for_each(|part| part.scales = [scale; 2]);
}
