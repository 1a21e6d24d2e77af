//! The operator tests of ONNX, from the model to a verified proof.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread::available_parallelism;

use plonnx::Class;
use plonnx::conformance::{Case, Counts, End, Limits, Manifest, Outcome, Stage, Suite, Summary, run, run_all};
use plonnx::frontend::proto::{ModelProto, NodeProto};
use prost::Message;
use tempfile::TempDir;

/// Suites of the package `onnx`, as `fetch.py --archive` packs them.
static ARCHIVE: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let packed = File::open(crate::folder().join("operators.tar.xz")).unwrap();
    tar::Archive::new(lzma_rust2::XzReader::new(packed, false)).unpack(folder.path()).unwrap();
    folder
});

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/conformance")
}

fn suite() -> Suite {
    Suite::read(&folder().join("subset")).unwrap()
}

fn case(name: &str) -> Case {
    suite().cases.into_iter().find(|case| case.name == name).unwrap()
}

fn ends(case: &Case) -> (Option<Stage>, End) {
    let Outcome { passed, end, .. } = run(case, &Limits::default());
    (passed, end)
}

/// Proves the suite `name` below `parent` and compares with its manifest.
fn proved(parent: &Path, name: &str) -> Counts {
    let suite = Suite::read(&parent.join(name)).unwrap();
    let limits = Limits { prove: true, ..Limits::default() };
    let outcomes = run_all(&suite.cases, &limits, available_parallelism().map_or(2, usize::from), |_| {});
    let manifest = fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap();
    let manifest = Manifest::parse(&manifest).unwrap();
    let names = suite.cases.iter().map(|case| case.name.as_str());
    assert_eq!(manifest.differences(&outcomes, true, names), [""; 0]);
    let all = Summary::of(&outcomes).all;
    assert_eq!((all.total, all.mismatched, all.panicked), (suite.cases.len(), 0, 0), "{all:?}");
    assert_eq!(all.proved + all.rejected, all.total, "{all:?}");
    all
}

#[test]
fn operators_are_proved() {
    let all = proved(ARCHIVE.path(), "node");
    assert!(all.total == 1765 && all.proved >= 1531, "{all:?}");
}

#[test]
fn exported_operators_are_proved() {
    assert_eq!(proved(ARCHIVE.path(), "simple").total, 23);
    assert_eq!(proved(ARCHIVE.path(), "pytorch-operator").total, 35);
}

#[test]
fn classical_models_are_proved() {
    let all = proved(&folder(), "learnt");
    assert_eq!(all.proved, all.total, "{all:?}");
}

#[test]
fn wrong_expectations_are_mismatches() {
    let mut wrong = case("test_matmul_2d");
    let value = &mut wrong.sets[0].outputs[0];
    let mut bytes: [u8; 4] = value.raw_data[..4].try_into().unwrap();
    bytes = (f32::from_le_bytes(bytes) + 0.5).to_le_bytes();
    value.raw_data[..4].copy_from_slice(&bytes);
    let (passed, end) = ends(&wrong);
    assert_eq!(passed, Some(Stage::Import));
    assert!(matches!(&end, End::Mismatched { stage: Stage::Float, detail } if detail.contains("1 of 9")), "{end}");

    let mut shape = case("test_abs");
    shape.sets[0].outputs[0].dims = vec![60];
    assert!(matches!(ends(&shape).1, End::Mismatched { stage: Stage::Float, .. }));

    let mut missing = case("test_abs");
    missing.sets[0].outputs.clear();
    assert!(matches!(ends(&missing).1, End::Mismatched { stage: Stage::Float, .. }));
}

#[test]
fn rejections_have_a_class() {
    let unsupported = |end: &End| matches!(end, End::Rejected { class: Class::Unsupported, .. });
    let mut unknown = case("test_abs");
    unknown.model = ModelProto::decode(unknown.bytes.as_slice()).unwrap();
    let node = NodeProto { op_type: "Nothing".into(), ..unknown.model.graph.as_ref().unwrap().node[0].clone() };
    unknown.model.graph.as_mut().unwrap().node[0] = node;
    unknown.bytes = unknown.model.encode_to_vec();
    let (passed, end) = ends(&unknown);
    assert_eq!(passed, None);
    assert!(unsupported(&end) && end.to_string().contains("Nothing: this operator is not supported"), "{end}");

    let abs = case("test_abs");
    let small = Limits { circuit: 10, ..Limits::default() };
    let outcome = run(&abs, &small);
    assert_eq!(outcome.passed, Some(Stage::Quantise));
    assert!(matches!(outcome.end, End::Rejected { stage: Stage::Check, class: Class::Limit, .. }), "{}", outcome.end);
    let smaller = Limits { evaluated: 10, ..Limits::default() };
    let outcome = run(&abs, &smaller);
    assert!(matches!(outcome.end, End::Rejected { stage: Stage::Float, class: Class::Limit, .. }), "{}", outcome.end);
}

#[test]
fn operands_that_circuits_need_become_constants() {
    let outcome = run(&case("test_reshape_negative_dim"), &Limits::default());
    assert_eq!((outcome.constants.as_slice(), outcome.has_inputs), (&["shape".to_string()][..], true));
    assert_eq!(outcome.operator, "Reshape");
    let outcome = run(&case("test_add_bcast"), &Limits::default());
    assert!(outcome.constants.is_empty());
}

#[test]
fn folders_without_tests_are_refused() {
    let error = Suite::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap_err();
    assert!(error.to_string().contains("no test in it"), "{error}");
    assert!(Suite::read(Path::new("/nonexistent")).is_err());
}
