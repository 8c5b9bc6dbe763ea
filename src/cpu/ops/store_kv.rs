//! The KV cache, in the layout that attention multiplies by, and the step that appends to it.

use crate::cpu::simd::tile::halves;
use crate::cpu::simd::{Vector, largest_lane};
use crate::error::{Error, Result};

/// Names how elements are stored, in saved sessions: 1 was f32, 2 is 16-bit integers with a scale for each head's key and value.
/// Another way of storing them needs another number.
pub const FORM: u32 = 2;

/// The largest code.
const LARGEST: f32 = 32767.0;

/// Positions whose values lie together: the values of a head are one stretch of memory then, not one for each eight dimensions,
/// at each of whose beginnings processors wait.
pub(in crate::cpu) const BLOCK: usize = 128;

/// Eight columns of a tile's row.
type Row = [i16; 8];

/// One layer's keys and values.
///
/// A key or value of one head and position is stored in 16-bit integers and what a 1 of them stands for, its scale in f32: NaN
/// where it holds what is not finite. Rounding changes an element by at most 1/65534 of the largest of its head, as
/// fine as activations are rounded for products (see `linear`); half the bytes of f32, and more exact than 16-bit
/// floats are near the largest.
///
/// Both are made of tiles of eight columns, so that scores and values are the same product (`tile::multiply`): keys
/// `[n_kv_heads, ceil(capacity / 8), head_dim, 8 positions]`, values
/// `[n_kv_heads, ceil(capacity / 128), ceil(head_dim / 8), 128 positions, 8 dimensions]`; the scales of each are
/// `[n_kv_heads, capacity rounded up to 8]`. Values beyond `head_dim` stay 0.
#[derive(Clone, Debug)]
pub struct Layer {
    pub(in crate::cpu) n_kv_heads: usize,
    pub(in crate::cpu) head_dim: usize,
    pub(in crate::cpu) capacity: usize,
    keys: Vec<Row>,
    values: Vec<Row>,
    key_scales: Vec<f32>,
    value_scales: Vec<f32>,
}

impl Layer {
    /// Room for `capacity` positions.
    pub fn new(n_kv_heads: usize, head_dim: usize, capacity: usize) -> Result<Self> {
        let product = |factors: [usize; 3]| factors.into_iter().try_fold(1usize, |n, factor| n.checked_mul(factor));
        let keys = product([n_kv_heads, capacity.div_ceil(8), head_dim]);
        let values = product([n_kv_heads, head_dim.div_ceil(8), capacity.div_ceil(BLOCK)]);
        let values = values.and_then(|n| n.checked_mul(BLOCK));
        let scales = product([n_kv_heads, capacity.div_ceil(8), 8]);
        let none = || {
            let elements = [keys, values].into_iter().try_fold(0usize, |sum, n| sum.checked_add(n?));
            Error::OutOfMemory {
                what: format!("the KV cache for {capacity} positions"),
                bytes: elements.map_or(u64::MAX, |n| (n as u64).saturating_mul(size_of::<Row>() as u64)),
            }
        };
        Ok(Layer {
            n_kv_heads,
            head_dim,
            capacity,
            keys: zeros(keys).ok_or_else(none)?,
            values: zeros(values).ok_or_else(none)?,
            key_scales: zeros(scales).ok_or_else(none)?,
            value_scales: zeros(scales).ok_or_else(none)?,
        })
    }

    /// Keys of one head at positions `8 tile .. 8 tile + 8`: `[head_dim, 8]`.
    #[inline(always)]
    pub(in crate::cpu) fn keys(&self, kv_head: usize, tile: usize) -> &[Row] {
        let start = (kv_head * self.capacity.div_ceil(8) + tile) * self.head_dim;
        &self.keys[start..start + self.head_dim]
    }

    /// Eight dimensions of the values of one head at the positions of a block: `[BLOCK, 8]`.
    #[inline(always)]
    pub(in crate::cpu) fn values(&self, kv_head: usize, block: usize, tile: usize) -> &[Row] {
        &self.values[self.value_at(kv_head, block * BLOCK, tile)..][..BLOCK]
    }

