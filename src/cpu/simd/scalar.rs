//! Vectors as arrays, for any target.

use super::{Dots, ROUNDER, Vector};

/// Four lanes in an array: any target.
#[derive(Clone, Copy, Debug)]
pub struct Scalar([f32; 4]);

#[inline(always)]
fn lanewise(a: Scalar, b: Scalar, f: impl Fn(f32, f32) -> f32) -> Scalar {
    Scalar([f(a.0[0], b.0[0]), f(a.0[1], b.0[1]), f(a.0[2], b.0[2]), f(a.0[3], b.0[3])])
}

/// The `i`-th of four little-endian numbers.
#[inline(always)]
fn u32_at(x: &[u8; 16], i: usize) -> u32 {
    u32::from_le_bytes(x.as_chunks::<4>().0[i])
}

impl Vector for Scalar {
    type I16 = [i16; 8];
    type I32 = [i32; 4];
    type I8 = [u8; 16];

    const DOTS_BYTES: bool = false;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Scalar([x; 4])
    }
    #[inline(always)]
    fn load(x: &[f32; 4]) -> Self {
        Scalar(*x)
    }
    #[inline(always)]
    fn store(self, out: &mut [f32; 4]) {
        *out = self.0;
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        lanewise(self, other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        lanewise(self, other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        lanewise(self, other, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        lanewise(self, other, |a, b| a / b)
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        lanewise(self, other, |a, b| if b < a { b } else { a })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        lanewise(self, other, |a, b| if a < b { b } else { a })
    }
    #[inline(always)]
    fn add_exponent(self, n: Self) -> Self {
        lanewise(self, n, |a, n| f32::from_bits(a.to_bits().wrapping_add(n.to_bits() << 23)))
    }
    #[inline(always)]
    fn from_f16_bits(x: &[u8; 8]) -> Self {
        let half = |i| i32::from(i16::from_le_bytes([x[2 * i], x[2 * i + 1]]));
        Scalar(std::array::from_fn(|i| f32::from_bits((half(i) << 13) as u32 & 0x8fff_e000)))
    }
    #[inline(always)]
    fn from_bf16(x: &[u8; 8]) -> Self {
        Scalar(std::array::from_fn(|i| f32::from_bits((u16::from_le_bytes([x[2 * i], x[2 * i + 1]]) as u32) << 16)))
    }
    #[inline(always)]
    fn from_i8(x: [u8; 4]) -> Self {
        Scalar(x.map(|x| x as i8 as f32))
    }
    #[inline(always)]
    fn from_f32(x: &[u8; 16]) -> Self {
        Scalar(std::array::from_fn(|i| f32::from_le_bytes([x[4 * i], x[4 * i + 1], x[4 * i + 2], x[4 * i + 3]])))
    }
    #[inline(always)]
    fn from_i32(x: [i32; 4]) -> Self {
        Scalar(x.map(|x| x as f32))
    }
    #[inline(always)]
    fn round_i16(low: Self, high: Self) -> [i16; 8] {
        let round = |x: f32| {
            let integer = (x + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i32;
            integer.clamp(i16::MIN as i32, i16::MAX as i32) as i16
        };
        std::array::from_fn(|i| round(if i < 4 { low.0[i] } else { high.0[i - 4] }))
    }
    #[inline(always)]
    fn transpose(rows: [Self; 4]) -> [Self; 4] {
        std::array::from_fn(|i| Scalar(std::array::from_fn(|j| rows[j].0[i])))
    }
    #[inline(always)]
    fn load_i16(x: &[i16; 8]) -> [i16; 8] {
        *x
    }
    #[inline(always)]
    fn store_i16(x: [i16; 8], out: &mut [i16; 8]) {
        *out = x;
    }
    #[inline(always)]
    fn splat_pair(&[a, b]: &[i16; 2]) -> [i16; 8] {
        [a, b, a, b, a, b, a, b]
    }
    #[inline(always)]
    fn splat_quad(x: &[i16; 4]) -> [i16; 8] {
        std::array::from_fn(|i| x[i % 4])
    }
    #[inline(always)]
    fn swap_middle([a, b, c, d, e, f, g, h]: [i16; 8]) -> [i16; 8] {
        [a, c, b, d, e, g, f, h]
    }
    #[inline(always)]
    fn widen_i8(x: &[u8; 8]) -> [i16; 8] {
        x.map(|x| x as i8 as i16)
    }
    #[inline(always)]
    fn widen(x: [u8; 16]) -> [[i16; 8]; 2] {
        [0, 8].map(|first| std::array::from_fn(|i| i16::from(x[first + i] as i8)))
    }
    #[inline(always)]
    fn widen_nibbles(x: &[u8; 16]) -> [[i16; 8]; 4] {
        let low = |first: usize| std::array::from_fn(|i| (x[2 * i + first] & 15) as i16);
        let high = |first: usize| std::array::from_fn(|i| (x[2 * i + first] >> 4) as i16);
        [low(0), low(1), high(0), high(1)]
    }
    #[inline(always)]
    fn dot(a: [i16; 8], b: [i16; 8]) -> [i32; 4] {
        std::array::from_fn(|i| a[2 * i] as i32 * b[2 * i] as i32 + a[2 * i + 1] as i32 * b[2 * i + 1] as i32)
    }
    #[inline(always)]
    fn splat_i32(x: i32) -> [i32; 4] {
        [x; 4]
    }
    #[inline(always)]
    fn add_i32(a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        std::array::from_fn(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    fn widen_i16(&[a, b, c, d, e, f, g, h]: &[i16; 8]) -> [[i32; 4]; 2] {
        [[a, b, c, d].map(i32::from), [e, f, g, h].map(i32::from)]
    }
    #[inline(always)]
    fn add_pairs(a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        [a[0].wrapping_add(a[1]), a[2].wrapping_add(a[3]), b[0].wrapping_add(b[1]), b[2].wrapping_add(b[3])]
    }
    #[inline(always)]
    fn transpose_sum(rows: [[i32; 4]; 4]) -> [i32; 4] {
        rows.map(|[a, b, c, d]| a.wrapping_add(b).wrapping_add(c).wrapping_add(d))
    }
    #[inline(always)]
    fn load_i8(x: &[u8; 16]) -> [u8; 16] {
        *x
    }
    #[inline(always)]
    fn store_i8(x: [u8; 16], out: &mut [u8; 16]) {
        *out = x;
    }
    #[inline(always)]
    fn splat_four(x: &[u8; 4]) -> [u8; 16] {
        std::array::from_fn(|i| x[i % 4])
    }
    #[inline(always)]
    fn nibbles(x: &[u8; 16]) -> [[u8; 16]; 2] {
        [x.map(|x| x & 15), x.map(|x| x >> 4)]
    }
    #[inline(always)]
    fn bits(x: &[u8; 16], right: u32, mask: u8) -> [u8; 16] {
        x.map(|x| x >> right & mask)
    }
    #[inline(always)]
    fn or_left(a: [u8; 16], b: [u8; 16], left: u32) -> [u8; 16] {
        std::array::from_fn(|i| a[i] | b[i] << left)
    }
    #[inline(always)]
    fn spread_bits(x: &[u8; 16], right: u32) -> [u8; 16] {
        std::array::from_fn(|i| (u32_at(x, i / 4) >> right >> (i % 4) & 1) as u8)
    }
    #[inline(always)]
    fn field(x: &[u8; 16], right: u32, mask: i32) -> [i32; 4] {
        std::array::from_fn(|i| (u32_at(x, i) >> right) as i32 & mask)
    }
    #[inline(always)]
    fn signed_byte(x: &[u8; 16], i: u32) -> [i32; 4] {
        std::array::from_fn(|lane| i32::from(x[4 * lane + i as usize] as i8))
    }
    #[inline(always)]
    fn low_bytes(low: [i16; 8], high: [i16; 8]) -> [u8; 16] {
        std::array::from_fn(|i| if i < 8 { low[i] as u8 } else { high[i - 8] as u8 })
    }
    fn all_dots() -> &'static [Dots] {
        &[Dots::Unsigned, Dots::UnsignedPairs]
    }
    #[inline(always)]
    fn dot_bytes(a: [u8; 16], b: [u8; 16], sum: [i32; 4]) -> [i32; 4] {
        let product = |i: usize| a[i] as i8 as i32 * b[i] as i32;
        std::array::from_fn(|i| sum[i] + (4 * i..4 * i + 4).map(product).sum::<i32>())
    }
    #[inline(always)]
    fn dot_byte_pairs(a: [u8; 16], b: [u8; 16]) -> [i16; 8] {
        let product = |i: usize| i16::from(a[i] as i8).wrapping_mul(i16::from(b[i]));
        std::array::from_fn(|i| product(2 * i).wrapping_add(product(2 * i + 1)))
    }
    #[inline(always)]
    fn add_i16(a: [i16; 8], b: [i16; 8]) -> [i16; 8] {
        std::array::from_fn(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    fn sub_i16(a: [i16; 8], b: [i16; 8]) -> [i16; 8] {
        std::array::from_fn(|i| a[i].wrapping_sub(b[i]))
    }
    #[inline(always)]
    fn load_i32(x: &[i32; 4]) -> [i32; 4] {
        *x
    }
    #[inline(always)]
    fn store_i32(x: [i32; 4], out: &mut [i32; 4]) {
        *out = x;
    }
}
