//! Products of one vector, the query, with many rows: what an index over vectors spends its time on.
//!
//! This crate is a wasm module of its own, small enough to lie within the JavaScript that calls it
//! (`pkg-scripts/npm/src/search/kernel.ts`). It allocates nothing: the caller lays out the memory from [`base`] on, and grows it. All
//! rows have the same stride, a multiple of 16 bytes, with zeros behind their last number. Four rows are read beside each other, so
//! that each part of the query is loaded once for the four.
#![cfg(target_arch = "wasm32")]
// There is one caller, which made the addresses; see the contract of each function.
#![allow(clippy::missing_safety_doc, clippy::not_unsafe_ptr_arg_deref)]

use core::arch::wasm32::*;

unsafe extern "C" {
    static __heap_base: u8;
}

/// Rows that are read beside each other.
const TOGETHER: usize = 4;
/// Bytes of a vector register.
const STEP: usize = 16;

/// The first byte that the caller may use.
#[unsafe(no_mangle)]
pub extern "C" fn base() -> usize {
    (&raw const __heap_base).addr()
}

/// `out[i]`: the scalar product of the query and row `i`, all in f32. `stride`: bytes of a row and of the query.
#[unsafe(no_mangle)]
pub extern "C" fn products_f32(query: *const u8, rows: *const u8, out: *mut f32, count: usize, stride: usize) {
    each(rows, out, count, stride, F32 { query });
}

/// `out[i]`: the scalar product of the query, in i16, and row `i`, in i8. `stride`: bytes of a row; the query has twice as many. The
/// caller chooses the query's scale so that no sum of a fourth of the products leaves 32 bits.
#[unsafe(no_mangle)]
pub extern "C" fn products_i8(query: *const u8, rows: *const u8, out: *mut f32, count: usize, stride: usize) {
    each(rows, out, count, stride, I8 { query });
}

/// `out[i]`: in how many bits the query and row `i` differ. `stride`: bytes of a row and of the query, at most 65,520.
#[unsafe(no_mangle)]
pub extern "C" fn different_bits(query: *const u8, rows: *const u8, out: *mut f32, count: usize, stride: usize) {
    each(rows, out, count, stride, Bits { query });
}

/// What is summed over a row.
trait Sum: Copy {
    /// What 16 bytes of the query are read as, once for all rows.
    type Part: Copy;

    /// The part of the query that belongs to the 16 bytes of a row from `at` on.
    unsafe fn part(self, at: usize) -> Self::Part;
    /// The sums so far and 16 bytes of a row.
    fn add(sums: v128, part: Self::Part, row: v128) -> v128;
    /// All sums as one.
    fn whole(sums: v128) -> f32;
}

#[inline(always)]
fn each<S: Sum>(rows: *const u8, out: *mut f32, count: usize, stride: usize, sum: S) {
    let mut i = 0;
    // SAFETY: the caller has `count` rows of `stride` bytes at `rows`, as many places at `out`, and a query of that length.
    unsafe {
        while i + TOGETHER <= count {
            some::<TOGETHER, S>(rows.add(i * stride), out.add(i), stride, sum);
            i += TOGETHER;
        }
        while i < count {
            some::<1, S>(rows.add(i * stride), out.add(i), stride, sum);
            i += 1;
        }
    }
}

/// Some rows beside each other.
#[inline(always)]
unsafe fn some<const N: usize, S: Sum>(rows: *const u8, out: *mut f32, stride: usize, sum: S) {
    let mut sums = [i32x4_splat(0); N];
    let mut at = 0;
    // SAFETY: as in `each`, for N rows.
    unsafe {
        while at < stride {
            let part = sum.part(at);
            for (n, sums) in sums.iter_mut().enumerate() {
                *sums = S::add(*sums, part, v128_load(rows.add(n * stride + at).cast()));
            }
            at += STEP;
        }
        for (n, &sums) in sums.iter().enumerate() {
            *out.add(n) = S::whole(sums);
        }
    }
}

#[derive(Clone, Copy)]
struct F32 {
    query: *const u8,
}

impl Sum for F32 {
    type Part = v128;

    #[inline(always)]
    unsafe fn part(self, at: usize) -> v128 {
        unsafe { v128_load(self.query.add(at).cast()) }
    }

    #[inline(always)]
    fn add(sums: v128, part: v128, row: v128) -> v128 {
        f32x4_add(sums, f32x4_mul(part, row))
    }

    #[inline(always)]
    fn whole(sums: v128) -> f32 {
        (f32x4_extract_lane::<0>(sums) + f32x4_extract_lane::<1>(sums))
            + (f32x4_extract_lane::<2>(sums) + f32x4_extract_lane::<3>(sums))
    }
}

#[derive(Clone, Copy)]
struct I8 {
    query: *const u8,
}

impl Sum for I8 {
    type Part = (v128, v128);

    #[inline(always)]
    unsafe fn part(self, at: usize) -> (v128, v128) {
        unsafe { (v128_load(self.query.add(2 * at).cast()), v128_load(self.query.add(2 * at + STEP).cast())) }
    }

    #[inline(always)]
    fn add(sums: v128, (low, high): (v128, v128), row: v128) -> v128 {
        let sums = i32x4_add(sums, i32x4_dot_i16x8(low, i16x8_extend_low_i8x16(row)));
        i32x4_add(sums, i32x4_dot_i16x8(high, i16x8_extend_high_i8x16(row)))
    }

    #[inline(always)]
    fn whole(sums: v128) -> f32 {
        // Two sums may leave 32 bits, and f32 has 24: the error is below that of i8 by far.
        let halves = i64x2_add(i64x2_extend_low_i32x4(sums), i64x2_extend_high_i32x4(sums));
        (i64x2_extract_lane::<0>(halves) + i64x2_extract_lane::<1>(halves)) as f32
    }
}

#[derive(Clone, Copy)]
struct Bits {
    query: *const u8,
}

impl Sum for Bits {
    type Part = v128;

    #[inline(always)]
    unsafe fn part(self, at: usize) -> v128 {
        unsafe { v128_load(self.query.add(at).cast()) }
    }

    #[inline(always)]
    fn add(sums: v128, part: v128, row: v128) -> v128 {
        // At most 16 are added to each of eight sums of 16 bits.
        i16x8_add(sums, i16x8_extadd_pairwise_u8x16(i8x16_popcnt(v128_xor(part, row))))
    }

    #[inline(always)]
    fn whole(sums: v128) -> f32 {
        let sums = i32x4_extadd_pairwise_u16x8(sums);
        let halves = i32x4_add(sums, i32x4_shuffle::<2, 3, 0, 1>(sums, sums));
        (i32x4_extract_lane::<0>(halves) + i32x4_extract_lane::<1>(halves)) as f32
    }
}
