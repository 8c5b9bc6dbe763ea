//! Weight types on the GPU: one file a type, under the stems of the table in `src/quant/`.

mod encoding;

pub use encoding::{Encoding, GROUP, Packing};

use crate::gpu::kernel::{Access, Part};
use crate::gpu::parts::ROWS;
use crate::tensor::DType;

/// Makes the modules and [`encoding`] out of the table.
macro_rules! types {
    ($($dtype:ident in $stem:ident,)+) => {
        $(mod $stem;)+

        /// How a type is stored.
        pub fn encoding(dtype: DType) -> &'static Encoding {
            match dtype {
                $(DType::$dtype => &$stem::ENCODING,)+
            }
        }
    };
}

crate::quant::for_each_block_type!(types);

/// How a matrix is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub dtype: DType,
    pub packing: Packing,
}

impl Stored {
    /// Every type in every order, but for types that are stored as another one.
    pub fn all() -> impl Iterator<Item = Stored> {
        let both = |dtype| [Packing::Rows, Packing::Lanes].map(|packing| Stored { dtype, packing });
        let own =
            |dtype: &DType| DType::ALL.into_iter().find(|&d| encoding(d).rows == encoding(*dtype).rows) == Some(*dtype);
        DType::ALL.into_iter().filter(own).flat_map(both)
    }

    /// The parts that find and decode weights: bindings 2 (elements) and, for types with factors, 3.
    pub fn parts(self) -> Vec<Part> {
        let encoding = encoding(self.dtype);
        match self.packing {
            Packing::Rows => vec![ROWS, encoding.rows],
            Packing::Lanes => vec![encoding.lanes],
        }
    }

    /// The part that gives weights as bytes, where they are stored as codes row by row.
    pub fn packed_part(self) -> Option<Part> {
        encoding(self.dtype).packed.filter(|_| self.packing == Packing::Rows)
    }

    /// The storage bindings of a kernel with [`parts`](Self::parts): those of the weight, then `others`.
    pub fn bindings(self, others: &[(u32, Access)]) -> Vec<(u32, Access)> {
        let factors = (encoding(self.dtype).factors > 0).then_some((3, Access::Read));
        [(2, Access::Read)].into_iter().chain(factors).chain(others.iter().copied()).collect()
    }
}
