//! How tensors store their elements: one file a type, and the table of them.
//!
//! To add a type: write its file here (a [`BlockType`]), give it a row in the table below, and write its twins under the same
//! stem in `src/cpu/quant/` and `src/gpu/quant/`, with its parts in `shaders/parts/`. Nothing else names a type: what depends on it asks [`DType`], or is generic over a [`BlockType`] and reached by `with_block_type!`.
//!
//! Sources of the layouts: the GGUF specification and ggml's block structures. All numbers are little endian.

mod block_type;
mod dtype;
mod expanded;
mod ggml;

pub use block_type::{BlockType, finite_halves, unpack_fives};
pub use expanded::{Expand, Expanded};
pub use ggml::type_name;

/// Makes the modules, [`DType`] and the two macros out of the table. (`$d` is a dollar sign for the macros that it makes.)
macro_rules! table {
    ($d:tt $($(#[$doc:meta])* $name:ident in $stem:ident,)+) => {
        $(mod $stem;)+
        $(pub use $stem::$name;)+

        /// How the elements of a tensor are stored.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(non_camel_case_types)] // ggml's names.
        pub enum DType {
            $($(#[$doc])* $name,)+
        }

        impl DType {
            /// Every type, in the table's order.
            pub const ALL: [DType; [$(stringify!($name)),+].len()] = [$(DType::$name),+];
        }

        /// `with_block_type!(dtype, B => expression)`: the expression with `B` for the [`BlockType`] of a [`DType`]. This is how
        /// a type that is known at run time reaches code that is generic over it.
        macro_rules! with_block_type {
            ($d dtype:expr, $d B:ident => $d body:expr) => {
                match $d dtype {
                    $($crate::quant::DType::$name => {
                        type $d B = $crate::quant::$name;
                        $d body
                    })+
                }
            };
        }
        pub(crate) use with_block_type;

        /// `for_each_block_type!(callback)`: the callback, a macro, with all names and stems as `Name in stem,`.
        macro_rules! for_each_block_type {
            ($d callback:ident) => {
                $d callback! { $($name in $stem,)+ }
            };
        }
        pub(crate) use for_each_block_type;
    };
}

table! { $
    /// IEEE 754 binary32.
    F32 in f32,
    /// IEEE 754 binary16.
    F16 in f16,
    /// bfloat16: the upper half of a binary32.
    BF16 in bf16,
    /// Blocks of 32: f16 scale, 32 x i8 (34 bytes).
    Q8_0 in q8_0,
    /// Blocks of 32: f16 scale, 32 x 4 bits (18 bytes).
    Q4_0 in q4_0,
    /// Blocks of 32: f16 scale, f16 minimum, 32 x 4 bits (20 bytes).
    Q4_1 in q4_1,
    /// Blocks of 32: f16 scale, 32 x 5 bits (22 bytes).
    Q5_0 in q5_0,
    /// Blocks of 32: f16 scale, f16 minimum, 32 x 5 bits (24 bytes).
    Q5_1 in q5_1,
    /// Blocks of 256: eight parts with six-bit scales and minima, 256 x 4 bits (144 bytes).
    Q4_K in q4_k,
    /// Blocks of 256: eight parts with six-bit scales and minima, 256 x 5 bits (176 bytes).
    Q5_K in q5_k,
    /// Blocks of 256: sixteen groups with eight-bit scales, 256 x 6 bits (210 bytes).
    Q6_K in q6_k,
    /// Blocks of 256: sixteen groups with six-bit scales, 256 x 3 bits (110 bytes).
    Q3_K in q3_k,
    /// Blocks of 256: sixteen groups with four-bit scales and minima, 256 x 2 bits (84 bytes).
    Q2_K in q2_k,
    /// Blocks of 32: f16 scale, 32 x 4 bits of a table (18 bytes).
    IQ4_NL in iq4_nl,
    /// Blocks of 256: eight parts with six-bit scales, 256 x 4 bits of a table (136 bytes).
    IQ4_XS in iq4_xs,
    /// Blocks of 32: a power of two, 32 four-bit floats (17 bytes).
    MXFP4 in mxfp4,
    /// Blocks of 256: 256 x 2 bits for -1, 0 and 1, f16 scale (66 bytes).
    TQ2_0 in tq2_0,
    /// Blocks of 256: 256 ternary digits, f16 scale (54 bytes).
    TQ1_0 in tq1_0,
}
