//! Who does which part of a section, in one number.

/// `parts << 32 | claims of helpers << 16 | claims of the caller`. A claim is one addition: it is good if there were fewer
/// claims than parts before. Thread for thread at most one addition too many is made, so that no count overflows.
#[derive(Clone, Copy)]
pub(super) struct Claims(pub u64);

pub(super) const BY_CALLER: u64 = 1;
pub(super) const BY_HELPER: u64 = 1 << 16;

impl Claims {
    pub fn parts(self) -> usize {
        (self.0 >> 32) as usize
    }

    pub fn by_helpers(self) -> usize {
        (self.0 >> 16) as usize & 0xffff
    }

    pub fn by_caller(self) -> usize {
        self.0 as usize & 0xffff
    }

    pub fn are_open(self) -> bool {
        self.by_helpers() + self.by_caller() < self.parts()
    }
}
