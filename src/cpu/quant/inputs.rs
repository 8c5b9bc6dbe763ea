//! Rounded activations and the memory that products need.

use super::block::Block;
use super::columns::Columns;
use super::{PANEL, Part, ROUNDED, bytes, integer};
use crate::cpu::simd::{Dots, Vector};
use crate::quant::DType;
use crate::weights::Codes;

/// How coarsely rounded activations are best multiplied, if as bytes.
pub fn dots<V: Vector>() -> Option<Dots> {
    V::DOTS_BYTES.then(V::all_dots)?.first().copied()
}

/// Rounded activations, ready for products with quantised weights.
///
/// Each use rounds them anew for the type at hand, so that a model may mix types. Fine rounding is to 16 bits a block of 32
/// (1/65534 of its largest element). Coarse rounding, for models that are not tiny, is to what one relaxed dot instruction takes: to
/// 7 bits (1/126) for products with codes of more than four bits, and to 8 bits (1/254) with others. Builds without that
/// instruction round as coarsely, so that tokens do not depend on the browser; and any number of rows is rounded as one row is,
/// so that they do not depend on how a text is cut into batches.
#[derive(Debug)]
pub struct Inputs {
    words: integer::Activations,
    bytes: bytes::Activations,
    coarse: bool,
    rows: usize,
    /// Instead of the quickest ones.
    forced: Option<Dots>,
}

/// One thread's memory for the weight rows at hand.
#[derive(Debug)]
pub struct Scratch {
    float: Columns,
    bytes: bytes::Unpacked,
    /// Of rows that are not stored as panels.
    memory: Vec<u8>,
}

impl Scratch {
    /// For rows of up to `max_cols` elements.
    pub fn new(max_cols: usize) -> Self {
        let blocks = max_cols.div_ceil(ROUNDED);
        let quantised = DType::ALL.into_iter().filter(|dtype| dtype.is_quantised());
        let bytes = quantised.map(|dtype| max_cols.div_ceil(dtype.block_len()) * dtype.block_bytes()).max();
        let memory = Vec::with_capacity(bytes.unwrap_or(0) * PANEL);
        Scratch { float: Columns::new(max_cols), bytes: bytes::Unpacked::new(blocks), memory }
    }

    /// For products with floats.
    pub fn float(&mut self) -> &mut Columns {
        &mut self.float
    }
}

impl Inputs {
    /// For up to `max_batch` rows of up to `max_cols` elements. `coarse`: whether they may be rounded coarsely.
    pub fn new(max_batch: usize, max_cols: usize, coarse: bool) -> Self {
        let blocks = max_cols.div_ceil(ROUNDED);
        let (words, bytes) =
            (integer::Activations::new(max_batch * blocks), bytes::Activations::new(max_batch, blocks));
        Inputs { words, bytes, coarse, rows: max_batch, forced: None }
    }

    /// Takes up to `rows` rows of up to `max_cols` elements from now on, or more where it did.
    pub fn make_room(&mut self, rows: usize, max_cols: usize) {
        if rows > self.rows {
            *self = Inputs { forced: self.forced, ..Inputs::new(rows, max_cols, self.coarse) };
        }
    }

    /// Multiplies bytes in the given way, one of [`Vector::all_dots`], the quickest or not. The results are the same.
    pub fn with_dots(self, dots: Dots) -> Self {
        Inputs { forced: Some(dots), ..self }
    }

    /// How bytes are multiplied, if they are.
    fn dots<V: Vector>(&self) -> Option<Dots> {
        // What is shipped forces nothing: seen here, the kernels of bytes are left out where nothing multiplies them at once.
        let forced = if cfg!(feature = "one-level") { None } else { self.forced };
        self.coarse.then(|| forced.or_else(dots::<V>)).flatten()
    }

    /// As what the codes of panels are needed.
    pub fn codes<V: Vector>(&self) -> Codes {
        self.dots::<V>().map_or(Codes::Signed, Dots::codes)
    }

    /// Rounds `x: [n, cols]`, whole blocks, for products with all weights of type `B`.
    pub fn round<V: Vector, B: Block>(&mut self, x: &[f32], cols: usize) {
        match self.dots::<V>() {
            Some(dots) => self.bytes.fill::<V, B>(x, cols, dots),
            None => self.words.fill::<V, B>(x, self.coarse),
        }
    }

    /// Products of the `n` rows that were rounded with weights of type `B`.
    pub fn multiply<V: Vector, B: Block>(&self, n: usize, part: &Part<'_>, scratch: &mut Scratch) {
        let Scratch { bytes: unpacked, memory, .. } = scratch;
        match self.dots::<V>() {
            Some(dots) => bytes::run::<V, B>(&self.bytes, n, part, (unpacked, memory), dots),
            None => integer::run::<V, B>(&self.words, n, part, memory),
        }
    }
}
