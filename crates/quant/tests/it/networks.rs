//! Whole small networks of the usual kinds.

use plonnx_ir::op::{Arg, Extremum, Reduce, Reducer, Requant, View};
use plonnx_ir::{CoreOp, Function};
use plonnx_quant::Program;

use crate::build::{Build, assert_close};

/// Number of field nodes that requantise.
fn maps(program: &Program) -> usize {
    program.graph.ids().filter(|id| matches!(program.graph.node(*id).op, CoreOp::Map(_))).count()
}

#[test]
fn perceptron_rounds_once_a_layer() {
    let mut b = Build::new(1);
    let x = b.input("x", &[4, 20]);
    let h = b.linear(x, 32);
    let h = b.relu(h);
    let h = b.linear(h, 32);
    let h = b.relu(h);
    let y = b.linear(h, 10);
    b.output("logits", y);
    let samples = b.samples(16, 1.0);
    let program = assert_close(&b.graph, &samples, 1e-3);
    assert_eq!(maps(&program), 3, "{}", program.report());
}

#[test]
fn convolutional_network_with_pooling() {
    let mut b = Build::new(2);
    let x = b.input("image", &[1, 2, 12, 12]);
    let w = b.weights(&[6, 2, 3, 3], 0.4);
    let y = b.conv(x, w, 1, 1);
    let bias = b.weights(&[6, 1, 1], 0.1);
    let bias = b.broadcast(bias, &[1, 6, 12, 12]);
    let y = b.sum(&[(1.0, y), (1.0, bias)]);
    let y = b.relu(y);
    // Max pooling of 2 by 2 as the larger of shifted views.
    let corner = |b: &mut Build, i: usize, j: usize| {
        b.view(View::Slice { start: vec![0, 0, i, j], step: vec![1, 1, 2, 2], size: vec![1, 6, 6, 6] }, &[y])
    };
    let corners: Vec<_> = [(0, 0), (0, 1), (1, 0), (1, 1)].iter().map(|(i, j)| corner(&mut b, *i, *j)).collect();
    let top = b.extremum(Extremum::Max, corners[0], corners[1]);
    let bottom = b.extremum(Extremum::Max, corners[2], corners[3]);
    let y = b.extremum(Extremum::Max, top, bottom);
    let w = b.weights(&[6, 1, 3, 3], 0.4);
    let y = b.conv(y, w, 2, 1);
    let y = b.map(Function::Clip { lo: 0.0, hi: 0.5 }, y);
    let pooled =
        b.add("average", CoreOp::Reduce(Reduce { reducer: Reducer::Sum, axes: vec![2, 3], keep: false }), &[y]);
    let pooled = b.sum(&[(1.0 / 9.0, pooled)]);
    let y = b.linear(pooled, 5);
    b.output("logits", y);
    let best = b.add("best", CoreOp::Arg(Arg { extremum: Extremum::Max, axis: 1, last: false, keep: false }), &[y]);
    b.output("best", best);
    let samples = b.samples(16, 1.0);
    let program = assert_close(&b.graph, &samples, 1e-3);
    let mut shifts = program.graph.ids().filter_map(|id| match &program.graph.node(id).op {
        CoreOp::Map(Requant::Relu { shift, .. }) => Some(*shift),
        _ => None,
    });
    assert!(shifts.all(|s| (4..=16).contains(&s)), "{}", program.report());
}

#[test]
fn residual_of_different_scales() {
    let mut b = Build::new(3);
    let x = b.input("x", &[3, 16]);
    let small = b.linear(x, 16);
    let small = b.relu(small);
    let w = b.weights(&[16, 16], 40.0);
    let large = b.contract("ab,bc->ac", small, w);
    let joined = b.sum(&[(1.0, x), (0.37, large), (-2.0, small)]);
    let y = b.relu(joined);
    let again = b.sum(&[(1.0, y), (0.5, joined)]);
    b.output("y", again);
    let samples = b.samples(16, 1.0);
    assert_close(&b.graph, &samples, 1e-3);
}

#[test]
fn chains_of_sums_stay_wide() {
    let mut b = Build::new(4);
    let x = b.input("x", &[2, 8]);
    let h = b.linear(x, 8);
    let h = b.sum(&[(0.5, h)]);
    let h = b.sum(&[(-3.0, h), (1.0, x)]);
    let h = b.reshape(h, &[4, 4]);
    let c = b.weights(&[4, 4], 1.0);
    let h = b.sum(&[(1.0, h), (0.3, c)]);
    b.output("y", h);
    let samples = b.samples(8, 2.0);
    let program = assert_close(&b.graph, &samples, 1e-3);
    assert_eq!(maps(&program), 1, "{}", program.report());
}

#[test]
fn gated_products_and_concat() {
    let mut b = Build::new(5);
    let x = b.input("x", &[2, 8]);
    let gate = b.linear(x, 8);
    let gate = b.map(Function::Sigmoid, gate);
    let candidate = b.linear(x, 8);
    let candidate = b.map(Function::Tanh, candidate);
    let product = b.contract("ab,ab->ab", gate, candidate);
    let wide = b.view(View::Concat { axis: 1 }, &[product, x]);
    let fill = b.constant(&[], &[-1.0]);
    let padded = b.view(View::Pad { before: vec![0, 1], after: vec![0, 2], interior: vec![0, 0] }, &[wide, fill]);
    let y = b.linear(padded, 3);
    b.output("y", y);
    let samples = b.samples(16, 1.5);
    assert_close(&b.graph, &samples, 1e-3);
}

/// A coefficient of many bits beside a sum of many bits: the operand is rounded no further than the result needs.
#[test]
fn means_of_squares_keep_their_precision() {
    let mut b = Build::new(31);
    let x = b.input("x", &[6, 20]);
    let squares = b.contract("ab,ab->a", x, x);
    let mean = b.sum(&[(0.05, squares)]);
    let root = b.map(Function::Rsqrt, mean);
    b.output("mean", mean);
    b.output("root", root);
    let samples = b.samples(4, 2.0);
    assert_close(&b.graph, &samples, 2e-4);
}
