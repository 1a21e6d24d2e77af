//! A seeded, counted run of the fuzz targets on any toolchain: mutations of real files, spliced, cut and resealed.
//!
//! `just fuzz 1000000` runs longer. Run `n` of a target depends on the target's name and `n` alone; the bytes of a
//! run that panics are written to a file, and `PLONNX_FUZZ_FIRST=n PLONNX_FUZZ_RUNS=1` repeats it.

#[path = "../../../fuzz/entry.rs"]
mod entry;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use entry::sample;

/// xorshift64.
struct Random(u64);

impl Random {
    /// Independent of other names and numbers: both are hashed.
    fn of(name: &str, run: usize) -> Self {
        let hash = name.bytes().chain(run.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            let mixed = (hash ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed ^ mixed >> 29
        });
        Self(hash | 1)
    }
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// One to four changes: bits, bytes, runs of bytes, lengths that are too large, cuts, repetitions, parts of other
/// seeds, numbers of a text. Every second time bytes change in place only, so that what surrounds them can still be
/// read.
fn mutate(random: &mut Random, seed: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let kinds = if random.below(2) == 0 { 9 } else { 3 };
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(kinds) {
            3 => bytes.truncate(at),
            1 => bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << (random.0 % 8)),
            2 => {
                let byte = random.next() as u8;
                bytes.iter_mut().skip(at).take(1).for_each(|b| *b = byte);
            }
            8 => {
                let byte = if random.below(2) == 0 { 0 } else { 0xff };
                bytes.iter_mut().skip(at).take(1 + at % 9).for_each(|b| *b = byte);
            }
            4 => {
                let byte = random.next() as u8;
                bytes.insert(at.min(bytes.len()), byte);
            }
            5 => {
                let end = (at + random.below(64)).min(bytes.len());
                let run = bytes[at.min(end)..end].to_vec();
                bytes.splice(at.min(end)..at.min(end), run);
            }
            6 => {
                let other = &others[random.below(others.len())];
                let from = random.below(other.len());
                let end = (from + random.below(256)).min(other.len());
                let place = at.min(bytes.len());
                bytes.splice(place..place, other[from..end].iter().copied());
            }
            7 => {
                let start = bytes.iter().skip(at).position(u8::is_ascii_digit).map_or(bytes.len(), |i| at + i);
                let count = bytes[start..].iter().take_while(|b| b.is_ascii_digit()).count();
                let numbers = ["0", "-1", "9223372036854775807", "18446744073709551616", "1e308", "NaN", "65536"];
                bytes.splice(start..start + count, numbers[random.below(numbers.len())].bytes());
            }
            _ => bytes.iter_mut().skip(at).take(1).for_each(|b| *b = b.wrapping_add(1)),
        }
    }
    bytes
}

fn variable(name: &str) -> Option<usize> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

/// Runs `target` on all seeds and on mutations of them: as many as `PLONNX_FUZZ_RUNS` says, or `runs`.
fn run(name: &str, target: fn(&[u8]), seeds: Vec<Vec<u8>>, runs: usize) {
    let (first, runs) = (variable("PLONNX_FUZZ_FIRST").unwrap_or(0), variable("PLONNX_FUZZ_RUNS").unwrap_or(runs));
    for seed in &seeds {
        target(seed);
    }
    for run in first..first + runs {
        let mut random = Random::of(name, run);
        let bytes = mutate(&mut random, &seeds[run % seeds.len()], &seeds);
        if catch_unwind(|| target(&bytes)).is_err() {
            let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{run}"));
            fs::write(&path, &bytes).unwrap();
            panic!("{name}: run {run} panics; its {} bytes are in {}", bytes.len(), path.display());
        }
    }
    println!("{name}: {runs} executions, no panic");
}

fn fixture(path: &str) -> Vec<u8> {
    fs::read(format!("{}/../../fixtures/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The committed models of at most `most` bytes: trained networks and forests, recurrent layers, quantised models,
/// operators.
fn models(folder: &Path, most: u64) -> Vec<Vec<u8>> {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    let mut all = Vec::new();
    for path in entries {
        if path.is_dir() {
            // Fetched files differ from one machine to the other.
            if path.file_name().is_some_and(|name| name != "data" && name != "generated") {
                all.extend(models(&path, most));
            }
        } else if path.extension().is_some_and(|e| e == "onnx") && path.metadata().unwrap().len() <= most {
            all.push(fs::read(path).unwrap());
        }
    }
    all
}

#[test]
fn onnx() {
    let seeds = models(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures"), 24 << 10);
    assert!(seeds.len() > 60, "only {} models", seeds.len());
    run("onnx", entry::onnx, seeds, 20_000);
}

#[test]
fn data() {
    let json = br#"{"x": [[1, 2.5], [-3e4, 0]]}"#.to_vec();
    let folder = "conformance/subset/test_gather_0/test_data_set_0";
    let seeds = vec![json, fixture("logreg-iris/labels.npy"), fixture(&format!("{folder}/input_0.pb"))];
    run("data", entry::data, [seeds, vec![fixture("logreg-iris/inputs.npz")]].concat(), 20_000);
}

#[test]
fn artifacts() {
    let compiled = &sample().compiled;
    let key = compiled.verifying_key().to_bytes().unwrap();
    let model = compiled.prover().model().to_bytes().unwrap();
    run("artifacts", entry::artifacts, vec![key, model], 5_000);
}

#[test]
fn openings() {
    let opening = sample().opening.clone();
    let other = plonnx::Opening { name: "other".into(), ..opening.clone() };
    let one = plonnx::opening::to_bytes(std::slice::from_ref(&opening)).unwrap();
    run("openings", entry::openings, vec![one, plonnx::opening::to_bytes(&[opening, other]).unwrap()], 20_000);
}

#[test]
fn settings() {
    run("settings", entry::settings, vec![sample().compiled.recipe().to_json().into_bytes()], 20_000);
}

#[test]
fn proof() {
    run("proof", entry::proof, vec![sample().proof().to_bytes().unwrap()], 1_000);
}

#[test]
fn text() {
    let compiled = &sample().compiled;
    let field = plonnx::ir::text::print(&compiled.prover().model().program.graph).into_bytes();
    let float = plonnx::ir::text::print(&compiled.import().graph).into_bytes();
    run("text", entry::text, vec![field, float], 20_000);
}