    /// Where eight dimensions of a value are.
    #[inline(always)]
    fn value_at(&self, kv_head: usize, p: usize, tile: usize) -> usize {
        let (blocks, tiles) = (self.capacity.div_ceil(BLOCK), self.head_dim.div_ceil(8));
        ((kv_head * blocks + p / BLOCK) * tiles + tile) * BLOCK + p % BLOCK
    }

    /// The scales of one head's keys, by position.
    #[inline(always)]
    pub(in crate::cpu) fn key_scales(&self, kv_head: usize) -> &[f32] {
        &self.key_scales[kv_head * self.scales()..][..self.scales()]
    }

    /// The scales of one head's values, by position.
    #[inline(always)]
    pub(in crate::cpu) fn value_scales(&self, kv_head: usize) -> &[f32] {
        &self.value_scales[kv_head * self.scales()..][..self.scales()]
    }

    /// Scales of a head.
    #[inline(always)]
    fn scales(&self) -> usize {
        self.capacity.next_multiple_of(8)
    }

    /// Bytes that the layer takes.
    pub(in crate::cpu) fn bytes(&self) -> usize {
        size_of_val(&*self.keys) + size_of_val(&*self.values) + 2 * size_of_val(&*self.key_scales)
    }

    /// Takes over the first `n` positions of a layer of the same shape; both have room for them.
    pub(in crate::cpu) fn copy(&mut self, from: &Layer, n: usize) {
        let (heads, dim) = (self.n_kv_heads, self.head_dim);
        copy_starts(&mut self.keys, &from.keys, heads, n.div_ceil(8) * dim);
        copy_starts(&mut self.values, &from.values, heads, n.div_ceil(BLOCK) * dim.div_ceil(8) * BLOCK);
        copy_starts(&mut self.key_scales, &from.key_scales, heads, n);
        copy_starts(&mut self.value_scales, &from.value_scales, heads, n);
    }

    /// Bytes of one position in [`Layer::read`].
    pub(in crate::cpu) fn position_bytes(&self) -> usize {
        2 * self.n_kv_heads * (size_of::<f32>() + self.head_dim * size_of::<i16>())
    }

    /// Appends the first `n` positions to `out` as `[n, keys then values, n_kv_heads, scale then head_dim codes]`, little endian,
    /// exactly as they are stored (see [`FORM`]).
    pub(in crate::cpu) fn read(&self, n: usize, out: &mut Vec<u8>) {
        for p in 0..n {
            for head in 0..self.n_kv_heads {
                out.extend(self.key_scales(head)[p].to_le_bytes());
                out.extend(self.keys(head, p / 8).iter().flat_map(|row| row[p % 8].to_le_bytes()));
            }
            for head in 0..self.n_kv_heads {
                out.extend(self.value_scales(head)[p].to_le_bytes());
                let code = |d: usize| self.values[self.value_at(head, p, d / 8)][d % 8];
                out.extend((0..self.head_dim).flat_map(|d| code(d).to_le_bytes()));
            }
        }
    }

    /// The reverse of [`Layer::read`], for as many positions as `bytes` holds; there is room for them.
    pub(in crate::cpu) fn write(&mut self, bytes: &[u8]) {
        let mut codes = vec![0; self.head_dim];
        for (p, bytes) in bytes.chunks_exact(self.position_bytes()).enumerate() {
            for (i, bytes) in bytes.chunks_exact(self.position_bytes() / (2 * self.n_kv_heads)).enumerate() {
                let ([scale, ..], _) = bytes.as_chunks::<4>() else { continue };
                for (code, bytes) in codes.iter_mut().zip(bytes[4..].as_chunks::<2>().0) {
                    *code = i16::from_le_bytes(*bytes);
                }
                let scale = f32::from_le_bytes(*scale);
                match i / self.n_kv_heads {
                    0 => self.put_key(i, p, &codes, scale),
                    _ => self.put_value(i - self.n_kv_heads, p, &codes, scale),
                }
            }
        }
    }

