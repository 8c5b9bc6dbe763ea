//! Four f32 lanes: the only place of the crate that knows a processor's vector instructions.
//!
//! Kernels are written once, generic over [`Vector`]. Every implementation does the same operations on the same lanes
//! in the same order, rounding each as IEEE 754 says, so that all of them give the same bits.

pub mod math;
mod scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
pub mod tile;

pub use scalar::Scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub use simd128::Relaxed;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use simd128::Simd128;

/// The widest of this build.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub type Best = Scalar;
/// The widest of this build.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(target_feature = "relaxed-simd")))]
pub type Best = Simd128;
/// The widest of this build.
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub type Best = Relaxed;

/// How an engine multiplies bytes. The sums come out the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dots {
    /// Fours of them, by [`Vector::dot_bytes`]; the second side is signed.
    Signed,
    /// The same; the second side is unsigned.
    Unsigned,
    /// Pairs first, by [`Vector::dot_byte_pairs`], the second side unsigned: 1.7 times as fast on processors that have no
    /// instruction for fours.
    UnsignedPairs,
}

/// Four lanes of f32, and the conversions kernels need.
pub trait Vector: Copy {
    /// Eight lanes of i16.
    type I16: Copy;
    /// Four lanes of i32.
    type I32: Copy;
    /// Sixteen bytes.
    type I8: Copy;

    /// Whether [`Vector::dot_bytes`] is one instruction. (Everywhere else products of 16-bit integers are quicker.)
    const DOTS_BYTES: bool;

    /// All lanes `x`.
    fn splat(x: f32) -> Self;
    /// Lanes from memory.
    fn load(x: &[f32; 4]) -> Self;
    /// Lanes to memory.
    fn store(self, out: &mut [f32; 4]);
    /// Lane by lane.
    fn add(self, other: Self) -> Self;
    /// Lane by lane.
    fn sub(self, other: Self) -> Self;
    /// Lane by lane.
    fn mul(self, other: Self) -> Self;
    /// Lane by lane.
    fn div(self, other: Self) -> Self;
    /// `other < self ? other : self` in each lane: a NaN in `self` stays.
    fn min(self, other: Self) -> Self;
    /// `self < other ? other : self` in each lane: a NaN in `self` stays.
    fn max(self, other: Self) -> Self;
    /// Adds the low bits of `n`'s representation to the exponent: `bits(self) + (bits(n) << 23)`.
    fn add_exponent(self, n: Self) -> Self;
    /// Four little-endian binary16 numbers, exactly where they are finite. Slow on some processors where they are subnormal.
    #[inline(always)]
    fn from_f16(x: &[u8; 8]) -> Self {
        Self::from_f16_bits(x).mul(Self::splat(F16_BITS))
    }
    /// Four little-endian bfloat16 numbers, exactly.
    fn from_bf16(x: &[u8; 8]) -> Self;
    /// The same, divided by [`F16_BITS`]. Slow on some processors where they are subnormal.
    fn from_f16_bits(x: &[u8; 8]) -> Self;
    /// Four little-endian binary32 numbers.
    fn from_f32(x: &[u8; 16]) -> Self;
    /// Four signed bytes.
    fn from_i8(x: [u8; 4]) -> Self;
    /// Four integers, rounded where they have more than 24 bits.
    fn from_i32(x: Self::I32) -> Self;
    /// Rounds both to the nearest integers (ties to even), in order; for magnitudes below 2^22, saturating.
    fn round_i16(low: Self, high: Self) -> Self::I16;
    /// Lane i of row j becomes lane j of row i.
    fn transpose(rows: [Self; 4]) -> [Self; 4];

