//! Structure that review would otherwise have to watch: length of files, direction of dependencies, stray snapshots.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines that a source file may have.
const LONGEST: usize = 520;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|n| n != "target" && n != "generated") {
            out.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            out.push(path);
        }
    }
    out.sort();
    out
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let sources = files(&root().join("crates"), "rs");
    assert!(sources.len() > 50, "only {} sources found", sources.len());
    let long: Vec<String> = sources
        .iter()
        .map(|path| (path, fs::read_to_string(path).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{} has {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn sources_open_with_what_they_are() {
    for path in files(&root().join("crates"), "rs") {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!"), "{} has no header", path.display());
    }
}

/// The crates of the workspace that each crate's `[dependencies]` may name.
#[test]
fn dependencies_point_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("ir", &[][..]),
        ("frontend", &["plonnx-ir"][..]),
        ("quant", &["plonnx-ir"][..]),
        ("backend", &["plonnx-ir"][..]),
        ("runtime", &["plonnx-backend", "plonnx-ir", "plonnx-quant"][..]),
        ("plonnx", &["plonnx-backend", "plonnx-frontend", "plonnx-ir", "plonnx-quant", "plonnx-runtime"][..]),
        ("cli", &["plonnx"][..]),
        ("testkit", &["plonnx-backend", "plonnx-frontend", "plonnx-ir", "plonnx-quant"][..]),
    ]);
    for (name, allowed) in allowed {
        let manifest = fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
        let section = manifest.split("[dependencies]").nth(1).unwrap_or("").split("\n[").next().unwrap_or("");
        for line in section.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or("");
            if dependency.starts_with("plonnx") {
                assert!(allowed.contains(&dependency), "crate {name} must not depend on {dependency}");
            }
            if dependency == "plonky2" {
                assert_eq!(name, "backend", "only the backend names plonky2");
            }
        }
    }
}

#[test]
fn snapshots_belong_to_tests() {
    for path in files(&root().join("crates"), "snap") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let module = name.split("__").next().unwrap_or("").to_string();
        let tests = path.parent().and_then(Path::parent).unwrap();
        let own = tests.file_name().is_some_and(|n| *n == *module) && tests.join("main.rs").exists();
        let exists = own || tests.join(format!("{module}.rs")).exists();
        assert!(exists, "{} belongs to no test", path.display());
    }
}
