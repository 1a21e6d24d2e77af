//! Unary functions and division.

use std::sync::Arc;

use plonnx_ir::op::{Reducer, Requant};
use plonnx_ir::{CoreOp, Function, Tensor};
use plonnx_quant::Config;

use crate::build::{Build, assert_close, check_with};

/// Largest error relative to the range, for operands in `[lo, hi]` that come from a product.
#[track_caller]
fn assert_function(function: Function, lo: f64, hi: f64, relative: f64) {
    assert_function_with(function, lo, hi, relative, &Config::default());
}

#[track_caller]
fn assert_function_with(function: Function, lo: f64, hi: f64, relative: f64, config: &Config) {
    for wide in [false, true] {
        let mut b = Build::new(21);
        let x = b.input("x", &[64]);
        let y = if wide {
            let w = b.constant(&[1], &[0.77]);
            let w = b.broadcast(w, &[64]);
            let p = b.contract("a,a->a", x, w);
            let offset = b.constant(&[64], &[0.23 * hi; 64]);
            b.sum(&[(1.0, p), (1.0, offset)])
        } else {
            x
        };
        let y = b.map(function, y);
        b.output("y", y);
        let samples: Vec<Vec<Tensor<f64>>> = (0..8).map(|_| vec![b.numbers.tensor(&[64], lo, hi)]).collect();
        let (program, fidelity) = check_with(&b.graph, &samples, config);
        let error = fidelity.outputs[0].relative_error;
        assert!(error <= relative, "{function:?}, wide {wide}: {error:.2e}\n{}", program.report());
    }
}

#[test]
fn smooth_functions() {
    for function in [
        Function::Sigmoid,
        Function::Tanh,
        Function::Gelu,
        Function::GeluTanh,
        Function::Swish(1.0),
        Function::Mish,
        Function::Softplus,
        Function::Softsign,
        Function::Erf,
        Function::Elu(1.0),
        Function::Selu { alpha: 1.6732632, gamma: 1.050701 },
        Function::Celu(0.7),
        Function::Sin,
        Function::Cos,
        Function::Atan,
        Function::Asinh,
        Function::HardSigmoid { alpha: 0.2, beta: 0.5 },
        Function::HardSwish,
        Function::LeakyRelu(0.01),
    ] {
        assert_function(function, -6.0, 6.0, 2e-3);
    }
}

#[test]
fn saturating_functions_keep_a_fine_step_on_wide_ranges() {
    let config = Config { activation_bits: 18, ..Config::default() };
    for function in [Function::Sigmoid, Function::Tanh, Function::Erf, Function::HardSigmoid { alpha: 0.2, beta: 0.5 }]
    {
        assert_function_with(function, -300.0, 200.0, 2e-3, &config);
        assert_function_with(function, -3.0, 200.0, 2e-3, &config);
        assert_function_with(function, -300.0, 2.0, 2e-3, &config);
    }
    assert_function_with(Function::Exp, -500.0, 1.0, 3e-3, &config);
}

/// Of a range with flat ends the table holds the middle, at twice as fine a step, and the ends keep their own values.
/// Operands of other ranges have the same table.
#[test]
fn tables_with_two_ends_cut_off_are_fine_and_shared() {
    const COUNT: usize = 500;
    for (function, error, ends) in [(Function::Tanh, 7.5e-4, [-1.0, 1.0]), (Function::Sigmoid, 4e-4, [0.0, 1.0])] {
        let mut b = Build::new(26);
        let x = b.input("x", &[COUNT]);
        let wider = b.sum(&[(1.4, x)]);
        for operand in [x, wider] {
            let y = b.map(function, operand);
            b.output("y", y);
        }
        let mut values: Vec<f64> = (0..COUNT).map(|_| b.numbers.uniform(-5.0, 5.0)).collect();
        (values[0], values[1]) = (-27.0, 31.0);
        let (program, fidelity) = check_with(&b.graph, &[vec![Tensor::vector(values.clone())]], &Config::default());
        for output in &fidelity.outputs {
            assert!(output.max_error <= error, "{function:?}: {:.2e}\n{}", output.max_error, program.report());
        }
        let tables = program.graph.ids().filter_map(|id| match &program.graph.node(id).op {
            CoreOp::Map(Requant::Table { table, .. }) => Some(table),
            _ => None,
        });
        let tables: Vec<_> = tables.collect();
        assert_eq!(tables.len(), 2);
        assert!(Arc::ptr_eq(tables[0], tables[1]), "{function:?}: operands of two ranges have tables of their own");
        let run = program.infer(&[Tensor::vector(values)]).unwrap();
        assert_eq!(run[0].data()[..2], ends, "{function:?}");
    }
}

