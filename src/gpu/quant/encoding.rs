//! How a weight type is stored on the GPU: what each file of this folder fills in for its type.

use crate::gpu::kernel::Part;
use crate::quant::{BlockType, Expanded};
use half::f16;

/// In which order a matrix lies in its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Row after row: a team of invocations reads a row together.
    Rows,
    /// Words of 16 rows in turns, so that each invocation reads rows of its own and neighbours read neighbouring words: for
    /// adapters that compute on a CPU, whose vectors are neighbouring invocations and load 4 words at once only where
    /// they are neighbours too.
    Lanes,
}

/// Elements that a kernel decodes at once. Rows are padded to whole groups.
pub const GROUP: usize = 16;

/// A weight type on the GPU. Its elements and the factors that they are multiplied by (scales, minima) lie in two
/// buffers, because the file's blocks have no alignment that a shader could read.
pub struct Encoding {
    /// The part that reads elements stored row by row: bindings 2 (elements) and, where there are factors, 3.
    pub rows: Part,
    /// The same for [`Packing::Lanes`].
    pub lanes: Part,
    /// The part that gives elements as bytes, for products of bytes, where they are stored as codes row by row.
    pub packed: Option<Part>,
    /// Bytes of a group's elements.
    pub group_bytes: usize,
    /// f16 factors for every two groups.
    pub factors: usize,
    /// The bits of a word that are inverted under [`Packing::Lanes`]: so that a kernel can cut each code out where it
    /// stands.
    pub flipped: u32,
    /// Appends a row of the file's bytes: elements in order, and its factors.
    pub repack: fn(row: &[u8], elements: &mut Vec<u8>, factors: &mut Vec<u8>),
}

impl Encoding {
    /// Bytes of a row's elements and of its factors.
    pub fn row_bytes(&self, packing: Packing, groups: usize) -> (usize, usize) {
        let factors = match packing {
            // f16, for two groups.
            Packing::Rows => groups * self.factors,
            // f32, for each group.
            Packing::Lanes => 4 * groups * self.factors,
        };
        (groups * self.group_bytes, factors)
    }
}

/// Appends a row of plain floats, as it is.
pub fn plain(row: &[u8], elements: &mut Vec<u8>, _: &mut Vec<u8>) {
    elements.extend_from_slice(row);
}

/// Appends a row of quantised weights as binary16 numbers: what they stand for, rounded to 11 bits.
pub fn as_halves<B: BlockType>(row: &[u8], elements: &mut Vec<u8>, _: &mut Vec<u8>) {
    let mut values = vec![0.0; B::LEN];
    for block in row.chunks_exact(B::BYTES) {
        B::decode(block, &mut values);
        elements.extend(values.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()));
    }
}

/// Appends a row as bytes with a scale for every 32, for blocks without minima whose scales are binary16 numbers.
pub fn as_bytes<B: BlockType>(row: &[u8], elements: &mut Vec<u8>, factors: &mut Vec<u8>) {
    expanded::<B>(row, |part| {
        factors.extend(f16::from_f32(part.scales[0]).to_le_bytes());
        elements.extend(part.codes.map(|code| code as u8));
    });
}

/// Appends a row as bytes with a scale for every 16, rounded to 11 bits, for blocks without minima.
pub fn as_grouped_bytes<B: BlockType>(row: &[u8], elements: &mut Vec<u8>, factors: &mut Vec<u8>) {
    expanded::<B>(row, |part| {
        factors.extend(part.scales.map(|scale| f16::from_f32(scale).to_le_bytes()).as_flattened());
        elements.extend(part.codes.map(|code| code as u8));
    });
}

/// Appends a row as bytes with a scale and what is added for every 32, rounded to 11 bits.
pub fn as_bytes_and_minima<B: BlockType>(row: &[u8], elements: &mut Vec<u8>, factors: &mut Vec<u8>) {
    expanded::<B>(row, |part| {
        factors
            .extend([part.scales[0], -part.minima[0]].map(|factor| f16::from_f32(factor).to_le_bytes()).as_flattened());
        elements.extend(part.codes.map(|code| code as u8));
    });
}

/// The same with codes of four bits, two to a byte.
pub fn as_nibbles_and_minima<B: BlockType>(row: &[u8], elements: &mut Vec<u8>, factors: &mut Vec<u8>) {
    expanded::<B>(row, |part| {
        factors
            .extend([part.scales[0], -part.minima[0]].map(|factor| f16::from_f32(factor).to_le_bytes()).as_flattened());
        elements.extend(part.codes.as_chunks::<2>().0.iter().map(|[low, high]| (low | high << 4) as u8));
    });
}

/// Every 32 elements of a row. (A type without them has another encoding.)
fn expanded<B: BlockType>(row: &[u8], mut each: impl FnMut(&Expanded)) {
    let Some(expand) = B::EXPAND else { return };
    let mut parts = [Expanded::ZERO; Expanded::MOST];
    let parts = parts.get_mut(..B::LEN / 32).unwrap_or_default();
    for block in row.chunks_exact(B::BYTES) {
        expand(block, parts);
        parts.iter().for_each(&mut each);
    }
}