    /// Eight integers from memory.
    fn load_i16(x: &[i16; 8]) -> Self::I16;
    /// Eight integers to memory.
    fn store_i16(x: Self::I16, out: &mut [i16; 8]);
    /// The same two numbers four times.
    fn splat_pair(x: &[i16; 2]) -> Self::I16;
    /// Eight signed bytes.
    fn widen_i8(x: &[u8; 8]) -> Self::I16;
    /// Sixteen signed bytes.
    fn widen(x: Self::I8) -> [Self::I16; 2];
    /// 32 four-bit numbers: the low halves of the even bytes, of the odd bytes, then the high halves likewise.
    fn widen_nibbles(x: &[u8; 16]) -> [Self::I16; 4];
    /// The same four numbers twice.
    fn splat_quad(x: &[i16; 4]) -> Self::I16;
    /// Elements 0, 2, 1, 3 and 4, 6, 5, 7.
    fn swap_middle(x: Self::I16) -> Self::I16;
    /// Lane i is `a[2i] * b[2i] + a[2i + 1] * b[2i + 1]`.
    fn dot(a: Self::I16, b: Self::I16) -> Self::I32;
    /// All lanes `x`.
    fn splat_i32(x: i32) -> Self::I32;
    /// Lane by lane; carries beyond 32 bits are lost.
    fn add_i32(a: Self::I32, b: Self::I32) -> Self::I32;
    /// Eight 16-bit integers.
    fn widen_i16(x: &[i16; 8]) -> [Self::I32; 2];
    /// `[a0 + a1, a2 + a3, b0 + b1, b2 + b3]`.
    fn add_pairs(a: Self::I32, b: Self::I32) -> Self::I32;
    /// Lane i is the sum of the lanes of `rows[i]`.
    fn transpose_sum(rows: [Self::I32; 4]) -> Self::I32;

    /// Sixteen bytes from memory.
    fn load_i8(x: &[u8; 16]) -> Self::I8;
    /// Sixteen bytes to memory.
    fn store_i8(x: Self::I8, out: &mut [u8; 16]);
    /// The ways of multiplying bytes that are right here, the quickest first.
    fn all_dots() -> &'static [Dots];
    /// The same four bytes four times.
    fn splat_four(x: &[u8; 4]) -> Self::I8;
    /// The low halves of all bytes, and the high halves.
    fn nibbles(x: &[u8; 16]) -> [Self::I8; 2];
    /// `byte >> right & mask` of each byte; `mask` has at most `8 - right` bits, the lowest.
    fn bits(x: &[u8; 16], right: u32, mask: u8) -> Self::I8;
    /// `a | b << left` of each byte; nothing of `b` is lost.
    fn or_left(a: Self::I8, b: Self::I8, left: u32) -> Self::I8;
    /// Four 32-bit numbers; of each the bits `right..right + 4`, one in each of four bytes.
    fn spread_bits(x: &[u8; 16], right: u32) -> Self::I8;
    /// Four 32-bit numbers, `x >> right & mask` of each; `mask` is not negative.
    fn field(x: &[u8; 16], right: u32, mask: i32) -> Self::I32;
    /// Byte `i` of each of four 32-bit numbers, with its sign.
    fn signed_byte(x: &[u8; 16], i: u32) -> Self::I32;
    /// The low bytes of eight and eight integers, in order.
    fn low_bytes(low: Self::I16, high: Self::I16) -> Self::I8;
    /// Lane i is the sum of the products of the fours i, plus `sum`: of `a`'s signed bytes with `b`'s, which are signed or
    /// unsigned, see [`Dots`]. Sums of pairs are within 16 bits.
    fn dot_bytes(a: Self::I8, b: Self::I8, sum: Self::I32) -> Self::I32;
    /// Lane i is the sum of the two products of the pairs i: of `a`'s signed bytes with `b`'s unsigned ones. The sums are
    /// within 16 bits.
    fn dot_byte_pairs(a: Self::I8, b: Self::I8) -> Self::I16;
    /// Carries beyond 16 bits are lost.
    fn add_i16(a: Self::I16, b: Self::I16) -> Self::I16;
    /// The same.
    fn sub_i16(a: Self::I16, b: Self::I16) -> Self::I16;
    /// Four integers from memory.
    fn load_i32(x: &[i32; 4]) -> Self::I32;
    /// Four integers to memory.
    fn store_i32(x: Self::I32, out: &mut [i32; 4]);

