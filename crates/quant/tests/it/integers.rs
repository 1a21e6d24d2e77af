//! Tables that several nodes share, and the rounding of models that hold integers.

use std::sync::Arc;

use plonnx_ir::op::{Requant, Table};
use plonnx_ir::{CoreOp, Function, Tensor};
use plonnx_quant::{Config, Program};

use crate::build::{Build, check_with};

/// The different tables of a program.
fn tables(program: &Program) -> Vec<Arc<Table>> {
    let mut tables: Vec<Arc<Table>> = Vec::new();
    for id in program.graph.ids() {
        if let CoreOp::Map(Requant::Table { table, .. }) = &program.graph.node(id).op
            && !tables.iter().any(|t| **t == **table)
        {
            tables.push(table.clone());
        }
    }
    tables
}

/// Number of tables for sigmoids of products with weights of these sizes.
fn sigmoids(sizes: &[f64]) -> usize {
    let mut b = Build::new(5);
    let x = b.input("x", &[1, 64]);
    for size in sizes {
        let w = b.weights(&[64, 32], *size);
        let product = b.contract("ab,bc->ac", x, w);
        let y = b.map(Function::Sigmoid, product);
        b.output("y", y);
    }
    let samples: Vec<Vec<Tensor<f64>>> = (0..4).map(|_| vec![b.numbers.tensor(&[1, 64], -1.0, 1.0)]).collect();
    let (program, fidelity) = check_with(&b.graph, &samples, &Config::default());
    assert!(fidelity.outputs.iter().all(|o| o.max_error <= 4e-3), "{:?}", fidelity.outputs);
    tables(&program).len()
}

#[test]
fn many_uses_of_a_function_share_a_table() {
    assert_eq!(sigmoids(&[0.2, 0.3, 0.4, 0.5]), 1);
    assert_eq!(sigmoids(&[0.2, 0.5]), 2, "two uses keep their precision");
    assert_eq!(sigmoids(&[0.2, 0.25, 0.3, 2.0, 2.5, 3.0]), 2, "ranges that are far apart");
}

/// `clip(round(16 x))` of a product.
fn rounded(lo: f64, hi: f64) -> Program {
    let mut b = Build::new(6);
    let x = b.input("x", &[1, 40]);
    let w = b.weights(&[40, 20], 1.0);
    let product = b.contract("ab,bc->ac", x, w);
    let ratio = b.sum(&[(16.0, product)]);
    let whole = b.map(Function::Round, ratio);
    let y = b.map(Function::Clip { lo, hi }, whole);
    b.output("y", y);
    let samples: Vec<Vec<Tensor<f64>>> = (0..16).map(|_| vec![b.numbers.tensor(&[1, 40], -1.0, 1.0)]).collect();
    let (program, _) = check_with(&b.graph, &samples, &Config::default());
    let exact = samples.iter().map(|x| plonnx_ir::eval(&b.graph, x).unwrap().swap_remove(0));
    let mut differ = 0;
    for (sample, expected) in samples.iter().zip(exact) {
        let got = program.infer(sample).unwrap().swap_remove(0);
        for (a, b) in got.iter().zip(expected.iter()) {
            assert!((a - b).abs() <= 1.0, "{a} for {b}");
            differ += usize::from(a != b);
        }
    }
    assert!(differ <= 3, "{differ} of 320 integers differ by one");
    program
}

#[test]
fn rounding_and_clipping_are_one_table() {
    let program = rounded(-60.0, 55.0);
    let maps = program.graph.ids().filter(|id| matches!(program.graph.node(*id).op, CoreOp::Map(_))).count();
    assert_eq!((tables(&program).len(), maps), (1, 1), "{}", program.report());
    let extrema = program.graph.ids().filter(|id| matches!(program.graph.node(*id).op, CoreOp::Extremum(_))).count();
    assert_eq!(extrema, 0);
}

#[test]
fn limits_beyond_the_values_need_no_table() {
    let program = rounded(-1e6, 1e6);
    assert_eq!(tables(&program).len(), 0, "{}", program.report());
}
