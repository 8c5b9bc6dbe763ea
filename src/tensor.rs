//! Element types and their storage: what every module may know about a tensor. No operations live here.
//!
//! Block layouts follow the GGML quantisation formats (GGUF specification): `Q8_0` is a little-endian f16 scale and
//! 32 signed bytes; `Q4_0` is an f16 scale and 16 bytes whose low nibbles are elements 0..16 and whose high nibbles are
//! elements 16..32, each minus 8.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Number of elements in one quantisation block of `Q8_0` and `Q4_0`.
pub const QUANT_BLOCK: usize = 32;

/// How the elements of a tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// IEEE 754 binary32, little endian.
    F32,
    /// IEEE 754 binary16, little endian.
    F16,
    /// bfloat16: the upper half of a binary32, little endian.
    BF16,
    /// Blocks of 32: f16 scale, 32 x i8 (34 bytes).
    Q8_0,
    /// Blocks of 32: f16 scale, 32 x 4 bits (18 bytes).
    Q4_0,
}

impl DType {
    /// Elements per storage block: 1 for the plain floats, 32 for the quantised types.
    pub const fn block_len(self) -> usize {
        match self {
            DType::F32 | DType::F16 | DType::BF16 => 1,
            DType::Q8_0 | DType::Q4_0 => QUANT_BLOCK,
        }
    }

    /// Bytes per storage block.
    pub const fn block_bytes(self) -> usize {
        match self {
            DType::F32 => 4,
            DType::F16 | DType::BF16 => 2,
            DType::Q8_0 => 34,
            DType::Q4_0 => 18,
        }
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
        match self {
            DType::F32 => "F32",
            DType::F16 => "F16",
            DType::BF16 => "BF16",
            DType::Q8_0 => "Q8_0",
            DType::Q4_0 => "Q4_0",
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A shared, read-only range of a file's bytes. Cloning and slicing copy nothing, so weights stay where the file was
/// loaded, in the file's own quantisation.
#[derive(Clone)]
pub struct Bytes {
    owner: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl Bytes {
    /// Takes over a whole file.
    pub fn new(bytes: Vec<u8>) -> Self {
        let range = 0..bytes.len();
        Bytes { owner: Arc::new(bytes), range }
    }

    /// A part of these bytes, or `None` where `range` reaches outside of them.
    pub fn slice(&self, range: Range<usize>) -> Option<Bytes> {
        if range.start > range.end || range.end > self.len() {
            return None;
        }
        let start = self.range.start + range.start;
        Some(Bytes { owner: Arc::clone(&self.owner), range: start..start + range.len() })
    }
}

/// Changes bytes where they lie: `edit(i, bytes)` for each of `all`, once for those that are the same range. Gives which of them
/// could be changed: all whose owner nobody else shares.
///
/// Ranges that overlap without being the same are not changed.
pub fn rewrite(all: &mut [&mut Bytes], mut edit: impl FnMut(usize, &mut [u8])) -> Vec<bool> {
    let mut done = vec![false; all.len()];
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|&i| (Arc::as_ptr(&all[i].owner), all[i].range.start, all[i].range.end));
    let nobody = Arc::new(Vec::new());
    let owners: Vec<_> = all.iter().map(|bytes| Arc::as_ptr(&bytes.owner)).collect();
    for group in order.chunk_by(|&a, &b| owners[a] == owners[b]) {
        let overlap = |pair: &[usize]| {
            let (a, b) = (&all[pair[0]].range, &all[pair[1]].range);
            a != b && b.start < a.end
        };
        if group.windows(2).any(overlap) {
            continue;
        }
        // All but one let go, so that the one owns the bytes alone, or somebody else holds them too.
        let mut owner = Arc::clone(&nobody);
        for &i in group {
            owner = std::mem::replace(&mut all[i].owner, Arc::clone(&nobody));
        }
        let alone = Arc::get_mut(&mut owner);
        let changed = alone.is_some();
        if let Some(bytes) = alone {
            let mut last = None;
            for &i in group {
                let range = all[i].range.clone();
                if last.replace(range.clone()) != Some(range.clone()) {
                    edit(i, &mut bytes[range]);
                }
            }
        }
        for &i in group {
            all[i].owner = Arc::clone(&owner);
            done[i] = changed;
        }
    }
    done
}

impl std::ops::Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.owner[self.range.clone()]
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.len())
    }
}
