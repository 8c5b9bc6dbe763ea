//! The KV cache, in the layout that attention multiplies by, and the step that appends to it.

use crate::error::{Error, Result};

/// Names how elements are stored, in saved sessions: 1 is f32. Another way of storing them needs another number.
pub const FORM: u32 = 1;

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

    /// Bytes that the layer takes.
    pub(super) fn bytes(&self) -> usize {
        (self.keys.len() + self.values.len()) * size_of::<[f32; 8]>()
    }

    /// Takes over the first `n` positions of a layer of the same shape; both have room for them.
    pub(super) fn copy(&mut self, from: &Layer, n: usize) {
        let rows = self.head_dim;
        let heads = self.keys.chunks_exact_mut(self.capacity.div_ceil(8) * rows);
        for (to, from) in heads.zip(from.keys.chunks_exact(from.capacity.div_ceil(8) * rows)) {
            let used = n.div_ceil(8) * rows;
            to[..used].copy_from_slice(&from[..used]);
        }
        let tiles = self.values.chunks_exact_mut(self.capacity);
        for (to, from) in tiles.zip(from.values.chunks_exact(from.capacity)) {
            to[..n].copy_from_slice(&from[..n]);
        }
    }

    /// Bytes of one position in [`Layer::read`].
    pub(super) fn position_bytes(&self) -> usize {
        2 * self.n_kv_heads * self.head_dim * size_of::<f32>()
    }

    /// Appends the first `n` positions to `out` as `[n, keys then values, n_kv_heads, head_dim]`, little endian, exactly
    /// as they are stored (see [`FORM`]).
    pub(super) fn read(&self, n: usize, out: &mut Vec<u8>) {
        for p in 0..n {
            for head in 0..self.n_kv_heads {
                let keys = self.keys(head, p / 8);
                out.extend(keys.iter().flat_map(|tile| tile[p % 8].to_le_bytes()));
            }
            for head in 0..self.n_kv_heads {
                out.extend((0..self.head_dim).flat_map(|d| self.values(head, d / 8, p + 1)[p][d % 8].to_le_bytes()));
            }
        }
    }

    /// The reverse of [`Layer::read`], for as many positions as `bytes` holds; there is room for them.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        let width = self.n_kv_heads * self.head_dim;
        for (p, bytes) in bytes.chunks_exact(self.position_bytes()).enumerate() {
            let values: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
            let (k, v) = values.split_at(width);
            run(k, v, p, self);
        }
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
