//! Loads files from start to end under watch.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nanolm::arch;
use nanolm::format;
use nanolm::model::plan;
use nanolm::tensor::Bytes;
use nanolm::{Result, weights};

use super::memory;

/// A load takes milliseconds; this much is a hang even on a busy machine.
const LONGEST: Duration = Duration::from_secs(10);

/// What a load may hold beyond the files: their size several times over (one byte of metadata can be an `i64`), and
/// the plan, the messages and the hash maps of the largest model the limits allow.
const PEAK_PER_BYTE: usize = 16;
const PEAK_FIXED: usize = 2 << 20;

/// A fixture's file.
pub fn fixture(folder: &str, name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder).join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A file of the shared test weights, which are not a part of the project.
pub fn shared(name: &str, lane: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/weights").join(name);
    let bytes = std::fs::read(&path);
    if let Err(e) = &bytes {
        println!("SKIPPED {lane}: ../shared/weights/{name}: {e}");
    }
    bytes.ok()
}

/// Parse, configure, plan, load.
pub fn load(files: Vec<(String, Bytes)>) -> Result<()> {
    let file = format::parse(files)?;
    let config = arch::config(&file)?;
    let plan = plan::build(&config);
    let weights = weights::load(&plan, &file)?;
    assert_eq!((weights.matrices.len(), weights.vectors.len()), (plan.matrices.len(), plan.vectors.len()));
    for (spec, matrix) in plan.matrices.iter().zip(&weights.matrices) {
        assert_eq!((spec.rows, spec.cols), (matrix.rows, matrix.cols));
        assert_eq!(matrix.data.len(), matrix.rows * matrix.row_bytes());
    }
    Ok(())
}

/// How many loads worked and how many were refused.
#[derive(Default)]
pub struct Tally {
    pub loaded: usize,
    pub refused: usize,
    pub peak: usize,
}

impl Tally {
    /// Loads the files; `what` says in a failure which damage it was.
    pub fn load(&mut self, files: &[(&str, &[u8])], what: &dyn Fn() -> String) -> Result<()> {
        let size: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
        let owned: Vec<_> = files.iter().map(|(name, bytes)| (name.to_string(), Bytes::new(bytes.to_vec()))).collect();
        let start = Instant::now();
        let (result, peak) = memory::peak(|| std::panic::catch_unwind(|| load(owned)));
        let Ok(result) = result else { panic!("a panic: {}", what()) };
        assert!(start.elapsed() < LONGEST, "{:?}: {}", start.elapsed(), what());
        assert!(peak <= size * PEAK_PER_BYTE + PEAK_FIXED, "{peak} bytes held for a file of {size}: {}", what());
        self.peak = self.peak.max(peak);
        match &result {
            Ok(()) => self.loaded += 1,
            Err(e) => {
                self.refused += 1;
                assert_ne!(e.code(), "internal", "{e}: {}", what());
                assert!(e.to_string().len() < 16 << 10, "a message of {} bytes: {}", e.to_string().len(), what());
            }
        }
        result
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}
