//! The KV cache, in the layout that attention multiplies by, and the step that appends to it.

use crate::error::{Error, Result};

/// One layer's keys and values.
///
/// Both are made of tiles of eight columns, so that scores and values are the same product (`tile::multiply`): keys
/// `[n_kv_heads, ceil(capacity / 8), head_dim, 8 positions]`, values
/// `[n_kv_heads, ceil(head_dim / 8), capacity, 8 dimensions]`. Stored in f32. Values beyond `head_dim` stay 0.
#[derive(Clone, Debug)]
pub struct Layer {
    pub(super) n_kv_heads: usize,
    pub(super) head_dim: usize,
    pub(super) capacity: usize,
    keys: Vec<[f32; 8]>,
    values: Vec<[f32; 8]>,
}

impl Layer {
    /// Room for `capacity` positions.
    pub fn new(n_kv_heads: usize, head_dim: usize, capacity: usize) -> Result<Self> {
        let tiles = |columns: usize, rows: usize| {
            let tiles = columns.div_ceil(8).checked_mul(rows).and_then(|n| n.checked_mul(n_kv_heads));
            let mut memory = Vec::new();
            match tiles {
                Some(n) if memory.try_reserve_exact(n).is_ok() => {
                    memory.resize(n, [0.0f32; 8]);
                    Ok(memory)
                }
                _ => Err(Error::OutOfMemory {
                    what: format!("the KV cache for {capacity} positions"),
                    bytes: tiles.map_or(u64::MAX, |n| (n as u64).saturating_mul(32)),
                }),
            }
        };
        let (keys, values) = (tiles(capacity, head_dim)?, tiles(head_dim, capacity)?);
        Ok(Layer { n_kv_heads, head_dim, capacity, keys, values })
    }

    /// Keys of one head at positions `8 tile .. 8 tile + 8`: `[head_dim, 8]`.
    #[inline(always)]
    pub(super) fn keys(&self, kv_head: usize, tile: usize) -> &[[f32; 8]] {
        let start = (kv_head * self.capacity.div_ceil(8) + tile) * self.head_dim;
        &self.keys[start..start + self.head_dim]
    }

    /// Eight dimensions of the values of one head at positions `0..len`: `[len, 8]`.
    #[inline(always)]
    pub(super) fn values(&self, kv_head: usize, tile: usize, len: usize) -> &[[f32; 8]] {
        let start = (kv_head * self.head_dim.div_ceil(8) + tile) * self.capacity;
        &self.values[start..start + len]
    }
}

/// - `k`, `v`: `[n, n_kv_heads * head_dim]`, f32
/// - rows go to positions `position..position + n`, which are within the layer's capacity
///
/// Exact.
pub fn run(k: &[f32], v: &[f32], position: usize, layer: &mut Layer) {
    let (head_dim, width) = (layer.head_dim, layer.n_kv_heads * layer.head_dim);
    let (key_tiles, value_tiles) = (layer.capacity.div_ceil(8), head_dim.div_ceil(8));
    for (row, (k, v)) in k.chunks_exact(width).zip(v.chunks_exact(width)).enumerate() {
        let p = position + row;
        for (head, (k, v)) in k.chunks_exact(head_dim).zip(v.chunks_exact(head_dim)).enumerate() {
            let start = (head * key_tiles + p / 8) * head_dim;
            for (tile, &k) in layer.keys[start..start + head_dim].iter_mut().zip(k) {
                tile[p % 8] = k;
            }
            for (tile, v) in v.chunks(8).enumerate() {
                layer.values[(head * value_tiles + tile) * layer.capacity + p][..v.len()].copy_from_slice(v);
            }
        }
    }
}
