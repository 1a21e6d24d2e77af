//! What users are told.

use plonnx_ir::op::View;
use plonnx_ir::{CoreOp, DType, Float, Function, Graph, Tensor};
use plonnx_quant::{Config, QuantError, calibrate, calibrate_declared, quantise};

use crate::build::Build;

fn perceptron() -> Build {
    let mut b = Build::new(41);
    let x = b.input("x", &[1, 4]);
    let y = b.linear(x, 4);
    let y = b.relu(y);
    b.output("y", y);
    b
}

fn one(values: &[f64]) -> Vec<Tensor<f64>> {
    vec![Tensor::from_vec(&[1, values.len()], values.to_vec()).unwrap()]
}

#[test]
fn samples_that_are_no_numbers() {
    let b = perceptron();
    let samples = [one(&[0.0; 4]), one(&[0.0, f64::NAN, 0.0, 0.0])];
    let error = calibrate(&b.graph, &samples).unwrap_err();
    assert!(matches!(&error, QuantError::NotFinite { node, sample: 1, .. } if node == "x"), "{error}");
    let error = calibrate(&b.graph, &[]).unwrap_err();
    assert_eq!(error.to_string(), "calibration: expected at least one sample, got none");
}

#[test]
fn undefined_functions_name_node_and_sample() {
    let mut b = Build::new(42);
    let x = b.input("x", &[1, 4]);
    let y = b.map(Function::Log, x);
    b.output("y", y);
    let error = calibrate(&b.graph, &[one(&[1.0; 4]), one(&[1.0, 0.0, 1.0, 1.0])]).unwrap_err();
    assert!(matches!(&error, QuantError::NotFinite { node, sample: 1, .. } if node == "log"), "{error}");
}

#[test]
fn inputs_out_of_range() {
    let b = perceptron();
    let calibration = calibrate(&b.graph, &[one(&[1.0, -1.0, 0.5, 0.0])]).unwrap();
    let program = quantise(&b.graph, &calibration, &Config::default()).unwrap();
    for (bad, text) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (-4.5, "-4.5")] {
        let error = program.quantise_inputs(&one(&[0.0, 0.0, bad, 0.0])).unwrap_err();
        assert!(matches!(&error, QuantError::InputRange { input, index: 2, .. } if input == "x"), "{error}");
        let expected = format!(
            "input \"x\": element 2 is {text}, expected a value in [-2, 1.9999847412109375]; recalibrate with this sample, \
             or clip it"
        );
        assert_eq!(error.to_string(), expected);
    }
    let error = program.quantise_inputs(&[]).unwrap_err();
    assert_eq!(error.to_string(), "input \"x\": expected 1 inputs, got 0");
    let error = program.quantise_inputs(&[Tensor::scalar(1.0)]).unwrap_err();
    assert_eq!(error.to_string(), "input \"x\": expected shape [1, 4], got []");
}

#[test]
fn values_beyond_the_headroom_name_the_node() {
    let mut b = Build::new(43);
    let x = b.input("x", &[4]);
    let y = b.contract("a,a->a", x, x);
    let z = b.contract("a,a->a", y, y);
    b.output("z", z);
    let tensor = |v: f64| vec![Tensor::full(&[4], v)];
    let calibration = calibrate(&b.graph, &[tensor(1.0)]).unwrap();
    let program = quantise(&b.graph, &calibration, &Config::default()).unwrap();
    program.infer(&tensor(1.1)).unwrap();
    let error = program.infer(&tensor(1.9)).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, QuantError::Range { .. }), "{text}");
    assert!(text.contains("contract a,a->a") && text.contains("increase the headroom"), "{text}");
}

#[test]
fn divisors_of_zero() {
    let mut b = Build::new(44);
    let x = b.input("x", &[1, 4]);
    let y = b.relu(x);
    let total = b.reduce(plonnx_ir::op::Reducer::Sum, &[1], y);
    let total = b.broadcast(total, &[1, 4]);
    let epsilon = b.constant(&[], &[1.0]);
    let epsilon = b.broadcast(epsilon, &[1, 4]);
    let q = b.div(epsilon, total);
    b.output("q", q);
    // Infinite in the float graph already.
    let error = calibrate(&b.graph, &[one(&[-1.0; 4])]).unwrap_err();
    assert!(matches!(&error, QuantError::NotFinite { node, .. } if node == "div"), "{error}");
    // Zero at run time only.
    let calibration = calibrate(&b.graph, &[one(&[1.0; 4])]).unwrap();
    let program = quantise(&b.graph, &calibration, &Config::default()).unwrap();
    let error = program.infer(&one(&[-1.0; 4])).unwrap_err();
    assert!(matches!(&error, QuantError::Range { .. }), "{error}");
    // Declared ranges that include zero.
    let error = calibrate_declared(&b.graph, &[(0.0, 1.0)]).unwrap_err();
    assert!(matches!(&error, QuantError::Undefined { node, .. } if node == "div"), "{error}");
}

