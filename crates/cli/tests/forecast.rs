//! Forecasts, limits and the suite of benchmarks, as users of the binary meet them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn fixture(name: &str, file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name).join(file);
    path.to_str().unwrap().to_string()
}

/// Runs the command with its cache in `cache`; without one it does not calibrate.
fn run(folder: &Path, cache: Option<&Path>, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plonnx"));
    command.args(args).current_dir(folder);
    match cache {
        Some(cache) => command.env("PLONNX_CACHE", cache).env_remove("PLONNX_NO_CALIBRATION"),
        None => command.env("PLONNX_NO_CALIBRATION", "1"),
    };
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(output)))
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_machine_is_calibrated_once() {
    let (here, cache) = (folder(), folder());
    let cache = cache.path().join("plonnx");
    let model = fixture("logreg-iris", "model.onnx");
    let inspect = ["inspect", &model, "--dim", "batch=1", "--json"];
    let assumed = json(&run(here.path(), None, &inspect));
    assert_eq!(assumed["forecast"]["calibrated"], false);
    assert!(!cache.exists());

    let first = json(&run(here.path(), Some(&cache), &inspect));
    assert_eq!(first["forecast"]["calibrated"], true);
    let file = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let written = fs::read_to_string(&file).unwrap();
    let second = json(&run(here.path(), Some(&cache), &inspect));
    assert_eq!(second["forecast"]["prove_s"], first["forecast"]["prove_s"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), written);

    // A damaged file is replaced.
    fs::write(&file, written.replace("plonnx speed", "another file")).unwrap();
    let third = json(&run(here.path(), Some(&cache), &inspect));
    assert_eq!(third["forecast"]["calibrated"], true);
    assert!(fs::read_to_string(&file).unwrap().contains("plonnx speed"));
    let calibrated = json(&run(here.path(), Some(&cache), &["calibrate", "--json"]));
    assert!(calibrated["factor"].as_f64().unwrap() > 0.0, "{calibrated}");
}

#[test]
fn what_memory_cannot_hold_is_not_started() {
    let here = folder();
    let (model, inputs) = (fixture("mlp-mnist", "model.onnx"), fixture("mlp-mnist", "inputs.npz"));
    let options = ["--dim", "batch=1", "--calibrate", &inputs];
    let refused = |args: &[&str], parts: &[&str]| {
        let output = run(here.path(), None, args);
        assert_eq!(output.status.code(), Some(5), "{}", text(&output));
        for part in parts {
            assert!(text(&output).contains(part), "expected {part}\ngot {}", text(&output));
        }
    };
    let prove = [&["prove", &model, "--data", &inputs], &options[..]].concat();
    let small = ["--max-memory", "1MiB"];
    let parts = ["proving takes about ", "--max-memory allows 1 MiB", "no circuit", "or try it all the same with"];
    refused(&[&prove[..], &small].concat(), &parts);
    assert!(!here.path().join("proof.plonnx").exists());
    refused(&[&["bench", &fixture("mlp-mnist", ""), "--json"], &small[..]].concat(), &["proving takes about "]);
    refused(&[&["compile", &model, "-o", "m.plonnx"], &options[..], &small].concat(), &["compiling takes about "]);
    assert!(!here.path().join("m.plonnx").exists());
    let inspect = [&["inspect", &model], &options[..], &small].concat();
    refused(&inspect, &["rows, padded to 2^", "forecast: ", "compiling takes about "]);

    let output = run(here.path(), None, &[&prove[..], &["--max-memory", "2GiB"]].concat());
    assert!(output.status.success(), "{}", text(&output));
    let output = run(here.path(), None, &[&prove[..], &["--max-memory", "much"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("such as 4GiB"), "{}", text(&output));
}

#[test]
fn layouts_are_listed() {
    let here = folder();
    let model = fixture("lenet5", "model.onnx");
    let output = run(here.path(), None, &["inspect", &model, "--dim", "batch=1", "--rows"]);
    let listed = text(&output);
    assert!(listed.contains("layouts considered, "), "{listed}");
    assert_eq!(listed.matches("  chosen ").count(), 1, "{listed}");
    assert!(listed.matches("weights a row,").count() >= 3, "{listed}");
    let plan = &json(&run(here.path(), None, &["inspect", &model, "--dim", "batch=1", "--json"]))["plan"];
    let chosen: Vec<&Value> = plan["candidates"].as_array().unwrap().iter().filter(|c| c["chosen"] == true).collect();
    assert_eq!((chosen.len(), &chosen[0]["rows"]), (1, &plan["rows"]));
}

/// Also keeps the forecast of memory honest: it is compared with what a process really held.
#[test]
fn the_suite_measures_models_by_name() {
    let here = folder();
    let suite = ["bench", "--suite", "paper", "--json", "--runs", "1"];
    let line = json(&run(here.path(), None, &[&suite[..], &["--only", "lenet5", "--keep", "models"]].concat()));
    assert_eq!((&line["model"], &line["weights"]), (&"lenet5".into(), &"trained".into()));
    for number in ["rows_per_activation", "rows_per_weight", "forecast_prove_s", "forecast_mib", "max_rel_err"] {
        assert!(line[number].as_f64().unwrap() > 0.0, "{number}: {line}");
    }
    assert!(line["max_rel_err"].as_f64().unwrap() < 1e-3, "{line}");
    if let Some(measured) = line["peak_rss_mib"].as_f64() {
        let ratio = line["forecast_mib"].as_f64().unwrap() / measured;
        // What the allocator of a process this small has not returned varies by a sixth from run to run.
        assert!((0.75..1.3).contains(&ratio), "memory was forecast {ratio} times too large: {line}");
    }
    assert!(here.path().join("models/lenet5/model.onnx").exists());

    let output = run(here.path(), None, &[&suite[..], &["--only", "lenet6"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("no model lenet6 in the suite, there are: mlp-18m, "), "{}", text(&output));
    let output = run(here.path(), None, &[&suite[..], &["--only", "lenet5", "--max-memory", "2MiB"]].concat());
    assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    let output = run(here.path(), None, &[&suite[..], &["--zk"]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}
