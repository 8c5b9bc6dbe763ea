//! Inputs changed at random.

use crate::support::rng::Rng;

/// Numbers at which lengths and offsets go wrong.
const NUMBERS: [u64; 14] =
    [0, 1, 2, 7, 0x7f, 0xff, 0x100, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, i64::MAX as u64, u64::MAX];

/// Most places that are changed at once.
const MOST_CHANGES: usize = 6;
/// Most bytes that one change repeats, takes out or copies.
const MOST_AT_ONCE: usize = 400;

/// One of the inputs with some changes. Half of them go where most of a file's structure is, its beginning.
pub fn mutated(pool: &[Vec<u8>], words: &[&str], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = pool[rng.below(pool.len())].clone();
    for _ in 0..=rng.below(MOST_CHANGES) {
        let near = if rng.below(2) == 0 { bytes.len().min(4096) } else { bytes.len() };
        let at = rng.below(near + 1);
        let n = (1 + rng.below(MOST_AT_ONCE)).min(bytes.len() - at);
        let few = n.min(1 + rng.below(8));
        match rng.below(13) {
            0 if few > 0 => bytes[at] ^= 1 << rng.below(8),
            1 if few > 0 => bytes[at] = rng.bits() as u8,
            2 => write(&mut bytes, at, &NUMBERS[rng.below(NUMBERS.len())].to_le_bytes()[..[1, 2, 4, 8][rng.below(4)]]),
            3 => {
                let word = words[rng.below(words.len())].as_bytes();
                write(&mut bytes, at, word);
            }
            4 | 5 => {
                let word = words[rng.below(words.len())].as_bytes();
                let times = if rng.below(8) == 0 { 1 + rng.below(MOST_AT_ONCE) } else { 1 };
                bytes.splice(at..at, word.repeat(times));
            }
            6 => drop(bytes.drain(at..at + few)),
            7 => drop(bytes.drain(at..at + n)),
            8 => {
                let part = bytes[at..at + n].to_vec();
                let to = rng.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
            9 => {
                let other = &pool[rng.below(pool.len())];
                let from = rng.below(other.len() + 1);
                let part = &other[from..other.len().min(from + n)];
                bytes.splice(at..at, part.iter().copied());
            }
            10 if rng.below(4) == 0 => bytes.truncate(at),
            // A number in a text becomes another.
            11 => digits(&mut bytes, at, rng),
            _ if few > 0 => {
                let byte = bytes[at];
                let times = rng.below(MOST_AT_ONCE);
                bytes.splice(at..at, std::iter::repeat_n(byte, times));
            }
            _ => {}
        }
    }
    bytes
}

fn write(bytes: &mut [u8], at: usize, part: &[u8]) {
    bytes[at..].iter_mut().zip(part).for_each(|(byte, new)| *byte = *new);
}

fn digits(bytes: &mut Vec<u8>, at: usize, rng: &mut Rng) {
    let Some(from) = bytes[at..].iter().position(u8::is_ascii_digit).map(|n| at + n) else { return };
    let end = bytes[from..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |n| from + n);
    let number = match rng.below(4) {
        0 => format!("-{}", rng.below(100)),
        1 => format!("{}", rng.bits() >> rng.below(64)),
        2 => "0".into(),
        _ => format!("{}", NUMBERS[rng.below(NUMBERS.len())]),
    };
    bytes.splice(from..end, number.into_bytes());
}
