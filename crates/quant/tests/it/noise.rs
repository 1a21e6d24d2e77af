//! Rounding that layers carry on to the results, and that ordinary networks do not notice.

use plonnx_ir::op::Requant;
use plonnx_ir::{CoreOp, Function, NodeId};
use plonnx_quant::{calibrate, quantise};

use crate::build::{Build, assert_close};

/// A quadratic form as kernel machines have it: pairs of large squares of which little is left.
fn kernel_machine(weight: f64) -> Build {
    const PAIRS: usize = 16;
    let mut b = Build::new(41);
    let x = b.input("x", &[1, 4]);
    let first = b.numbers.tensor(&[4, PAIRS], -1.0, 1.0).to_vec();
    let second = first.iter().map(|v| v * (1.0 + 1.0 / 64.0));
    let both: Vec<f64> = first.chunks(PAIRS).zip(second.collect::<Vec<_>>().chunks(PAIRS)).fold(
        Vec::new(),
        |mut rows, (first, second)| {
            rows.extend(first);
            rows.extend(second);
            rows
        },
    );
    let w = b.constant(&[4, 2 * PAIRS], &both);
    let products = b.contract("ab,bc->ac", x, w);
    let squares = b.map(Function::Pow(2.0), products);
    let signs: Vec<f64> = (0..2 * PAIRS).map(|i| if i < PAIRS { weight } else { -weight }).collect();
    let signs = b.constant(&[2 * PAIRS], &signs);
    let y = b.contract("ab,b->a", squares, signs);
    b.output("y", y);
    b
}

#[test]
fn sums_that_are_smaller_than_their_terms_are_precise() {
    let mut b = kernel_machine(50.0);
    let samples = b.samples(16, 3.0);
    assert_close(&b.graph, &samples, 1e-3);
}

/// Scale of every rounding in the program, in order.
fn rounding_scales(b: &Build, samples: &[Vec<plonnx_ir::Tensor<f64>>]) -> Vec<(NodeId, i32)> {
    let program = quantise(&b.graph, &calibrate(&b.graph, samples).unwrap(), &Default::default()).unwrap();
    let rounded = |id: &NodeId| matches!(program.graph.node(*id).op, CoreOp::Map(Requant::Relu { .. }));
    program.graph.ids().filter(rounded).map(|id| (id, program.graph.node(id).note.0)).collect()
}

#[test]
fn ordinary_layers_ask_for_nothing() {
    let network = |factor: f64| {
        let mut b = Build::new(42);
        let x = b.input("x", &[1, 32]);
        let mut h = x;
        for _ in 0..6 {
            let y = b.linear(h, 32);
            h = b.relu(y);
        }
        let y = b.linear(h, 8);
        // The results are a multiple: nothing but their own scale depends on it.
        let y = b.sum(&[(factor, y)]);
        b.output("y", y);
        let samples = b.samples(8, 1.0);
        let calibration = calibrate(&b.graph, &samples).unwrap();
        let magnitudes: Vec<f64> = calibration.observed().map(|o| o.min.abs().max(o.max.abs())).collect();
        (rounding_scales(&b, &samples), magnitudes, b)
    };
    let (scales, magnitudes, b) = network(1.0);
    assert_eq!(scales, network(1024.0).0);
    let relus = b.graph.ids().filter(|id| matches!(b.graph.node(*id).op, CoreOp::Map(Function::Relu)));
    for (relu, (_, scale)) in relus.zip(&scales) {
        // 15 bits beside the sign, one of them headroom, and up to two more for whole digits.
        let usual = 14 - magnitudes[relu.index()].log2().ceil() as i32;
        assert!((usual..=usual + 2).contains(scale), "expected a scale from {usual}, got {scale}");
    }
}

#[test]
fn tables_of_what_is_never_positive_end_at_zero() {
    let mut b = Build::new(43);
    let x = b.input("x", &[1, 6]);
    let squares = b.map(Function::Pow(2.0), x);
    let distance = b.sum(&[(-0.5, squares)]);
    let y = b.map(Function::Exp, distance);
    b.output("y", y);
    let samples = b.samples(16, 3.0);
    let program = assert_close(&b.graph, &samples, 1e-3);
    let windows = program.graph.ids().filter_map(|id| match &program.graph.node(id).op {
        CoreOp::Map(Requant::Table { table, .. }) => Some(table.window),
        _ => None,
    });
    assert_eq!(windows.map(|w| w.hi()).collect::<Vec<_>>(), [0]);
}