#[test]
fn calibration_of_another_graph() {
    let b = perceptron();
    let mut other = Build::new(45);
    let x = other.input("x", &[1, 4]);
    other.output("y", x);
    let calibration = calibrate(&other.graph, &[one(&[1.0; 4])]).unwrap();
    let error = quantise(&b.graph, &calibration, &Config::default()).unwrap_err();
    assert!(matches!(error, QuantError::Calibration { .. }), "{error}");
}

#[test]
fn impossible_configurations() {
    let b = perceptron();
    let calibration = calibrate(&b.graph, &[one(&[1.0; 4])]).unwrap();
    for config in [
        Config { activation_bits: 2, ..Config::default() },
        Config { weight_bits: 40, ..Config::default() },
        Config { table_bits: 30, ..Config::default() },
        Config { headroom: 0.5, ..Config::default() },
        Config { headroom: f64::NAN, ..Config::default() },
    ] {
        let error = quantise(&b.graph, &calibration, &config).unwrap_err();
        assert!(matches!(error, QuantError::Config { .. }), "{error}");
    }
}

#[test]
fn accumulators_that_leave_the_field() {
    let mut b = Build::new(46);
    let mut x = b.typed_input("x", &[64], DType::Int);
    for _ in 0..12 {
        let weights = Tensor::full(&[64, 64], 1000.0);
        let w = b.add("w", CoreOp::Const(weights, DType::Int), &[]);
        x = b.contract("a,ab->b", x, w);
    }
    b.output("y", x);
    let samples = [vec![Tensor::full(&[64], 1.0)]];
    let error = calibrate(&b.graph, &samples).and_then(|c| quantise(&b.graph, &c, &Config::default())).unwrap_err();
    let text = error.to_string();
    assert!(matches!(&error, QuantError::Bound { node, .. } if node == "contract a,ab->b"), "{text}");
    assert!(text.ends_with("lower activation_bits or weight_bits"), "{text}");
}

/// Ranges of any magnitude give a program or a typed error, never a panic.
#[test]
fn extreme_ranges_do_not_panic() {
    let sizes = [0.0, f64::MIN_POSITIVE / 4.0, 1e-300, 1e-40, 1e-20, 1e-6, 1.0, 1e6, 1e20, 1e37];
    let (mut programs, mut errors) = (0, 0);
    for function in [
        Function::Relu,
        Function::Exp,
        Function::Sigmoid,
        Function::Gelu,
        Function::Sqrt,
        Function::Rsqrt,
        Function::Reciprocal,
        Function::Log,
        Function::Floor,
        Function::Trunc,
        Function::Abs,
        Function::Pow(2.0),
        Function::Clip { lo: -1.0, hi: 1.0 },
        Function::Sign,
        Function::Round,
    ] {
        for size in sizes {
            for other in sizes {
                let mut b = Build::new(47);
                let x = b.input("x", &[1, 4]);
                let y = b.input("y", &[1, 4]);
                let w = b.weights(&[4, 4], 1.0);
                let p = b.contract("ab,bc->ac", x, w);
                let p = b.map(Function::Abs, p);
                let m = b.map(function, p);
                let s = b.sum(&[(1.0, m), (0.3, y), (1.0, p)]);
                let c = b.view(View::Concat { axis: 1 }, &[s, x]);
                let c = b.softmax(c);
                b.output("c", c);
                b.output("s", s);
                let sample = vec![Tensor::full(&[1, 4], size), Tensor::full(&[1, 4], other)];
                match attempt(&b.graph, &sample) {
                    Ok(()) => programs += 1,
                    Err(_) => errors += 1,
                }
                let declared = calibrate_declared(&b.graph, &[(-size, size), (-other, other)]);
                let _ = declared.and_then(|c| quantise(&b.graph, &c, &Config::default()));
            }
        }
    }
    assert!(programs > 300, "{programs} programs, {errors} errors");
}

fn attempt(graph: &Graph<Float>, sample: &[Tensor<f64>]) -> Result<(), QuantError> {
    let calibration = calibrate(graph, &[sample.to_vec()])?;
    let program = quantise(graph, &calibration, &Config::default())?;
    program.infer(sample).map(|_| ())
}
