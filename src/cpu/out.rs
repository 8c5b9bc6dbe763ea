//! An output that several threads write at the same time, each its own columns.

use std::marker::PhantomData;
use std::ops::Range;

/// `[n, width]`, row-major.
#[derive(Clone, Copy, Debug)]
pub struct Out<'a> {
    data: *mut f32,
    len: usize,
    width: usize,
    borrowed: PhantomData<&'a mut [f32]>,
}

// SAFETY: it is only a place; whoever makes a slice of it promises that nobody else has the same elements.
unsafe impl Send for Out<'_> {}
// SAFETY: as above.
unsafe impl Sync for Out<'_> {}

impl<'a> Out<'a> {
    /// Rows of `width` elements.
    pub fn new(out: &'a mut [f32], width: usize) -> Self {
        Out { data: out.as_mut_ptr(), len: out.len(), width, borrowed: PhantomData }
    }

    /// Columns `range` of row `row`. Panics where they are not all within it.
    ///
    /// # Safety
    /// Nobody else uses any of these elements as long as the slice lives.
    #[inline(always)]
    pub unsafe fn columns(&self, row: usize, range: Range<usize>) -> &'a mut [f32] {
        let start = row * self.width + range.start;
        assert!(range.start <= range.end && range.end <= self.width && row * self.width + range.end <= self.len);
        // SAFETY: within the slice that `new` borrowed; the caller promises that it is nobody else's.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(start), range.len()) }
    }
}
