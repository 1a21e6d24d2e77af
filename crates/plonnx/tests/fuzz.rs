//! A seeded, counted run of the fuzz targets on any toolchain: mutations of real files, spliced, cut and resealed.
//!
//! `PLONNX_FUZZ_RUNS=1000000 cargo test --release -p plonnx --test fuzz` runs longer; `PLONNX_FUZZ_SEED` is the number of
//! another sequence of mutations.

#[path = "../../../fuzz/entry.rs"]
mod entry;

use std::panic::catch_unwind;
use std::path::Path;

use entry::sample;

struct Random(u64);

impl Random {
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

/// One to four changes: bits, bytes, runs of bytes, lengths that are too large, cuts, repetitions, parts of other seeds.
fn mutate(random: &mut Random, seed: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(8) {
            0 => bytes.truncate(at),
            1 => bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << (at % 8)),
            2 => bytes.iter_mut().skip(at).take(1 + at % 9).for_each(|b| *b = 0xff),
            3 => bytes.iter_mut().skip(at).take(8).for_each(|b| *b = 0),
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
            _ => bytes.iter_mut().skip(at).take(1).for_each(|b| *b = b.wrapping_add(1)),
        }
    }
    bytes
}

fn run(name: &str, target: fn(&[u8]), seeds: Vec<Vec<u8>>, share: usize) {
    let runs = std::env::var("PLONNX_FUZZ_RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000) / share;
    let seed: u64 = std::env::var("PLONNX_FUZZ_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut random = Random(0x1234_5678_9abc_def1 ^ name.len() as u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    for seed in &seeds {
        target(seed);
    }
    for run in 0..runs {
        let bytes = mutate(&mut random, &seeds[run % seeds.len()], &seeds);
        assert!(catch_unwind(|| target(&bytes)).is_ok(), "{name}: run {run} panics on {} bytes", bytes.len());
    }
    println!("{name}: {runs} executions, no panic");
}

/// The committed models of at most `most` bytes: trained networks and forests, recurrent layers, quantised models,
/// operators.
fn models(folder: &Path, most: u64) -> Vec<Vec<u8>> {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    let mut all = Vec::new();
    for path in entries {
        if path.is_dir() {
            // Fetched files differ from one machine to the other.
            if path.file_name().is_some_and(|name| name != "data" && name != "generated") {
                all.extend(models(&path, most));
            }
        } else if path.extension().is_some_and(|e| e == "onnx") && path.metadata().unwrap().len() <= most {
            all.push(std::fs::read(path).unwrap());
        }
    }
    all
}

#[test]
fn onnx() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut seeds = models(&fixtures, 24 << 10);
    assert!(seeds.len() > 60, "only {} models", seeds.len());
    seeds.push(br#"{"x": [[1, 2.5], [-3e4, 0]]}"#.to_vec());
    run("onnx", entry::onnx, seeds, 1);
}

#[test]
fn artifacts() {
    let compiled = &sample().compiled;
    let key = compiled.verifying_key().to_bytes().unwrap();
    let settings = compiled.recipe().to_json().into_bytes();
    let opening = {
        let port = &compiled.verifying_key().ports()[0];
        let opening = plonnx::Opening::new(port, vec![1; port.len()], plonnx::Salt::random());
        plonnx::opening::to_bytes(&[opening]).unwrap()
    };
    run("artifacts", entry::artifacts, vec![key, settings, opening], 4);
}

#[test]
fn proof() {
    run("proof", entry::proof, vec![sample().proof().to_bytes().unwrap()], 20);
}

#[test]
fn text() {
    let compiled = &sample().compiled;
    let field = plonnx::ir::text::print(&compiled.prover().model().program.graph).into_bytes();
    let float = plonnx::ir::text::print(&compiled.import().graph).into_bytes();
    run("text", entry::text, vec![field, float], 1);
}
