//! Normalisation, softmax and attention.

use plonnx_ir::op::{OneHot, Reducer, View};
use plonnx_ir::{CoreOp, DType, Function, NodeId, Tensor};
use plonnx_quant::{calibrate, quantise};

use crate::build::{Build, assert_close, check};

/// Largest absolute error of the first result.
fn error(b: &Build, samples: &[Vec<Tensor<f64>>]) -> f64 {
    let (program, fidelity) = check(&b.graph, samples);
    let error = fidelity.outputs[0].max_error;
    if error > 1e-3 {
        println!("{}\n{:#?}", program.report(), fidelity.nodes);
    }
    error
}

/// Layer norm over the last axis with either of the two ways to divide by the deviation.
fn layer_norm(b: &mut Build, x: NodeId, by_rsqrt: bool) -> NodeId {
    let shape = b.shape(x);
    let mean = b.mean(x);
    let mean = b.broadcast(mean, &shape);
    let centred = b.sum(&[(1.0, x), (-1.0, mean)]);
    let square = b.map(Function::Pow(2.0), centred);
    let variance = b.mean(square);
    let epsilon = b.constant(&[], &[1e-5]);
    let epsilon = b.broadcast(epsilon, &b.shape(variance));
    let variance = b.sum(&[(1.0, variance), (1.0, epsilon)]);
    let normal = if by_rsqrt {
        let inverse = b.map(Function::Rsqrt, variance);
        let inverse = b.broadcast(inverse, &shape);
        b.contract("ab,ab->ab", centred, inverse)
    } else {
        let deviation = b.map(Function::Sqrt, variance);
        let deviation = b.broadcast(deviation, &shape);
        b.div(centred, deviation)
    };
    let gamma = b.weights(&[shape[1]], 1.0);
    let scaled = b.contract("ab,b->ab", normal, gamma);
    let beta = b.weights(&[shape[1]], 0.2);
    let beta = b.broadcast(beta, &shape);
    b.sum(&[(1.0, scaled), (1.0, beta)])
}

#[test]
fn softmax_of_logits() {
    for size in [0.5, 4.0, 30.0] {
        let mut b = Build::new(11);
        let x = b.input("x", &[4, 10]);
        let y = b.softmax(x);
        b.output("p", y);
        let samples = b.samples(24, size);
        assert!(error(&b, &samples) < 1e-3, "logits up to {size}");
    }
}

#[test]
fn softmax_of_many_classes() {
    let mut b = Build::new(12);
    let x = b.input("x", &[2, 1000]);
    let y = b.softmax(x);
    b.output("p", y);
    let samples = b.samples(6, 8.0);
    assert!(error(&b, &samples) < 1e-3);
}

#[test]
fn layer_norm_both_ways() {
    for by_rsqrt in [true, false] {
        let mut b = Build::new(13);
        let x = b.input("x", &[6, 48]);
        let y = layer_norm(&mut b, x, by_rsqrt);
        b.output("y", y);
        let samples = b.samples(16, 3.0);
        let program = assert_close(&b.graph, &samples, 1e-3);
        assert!(error(&b, &samples) < 1e-3);
        let squares = program.graph.ids().filter(|id| matches!(program.graph.node(*id).op, CoreOp::Reduce(_))).count();
        assert_eq!(squares, 1, "squares are summed as they are multiplied\n{}", program.report());
    }
}

#[test]
fn rows_of_equal_elements_have_a_norm() {
    let mut b = Build::new(14);
    let x = b.input("x", &[2, 8]);
    let y = layer_norm(&mut b, x, true);
    b.output("y", y);
    let samples = b.samples(16, 3.0);
    let calibration = calibrate(&b.graph, &samples).unwrap();
    let program = quantise(&b.graph, &calibration, &Default::default()).unwrap();
    let flat = vec![Tensor::full(&[2, 8], 1.25)];
    program.infer(&flat).unwrap();
}

/// Heads of queries, keys and values; scores masked by `mask`.
fn attention(b: &mut Build, mask: impl Fn(&mut Build, NodeId) -> NodeId) -> NodeId {
    let x = b.input("x", &[6, 16]);
    let head = |b: &mut Build| {
        let y = b.linear(x, 16);
        let y = b.reshape(y, &[6, 2, 8]);
        b.transpose(y, &[1, 0, 2])
    };
    let (q, k, v) = (head(b), head(b), head(b));
    let scores = b.contract("hqd,hkd->hqk", q, k);
    let scores = b.sum(&[(1.0 / 8f64.sqrt(), scores)]);
    let scores = mask(b, scores);
    let weights = b.softmax(scores);
    let y = b.contract("hqk,hkd->hqd", weights, v);
    let y = b.transpose(y, &[1, 0, 2]);
    let y = b.reshape(y, &[6, 16]);
    b.linear(y, 16)
}

