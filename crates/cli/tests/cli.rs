//! The binary as its users meet it: exit codes, messages and files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn fixture(name: &str, file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name).join(file);
    path.to_str().unwrap().to_string()
}

/// A folder and the commands run in it.
struct Session(TempDir);

struct Ran(Output);

impl Session {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn write(&self, file: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(file), bytes).unwrap();
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plonnx"));
        let command = command.args(args).current_dir(self.0.path()).env_remove("NO_COLOR");
        Ran(command.env("PLONNX_NO_CALIBRATION", "1").output().unwrap())
    }

    /// Compiles a fixture to `NAME.plonnx` and `NAME.vk`.
    fn compile(&self, name: &str, more: &[&str]) -> Ran {
        let (model, inputs) = (fixture(name, "model.onnx"), fixture(name, "inputs.npz"));
        let (out, vk) = (format!("{name}.plonnx"), format!("{name}.vk"));
        let args = ["compile", &model, "-o", &out, "--vk", &vk, "--dim", "batch=1", "--calibrate", &inputs];
        self.run(&[&args, more].concat())
    }
}

impl Ran {
    fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    fn ok(&self) -> String {
        assert_eq!(self.0.status.code(), Some(0), "{}{}", self.stdout(), self.stderr());
        self.stdout()
    }