#[test]
fn functions_with_a_domain() {
    assert_function(Function::Log, 0.5, 20.0, 2e-3);
    assert_function(Function::Sqrt, 0.01, 50.0, 1e-3);
    assert_function(Function::Rsqrt, 0.1, 50.0, 1e-3);
    assert_function(Function::Reciprocal, 2.0, 20.0, 2e-3);
    assert_function(Function::Reciprocal, -20.0, -2.0, 2e-3);
    assert_function(Function::Pow(1.5), 0.1, 4.0, 1e-3);
    assert_function(Function::Pow(3.0), -2.0, 2.0, 1e-3);
    assert_function(Function::Pow(2.0), -2.0, 2.0, 1e-3);
    assert_function(Function::Acos, -1.0, 1.0, 1e-2);
}

#[test]
fn reciprocals_of_either_sign() {
    let mut b = Build::new(22);
    let x = b.input("x", &[4]);
    let y = b.map(Function::Reciprocal, x);
    b.output("y", y);
    let sample = vec![Tensor::from_vec(&[4], vec![-4.0, 0.5, 2.0, -1.0]).expect("four elements")];
    assert_close(&b.graph, &[sample], 1e-3);
}

#[test]
fn piecewise_linear_functions() {
    assert_function(Function::Relu, -5.0, 3.0, 1e-3);
    assert_function(Function::Abs, -5.0, 3.0, 1e-3);
    assert_function(Function::Clip { lo: -1.0, hi: 2.5 }, -5.0, 3.0, 1e-3);
    assert_function(Function::Clip { lo: 0.0, hi: 6.0 }, -5.0, 9.0, 1e-3);
    assert_function(Function::Clip { lo: f64::MIN, hi: 0.5 }, -5.0, 9.0, 2e-3);
}

/// Functions with integer results are exact on operands that are representable, including negative ones and ties.
#[test]
fn functions_with_integer_results() {
    let values = [-3.0, -2.75, -2.5, -1.5, -1.25, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 1.5, 1.75, 2.5, 3.0, 3.5];
    for function in [Function::Floor, Function::Ceil, Function::Trunc, Function::Sign] {
        let mut b = Build::new(22);
        let x = b.input("x", &[16]);
        let y = b.map(function, x);
        b.output("y", y);
        let samples = vec![vec![Tensor::from_vec(&[16], values.to_vec()).unwrap()]];
        assert_close(&b.graph, &samples, 0.0);
    }
}

/// A table of 2^13 entries has steps too coarse for these.
#[test]
fn steep_functions_are_interpolated() {
    assert_function(Function::Tan, -1.5, 1.5, 2e-3);
    assert_function(Function::Log, 0.02, 20.0, 2e-3);
    assert_function(Function::Sinh, -12.0, 12.0, 2e-3);
}

/// Ties of more operands than a table holds.
#[test]
fn ties_go_to_even() {
    let values: Vec<f64> = (-120..120).map(|i| f64::from(i) * 0.5).chain([3.25, -3.25, 255.75, -255.75]).collect();
    let mut b = Build::new(23);
    let x = b.input("x", &[values.len()]);
    let y = b.map(Function::Round, x);
    b.output("y", y);
    let samples = vec![vec![Tensor::vector(values)]];
    let program = assert_close(&b.graph, &samples, 0.0);
    let is_table = |id| matches!(program.graph.node(id).op, CoreOp::Map(Requant::Table { .. }));
    assert!(!program.graph.ids().any(is_table), "a table decides ties");
}

#[test]
fn ties_go_to_even_where_a_table_fits() {
    let mut b = Build::new(23);
    let x = b.input("x", &[6]);
    let y = b.map(Function::Round, x);
    b.output("y", y);
    let samples = vec![vec![Tensor::from_vec(&[6], vec![-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]).unwrap()]];
    let config = plonnx_quant::Config { activation_bits: 10, ..Default::default() };
    let (_, fidelity) = crate::build::check_with(&b.graph, &samples, &config);
    assert_eq!(fidelity.outputs[0].max_error, 0.0);
}

