//! Puts rows into the order of [`Packing::Lanes`](super::quant::Packing::Lanes); see `shaders/parts/lanes_f32.wgsl`, and
//! `lanes_q8_0.wgsl` and `lanes_q4_0.wgsl` for how block types are stored there.

use super::quant::Encoding;
use half::f16;

/// Rows that are put into one another.
pub(super) const BLOCK: usize = 16;
/// Neighbouring rows of one invocation.
const OWN: usize = 4;

/// Appends 16 rows (fewer at the end: the others count as zeros) that were repacked one after the other. `words`: of a
/// group; `rows`: their elements and factors. Factors become f32, each once for every group: of a type with several they
/// are neighbours.
pub(super) fn block(
    words: usize,
    groups: usize,
    encoding: &Encoding,
    rows: (&[u8], &[u8]),
    elements: &mut Vec<u8>,
    factors: &mut Vec<u8>,
) {
    let row_words = groups * words;
    let (word_at, factors_at) = (|row: usize| row * row_words * 4, |row: usize| row * groups * encoding.factors);
    for group in 0..groups {
        for own in 0..OWN {
            for word in 0..words {
                for lane in 0..BLOCK / OWN {
                    let at = word_at(lane * OWN + own) + (group * words + word) * 4;
                    let bytes = rows.0.get(at..).and_then(|rest| rest.first_chunk::<4>()).unwrap_or(&[0; 4]);
                    elements.extend_from_slice(&(u32::from_le_bytes(*bytes) ^ encoding.flipped).to_le_bytes());
                }
            }
        }
        for (own, lane) in (0..OWN).flat_map(|own| (0..BLOCK / OWN).map(move |lane| (own, lane))) {
            for factor in 0..encoding.factors {
                // Two bytes each, for two groups.
                let at = factors_at(lane * OWN + own) + (group / 2 * encoding.factors + factor) * 2;
                let factor = rows.1.get(at..).and_then(|rest| rest.first_chunk::<2>()).unwrap_or(&[0; 2]);
                factors.extend_from_slice(&f16::from_le_bytes(*factor).to_f32().to_le_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::quant::encoding;
    use crate::tensor::DType;

    #[test]
    fn the_same_word_of_four_invocations_rows_are_neighbours() {
        // 10 rows of 2 groups of 4 words; word w of row r is 100 r + w, scale of row r is r.
        let (groups, words) = (2, 4);
        let rows: Vec<u8> =
            (0..10u32).flat_map(|r| (0..8).map(move |w| 100 * r + w)).flat_map(u32::to_le_bytes).collect();
        let scales: Vec<u8> = (0..10).flat_map(|r| f16::from_f32(r as f32).to_le_bytes()).collect();
        let (mut packed, mut factors) = (Vec::new(), Vec::new());
        let encoding = Encoding { flipped: 1 << 31, ..*encoding(DType::Q8_0) };
        block(words, groups, &encoding, (&rows, &scales), &mut packed, &mut factors);
        let word = |i: usize| u32::from_le_bytes(*packed[4 * i..].first_chunk().unwrap()) ^ (1 << 31);
        assert_eq!(packed.len(), 16 * 8 * 4);
        // Group 0, first own row, word 0 and 1 of the four invocations; the last has no rows.
        assert_eq!([0, 1, 2, 3].map(word), [0, 400, 800, 0]);
        assert_eq!([4, 5, 6, 7].map(word), [1, 401, 801, 0]);
        // Second own row, then group 1.
        assert_eq!([16, 17, 18, 19].map(word), [100, 500, 900, 0]);
        assert_eq!([64, 65, 66, 67].map(word), [4, 404, 804, 0]);
        let factor = |i: usize| f32::from_le_bytes(*factors[4 * i..].first_chunk().unwrap());
        assert_eq!(factors.len(), 2 * 16 * 4);
        assert_eq!([0, 1, 2, 3, 4, 5].map(factor), [0.0, 4.0, 8.0, 0.0, 1.0, 5.0]);
        // Both groups of a block have its scale.
        assert_eq!([16, 17, 20].map(factor), [0.0, 4.0, 1.0]);
    }
}
