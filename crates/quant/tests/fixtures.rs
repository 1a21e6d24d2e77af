//! Fidelity of the fixtures: trained models on held-out samples, against the float graph and onnxruntime.

use std::fs::File;
use std::path::PathBuf;

use ndarray::{ArrayD, Axis, IxDyn, OwnedRepr};
use ndarray_npy::NpzReader;
use plonnx_frontend::{Options, import};
use plonnx_ir::{Float, Graph, Tensor};
use plonnx_quant::{Config, Fidelity, Program, calibrate, fidelity, quantise};

struct Fixture {
    graph: Graph<Float>,
    /// Inputs of every sample.
    samples: Vec<Vec<Tensor<f64>>>,
    /// First result of onnxruntime for every sample.
    expected: Vec<Tensor<f64>>,
}

fn array(npz: &mut NpzReader<File>, name: &str) -> ArrayD<f64> {
    if let Ok(array) = npz.by_name::<OwnedRepr<f32>, IxDyn>(name) {
        return array.mapv(f64::from);
    }
    npz.by_name::<OwnedRepr<i64>, IxDyn>(name).unwrap().mapv(|v| v as f64)
}

/// One tensor for every index of the first axis, which stays with extent 1.
fn samples(array: &ArrayD<f64>) -> Vec<Tensor<f64>> {
    array.axis_iter(Axis(0)).map(|sample| Tensor::from(sample.insert_axis(Axis(0)).to_owned())).collect()
}

fn fixture(name: &str) -> Fixture {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name);
    let npz = |file: &str| NpzReader::new(File::open(folder.join(file)).unwrap()).unwrap();
    let bytes = std::fs::read(folder.join("model.onnx")).unwrap();
    let one = Options { dims: [("batch".to_string(), 1)].into(), ..Options::default() };
    let model = import(&bytes, &one).or_else(|_| import(&bytes, &Options::default())).unwrap();
    let mut inputs = npz("inputs.npz");
    let by_input: Vec<Vec<Tensor<f64>>> =
        model.inputs.iter().map(|input| samples(&array(&mut inputs, &input.name))).collect();
    let count = by_input[0].len();
    Fixture {
        samples: (0..count).map(|i| by_input.iter().map(|tensors| tensors[i].clone()).collect()).collect(),
        expected: samples(&array(&mut npz("outputs.npz"), &model.graph.outputs()[0].name)),
        graph: model.graph,
    }
}

struct Measured {
    program: Program,
    fidelity: Fidelity,
    /// Largest difference from onnxruntime.
    error: f64,
    /// Share of samples with the same largest result.
    agreement: f64,
}

/// Calibrates with every other sample and measures on all; the scales that were chosen are a snapshot.
fn measure(name: &str) -> Measured {
    let Fixture { graph, samples, expected } = fixture(name);
    let calibration = calibrate(&graph, &samples.iter().step_by(2).cloned().collect::<Vec<_>>()).unwrap();
    let program = quantise(&graph, &calibration, &Config::default()).unwrap();
    let fidelity = fidelity(&graph, &program, &samples).unwrap();
    let (mut error, mut agreeing) = (0.0f64, 0);
    for (sample, expected) in samples.iter().zip(&expected) {
        let got = program.infer(sample).unwrap().swap_remove(0);
        error = got.iter().zip(expected.iter()).fold(error, |e, (a, b)| e.max((a - b).abs()));
        let best = |t: &Tensor<f64>| {
            t.iter().enumerate().fold((0, f64::NEG_INFINITY), |b, (i, v)| if v > b.1 { (i, v) } else { b }).0
        };
        agreeing += usize::from(best(&got) == best(expected));
    }
    let agreement = agreeing as f64 / samples.len() as f64;
    insta::assert_snapshot!(name, program.report());
    for node in &fidelity.nodes {
        let relative = node.max_error / (node.range.1 - node.range.0);
        println!("{:>4} {:<12} {:<40} {:.1e} of {:?}", node.node, node.op, node.name, relative, node.range);
    }
    println!("{name}: error {error:.2e}, agreement {agreement}, {:?}", fidelity.outputs);
    Measured { program, fidelity, error, agreement }
}

/// Asserts that at most `ties` samples change their class, and that results are within `relative` of their range.
#[track_caller]
fn assert_classifier(name: &str, ties: f64, relative: f64) -> Measured {
    let measured = measure(name);
    assert!(measured.agreement >= 1.0 - ties, "{name}: {}", measured.agreement);
    let output = &measured.fidelity.outputs[0];
    assert!(output.top1_agreement >= Some(1.0 - ties), "{name}: {output:?}");
    assert!(output.relative_error <= relative, "{name}: {output:?}");
    measured
}

#[test]
fn logreg_iris() {
    let measured = assert_classifier("logreg-iris", 0.0, 1e-3);
    assert!(measured.error <= 1e-3, "{}", measured.error);
}

#[test]
fn mlp_mnist() {
    assert_classifier("mlp-mnist", 0.0, 1e-3);
}

#[test]
fn lenet5() {
    assert_classifier("lenet5", 0.0, 1e-3);
}

#[test]
fn resnet_mnist() {
    assert_classifier("resnet-mnist", 0.0, 2e-3);
}

#[test]
fn dwsep_mnist() {
    assert_classifier("dwsep-mnist", 0.0, 2e-3);
}

#[test]
fn lstm_power() {
    assert_classifier("lstm-power", 0.001, 4e-3);
}

#[test]
fn gru_mnist() {
    assert_classifier("gru-mnist", 0.001, 2e-3);
}

/// A model of integers keeps them: its results are onnxruntime's, or next to them, in steps of the last scale.
#[test]
fn lenet5_qdq() {
    const STEP: f64 = 0.192_452_132_701_873_78;
    let measured = assert_classifier("lenet5-qdq", 0.004, 2e-2);
    assert!(measured.error <= 1.01 * STEP, "{}", measured.error);
}

#[test]
fn lenet5_qlinear() {
    let measured = assert_classifier("lenet5-qlinear", 0.004, 1e-2);
    assert!(measured.error <= 0.1, "{}", measured.error);
}

#[test]
fn transformer_chars() {
    let measured = assert_classifier("transformer-chars", 0.01, 2e-3);
    assert_eq!(measured.program.inputs[0].window.bits, 6, "47 tokens");
}

/// Every sample gets the class that onnxruntime gives it: forests compare exactly.
fn assert_forest(name: &str, count: usize) {
    let Fixture { graph, samples, expected } = fixture(name);
    assert_eq!(graph.outputs()[0].name, "label");
    let calibration = calibrate(&graph, &samples.iter().step_by(2).cloned().collect::<Vec<_>>()).unwrap();
    let program = quantise(&graph, &calibration, &Config::default()).unwrap();
    insta::assert_snapshot!(name, program.report());
    let mut agreeing = 0;
    for (sample, expected) in samples.iter().zip(&expected) {
        agreeing += usize::from(program.infer(sample).unwrap()[0] == *expected);
    }
    assert_eq!((agreeing, samples.len()), (count, count));
}

#[test]
fn forest_cancer() {
    assert_forest("forest-cancer", 200);
}

#[test]
fn xgboost_cancer() {
    assert_forest("xgboost-cancer", 200);
}

#[test]
fn lightgbm_wine() {
    assert_forest("lightgbm-wine", 89);
}

#[test]
fn transformer_block() {
    let measured = measure("transformer-block");
    let output = &measured.fidelity.outputs[0];
    assert!(output.relative_error <= 2e-3, "{output:?}");
}
