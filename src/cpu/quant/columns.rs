//! Memory for weight rows as f32.

use super::PANEL;

/// Eight weight rows as f32: `[cols, 8]`, and one of them in its own order.
#[derive(Debug)]
pub struct Columns {
    /// Element by element of all eight.
    pub columns: Vec<[f32; PANEL]>,
    /// Row by row.
    pub rows: Vec<f32>,
}

impl Columns {
    /// For rows of up to `max_cols` elements.
    pub fn new(max_cols: usize) -> Self {
        Columns { columns: vec![[0.0; PANEL]; max_cols], rows: vec![0.0; PANEL * max_cols] }
    }
}
