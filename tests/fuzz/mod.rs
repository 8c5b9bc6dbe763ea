//! The targets of `fuzz/`, without `cargo fuzz`: inputs changed at random from a seed, under watch. Each runs for some seconds, or for as
//! many as `NANOLM_FUZZ_SECONDS` says (`pkg-scripts/fuzz`). What fails is written to `build/fuzz/<target>/`.

mod mutate;

#[path = "../../fuzz/targets/mod.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::formats::memory::peak;
use super::support::rng::Rng;
use mutate::mutated;
use targets::{LONGEST, TARGETS, Target, target, watch};

/// Of each target, where nobody says how long. All of them are a minute.
const SECONDS: f64 = 4.0;
/// Inputs longer than this are cut: what takes long is then the target's doing.
const MOST_BYTES: usize = 1 << 18;
/// An input that takes so long never ends, on any machine.
const NEVER: Duration = Duration::from_secs(60);

fn setting<T: std::str::FromStr>(name: &str, usual: T) -> T {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

fn keep(target: &Target, what: &str, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("build/fuzz").join(target.name);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{what}-{:08x}", crc32fast::hash(input)));
    fs::write(&path, input).unwrap();
    path
}

/// Ends the process where an input never ends: nothing else can stop it.
fn watchdog(target: &'static Target) -> mpsc::Sender<Option<Vec<u8>>> {
    let (send, receive) = mpsc::channel::<Option<Vec<u8>>>();
    std::thread::spawn(move || {
        let mut running: Option<Vec<u8>> = None;
        loop {
            match receive.recv_timeout(NEVER) {
                Ok(input) => running = input,
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    if let Some(input) = &running {
                        println!("{}: no end after {NEVER:?}: {}", target.name, keep(target, "hang", input).display());
                        std::process::abort();
                    }
                }
            }
        }
    });
    send
}

/// One input; what is wrong with it.
fn fault(target: &Target, input: &[u8], most_held: &mut usize) -> Result<bool, &'static str> {
    let run = || catch_unwind(AssertUnwindSafe(|| watch(target, input, |work| peak(work).1)));
    let Ok(mut seen) = run() else { return Err("panic") };
    // Others may have had the processor.
    for _ in 0..3 {
        if seen.elapsed <= LONGEST {
            break;
        }
        match run() {
            Ok(again) => seen = again,
            Err(_) => return Err("panic"),
        }
    }
    if seen.elapsed > LONGEST {
        return Err("slow");
    }
    *most_held = (*most_held).max(seen.held);
    Ok(seen.taken)
}

fn fuzz(name: &str) {
    let target = target(name);
    let seconds = setting("NANOLM_FUZZ_SECONDS", SECONDS);
    let seed = setting("NANOLM_FUZZ_SEED", 1u64);
    let dog = watchdog(target);
    let seeds = (target.seeds)();
    // What it needs beside the input is there from then on.
    let _ = (target.run)(&seeds[0]);
    for seed in &seeds {
        (target.run)(seed).unwrap_or_else(|error| panic!("{name}: a seed is refused: {error}"));
        assert_eq!(fault(target, seed, &mut 0), Ok(true), "{name}: a seed of {} bytes is refused", seed.len());
    }
    let mut rng = Rng::new(seed ^ u64::from(crc32fast::hash(name.as_bytes())));
    let (mut n, mut taken, mut held, mut faults) = (0usize, 0usize, 0usize, Vec::new());
    // Changed again, what was taken gets further from where it began.
    let n_seeds = seeds.len();
    let mut pool = seeds;
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < end && faults.len() < 20 {
        let mut input = mutated(&pool, target.words, &mut rng);
        input.truncate(MOST_BYTES.max(pool[0].len()));
        let _ = dog.send(Some(input.clone()));
        match fault(target, &input, &mut held) {
            Ok(true) => {
                taken += 1;
                let at = rng.below(64);
                if pool.len() < 64 {
                    pool.push(input);
                } else if at >= n_seeds && rng.below(8) == 0 {
                    pool[at] = input;
                }
            }
            Ok(false) => {}
            Err(what) => faults.push(format!("{what}: {}", keep(target, what, &input).display())),
        }
        n += 1;
        let _ = dog.send(None);
    }
    println!("{name}: {n} inputs in {seconds} s, {taken} taken, at most {held} bytes held, {} faults", faults.len());
    assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
}

/// One file, given by hand: `NANOLM_FUZZ_INPUT=target:path`.
#[test]
#[ignore = "a tool: see above"]
fn by_hand() {
    let asked = std::env::var("NANOLM_FUZZ_INPUT").expect("NANOLM_FUZZ_INPUT=target:path");
    let (name, path) = asked.split_once(':').expect("target:path");
    let target = target(name);
    let _ = (target.run)(&(target.seeds)()[0]);
    let seen = watch(target, &fs::read(path).unwrap(), |work| peak(work).1);
    println!("{name}: {}, {} bytes held, {:?}", if seen.taken { "taken" } else { "refused" }, seen.held, seen.elapsed);
}

/// For `cargo fuzz`: `NANOLM_FUZZ_SEEDS` names a folder.
#[test]
#[ignore = "a tool of pkg-scripts/fuzz"]
fn seeds_as_files() {
    let folder = std::env::var("NANOLM_FUZZ_SEEDS").expect("NANOLM_FUZZ_SEEDS=folder");
    for target in &TARGETS {
        let folder = Path::new(&folder).join(target.name);
        fs::create_dir_all(&folder).unwrap();
        for (i, seed) in (target.seeds)().iter().enumerate().filter(|(_, seed)| seed.len() <= MOST_BYTES) {
            fs::write(folder.join(i.to_string()), seed).unwrap();
        }
    }
}

#[test]
fn every_target_has_its_file_and_its_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let here = include_str!("mod.rs");
    for Target { name, .. } in &TARGETS {
        let file = fs::read_to_string(root.join(format!("fuzz/fuzz_targets/{name}.rs"))).unwrap();
        assert!(file.contains(&format!("run(\"{name}\"")), "{name}");
        assert!(
            fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap().contains(&format!("name = \"{name}\"")),
            "{name}"
        );
        assert!(here.contains(&format!("fn {name}() {{")), "{name}");
    }
}

#[test]
fn gguf() {
    fuzz("gguf");
}

#[test]
fn safetensors() {
    fuzz("safetensors");
}

#[test]
fn config() {
    fuzz("config");
}

#[test]
fn model() {
    fuzz("model");
}

#[test]
fn tokenizer_json() {
    fuzz("tokenizer_json");
}

#[test]
fn tokenizer_gguf() {
    fuzz("tokenizer_gguf");
}

#[test]
fn expression() {
    fuzz("expression");
}

#[test]
fn session() {
    fuzz("session");
}

#[test]
fn table() {
    fuzz("table");
}

#[test]
fn heads() {
    fuzz("heads");
}

#[test]
fn language() {
    fuzz("language");
}

#[test]
fn page() {
    fuzz("page");
}

#[test]
fn tasks() {
    fuzz("tasks");
}
