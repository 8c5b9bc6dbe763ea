//! What Unicode says of characters, as far as tokenizers ask.
//!
//! The tables are files made from those that the reference implementations use, so that pieces are the same; a test makes them
//! again (`NANOLM_WRITE_TABLES=1 cargo test --lib unicode` writes them). They are runs of characters of one kind: a length in
//! one to three bytes (7 bits each, low first), and a number of the kind.

use std::sync::OnceLock;

use super::regex::Class;

/// The general categories by their short names; kinds count in this order.
pub const CATEGORIES: [&str; 30] = [
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm",
    "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
];

/// White space (`White_Space`), which has not changed for long.
pub const WHITE_SPACE: [(u32, u32); 10] = [
    (0x9, 0xd),
    (0x20, 0x20),
    (0x85, 0x85),
    (0xa0, 0xa0),
    (0x1680, 0x1680),
    (0x2000, 0x200a),
    (0x2028, 0x2029),
    (0x202f, 0x202f),
    (0x205f, 0x205f),
    (0x3000, 0x3000),
];

/// Chinese characters (`Script=Han`).
pub const HAN: [(u32, u32); 22] = [
    (0x2e80, 0x2e99),
    (0x2e9b, 0x2ef3),
    (0x2f00, 0x2fd5),
    (0x3005, 0x3005),
    (0x3007, 0x3007),
    (0x3021, 0x3029),
    (0x3038, 0x303b),
    (0x3400, 0x4dbf),
    (0x4e00, 0x9fff),
    (0xf900, 0xfa6d),
    (0xfa70, 0xfad9),
    (0x16fe2, 0x16fe3),
    (0x16ff0, 0x16ff1),
    (0x20000, 0x2a6df),
    (0x2a700, 0x2b739),
    (0x2b740, 0x2b81d),
    (0x2b820, 0x2cea1),
    (0x2ceb0, 0x2ebe0),
    (0x2ebf0, 0x2ee5d),
    (0x2f800, 0x2fa1d),
    (0x30000, 0x3134a),
    (0x31350, 0x323af),
];

/// What is said of one character: its category (Unicode 16), and what older tables said, by which some tokenizers go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    category: u8,
    flags: u8,
}

const WORD: u8 = 1;
const OLD_PUNCTUATION: u8 = 2;
const OLD_NONSPACING: u8 = 4;
const OLD_OTHER: u8 = 8;
const OLD_MARK: u8 = 16;
const NEWER: u8 = 32;

impl Kind {
    /// The short name of its general category.
    pub fn category(self) -> &'static str {
        CATEGORIES.get(usize::from(self.category)).copied().unwrap_or("Cn")
    }

    /// `\w`: letters, marks, decimal digits, connectors, joiners.
    pub fn is_word(self) -> bool {
        self.flags & WORD != 0
    }

    /// Punctuation by Unicode 8.
    pub fn was_punctuation(self) -> bool {
        self.flags & OLD_PUNCTUATION != 0
    }

    /// A mark without a width of its own by Unicode 8.
    pub fn was_nonspacing(self) -> bool {
        self.flags & OLD_NONSPACING != 0
    }

    /// Control, format, private use or unassigned by Unicode 8.
    pub fn was_other(self) -> bool {
        self.flags & OLD_OTHER != 0
    }

    /// A mark by Unicode 9.
    pub fn was_mark(self) -> bool {
        self.flags & OLD_MARK != 0
    }

    /// Unknown to Unicode 9.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "asked where the browser normalises"))]
    pub fn is_newer(self) -> bool {
        self.flags & NEWER != 0
    }
}

/// Runs of characters by their first.
struct Runs(Vec<(u32, u8)>);

impl Runs {
    fn read(bytes: &[u8]) -> Runs {
        let (mut runs, mut at, mut start) = (Vec::new(), 0, 0u32);
        let mut next = || {
            at += 1;
            bytes.get(at - 1).copied()
        };
        while let Some(first) = next() {
            let (mut length, mut byte, mut shift) = (u32::from(first & 127), first, 7);
            while byte >= 128 && shift < 28 {
                byte = next().unwrap_or_default();
                length |= u32::from(byte & 127) << shift;
                shift += 7;
            }
            runs.push((start, next().unwrap_or_default()));
            start = start.saturating_add(length);
        }
        Runs(runs)
    }

    fn get(&self, c: char) -> u8 {
        let at = self.0.partition_point(|run| run.0 <= c.into());
        at.checked_sub(1).and_then(|at| self.0.get(at)).map_or(0, |run| run.1)
    }
}

/// The number of kinds, the kinds, the runs.
static KINDS: &[u8] = include_bytes!("tables/kinds.bin");
static SCRIPTS: &[u8] = include_bytes!("tables/scripts.bin");

struct Kinds {
    kinds: Vec<Kind>,
    runs: Runs,
}

fn kinds() -> &'static Kinds {
    static READ: OnceLock<Kinds> = OnceLock::new();
    READ.get_or_init(|| {
        let (n, rest) = KINDS.split_first().unwrap_or((&0, &[]));
        let (kinds, runs) = rest.split_at_checked(usize::from(*n) * 2).unwrap_or_default();
        let kinds = kinds.chunks_exact(2).map(|kind| Kind { category: kind[0], flags: kind[1] }).collect();
        Kinds { kinds, runs: Runs::read(runs) }
    })
}

impl Kinds {
    fn kind(&self, number: u8) -> Kind {
        self.kinds.get(usize::from(number)).copied().unwrap_or(Kind { category: 29, flags: 0 })
    }
}

/// The kind of a character.
pub fn kind(c: char) -> Kind {
    kinds().kind(kinds().runs.get(c))
}

/// Whether a character is part of a word, as `\w` says.
pub fn is_word(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() || c == '_' } else { kind(c).is_word() }
}

/// All characters of which `test` holds.
pub fn class(test: impl Fn(Kind) -> bool) -> Class {
    let kinds = kinds();
    let ends = kinds.runs.0.iter().skip(1).map(|run| run.0 - 1).chain([char::MAX.into()]);
    let runs = kinds.runs.0.iter().zip(ends).filter(|((_, number), _)| test(kinds.kind(*number)));
    Class::new(runs.map(|((start, _), end)| (*start, end)).collect())
}

/// A number for each script (0: none in particular), as the pre-tokeniser `UnicodeScripts` tells them apart.
pub fn script(c: char) -> u8 {
    static READ: OnceLock<Runs> = OnceLock::new();
    READ.get_or_init(|| Runs::read(SCRIPTS)).get(c)
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