#[test]
fn division_of_tensors() {
    for (lo, hi, relative) in [(0.5, 4.0, 1e-3), (-4.0, -0.5, 1e-3)] {
        let mut b = Build::new(24);
        let x = b.input("x", &[32]);
        let y = b.input("y", &[32]);
        let q = b.div(x, y);
        b.output("q", q);
        let samples: Vec<Vec<Tensor<f64>>> =
            (0..8).map(|_| vec![b.numbers.tensor(&[32], -3.0, 3.0), b.numbers.tensor(&[32], lo, hi)]).collect();
        assert_close(&b.graph, &samples, relative);
    }
}

#[test]
fn division_by_either_sign() {
    let mut b = Build::new(25);
    let x = b.input("x", &[32]);
    let y = b.input("y", &[32]);
    let q = b.div(x, y);
    b.output("q", q);
    let samples: Vec<Vec<Tensor<f64>>> = (0..8)
        .map(|_| {
            let signs: Vec<f64> =
                (0..32).map(|i| b.numbers.uniform(0.5, 2.0) * if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
            vec![b.numbers.tensor(&[32], -3.0, 3.0), Tensor::from_vec(&[32], signs).unwrap()]
        })
        .collect();
    assert_close(&b.graph, &samples, 1e-3);
}

#[test]
fn division_by_constants() {
    let mut b = Build::new(26);
    let x = b.input("x", &[2, 4]);
    let c = b.constant(&[4], &[1.0, 3.0, -7.0, 0.3]);
    let c = b.broadcast(c, &[2, 4]);
    let q = b.div(x, c);
    let s = b.constant(&[1, 1], &[255.0]);
    let s = b.broadcast(s, &[2, 4]);
    let r = b.div(q, s);
    b.output("q", q);
    b.output("r", r);
    let samples = b.samples(8, 100.0);
    assert_close(&b.graph, &samples, 1e-3);
}

/// `tanh(10 + relu(x))` is 1 wherever it must be expected: the arguments of its table are still no coarser than that 1
/// stays 1 when they are rounded.
#[test]
fn tables_of_flat_ranges_keep_to_the_range() {
    let mut b = Build::new(27);
    let x = b.input("x", &[2]);
    let ten = b.constant(&[2], &[10.0; 2]);
    let rest = b.relu(x);
    let far = b.sum(&[(1.0, ten), (1.0, rest)]);
    let y = b.map(Function::Tanh, far);
    b.output("y", y);
    let samples = [vec![Tensor::vector(vec![14.4; 2])], vec![Tensor::vector(vec![-3.0, 25.0])]];
    let (program, fidelity) = check_with(&b.graph, &samples, &Config::default());
    assert!(fidelity.outputs[0].max_error <= 1e-4, "{}\n{:?}", program.report(), fidelity.outputs);
}

/// The exponentials of three equal numbers are proven to have the sum 3: its logarithm is not that of a neighbour.
#[test]
fn tables_of_one_argument_are_exact() {
    let mut b = Build::new(28);
    let x = b.input("x", &[3]);
    let peak = b.reduce(Reducer::Max, &[0], x);
    let peak = b.broadcast(peak, &[3]);
    let difference = b.sum(&[(1.0, x), (-1.0, peak)]);
    let powers = b.map(Function::Exp, difference);
    let total = b.reduce(Reducer::Sum, &[0], powers);
    let log = b.map(Function::Log, total);
    let log = b.broadcast(log, &[3]);
    let y = b.sum(&[(1.0, difference), (-1.0, log)]);
    b.output("y", y);
    let samples = [vec![Tensor::full(&[3], 0.5)]];
    let (program, fidelity) = check_with(&b.graph, &samples, &Config::default());
    assert!(fidelity.outputs[0].max_error <= 1e-4, "{}\n{:?}", program.report(), fidelity.outputs);
}

/// Where a function is flat on calibrated operands, those with headroom do not take its values from there.
#[test]
fn operands_beside_flat_ranges_have_values_of_their_own() {
    let mut b = Build::new(29);
    let x = b.input("x", &[4]);
    let y = b.map(Function::Tanh, x);
    b.output("y", y);
    let calibrated = vec![Tensor::vector(vec![24.4, 24.45, 24.5, 24.5])];
    let samples = [calibrated, vec![Tensor::vector(vec![0.125, 0.5, 1.5, 10.0])]];
    let (program, fidelity) = check_with(&b.graph, &samples, &Config::default());
    assert!(fidelity.outputs[0].max_error <= 5e-3, "{}\n{:?}", program.report(), fidelity.outputs);
}
