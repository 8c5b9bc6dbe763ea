//! What can be done with a whole KV cache between forward passes: copy its beginning, turn it into bytes and back.

use super::CpuCache;
use super::ops::store_kv::{FORM, Layer};

impl CpuCache {
    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.layers.iter().map(Layer::bytes).sum()
    }

    /// Takes over the first `n` positions of a cache of the same model; both have room for them.
    pub fn copy(&mut self, from: &CpuCache, n: usize) {
        for (to, from) in self.layers.iter_mut().zip(&from.layers) {
            to.copy(from, n);
        }
    }

    /// The first `n` positions as bytes, layer by layer, whatever layout the kernels want; and the number of the form
    /// that elements have.
    pub fn save(&self, n: usize) -> (u32, Vec<u8>) {
        let mut bytes = Vec::with_capacity(n * self.position_bytes());
        self.layers.iter().for_each(|layer| layer.read(n, &mut bytes));
        (FORM, bytes)
    }

    /// Takes over `n` positions that [`CpuCache::save`] wrote; false, and nothing changed, where the form is another one
    /// than today's, or `bytes` are not those of `n` positions of this model that fit.
    pub fn restore(&mut self, n: usize, form: u32, bytes: &[u8]) -> bool {
        let expected = n.checked_mul(self.position_bytes());
        if form != FORM || n > self.capacity() || expected != Some(bytes.len()) {
            return false;
        }
        let mut rest = bytes;
        for layer in &mut self.layers {
            let (own, others) = rest.split_at(n * layer.position_bytes());
            layer.write(own);
            rest = others;
        }
        true
    }

    fn position_bytes(&self) -> usize {
        self.layers.iter().map(Layer::position_bytes).sum()
    }
}
