//! The operator tests that come with the Python package `onnx`.
//!
//! Set `PLONNX_ONNX_NODE_TESTS` to its folder `onnx/backend/test/data/node` and run with `--ignored`. Circuits need more
//! known at compile time than ONNX does: when a test model is rejected as it is, its integer operands become constants,
//! then all operands but the first, then all of them.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use plonnx_frontend::proto::{ModelProto, TensorProto};
use plonnx_frontend::{FrontendError, Options, decode_tensor, import, supported_ops};
use plonnx_ir::{Tensor, eval, verify};
use prost::Message;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fixed {
    Nothing,
    Integers,
    AllButFirst,
    Everything,
}

enum Outcome {
    Matched(Fixed),
    Rejected(String),
    Mismatched(String),
    Panicked,
}

const INT64: i32 = 7;
const INT32: i32 = 6;
const BFLOAT16: i32 = 16;

fn tensors(folder: &Path, role: &str) -> Option<Vec<TensorProto>> {
    let mut all = Vec::new();
    for i in 0.. {
        let Ok(bytes) = fs::read(folder.join(format!("{role}_{i}.pb"))) else { break };
        all.push(TensorProto::decode(bytes.as_slice()).ok()?);
    }
    Some(all)
}

fn value(proto: &TensorProto) -> Option<Tensor<f64>> {
    decode_tensor(&proto.encode_to_vec()).ok().map(|t| t.1)
}

/// Whether the results agree up to the rounding of 16-bit floats, which the graph does not model.
fn agree(y: &Tensor<f64>, expected: &Tensor<f64>, data_type: i32) -> bool {
    let relative = if data_type == BFLOAT16 { 4e-3 } else { 1e-3 };
    let largest = expected.iter().filter(|v| v.is_finite()).fold(1f64, |m, v| m.max(v.abs()));
    y.shape() == expected.shape()
        && y.iter()
            .zip(expected.iter())
            .all(|(a, b)| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= relative * b.abs() + 1e-5 * largest)
}

/// `model` with the operands that `fixed` names as initialisers, and the others.
fn fix(model: &ModelProto, given: &[TensorProto], fixed: Fixed) -> Option<(Vec<u8>, Options, Vec<Tensor<f64>>)> {
    let mut model = model.clone();
    let graph = model.graph.as_mut()?;
    let (mut rest, mut inputs, mut options) = (Vec::new(), Vec::new(), Options::default());
    for (i, (info, tensor)) in std::mem::take(&mut graph.input).into_iter().zip(given).enumerate() {
        let constant = match fixed {
            Fixed::Nothing => false,
            Fixed::Integers => [INT32, INT64].contains(&tensor.data_type),
            Fixed::AllButFirst => i > 0,
            Fixed::Everything => true,
        };
        if constant {
            graph.initializer.push(TensorProto { name: info.name.clone(), ..tensor.clone() });
        } else {
            let value = value(tensor)?;
            options.input_shapes.insert(info.name.clone(), value.shape().to_vec());
            inputs.push(value);
            rest.push(info);
        }
    }
    graph.input = rest;
    Some((model.encode_to_vec(), options, inputs))
}

fn run(folder: &Path) -> Outcome {
    let bytes = fs::read(folder.join("model.onnx")).unwrap();
    let data = folder.join("test_data_set_0");
    let (Some(given), Some(expected)) = (tensors(&data, "input"), tensors(&data, "output")) else {
        return Outcome::Rejected("data that is no tensor".into());
    };
    let Ok(model) = ModelProto::decode(bytes.as_slice()) else { return Outcome::Rejected("unreadable".into()) };
    let (mut first, mut matched) = (None, None);
    for fixed in [Fixed::Nothing, Fixed::Integers, Fixed::AllButFirst, Fixed::Everything] {
        let Some((bytes, options, inputs)) = fix(&model, &given, fixed) else {
            return Outcome::Rejected("data of an unsupported type".into());
        };
        let imported = match import(&bytes, &options) {
            Ok(imported) => imported,
            Err(error) => {
                let reason = match error {
                    FrontendError::Unsupported { problems } => format!("{}: {}", problems[0].op, problems[0].reason),
                    other => other.to_string(),
                };
                first.get_or_insert(reason);
                continue;
            }
        };
        if let Err(errors) = verify(&imported.graph) {
            return Outcome::Mismatched(format!("{fixed:?}: the graph breaks an invariant: {errors:?}"));
        }
        let results = match eval(&imported.graph, &inputs) {
            Ok(results) => results,
            // Negative or large indices from the data.
            Err(error) => {
                first.get_or_insert(format!("evaluation: {error}"));
                continue;
            }
        };
        let names: Vec<&str> = model.graph.iter().flat_map(|g| &g.output).map(|o| o.name.as_str()).collect();
        for ((y, expected), name) in results.iter().zip(&expected).zip(names) {
            let data_type = expected.data_type;
            let Some(expected) = value(expected) else { return Outcome::Rejected("result of another type".into()) };
            if !agree(y, &expected, data_type) {
                let (y, e) = (y.to_vec(), expected.to_vec());
                return Outcome::Mismatched(format!(
                    "{fixed:?} {name}: {:?}.. expected {:?}.. of shape {:?}",
                    &y[..y.len().min(8)],
                    &e[..e.len().min(8)],
                    expected.shape()
                ));
            }
        }
        // Later turns check that folding constants gives the same results.
        matched.get_or_insert(fixed);
    }
    if let Some(fixed) = matched {
        return Outcome::Matched(fixed);
    }
    Outcome::Rejected(first.unwrap_or_default())
}

#[test]
#[ignore = "needs the test data of the onnx package"]
fn onnx_node_tests() {
    let root = PathBuf::from(std::env::var("PLONNX_ONNX_NODE_TESTS").expect("set PLONNX_ONNX_NODE_TESTS"));
    let verbose = std::env::var("PLONNX_ONNX_NODE_VERBOSE").is_ok();
    let supported: Vec<&str> = supported_ops().map(|o| o.name).collect();
    let mut folders: Vec<_> = fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    folders.retain(|f| f.join("model.onnx").exists());
    folders.sort();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut bad = Vec::new();
    for folder in &folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let ops = fs::read(folder.join("model.onnx")).ok().and_then(|b| ModelProto::decode(b.as_slice()).ok());
        let ops = ops.and_then(|m| m.graph).map_or(Vec::new(), |g| g.node);
        let in_table = ops.iter().all(|n| supported.contains(&n.op_type.as_str()));
        let outcome = catch_unwind(AssertUnwindSafe(|| run(folder))).unwrap_or(Outcome::Panicked);
        let key = match outcome {
            Outcome::Matched(fixed) => format!("matched, constants: {fixed:?}"),
            Outcome::Rejected(reason) => {
                if verbose {
                    println!("rejected {name}: {reason}");
                }
                format!("rejected, operators {}in the table", if in_table { "" } else { "not " })
            }
            Outcome::Mismatched(reason) => {
                bad.push(format!("mismatched {name}: {reason}"));
                "mismatched".into()
            }
            Outcome::Panicked => {
                bad.push(format!("panicked {name}"));
                "panicked".into()
            }
        };
        *counts.entry(key).or_insert(0) += 1;
    }
    println!("{} tests", folders.len());
    for (key, count) in &counts {
        println!("{count:5} {key}");
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