    /// Key and value of one position, of all heads: `[2, n_kv_heads, head_dim]`.
    pub(in crate::cpu) fn row(&self, p: usize, out: &mut [f32]) {
        let (keys, values) = out.split_at_mut(out.len() / 2);
        let heads = keys.chunks_exact_mut(self.head_dim).zip(values.chunks_exact_mut(self.head_dim));
        for (head, (keys, values)) in heads.enumerate() {
            let scale = self.key_scales(head)[p];
            for (out, row) in keys.iter_mut().zip(self.keys(head, p / 8)) {
                *out = scale * f32::from(row[p % 8]);
            }
            let scale = self.value_scales(head)[p];
            for (tile, out) in values.chunks_mut(8).enumerate() {
                let codes = &self.values[self.value_at(head, p, tile)];
                out.iter_mut().zip(codes).for_each(|(out, code)| *out = scale * f32::from(*code));
            }
        }
    }

    fn put_key(&mut self, head: usize, p: usize, codes: &[i16], scale: f32) {
        let start = (head * self.capacity.div_ceil(8) + p / 8) * self.head_dim;
        for (row, &code) in self.keys[start..start + self.head_dim].iter_mut().zip(codes) {
            row[p % 8] = code;
        }
        let at = head * self.scales() + p;
        self.key_scales[at] = scale;
    }

    fn put_value(&mut self, head: usize, p: usize, codes: &[i16], scale: f32) {
        for (tile, codes) in codes.chunks(8).enumerate() {
            let at = self.value_at(head, p, tile);
            self.values[at][..codes.len()].copy_from_slice(codes);
        }
        let at = head * self.scales() + p;
        self.value_scales[at] = scale;
    }
}

/// `n` zeros; none where there is no such number or no memory for it.
fn zeros<T: Clone + Default>(n: Option<usize>) -> Option<Vec<T>> {
    let mut memory = Vec::new();
    memory.try_reserve_exact(n?).ok()?;
    memory.resize(n?, T::default());
    Some(memory)
}

/// Copies the first `n` of each head.
fn copy_starts<T: Copy>(to: &mut [T], from: &[T], heads: usize, n: usize) {
    let (to_head, from_head) = (to.len() / heads, from.len() / heads);
    for (to, from) in to.chunks_exact_mut(to_head).zip(from.chunks_exact(from_head)) {
        to[..n].copy_from_slice(&from[..n]);
    }
}

/// - `k`, `v`: `[n, n_kv_heads * head_dim]`, f32
/// - rows go to positions `position..position + n`, which are within the layer's capacity
/// - `codes`: at least `head_dim` rounded up to 8, scratch
///
/// Rounds to 16 bits, see [`Layer`].
pub fn run<V: Vector>(k: &[f32], v: &[f32], position: usize, codes: &mut [i16], layer: &mut Layer) {
    let (head_dim, width) = (layer.head_dim, layer.n_kv_heads * layer.head_dim);
    for (row, (k, v)) in k.chunks_exact(width).zip(v.chunks_exact(width)).enumerate() {
        for (head, (k, v)) in k.chunks_exact(head_dim).zip(v.chunks_exact(head_dim)).enumerate() {
            let scale = round::<V>(k, codes);
            layer.put_key(head, position + row, &codes[..head_dim], scale);
            let scale = round::<V>(v, codes);
            layer.put_value(head, position + row, &codes[..head_dim], scale);
        }
    }
}

/// Rounds to integers, and gives what a 1 of them stands for.
#[inline(always)]
fn round<V: Vector>(x: &[f32], codes: &mut [i16]) -> f32 {
    let zero = V::splat(0.0);
    let (whole, tail) = x.as_chunks::<8>();
    let mut padded = [0.0; 8];
    padded[..tail.len()].copy_from_slice(tail);
    let eights = || whole.iter().chain((!tail.is_empty()).then_some(&padded)).map(halves::<V>);
    // 0 * x is 0 for every finite x, and NaN for the others.
    let (mut largest, mut poison) = (zero, zero);
    for [a, b] in eights() {
        largest = largest.max(a.max(zero.sub(a))).max(b.max(zero.sub(b)));
        poison = poison.add(a.mul(zero)).add(b.mul(zero));
    }
    let largest = largest_lane(largest);
    // Smaller ones would need a factor beyond f32; at most 1e-30 is lost.
    let inverse = V::splat(if largest > 1e-30 { LARGEST / largest } else { 0.0 });
    for ([a, b], codes) in eights().zip(codes.as_chunks_mut::<8>().0) {
        V::store_i16(V::round_i16(a.mul(inverse), b.mul(inverse)), codes);
    }
    largest / LARGEST + poison.sum()
}
