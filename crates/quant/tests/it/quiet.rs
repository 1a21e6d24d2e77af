//! Samples and weights that are far smaller than others of the same tensor.

use plonnx_ir::op::View;
use plonnx_ir::{Function, NodeId, Tensor};
use plonnx_quant::{calibrate, fidelity, quantise};

use crate::build::{Build, assert_close};

/// Samples of which every second is `quiet` times as large as the others.
fn samples(b: &mut Build, quiet: f64) -> Vec<Vec<Tensor<f64>>> {
    let scaled = |t: &Tensor<f64>, by: f64| Tensor::from_vec(t.shape(), t.iter().map(|v| v * by).collect()).unwrap();
    let loud = b.samples(8, 1.0);
    let factor = |i: usize| if i.is_multiple_of(2) { 1.0 } else { quiet };
    loud.iter().enumerate().map(|(i, sample)| sample.iter().map(|t| scaled(t, factor(i))).collect()).collect()
}

/// Largest error at `node` on the second sample alone, relative to its largest value there.
fn error_when_quiet(b: &Build, samples: &[Vec<Tensor<f64>>], node: NodeId) -> f64 {
    let calibration = calibrate(&b.graph, samples).unwrap();
    let program = quantise(&b.graph, &calibration, &Default::default()).unwrap();
    let fidelity = fidelity(&b.graph, &program, &samples[1..2]).unwrap();
    let node = fidelity.nodes.iter().find(|n| n.node == node.index()).expect("the node has a value");
    node.max_error / node.range.0.abs().max(node.range.1.abs())
}

/// Magnitudes of two projections of the input, as a spectrum has them, and a layer on them.
fn spectrum() -> (Build, NodeId) {
    let mut b = Build::new(31);
    let x = b.input("x", &[1, 16]);
    let squares = [0, 1].map(|_| {
        let w = b.weights(&[16, 8], 1.0);
        let part = b.contract("ab,bc->ac", x, w);
        b.map(Function::Pow(2.0), part)
    });
    let sum = b.sum(&[(1.0, squares[0]), (1.0, squares[1])]);
    let root = b.map(Function::Sqrt, sum);
    let y = b.linear(root, 4);
    b.output("y", y);
    (b, root)
}

#[test]
fn magnitudes_of_quiet_samples_are_precise() {
    let (mut b, root) = spectrum();
    let quiet = samples(&mut b, 1.0 / 512.0);
    let error = error_when_quiet(&b, &quiet, root);
    assert!(error < 2e-3, "off by {error:.1e}");
}

#[test]
fn equally_loud_samples_ask_for_nothing() {
    let (mut b, root) = spectrum();
    let (loud, alone) = (samples(&mut b, 0.5), b.samples(1, 1.0));
    let scale_of = |samples: &[Vec<Tensor<f64>>]| {
        let program = quantise(&b.graph, &calibrate(&b.graph, samples).unwrap(), &Default::default()).unwrap();
        let (_, field) = *program.origin.iter().find(|(source, _)| *source == root).unwrap();
        program.graph.node(field).note.0
    };
    assert!(scale_of(&loud) <= scale_of(&alone) + 1, "{} and {}", scale_of(&loud), scale_of(&alone));
}

#[test]
fn small_weights_beside_large_ones_are_precise() {
    let mut b = Build::new(32);
    let x = b.input("x", &[1, 64]);
    let mut weights = b.numbers.tensor(&[64, 64], -0.05, 0.05).to_vec();
    weights[0] = 8.0;
    let w = b.constant(&[64, 64], &weights);
    let y = b.contract("ab,bc->ac", x, w);
    // Not the channel of the large weight.
    let view = View::Slice { start: vec![0, 1], step: vec![1, 1], size: vec![1, 63] };
    let y = b.view(view, &[y]);
    let y = b.relu(y);
    b.output("small", y);
    let samples = b.samples(16, 1.0);
    assert_close(&b.graph, &samples, 2e-3);
}

#[test]
fn extra_bits_leave_room_in_the_field() {
    let mut b = Build::new(33);
    let x = b.input("x", &[1, 4096]);
    let mut weights = b.numbers.tensor(&[4096, 2], -0.01, 0.01).to_vec();
    weights[0] = 20.0;
    let w = b.constant(&[4096, 2], &weights);
    let y = b.contract("ab,bc->ac", x, w);
    let y = b.relu(y);
    let y = b.linear(y, 2);
    b.output("y", y);
    let quiet = samples(&mut b, 1e-6);
    assert_close(&b.graph, &quiet, 1e-3);
}
