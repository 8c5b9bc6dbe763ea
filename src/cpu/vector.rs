//! Four f32 lanes: the only place of the crate that knows a processor's vector instructions.
//!
//! Kernels are written once, generic over [`Vector`]. Every implementation does the same operations on the same lanes
//! in the same order, rounding each as IEEE 754 says, so that all of them give the same bits.

/// Four lanes of f32, and the conversions kernels need.
pub trait Vector: Copy {
    /// All lanes `x`.
    fn splat(x: f32) -> Self;
    /// Lanes from memory.
    fn load(x: &[f32; 4]) -> Self;
    /// Lanes to memory.
    fn store(self, out: &mut [f32; 4]);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    /// `other < self ? other : self` in each lane: a NaN in `self` stays.
    fn min(self, other: Self) -> Self;
    /// `self < other ? other : self` in each lane: a NaN in `self` stays.
    fn max(self, other: Self) -> Self;
    /// Adds the low bits of `n`'s representation to the exponent: `bits(self) + (bits(n) << 23)`.
    fn add_exponent(self, n: Self) -> Self;
    /// Four little-endian binary16 numbers, exactly (infinities and NaN included).
    fn from_f16(x: &[u8; 8]) -> Self;
    /// Four little-endian bfloat16 numbers, exactly.
    fn from_bf16(x: &[u8; 8]) -> Self;
    /// Four signed bytes.
    fn from_i8(x: [u8; 4]) -> Self;

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

/// Four lanes in an array: any target.
#[derive(Clone, Copy, Debug)]
pub struct Scalar([f32; 4]);

#[inline(always)]
fn lanewise(a: Scalar, b: Scalar, f: impl Fn(f32, f32) -> f32) -> Scalar {
    Scalar([f(a.0[0], b.0[0]), f(a.0[1], b.0[1]), f(a.0[2], b.0[2]), f(a.0[3], b.0[3])])
}

impl Vector for Scalar {
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
    fn from_f16(x: &[u8; 8]) -> Self {
        Scalar(std::array::from_fn(|i| f16_to_f32(u16::from_le_bytes([x[2 * i], x[2 * i + 1]]))))
    }
    #[inline(always)]
    fn from_bf16(x: &[u8; 8]) -> Self {
        Scalar(std::array::from_fn(|i| f32::from_bits((u16::from_le_bytes([x[2 * i], x[2 * i + 1]]) as u32) << 16)))
    }
    #[inline(always)]
    fn from_i8(x: [u8; 4]) -> Self {
        Scalar(x.map(|x| x as i8 as f32))
    }
}

/// 2^112: moves a binary16 exponent, put where a binary32 has its own, from bias 15 to bias 127.
const REBIAS: f32 = f32::from_bits(0x7780_0000);

/// A binary16 number, exactly; subnormals come out right because the multiplication normalises them.
#[inline(always)]
pub fn f16_to_f32(half: u16) -> f32 {
    let bits = (half as u32 & 0x7fff) << 13;
    let magnitude = f32::from_bits(bits) * REBIAS;
    // Exponent 31 is infinity or NaN.
    let special = if bits >= 0x0f80_0000 { 0x7f80_0000 } else { 0 };
    f32::from_bits(magnitude.to_bits() | special | (half as u32 & 0x8000) << 16)
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use simd128::Simd128;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128 {
    use super::{REBIAS, Vector};
    use core::arch::wasm32::*;

    /// WebAssembly's 128-bit vectors.
    #[derive(Clone, Copy, Debug)]
    pub struct Simd128(v128);

    impl Vector for Simd128 {
        #[inline(always)]
        fn splat(x: f32) -> Self {
            Simd128(f32x4_splat(x))
        }
        #[inline(always)]
        fn load(x: &[f32; 4]) -> Self {
            // SAFETY: the reference covers 16 readable bytes; wasm loads need no alignment.
            Simd128(unsafe { v128_load(x.as_ptr().cast()) })
        }
        #[inline(always)]
        fn store(self, out: &mut [f32; 4]) {
            // SAFETY: the reference covers 16 writable bytes; wasm stores need no alignment.
            unsafe { v128_store(out.as_mut_ptr().cast(), self.0) }
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Simd128(f32x4_add(self.0, other.0))
        }
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Simd128(f32x4_sub(self.0, other.0))
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Simd128(f32x4_mul(self.0, other.0))
        }
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            Simd128(f32x4_div(self.0, other.0))
        }
        #[inline(always)]
        fn min(self, other: Self) -> Self {
            Simd128(f32x4_pmin(self.0, other.0))
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            Simd128(f32x4_pmax(self.0, other.0))
        }
        #[inline(always)]
        fn add_exponent(self, n: Self) -> Self {
            Simd128(i32x4_add(self.0, i32x4_shl(n.0, 23)))
        }
        #[inline(always)]
        fn from_f16(x: &[u8; 8]) -> Self {
            // SAFETY: the reference covers 8 readable bytes.
            let halves = unsafe { u32x4_load_extend_u16x4(x.as_ptr().cast()) };
            let bits = u32x4_shl(v128_and(halves, u32x4_splat(0x7fff)), 13);
            let magnitude = f32x4_mul(bits, f32x4_splat(REBIAS));
            let special = v128_and(i32x4_ge(bits, i32x4_splat(0x0f80_0000)), u32x4_splat(0x7f80_0000));
            let sign = u32x4_shl(v128_and(halves, u32x4_splat(0x8000)), 16);
            Simd128(v128_or(v128_or(magnitude, special), sign))
        }
        #[inline(always)]
        fn from_bf16(x: &[u8; 8]) -> Self {
            // SAFETY: the reference covers 8 readable bytes.
            Simd128(u32x4_shl(unsafe { u32x4_load_extend_u16x4(x.as_ptr().cast()) }, 16))
        }
        #[inline(always)]
        fn from_i8(x: [u8; 4]) -> Self {
            let bytes = u32x4_splat(u32::from_le_bytes(x));
            Simd128(f32x4_convert_i32x4(i32x4_extend_low_i16x8(i16x8_extend_low_i8x16(bytes))))
        }
    }
}