    fn json(&self) -> Value {
        let text = self.ok();
        assert_eq!(text.lines().count(), 1, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Failed with this code and a message that has these parts.
    fn failed(&self, code: i32, parts: &[&str]) {
        let message = self.stderr();
        assert_eq!(self.0.status.code(), Some(code), "{}{message}", self.stdout());
        assert!(message.contains("plonnx: ") || code == 2, "{message}");
        for part in parts {
            assert!(message.contains(part), "expected {part}\ngot {message}");
        }
    }
}

fn round_trip(name: &str) {
    let s = Session::new();
    let (inputs, outputs) = (fixture(name, "inputs.npz"), fixture(name, "outputs.npz"));
    let compiled = format!("{name}.plonnx");
    let vk = format!("{name}.vk");
    let text = s.compile(name, &[]).ok();
    assert!(text.contains("private   input") && text.contains("public    output"), "{text}");

    let proved = s.run(&["--json", "prove", &compiled, "--data", &inputs, "--sample", "3", "--check"]).json();
    s.write("expected.json", proved["public"].to_string());
    let verify = ["verify", "--vk", &vk, "--proof", "proof.plonnx"];
    let text = s.run(&verify).ok();
    assert!(text.contains("the proof is valid") && text.contains("not zero knowledge"), "{text}");
    let text = s.run(&[&verify[..], &["--expect", "expected.json"]].concat()).ok();
    assert!(text.contains("as expected"), "{text}");
    // onnxruntime's outputs agree within a tolerance only.
    let close = [&verify[..], &["--expect", &outputs, "--sample", "3", "--tolerance", "0.05"]].concat();
    s.run(&close).ok();
    let other = [&verify[..], &["--expect", &outputs, "--sample", "4", "--tolerance", "0.0001"]].concat();
    s.run(&other).failed(1, &["proof.plonnx: output \"", "was claimed to be", "the proof says"]);
    s.run(&[&verify[..], &["--expect", &outputs]].concat()).failed(2, &["choose one with --sample"]);
}

#[test]
fn logreg_iris_is_proved_and_verified() {
    round_trip("logreg-iris");
}

#[test]
fn mlp_mnist_is_proved_and_verified() {
    round_trip("mlp-mnist");
}

#[test]
fn compilation_is_deterministic() {
    let (a, b) = (Session::new(), Session::new());
    a.compile("logreg-iris", &[]).ok();
    b.compile("logreg-iris", &[]).ok();
    for file in ["logreg-iris.plonnx", "logreg-iris.vk"] {
        assert!(fs::read(a.path(file)).unwrap() == fs::read(b.path(file)).unwrap(), "{file}");
    }
}

#[test]
fn an_onnx_model_is_proved_at_once() {
    let s = Session::new();
    let (model, inputs) = (fixture("logreg-iris", "model.onnx"), fixture("logreg-iris", "inputs.npz"));
    let prove = ["prove", &model, "--dim", "batch=1", "--data", &inputs, "--vk", "vk", "--input", "public"];
    s.run(&prove).failed(2, &["--calibrate", "--range"]);
    let text = s.run(&[&prove[..], &["--range", "0,10", "--profile", "proven80"]].concat()).ok();
    assert!(text.contains("public input features 1x4"), "{text}");
    let verified = s.run(&["verify", "--vk", "vk", "--proof", "proof.plonnx", "--json"]).json();
    assert_eq!(verified["profile"], "proven80");
    assert_eq!(verified["private"], Value::Array(vec![]));
    // Visibility by name; names are checked.
    let named = [&prove[..8], &["--range", "0,10", "--input", "flower=public"]].concat();
    s.run(&named).failed(2, &["no input is called \"flower\"; the model has \"features\""]);
}

#[test]
fn inference_and_constraints_without_a_proof() {
    let s = Session::new();
    let (model, inputs) = (fixture("logreg-iris", "model.onnx"), fixture("logreg-iris", "inputs.npz"));
    let options = [&model, "--dim", "batch=1", "--data", &inputs, "--sample", "7"];
    let text = s.run(&[&["run"], &options[..]].concat()).ok();
    assert!(text.contains("sample 7 of 50, calibrated on 32 samples") && text.contains("largest difference"), "{text}");
    let run = s.run(&[&["run", "--json"], &options[..]].concat()).json();
    let (q, f) = (&run["outputs"]["probabilities"][0], &run["float"]["probabilities"][0]);
    for i in 0..3 {
        assert!((q[i].as_f64().unwrap() - f[i].as_f64().unwrap()).abs() < 1e-2, "{run}");
    }
    let text = s.run(&[&["check"], &options[..]].concat()).ok();
    assert!(text.contains("hold on sample 7"), "{text}");
    let beyond = [&["run"], &options[..5], &["--sample", "50"]].concat();
    s.run(&beyond).failed(3, &["sample 50 does not exist: the data has 50"]);
}

#[test]
fn data_that_do_not_fit_are_named() {
    let s = Session::new();
    s.compile("logreg-iris", &[]).ok();
    let run = |data: &str| s.run(&["prove", "logreg-iris.plonnx", "--data", data]);
    s.write("shape.json", "[[1, 2, 3]]");
    run("shape.json").failed(3, &["input \"features\": expected shape [1, 4]", "got [1, 3]"]);
    s.write("name.json", r#"{"features": [1, 2, 3, 4], "colour": 1}"#);
    run("name.json").failed(3, &["array \"colour\" belongs to no input; the inputs are \"features\""]);
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 4), }\n";
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    npy.extend((header.len() as u16).to_le_bytes());
    npy.extend(header.bytes());
    npy.extend([5.0, f64::NAN, 3.0, 1.0].iter().flat_map(|v| v.to_le_bytes()));
    s.write("nan.npy", &npy);
    run("nan.npy").failed(3, &["input \"features\": element 1 is NaN, expected a value in ["]);
    s.write("cut.npy", &npy[..npy.len() - 3]);
    run("cut.npy").failed(3, &["cut.npy: not readable as an .npy file", "shape [1, 4]"]);
    s.write("wide.json", "[5, 3, 1000000, 1]");
    run("wide.json").failed(3, &["element 2 is 1000000", "recalibrate"]);
    s.write("data.csv", "1,2,3,4");
    run("data.csv").failed(3, &["data.csv: expected a file that ends in .npy, .npz, .json or .pb"]);
    run("missing.json").failed(3, &["missing.json: No such file"]);
    s.write("text.json", "[1, 2, NaN, 4]");
    run("text.json").failed(3, &["text.json: not readable as a JSON file of tensors", "NaN"]);
    fs::File::create(s.path("huge.json")).unwrap().set_len((1 << 27) + 1).unwrap();
    run("huge.json").failed(5, &["huge.json", "limit"]);
    assert!(!s.path("proof.plonnx").exists(), "a failed command leaves a proof behind");
}

#[test]
fn models_that_do_not_fit_are_named() {
    let s = Session::new();
    let (model, inputs) = (fixture("logreg-iris", "model.onnx"), fixture("logreg-iris", "inputs.npz"));
    let bytes = fs::read(&model).unwrap();
    s.run(&["compile", &model, "--calibrate", &inputs]).failed(2, &["model.onnx: ", "\"batch\"", "--dim batch=1"]);
    for cut in [0, 10, bytes.len() / 2] {
        s.write("cut.onnx", &bytes[..cut]);
        s.run(&["compile", "cut.onnx", "--dim", "batch=1", "--range", "0,8"]).failed(3, &["cut.onnx: "]);
    }
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(text.matches("Softmax").count() - text.matches("/Softmax").count(), 1, "one operator");
    let at = bytes.windows(9).position(|w| w == b"\x22\x07Softmax").expect("the operator's type");
    let mut unknown = bytes.clone();
    unknown[at + 8] = b'y';
    s.write("unknown.onnx", &unknown);
    let args = ["inspect", "unknown.onnx", "--dim", "batch=1"];
    s.run(&args).failed(4, &["unknown.onnx: 1 unsupported use in the model", "Softmay"]);
    let failed = s.run(&[&args[..], &["--json"]].concat());
    let object: Value = serde_json::from_str(&failed.stdout()).unwrap();
    assert_eq!(object["code"], 4);
    assert!(object["error"].as_str().unwrap().contains("Softmay"));
    s.run(&["inspect", "nothing.onnx"]).failed(3, &["nothing.onnx: No such file"]);
    s.run(&["compile", &model, "--dim", "batch"]).failed(2, &["expected NAME=VALUE"]);
    s.run(&["compile", &model, "--range", "2,1"]).failed(2, &["expected LO at most HI"]);
    s.run(&["compile", &model, "--dim", "batch=1", "--range", "0,8", "--activation-bits", "40"])
        .failed(2, &["expected activation_bits between", "got 40"]);
}

#[test]
fn proofs_that_do_not_hold_are_rejected() {
    let s = Session::new();
    s.compile("logreg-iris", &[]).ok();
    s.compile("mlp-mnist", &[]).ok();
    let inputs = fixture("logreg-iris", "inputs.npz");
    s.run(&["prove", "logreg-iris.plonnx", "--data", &inputs]).ok();
    let verify = |vk: &str, proof: &str| s.run(&["verify", "--vk", vk, "--proof", proof]);
    verify("logreg-iris.vk", "proof.plonnx").ok();

    verify("mlp-mnist.vk", "proof.plonnx").failed(1, &["proof.plonnx: the proof was made for key", "expected key"]);
    let proof = fs::read(s.path("proof.plonnx")).unwrap();
    for at in [9, 30, proof.len() / 2, proof.len() - 1] {
        let mut altered = proof.clone();
        altered[at] ^= 4;
        s.write("altered", &altered);
        let ran = verify("logreg-iris.vk", "altered");
        assert!(matches!(ran.0.status.code(), Some(1 | 3)), "byte {at}: {}", ran.stderr());
        assert!(ran.stderr().contains("altered: "), "{}", ran.stderr());
    }
    s.write("cut", &proof[..proof.len() - 100]);
    verify("logreg-iris.vk", "cut").failed(1, &["cut: a proof is damaged"]);
    verify("proof.plonnx", "proof.plonnx").failed(3, &["proof.plonnx: expected a verifying key, found a proof"]);
    verify("logreg-iris.vk", "logreg-iris.vk").failed(3, &["expected a proof, found a verifying key"]);
    verify(&fixture("logreg-iris", "model.onnx"), "proof.plonnx").failed(3, &["a file that plonnx did not write"]);

    s.write("wrong.json", r#"{"probabilities": [[0.2, 0.3, 0.5]]}"#);
    let expect = |file: &str| s.run(&["verify", "--vk", "logreg-iris.vk", "--proof", "proof.plonnx", "--expect", file]);
    expect("wrong.json").failed(1, &["output \"probabilities\": element 0 was claimed to be 0.2, the proof says"]);
    s.write("private.json", r#"{"features": [[1, 2, 3, 4]]}"#);
    expect("private.json").failed(2, &["the key has: probabilities"]);
    s.write("length.json", r#"{"probabilities": [0.2]}"#);
    expect("length.json").failed(3, &["expected shape [1, 3]"]);
}

#[test]
fn a_compiled_model_is_fixed() {
    let s = Session::new();
    s.compile("logreg-iris", &[]).ok();
    let inputs = fixture("logreg-iris", "inputs.npz");
    s.run(&["prove", "logreg-iris.plonnx", "--data", &inputs, "--input", "public"])
        .failed(2, &["is compiled already: --input only applies to ONNX models"]);
    s.run(&["prove", "logreg-iris.vk", "--data", &inputs])
        .failed(3, &["expected a compiled model, found a verifying key"]);
}

#[test]
fn files_are_shown() {
    let s = Session::new();
    let (model, inputs) = (fixture("logreg-iris", "model.onnx"), fixture("logreg-iris", "inputs.npz"));
    let text = s.run(&["inspect", &model, "--dim", "batch=1", "--rows"]).ok();
    for part in [
        "opset 13",
        "Gemm 1, Softmax 1",
        "every node is supported",
        "forecast: ",
        "emitted rows by kind",
        "bits proven",
    ] {
        assert!(text.contains(part), "expected {part}\ngot {text}");
    }
    let program = s.run(&["inspect", &model, "--dim", "batch=1", "--calibrate", &inputs, "--text"]).ok();
    assert!(program.starts_with("graph field\n%0 = input"), "{program}");
    s.compile("logreg-iris", &[]).ok();
    assert_eq!(s.run(&["inspect", "logreg-iris.plonnx", "--text"]).ok(), program);
    let compiled = s.run(&["inspect", "logreg-iris.plonnx", "--json"]).json();
    let key = s.run(&["inspect", "logreg-iris.vk", "--json"]).json();
    assert_eq!(compiled["key"], key["key"]);
    s.run(&["prove", "logreg-iris.plonnx", "--data", &inputs]).ok();
    let proof = s.run(&["inspect", "proof.plonnx", "--json"]).json();
    assert_eq!(proof["key"], key["key"]);
}

#[test]
fn measurements_are_one_line() {
    let s = Session::new();
    let folder = Path::new(&fixture("logreg-iris", "")).to_str().unwrap().to_string();
    let line = s.run(&["bench", &folder, "--json", "--runs", "1"]).json();
    assert_eq!(line["model"], "logreg-iris");
    assert_eq!((&line["params"], &line["macs"], &line["samples"]), (&15.into(), &12.into(), &50.into()));
    for number in ["rows", "degree_bits", "compile_s", "witness_s", "prove_s", "verify_ms", "proof_bytes", "threads"] {
        assert!(line[number].as_f64().unwrap() > 0.0, "{number}: {line}");
    }
    assert!(line["max_abs_err"].as_f64().unwrap() < 1e-2, "{line}");
    assert!(line["top1_agreement"].as_f64().unwrap() >= 0.99, "{line}");
    assert!(cfg!(not(target_os = "linux")) || line["peak_rss_mib"].as_f64().unwrap() > 1.0, "{line}");
}

#[test]
fn the_demonstration_rejects_forgeries() {
    let s = Session::new();
    let text = s.run(&["demo"]).ok();
    for part in ["labelled 7", "accepted", "the largest is that of 7", "NOT zero knowledge", "over 256 digits"] {
        assert!(text.contains(part), "expected {part}\ngot {text}");
    }
    assert_eq!(text.matches("rejected").count(), 3, "{text}");
    assert!(!text.contains('\x1b'), "colours without a terminal");
    let run = s.run(&["demo", "--json", "--digit", "3"]).json();
    assert_eq!((&run["label"], &run["reading"]), (&3.into(), &3.into()));
    s.run(&["demo", "--sample", "256"]).failed(3, &["sample 256 does not exist"]);
    s.run(&["demo", "--digit", "10"]).failed(2, &["0..=9"]);
}

#[test]
fn exit_codes_are_documented() {
    let s = Session::new();
    let help = s.run(&["--help"]).ok();
    for part in ["Exit codes", "rejected", "70"] {
        assert!(help.contains(part), "{help}");
    }
    s.run(&["conjure"]).failed(2, &["conjure"]);
}

#[test]
fn conformance_compares_with_a_manifest() {
    let s = Session::new();
    let subset = fixture("conformance", "subset");
    let one = ["conformance", &subset, "--filter", "test_abs"];
    let summary = s.run(&[&one[..], &["--json"]].concat()).json();
    assert_eq!((&summary["total"], &summary["checked"], &summary["proved"]), (&1.into(), &1.into(), &0.into()));
    assert_eq!(summary["operators"]["Abs"]["float_match"], 1);
    let manifest = ["--manifest", "known.txt"];
    s.run(&[&one[..], &manifest].concat()).failed(3, &["known.txt"]);
    s.run(&[&one[..], &manifest, &["--update"]].concat()).ok();
    assert_eq!(std::fs::read_to_string(s.path("known.txt")).unwrap(), "checked test_abs\n");
    assert!(s.run(&[&one[..], &manifest].concat()).ok().contains("operator"));
    s.write("known.txt", "checked test_abs\nchecked test_none\n");
    let stale = "test_none: no such test, but a line: checked test_none";
    s.run(&[&one[..], &manifest].concat()).failed(1, &["1 lines of known.txt do not hold", stale]);
    s.run(&["conformance", "."]).failed(2, &["no test in it"]);
    s.run(&["conformance", &subset, "--filter", "Abs"]).failed(2, &["no test in", "contains \"Abs\""]);
}

#[test]
fn inputs_become_constants() {
    let s = Session::new();
    let model = fixture("conformance/subset/test_reshape_negative_dim", "model.onnx");
    let data = fixture("conformance/subset/test_reshape_negative_dim/test_data_set_0", "input_0.pb");
    let shape = fixture("conformance/subset/test_reshape_negative_dim/test_data_set_0", "input_1.pb");
    let constant = format!("shape={shape}");
    s.run(&["run", &model, "--data", &data]).failed(4, &["Reshape"]);
    s.run(&["run", &model, "--data", &data, "--constant", &constant]).ok();
    let wrong = format!("data={shape}");
    s.run(&["inspect", &model, "--constant", &wrong])
        .failed(2, &["option --constant data: the shape [3] does not fit"]);
}
