//! What can be asked of a type that is known at run time.

use super::expanded::Expand;
use super::{BlockType, DType, with_block_type};
use std::fmt;
use std::ops::Range;

impl DType {
    /// Elements of a storage block: 1 for plain floats.
    pub const fn block_len(self) -> usize {
        with_block_type!(self, B => B::LEN)
    }

    /// Bytes of a storage block.
    pub const fn block_bytes(self) -> usize {
        with_block_type!(self, B => B::BYTES)
    }

    /// Whether elements are codes that share scales, and not floats of their own.
    pub const fn is_quantised(self) -> bool {
        self.block_len() > 1
    }

    /// Bytes of `n` consecutive elements, or `None` where `n` is not a whole number of blocks or the size overflows.
    pub const fn bytes_for(self, n: usize) -> Option<usize> {
        if !n.is_multiple_of(self.block_len()) {
            return None;
        }
        (n / self.block_len()).checked_mul(self.block_bytes())
    }

    /// The name used in messages and reports.
    pub const fn name(self) -> &'static str {
        with_block_type!(self, B => B::NAME)
    }

    /// The type of that name (`Q8_0`).
    pub fn from_name(name: &str) -> Option<DType> {
        DType::ALL.into_iter().find(|dtype| dtype.name() == name)
    }

    /// The type's number in GGUF files.
    pub const fn gguf_id(self) -> u32 {
        with_block_type!(self, B => B::GGUF_ID)
    }

    /// The type of that number in GGUF files; [`type_name`](super::type_name) names those that are not in the table.
    pub fn from_gguf_id(id: u32) -> Option<DType> {
        DType::ALL.into_iter().find(|dtype| dtype.gguf_id() == id)
    }

    /// The names of all types, for messages: `F32, F16, ...`.
    pub fn supported() -> String {
        names(DType::ALL.into_iter())
    }

    /// The same without those that are quantised.
    pub fn supported_floats() -> String {
        names(DType::ALL.into_iter().filter(|dtype| !dtype.is_quantised()))
    }

    /// The bytes of a block that are binary16 scales, at its beginning or its end; none in plain floats.
    pub const fn scales(self) -> Range<usize> {
        with_block_type!(self, B => B::SCALES)
    }

    /// The other bytes of a block.
    pub const fn codes(self) -> Range<usize> {
        let scales = self.scales();
        if scales.start == 0 { scales.end..self.block_bytes() } else { 0..scales.start }
    }

    /// Whether all codes are signed bytes.
    pub const fn signed_bytes(self) -> bool {
        with_block_type!(self, B => B::SIGNED_BYTES)
    }

    /// Whether the CPU keeps matrices in panels, for which it has kernels.
    pub const fn in_panels(self) -> bool {
        self.is_quantised() && with_block_type!(self, B => B::PANELS)
    }

    /// How blocks are expanded, of types that can be.
    pub const fn expand(self) -> Option<Expand> {
        with_block_type!(self, B => B::EXPAND)
    }

    /// Decodes consecutive elements. Plain floats are exact; the others are computed in f32 as the type's file says.
    ///
    /// * `bytes`: whole blocks
    /// * `out`: one number an element; only as many whole blocks as both sides have are written
    pub fn decode(self, bytes: &[u8], out: &mut [f32]) {
        with_block_type!(self, B => {
            let blocks = bytes.chunks_exact(B::BYTES).zip(out.chunks_exact_mut(B::LEN));
            blocks.for_each(|(block, out)| B::decode(block, out));
        })
    }

    /// Encodes finite numbers, a whole number of blocks; a ragged end is left out. Gives `bytes_for(x.len())` bytes.
    pub fn encode(self, x: &[f32]) -> Vec<u8> {
        with_block_type!(self, B => {
            let mut bytes = Vec::with_capacity(x.len() / B::LEN * B::BYTES);
            x.chunks_exact(B::LEN).for_each(|block| B::encode(block, &mut bytes));
            bytes
        })
    }

    /// Whether whole blocks stand for finite numbers only.
    pub fn is_finite(self, bytes: &[u8]) -> bool {
        with_block_type!(self, B => bytes.chunks_exact(B::BYTES).all(B::is_finite))
    }
}

