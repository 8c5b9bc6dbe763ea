//! CRC-32 (IEEE 802.3).

use std::sync::OnceLock;

/// The polynomial, its highest power in the lowest bit.
const POLYNOMIAL: u32 = 0xedb8_8320;
/// How many bytes are taken at once.
const STRIDE: usize = 16;

/// `[i][byte]`: what a byte makes of a sum of 0 with `i` zeros behind it. 16 KB, of which no compression makes less: made when they are
/// first asked for, in microseconds, and not downloaded.
fn tables() -> &'static [[u32; 256]; STRIDE] {
    static TABLES: OnceLock<Box<[[u32; 256]; STRIDE]>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut tables = Box::new([[0; 256]; STRIDE]);
        for byte in 0..256 {
            let mut sum = byte as u32;
            for table in tables.iter_mut() {
                for _ in 0..8 {
                    sum = (sum >> 1) ^ if sum & 1 == 1 { POLYNOMIAL } else { 0 };
                }
                table[byte] = sum;
            }
        }
        tables
    })
}

/// The checksum of what it is given piece by piece.
pub struct Checksum(u32);

impl Checksum {
    /// Of nothing.
    pub fn new() -> Checksum {
        Checksum(!0)
    }

    /// Adds bytes at the end.
    pub fn update(&mut self, bytes: &[u8]) {
        let tables = tables();
        let (strides, rest) = bytes.as_chunks::<STRIDE>();
        for stride in strides {
            let mut mixed = *stride;
            for (byte, sum) in mixed.iter_mut().zip(self.0.to_le_bytes()) {
                *byte ^= sum;
            }
            self.0 = 0;
            for (byte, table) in mixed.iter().rev().zip(tables) {
                self.0 ^= table[usize::from(*byte)];
            }
        }
        for byte in rest {
            self.0 = tables[0][usize::from(self.0 as u8 ^ byte)] ^ (self.0 >> 8);
        }
    }

    /// Of everything so far.
    pub fn sum(&self) -> u32 {
        !self.0
    }
}

impl Default for Checksum {
    fn default() -> Self {
        Checksum::new()
    }
}

/// The checksum of bytes.
pub fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = Checksum::new();
    sum.update(bytes);
    sum.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standard() {
        // The check value of the catalogue of CRC algorithms.
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
        let bytes: Vec<u8> = (0u32..1000).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for length in [0, 1, 4, 15, 16, 17, 31, 32, 33, 255, 256, 1000] {
            assert_eq!(checksum(&bytes[..length]), crc32fast::hash(&bytes[..length]), "{length} bytes");
        }
        let mut pieces = Checksum::default();
        for piece in [&bytes[..3], &bytes[3..3], &bytes[3..40], &bytes[40..]] {
            pieces.update(piece);
        }
        assert_eq!(pieces.sum(), crc32fast::hash(&bytes));
    }
}