    /// `self * x + y`, rounded twice.
    #[inline(always)]
    fn madd(self, x: Self, y: Self) -> Self {
        self.mul(x).add(y)
    }

    /// The lanes.
    #[inline(always)]
    fn lanes(self) -> [f32; 4] {
        let mut lanes = [0.0; 4];
        self.store(&mut lanes);
        lanes
    }

    /// The sum of the lanes, `(0 + 2) + (1 + 3)`.
    #[inline(always)]
    fn sum(self) -> f32 {
        let [a, b, c, d] = self.lanes();
        (a + c) + (b + d)
    }
}

/// The largest of the four lanes that is a number; minus infinity where none is. (`f32::max` would call a function, four times.)
#[inline(always)]
pub fn largest_lane<V: Vector>(x: V) -> f32 {
    let mut largest = f32::NEG_INFINITY;
    for lane in x.lanes() {
        largest = if lane > largest { lane } else { largest };
    }
    largest
}

/// Loads up to four elements, the rest 0.
#[inline(always)]
pub fn load_partial<V: Vector>(x: &[f32]) -> V {
    let mut lanes = [0.0; 4];
    for (lane, &x) in lanes.iter_mut().zip(x) {
        *lane = x;
    }
    V::load(&lanes)
}

/// Stores as many lanes as `out` has room for.
#[inline(always)]
pub fn store_partial<V: Vector>(x: V, out: &mut [f32]) {
    for (out, lane) in out.iter_mut().zip(x.lanes()) {
        *out = lane;
    }
}

/// `out[i] = f(a[i])` over vectors; the slices have equal lengths.
#[inline(always)]
pub fn map<V: Vector>(a: &[f32], out: &mut [f32], f: impl Fn(V) -> V) {
    map2::<V>(a, a, out, |a, _| f(a))
}

/// `out[i] = f(a[i], b[i])` over vectors; the slices have equal lengths.
#[inline(always)]
pub fn map2<V: Vector>(a: &[f32], b: &[f32], out: &mut [f32], f: impl Fn(V, V) -> V) {
    let (a, a_tail) = a.as_chunks::<4>();
    let (b, b_tail) = b.as_chunks::<4>();
    let (out, out_tail) = out.as_chunks_mut::<4>();
    for ((a, b), out) in a.iter().zip(b).zip(out) {
        f(V::load(a), V::load(b)).store(out);
    }
    store_partial(f(load_partial(a_tail), load_partial(b_tail)), out_tail);
}

/// Adding it rounds numbers below 2^22 to integers, which then stand in the lowest bits: 1.5 * 2^23.
const ROUNDER: f32 = 12_582_912.0;

/// A binary16 number whose bits are put where a binary32 has its own, times this, is the same number: 2^112.
pub const F16_BITS: f32 = f32::from_bits(0x7780_0000);

/// A binary16 number, exactly where it is finite.
///
/// As integers, exponent and fraction need 112 added to the exponent; that is wrong for subnormal numbers, which need 113
/// and then 2^-14 subtracted. The wrong one of the two is always the larger. (Multiplying by 2^112 would do for both, but
/// some processors take a hundred times longer over subnormal operands, and small scales are common.)
#[inline(always)]
pub fn f16_to_f32(half: u16) -> f32 {
    let bits = (half as u32 & 0x7fff) << 13;
    let normal = f32::from_bits(bits + (112 << 23));
    let subnormal = f32::from_bits(bits + (113 << 23)) - f32::from_bits(113 << 23);
    let magnitude = if subnormal < normal { subnormal } else { normal };
    f32::from_bits(magnitude.to_bits() | (half as u32 & 0x8000) << 16)
}