#[test]
fn attention_of_data_by_data() {
    let mut b = Build::new(15);
    let y = attention(&mut b, |_, s| s);
    b.output("y", y);
    let samples = b.samples(16, 1.0);
    assert_close(&b.graph, &samples, 2e-3);
}

#[test]
fn masks_cost_no_precision() {
    for fill in [-1e4, -1e9, -3.4028234663852886e38, f64::NEG_INFINITY] {
        for select in [false, true] {
            let mut b = Build::new(16);
            let y = attention(&mut b, |b, scores| {
                let causal: Vec<f64> = (0..36).map(|i| if i % 6 > i / 6 { 1.0 } else { 0.0 }).collect();
                if select {
                    let mask = Tensor::from_vec(&[6, 6], causal).unwrap();
                    let mask = b.add("mask", CoreOp::Const(mask, DType::Bool), &[]);
                    let mask = b.broadcast(mask, &[2, 6, 6]);
                    let fill = b.constant(&[], &[fill]);
                    let fill = b.broadcast(fill, &[2, 6, 6]);
                    b.add("where", CoreOp::Select, &[mask, fill, scores])
                } else {
                    let mask: Vec<f64> = causal.iter().map(|m| if *m > 0.0 { fill } else { 0.0 }).collect();
                    let mask = b.constant(&[1, 6, 6], &mask);
                    let mask = b.broadcast(mask, &[2, 6, 6]);
                    b.sum(&[(1.0, scores), (1.0, mask)])
                }
            });
            b.output("y", y);
            let samples = b.samples(16, 1.0);
            assert_close(&b.graph, &samples, 2e-3);
        }
    }
}

#[test]
fn masks_from_data_cost_no_precision() {
    let mut b = Build::new(17);
    let keep = b.typed_input("keep", &[6], DType::Int);
    let y = attention(&mut b, |b, scores| {
        let keep = b.view(View::Retype { dtype: DType::Real }, &[keep]);
        let one = b.constant(&[], &[1.0]);
        let one = b.broadcast(one, &[6]);
        let drop = b.sum(&[(1.0, one), (-1.0, keep)]);
        let mask = b.sum(&[(-10000.0, drop)]);
        let mask = b.broadcast(mask, &[2, 6, 6]);
        b.sum(&[(1.0, scores), (1.0, mask)])
    });
    b.output("y", y);
    let mut samples = b.samples(16, 1.0);
    for (i, sample) in samples.iter_mut().enumerate() {
        let kept = (0..6).map(|j| if j <= i % 6 { 1.0 } else { 0.0 }).collect();
        sample[0] = Tensor::from_vec(&[6], kept).unwrap();
    }
    assert_close(&b.graph, &samples, 3e-3);
}

#[test]
fn embedding_by_unit_vectors() {
    let mut b = Build::new(18);
    let tokens = b.typed_input("tokens", &[5], DType::Int);
    let unit = b.add("unit", CoreOp::OneHot(OneHot { depth: 11 }), &[tokens]);
    let unit = b.view(View::Retype { dtype: DType::Real }, &[unit]);
    let table = b.weights(&[11, 8], 2.0);
    let x = b.contract("ab,bc->ac", unit, table);
    let position = b.weights(&[5, 8], 0.5);
    let x = b.sum(&[(1.0, x), (1.0, position)]);
    let y = b.linear(x, 4);
    b.output("y", y);
    let samples: Vec<Vec<Tensor<f64>>> = (0..8)
        .map(|s| vec![Tensor::from_vec(&[5], (0..5).map(|i| ((s * 7 + i * 3) % 11) as f64).collect()).unwrap()])
        .collect();
    let program = assert_close(&b.graph, &samples, 1e-3);
    assert_eq!(program.inputs[0].window.bits, 4);
}

#[test]
fn log_softmax() {
    let mut b = Build::new(19);
    let x = b.input("x", &[3, 12]);
    let shape = b.shape(x);
    let peak = b.reduce(Reducer::Max, &[1], x);
    let peak = b.broadcast(peak, &shape);
    let difference = b.sum(&[(1.0, x), (-1.0, peak)]);
    let e = b.map(Function::Exp, difference);
    let total = b.reduce(Reducer::Sum, &[1], e);
    let log = b.map(Function::Log, total);
    let log = b.broadcast(log, &shape);
    let y = b.sum(&[(1.0, difference), (-1.0, log)]);
    b.output("y", y);
    let samples = b.samples(16, 4.0);
    assert_close(&b.graph, &samples, 1e-3);
}