fn names(types: impl Iterator<Item = DType>) -> String {
    types.map(DType::name).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::Expanded;

    /// Decodes one block into as many numbers.
    fn decode<const N: usize>(dtype: DType, block: &[u8]) -> [f32; N] {
        let mut out = [f32::NAN; N];
        dtype.decode(block, &mut out);
        out
    }

    #[test]
    fn the_table_is_consistent() {
        for (i, a) in DType::ALL.into_iter().enumerate() {
            assert_eq!(a.name(), format!("{a:?}"));
            assert_eq!((DType::from_name(a.name()), DType::from_gguf_id(a.gguf_id())), (Some(a), Some(a)));
            assert!(DType::ALL[..i].iter().all(|b| b.gguf_id() != a.gguf_id()), "{a}");
            let (scales, codes) = (a.scales(), a.codes());
            assert_eq!(scales.len() + codes.len(), a.block_bytes(), "{a}: scales stand at one end of a block");
            assert_eq!(scales.is_empty(), !a.is_quantised(), "{a}");
            assert!(a.block_len() / 32 <= Expanded::MOST, "{a}");
            assert!(a.in_panels() || !a.is_quantised() || a.expand().is_some(), "{a} cannot be multiplied");
            if !a.in_panels() {
                continue;
            }
            assert!(
                !a.is_quantised() || scales.len() % 2 == 0 && codes.len() % 4 == 0,
                "{a}: panels have twos and fours"
            );
        }
        assert_eq!(DType::supported_floats(), "F32, F16, BF16");
        assert!(DType::supported().starts_with("F32, F16, BF16, Q8_0, Q4_0"));
    }

    #[test]
    fn reads_the_layouts_of_the_specification() {
        let two = half::f16::from_f32(2.0).to_le_bytes();
        let mut q8 = two.to_vec();
        q8.extend((0..32).map(|i| (i - 16) as i8 as u8));
        let out: [f32; 32] = decode(DType::Q8_0, &q8);
        assert_eq!((out[0], out[16], out[31]), (-32.0, 0.0, 30.0));

        let mut q4 = two.to_vec();
        q4.extend((0..16u8).map(|i| i | (15 - i) << 4));
        let out: [f32; 32] = decode(DType::Q4_0, &q4);
        assert_eq!((out[0], out[8], out[15], out[16], out[31]), (-16.0, 0.0, 14.0, 14.0, -16.0));

        assert_eq!(decode(DType::BF16, &[0xc0, 0x3f]), [1.5]);
        assert_eq!(decode(DType::F16, &[0x00, 0x3e]), [1.5]);
        assert_eq!(decode(DType::F32, &1.5f32.to_le_bytes()), [1.5]);
    }

    /// What a block loses at most, as a fraction of its largest element: half a step and the rounding of its scales. Types whose codes
    /// are not symmetric lose a whole step at one end.
    fn loss(dtype: DType) -> f32 {
        match dtype {
            DType::F32 => 0.0,
            DType::F16 => 0.0006,
            DType::BF16 => 0.005,
            DType::Q8_0 => 0.005,
            DType::Q3_K => 0.27,
            DType::Q2_K => 0.34,
            DType::MXFP4 => 0.25,
            DType::TQ1_0 | DType::TQ2_0 => 0.5,
            _ => 0.13,
        }
    }

    #[test]
    fn encoding_stays_within_a_step() {
        for dtype in DType::ALL {
            let x: Vec<f32> = (0..512).map(|i| ((i * 37 % 101) as f32 - 50.0) * 0.03).collect();
            let bytes = dtype.encode(&x);
            assert_eq!(Some(bytes.len()), dtype.bytes_for(x.len()));
            let mut back = vec![f32::NAN; x.len()];
            dtype.decode(&bytes, &mut back);
            let worst = x.iter().zip(&back).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(worst <= 1.5 * loss(dtype), "{dtype}: {worst}");
            assert!(dtype.is_finite(&bytes), "{dtype}");
        }
    }

    #[test]
    fn zero_blocks_stay_zero() {
        for dtype in DType::ALL {
            let mut back = [1.0; 512];
            dtype.decode(&dtype.encode(&[0.0; 512]), &mut back);
            assert_eq!(back, [0.0; 512], "{dtype}");
        }
    }

    #[test]
    fn a_scale_or_a_float_that_is_not_finite_is_found() {
        for dtype in DType::ALL {
            let x: Vec<f32> = (0..512).map(|i| i as f32 - 200.0).collect();
            let bytes = dtype.encode(&x);
            if dtype == DType::MXFP4 {
                assert!(dtype.is_finite(&bytes) && !dtype.is_finite(&[&[255; 17], &bytes[17..]].concat()));
                continue;
            }
            // Infinity in the last number that is one: the exponent's bits set, of 8 in binary32 and bfloat16.
            let (end, mask) = match dtype {
                DType::F32 | DType::BF16 => (bytes.len(), 0x7f80u16),
                DType::F16 => (bytes.len(), 0x7c00),
                _ => (bytes.len() - dtype.block_bytes() + dtype.scales().end, 0x7c00),
            };
            let mut damaged = bytes.clone();
            for (byte, mask) in damaged[end - 2..end].iter_mut().zip(mask.to_le_bytes()) {
                *byte |= mask;
            }
            assert!(dtype.is_finite(&bytes) && !dtype.is_finite(&damaged), "{dtype}");
        }
    }
}
