//! WebAssembly's 128-bit vectors.

use super::{Dots, ROUNDER, Vector};
use core::arch::wasm32::*;

/// WebAssembly's 128-bit vectors, with or without the instructions whose results differ between processors for some
/// operands. This crate gives them no such operands.
#[derive(Clone, Copy, Debug)]
pub struct Simd<const RELAXED: bool>(v128);

/// WebAssembly's 128-bit vectors.
pub type Simd128 = Simd<false>;
/// WebAssembly's 128-bit vectors with "relaxed SIMD".
#[cfg(target_feature = "relaxed-simd")]
pub type Relaxed = Simd<true>;

/// Sixteen bytes from memory.
#[inline(always)]
fn load(x: &[u8; 16]) -> v128 {
    // SAFETY: the reference covers 16 readable bytes; wasm loads need no alignment.
    unsafe { v128_load(x.as_ptr().cast()) }
}

impl<const RELAXED: bool> Vector for Simd<RELAXED> {
    type I16 = v128;
    type I32 = v128;
    type I8 = v128;

    const DOTS_BYTES: bool = RELAXED;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Simd(f32x4_splat(x))
    }
    #[inline(always)]
    fn load(x: &[f32; 4]) -> Self {
        // SAFETY: the reference covers 16 readable bytes; wasm loads need no alignment.
        Simd(unsafe { v128_load(x.as_ptr().cast()) })
    }
    #[inline(always)]
    fn store(self, out: &mut [f32; 4]) {
        // SAFETY: the reference covers 16 writable bytes; wasm stores need no alignment.
        unsafe { v128_store(out.as_mut_ptr().cast(), self.0) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Simd(f32x4_add(self.0, other.0))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Simd(f32x4_sub(self.0, other.0))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Simd(f32x4_mul(self.0, other.0))
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Simd(f32x4_div(self.0, other.0))
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Simd(f32x4_pmin(self.0, other.0))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Simd(f32x4_pmax(self.0, other.0))
    }
    #[inline(always)]
    fn add_exponent(self, n: Self) -> Self {
        Simd(i32x4_add(self.0, i32x4_shl(n.0, 23)))
    }
    #[inline(always)]
    fn from_f16_bits(x: &[u8; 8]) -> Self {
        // SAFETY: the reference covers 8 readable bytes.
        let halves = unsafe { i32x4_load_extend_i16x4(x.as_ptr().cast()) };
        // The shift leaves the extended sign in place; the mask clears its copies in the exponent.
        Simd(v128_and(i32x4_shl(halves, 13), u32x4_splat(0x8fff_e000)))
    }
    #[inline(always)]
    fn from_bf16(x: &[u8; 8]) -> Self {
        // SAFETY: the reference covers 8 readable bytes.
        Simd(u32x4_shl(unsafe { u32x4_load_extend_u16x4(x.as_ptr().cast()) }, 16))
    }
    #[inline(always)]
    fn from_i8(x: [u8; 4]) -> Self {
        let bytes = u32x4_splat(u32::from_le_bytes(x));
        Simd(f32x4_convert_i32x4(i32x4_extend_low_i16x8(i16x8_extend_low_i8x16(bytes))))
    }
    #[inline(always)]
    fn from_f32(x: &[u8; 16]) -> Self {
        // SAFETY: the reference covers 16 readable bytes.
        Simd(unsafe { v128_load(x.as_ptr().cast()) })
    }
    #[inline(always)]
    fn from_i32(x: v128) -> Self {
        Simd(f32x4_convert_i32x4(x))
    }
    #[inline(always)]
    fn round_i16(low: Self, high: Self) -> v128 {
        let rounder = f32x4_splat(ROUNDER);
        let round = |x: v128| i32x4_sub(f32x4_add(x, rounder), rounder);
        i16x8_narrow_i32x4(round(low.0), round(high.0))
    }
    #[inline(always)]
    fn transpose([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        transpose_lanes([a.0, b.0, c.0, d.0]).map(Simd)
    }
    #[inline(always)]
    fn load_i16(x: &[i16; 8]) -> v128 {
        // SAFETY: the reference covers 16 readable bytes.
        unsafe { v128_load(x.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store_i16(x: v128, out: &mut [i16; 8]) {
        // SAFETY: the reference covers 16 writable bytes.
        unsafe { v128_store(out.as_mut_ptr().cast(), x) }
    }
    #[inline(always)]
    fn splat_pair(x: &[i16; 2]) -> v128 {
        // SAFETY: the reference covers 4 readable bytes.
        unsafe { v128_load32_splat(x.as_ptr().cast()) }
    }
    #[inline(always)]
    fn splat_quad(x: &[i16; 4]) -> v128 {
        // SAFETY: the reference covers 8 readable bytes.
        unsafe { v128_load64_splat(x.as_ptr().cast()) }
    }
    #[inline(always)]
    fn swap_middle(x: v128) -> v128 {
        i16x8_shuffle::<0, 2, 1, 3, 4, 6, 5, 7>(x, x)
    }
    #[inline(always)]
    fn widen_i8(x: &[u8; 8]) -> v128 {
        // SAFETY: the reference covers 8 readable bytes.
        unsafe { i16x8_load_extend_i8x8(x.as_ptr().cast()) }
    }
    #[inline(always)]
    fn widen(x: v128) -> [v128; 2] {
        [i16x8_extend_low_i8x16(x), i16x8_extend_high_i8x16(x)]
    }
    #[inline(always)]
    fn widen_nibbles(x: &[u8; 16]) -> [v128; 4] {
        // SAFETY: the reference covers 16 readable bytes.
        let x = unsafe { v128_load(x.as_ptr().cast()) };
        // In lanes of 16 bits: shifts of bytes are slow on many processors.
        let nibble = u16x8_splat(15);
        [v128_and(x, nibble), v128_and(u16x8_shr(x, 8), nibble), v128_and(u16x8_shr(x, 4), nibble), u16x8_shr(x, 12)]
    }
    #[inline(always)]
    fn dot(a: v128, b: v128) -> v128 {
        i32x4_dot_i16x8(a, b)
    }
    #[inline(always)]
    fn splat_i32(x: i32) -> v128 {
        i32x4_splat(x)
    }
    #[inline(always)]
    fn add_i32(a: v128, b: v128) -> v128 {
        i32x4_add(a, b)
    }
    #[inline(always)]
    fn widen_i16(x: &[i16; 8]) -> [v128; 2] {
        let (low, high) = x.split_at(4);
        // SAFETY: both cover 8 readable bytes.
        unsafe { [i32x4_load_extend_i16x4(low.as_ptr().cast()), i32x4_load_extend_i16x4(high.as_ptr().cast())] }
    }
    #[inline(always)]
    fn add_pairs(a: v128, b: v128) -> v128 {
        i32x4_add(i32x4_shuffle::<0, 2, 4, 6>(a, b), i32x4_shuffle::<1, 3, 5, 7>(a, b))
    }
    #[inline(always)]
    fn transpose_sum([a, b, c, d]: [v128; 4]) -> v128 {
        let half = |a, b| i32x4_add(i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
        let (ab, cd) = (half(a, b), half(c, d));
        i32x4_add(i64x2_shuffle::<0, 2>(ab, cd), i64x2_shuffle::<1, 3>(ab, cd))
    }
    #[inline(always)]
    fn load_i8(x: &[u8; 16]) -> v128 {
        // SAFETY: the reference covers 16 readable bytes.
        unsafe { v128_load(x.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store_i8(x: v128, out: &mut [u8; 16]) {
        // SAFETY: the reference covers 16 writable bytes.
        unsafe { v128_store(out.as_mut_ptr().cast(), x) }
    }
    #[inline(always)]
    fn splat_four(x: &[u8; 4]) -> v128 {
        // SAFETY: the reference covers 4 readable bytes.
        unsafe { v128_load32_splat(x.as_ptr().cast()) }
    }
    #[inline(always)]
    fn nibbles(x: &[u8; 16]) -> [v128; 2] {
        // SAFETY: the reference covers 16 readable bytes.
        let x = unsafe { v128_load(x.as_ptr().cast()) };
        // In lanes of 16 bits: shifts of bytes are slow on many processors.
        [v128_and(x, u8x16_splat(15)), v128_and(u16x8_shr(x, 4), u8x16_splat(15))]
    }
    #[inline(always)]
    fn bits(x: &[u8; 16], right: u32, mask: u8) -> v128 {
        // In lanes of 16 bits: shifts of bytes are slow on many processors.
        v128_and(u16x8_shr(load(x), right), u8x16_splat(mask))
    }
    #[inline(always)]
    fn or_left(a: v128, b: v128, left: u32) -> v128 {
        v128_or(a, i16x8_shl(b, left))
    }
    #[inline(always)]
    fn spread_bits(x: &[u8; 16], right: u32) -> v128 {
        // Bit i goes to bits i, 7 + i, 14 + i and 21 + i: in byte i, the lowest. No two meet.
        let four = v128_and(u32x4_shr(load(x), right), u32x4_splat(15));
        v128_and(i32x4_mul(four, u32x4_splat(0x0020_4081)), u32x4_splat(0x0101_0101))
    }
    #[inline(always)]
    fn field(x: &[u8; 16], right: u32, mask: i32) -> v128 {
        v128_and(u32x4_shr(load(x), right), i32x4_splat(mask))
    }
    #[inline(always)]
    fn signed_byte(x: &[u8; 16], i: u32) -> v128 {
        i32x4_shr(i32x4_shl(load(x), 24 - 8 * i), 24)
    }
    #[inline(always)]
    fn low_bytes(low: v128, high: v128) -> v128 {
        i8x16_shuffle::<0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30>(low, high)
    }
    #[inline(always)]
    fn dot_bytes(a: v128, b: v128, sum: v128) -> v128 {
        #[cfg(target_feature = "relaxed-simd")]
        if RELAXED {
            return i32x4_relaxed_dot_i8x16_i7x16_add(a, b, sum);
        }
        let low = i16x8_extmul_low_i8x16(a, b);
        let high = i16x8_extmul_high_i8x16(a, b);
        // Pairs of products fit 32 bits only.
        let (low, high) = (i32x4_extadd_pairwise_i16x8(low), i32x4_extadd_pairwise_i16x8(high));
        let even = i32x4_shuffle::<0, 2, 4, 6>(low, high);
        let odd = i32x4_shuffle::<1, 3, 5, 7>(low, high);
        i32x4_add(sum, i32x4_add(even, odd))
    }
    #[inline(always)]
    fn all_dots() -> &'static [Dots] {
        #[cfg(target_feature = "relaxed-simd")]
        if RELAXED {
            return relaxed_dots();
        }
        &[Dots::Signed]
    }
    #[inline(always)]
    fn dot_byte_pairs(a: v128, b: v128) -> v128 {
        #[cfg(target_feature = "relaxed-simd")]
        if RELAXED {
            return i16x8_relaxed_dot_i8x16_i7x16(a, b);
        }
        let unsigned = |b: v128| v128_and(b, u16x8_splat(255));
        let even = i16x8_mul(i16x8_shr(i16x8_shl(a, 8), 8), unsigned(b));
        i16x8_add(even, i16x8_mul(i16x8_shr(a, 8), unsigned(u16x8_shr(b, 8))))
    }
    #[inline(always)]
    fn add_i16(a: v128, b: v128) -> v128 {
        i16x8_add(a, b)
    }
    #[inline(always)]
    fn sub_i16(a: v128, b: v128) -> v128 {
        i16x8_sub(a, b)
    }
    #[inline(always)]
    fn load_i32(x: &[i32; 4]) -> v128 {
        // SAFETY: the reference covers 16 readable bytes.
        unsafe { v128_load(x.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store_i32(x: v128, out: &mut [i32; 4]) {
        // SAFETY: the reference covers 16 writable bytes.
        unsafe { v128_store(out.as_mut_ptr().cast(), x) }
    }
}

/// Lane i of row j becomes lane j of row i.
#[inline(always)]
fn transpose_lanes([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let (ab_low, ab_high) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
    let (cd_low, cd_high) = (i32x4_shuffle::<0, 4, 1, 5>(c, d), i32x4_shuffle::<2, 6, 3, 7>(c, d));
    [
        i64x2_shuffle::<0, 2>(ab_low, cd_low),
        i64x2_shuffle::<1, 3>(ab_low, cd_low),
        i64x2_shuffle::<0, 2>(ab_high, cd_high),
        i64x2_shuffle::<1, 3>(ab_high, cd_high),
    ]
}

/// What the engine makes of relaxed dots: found out once, for it never changes.
#[cfg(target_feature = "relaxed-simd")]
fn relaxed_dots() -> &'static [Dots] {
    static FOUND: std::sync::OnceLock<&[Dots]> = std::sync::OnceLock::new();
    FOUND.get_or_init(try_relaxed_dots)
}

/// Tries what the engine makes of relaxed dots: the highest bits of the second side are signs, or count 128; and where
/// fours have to be summed as pairs first, as on x86-64 without "VNNI", these saturate (255 * 127 * 2 becomes 32767), so that
/// asking for pairs is quicker. None of the ways where it is neither: then bytes are not multiplied.
#[cfg(target_feature = "relaxed-simd")]
fn try_relaxed_dots() -> &'static [Dots] {
    let bytes = |bytes: [i8; 4]| i32x4_splat(std::hint::black_box(i32::from_le_bytes(bytes.map(|byte| byte as u8))));
    let four = |a, b| i32x4_extract_lane::<0>(i32x4_relaxed_dot_i8x16_i7x16_add(bytes(a), bytes(b), i32x4_splat(0)));
    let pair = |a, b| i32::from(i16x8_extract_lane::<0>(i16x8_relaxed_dot_i8x16_i7x16(bytes(a), bytes(b))));
    // The ends of the ranges that products are made of.
    let ends = [[63, 63, 63, 63], [-63, -63, -63, -63], [63, -63, -1, 0]];
    let all = |product: &dyn Fn([i8; 4], [i8; 4]) -> i32, n: usize, value: &dyn Fn(i8) -> i32| {
        ends.iter()
            .flat_map(|a| [[-128, -128, -1, 127], [-1, -1, -1, -1], [127, -3, 0, -128]].map(|b| (*a, b)))
            .all(|(a, b)| product(a, b) == (0..n).map(|i| i32::from(a[i]) * value(b[i])).sum::<i32>())
    };
    let (signed, unsigned) = (&|b: i8| i32::from(b), &|b: i8| i32::from(b as u8));
    match (all(&four, 4, unsigned), all(&pair, 2, unsigned)) {
        (true, true) if four([127; 4], [-1; 4]) == 65534 => &[Dots::UnsignedPairs, Dots::Unsigned],
        (true, true) => &[Dots::Unsigned, Dots::UnsignedPairs],
        (true, false) => &[Dots::Unsigned],
        (false, true) => &[Dots::UnsignedPairs],
        (false, false) if all(&four, 4, signed) => &[Dots::Signed],
        (false, false) => &[],
    }
}
