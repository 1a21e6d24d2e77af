//! Comparison, choice and indices.

use plonnx_ir::op::{Arg, Compare, Extremum, Reducer, View};
use plonnx_ir::{CoreOp, DType, Function, Tensor};

use crate::build::{Build, assert_close, check};

#[test]
fn where_and_compare() {
    let mut b = Build::new(31);
    let x = b.input("x", &[3, 8]);
    let y = b.linear(x, 8);
    let limit = b.constant(&[], &[0.3]);
    let limit = b.broadcast(limit, &[3, 8]);
    let below = b.compare(Compare::Less, x, limit);
    let chosen = b.add("where", CoreOp::Select, &[below, y, x]);
    b.output("chosen", chosen);
    let least = b.extremum(Extremum::Min, y, limit);
    b.output("least", least);
    let peak = b.reduce(Reducer::Max, &[1], y);
    b.output("peak", peak);
    let samples = b.samples(16, 1.0);
    assert_close(&b.graph, &samples, 1e-3);
}

/// With operands that are representable, comparison with any constant is exact, however large the constant is.
#[test]
fn comparison_with_constants_is_exact() {
    let values = [-1.0, -0.5, -0.25, 0.0, 0.25, 0.3125, 0.5, 1.0];
    for compare in [Compare::Less, Compare::LessEqual, Compare::Equal] {
        for limit in [-1e30, -0.25, 0.0, 0.3, 0.25, 1e30, f64::INFINITY] {
            for swapped in [false, true] {
                let mut b = Build::new(32);
                let x = b.input("x", &[8]);
                let c = b.constant(&[], &[limit]);
                let c = b.broadcast(c, &[8]);
                let y = if swapped { b.compare(compare, c, x) } else { b.compare(compare, x, c) };
                b.output("y", y);
                let samples = vec![vec![Tensor::from_vec(&[8], values.to_vec()).unwrap()]];
                // Infinity as a constant is no value of a node.
                if limit.is_infinite() {
                    assert!(plonnx_quant::calibrate(&b.graph, &samples).is_err());
                    continue;
                }
                let (_, fidelity) = check(&b.graph, &samples);
                assert_eq!(fidelity.outputs[0].max_error, 0.0, "{compare:?} {limit} {swapped}");
            }
        }
    }
}

/// Bounds that no value keeps are the results; bounds that all keep change nothing, whatever their magnitude.
#[test]
fn bounds_beyond_all_values() {
    let values = [-1.0, -0.5, -0.25, 0.0, 0.25, 0.3125, 0.5, 1.0];
    let samples = vec![vec![Tensor::from_vec(&[8], values.to_vec()).unwrap()]];
    let largest = |b: &Build| {
        let fidelity = check(&b.graph, &samples).1;
        fidelity.outputs[0].max_error
    };
    for bound in [-1e30, -300.0, -3.0, -1.0, 0.3, 1.0, 1.53, 2.5, 1000.0, 1e30] {
        for extremum in [Extremum::Max, Extremum::Min] {
            for swapped in [false, true] {
                let mut b = Build::new(37);
                let x = b.input("x", &[8]);
                let c = b.constant(&[], &[bound]);
                let c = b.broadcast(c, &[8]);
                let y = if swapped { b.extremum(extremum, c, x) } else { b.extremum(extremum, x, c) };
                b.output("y", y);
                let error = largest(&b);
                assert!(error <= 1e-4 * f64::max(1.0, bound.abs()), "{extremum:?} {bound} {swapped}: {error}");
            }
        }
        for (lo, hi) in [(bound, 1e31), (-1e31, bound), (bound, bound + 0.5)] {
            let mut b = Build::new(38);
            let x = b.input("x", &[8]);
            let y = b.map(Function::Clip { lo, hi }, x);
            b.output("y", y);
            let error = largest(&b);
            assert!(error <= 1e-4 * f64::max(1.0, bound.abs()), "clip {lo} {hi}: {error}");
        }
    }
    let mut b = Build::new(39);
    let x = b.input("x", &[8]);
    let bounds = b.constant(&[8], &[-1e9, -2.0, 0.5, 3.0, 3.5, 0.1, -1e9, 1.25]);
    let y = b.extremum(Extremum::Max, x, bounds);
    b.output("y", y);
    assert!(largest(&b) <= 4e-4);
}

#[test]
fn arg_max_agrees() {
    let mut b = Build::new(33);
    let x = b.input("x", &[8, 16]);
    let y = b.linear(x, 10);
    let best = b.add("best", CoreOp::Arg(Arg { extremum: Extremum::Max, axis: 1, last: false, keep: false }), &[y]);
    b.output("best", best);
    let samples = b.samples(16, 1.0);
    let (_, fidelity) = check(&b.graph, &samples);
    assert_eq!(fidelity.outputs[0].max_error, 0.0);
}

#[test]
fn integers_are_exact() {
    let mut b = Build::new(34);
    let x = b.typed_input("x", &[6], DType::Int);
    let y = b.sum(&[(3.0, x), (-1.0, x)]);
    let five = Tensor::scalar(5.0);
    let five = b.add("five", CoreOp::Const(five, DType::Int), &[]);
    let five = b.broadcast(five, &[6]);
    let y = b.sum(&[(1.0, y), (1.0, five)]);
    let small = b.compare(Compare::LessEqual, y, five);
    let y = b.map(Function::Abs, y);
    let y = b.extremum(Extremum::Max, y, x);
    b.output("y", y);
    b.output("small", small);
    let real = b.view(View::Retype { dtype: DType::Real }, &[y]);
    let half = b.sum(&[(0.5, real)]);
    let whole = b.map(Function::Floor, half);
    let whole = b.view(View::Retype { dtype: DType::Int }, &[whole]);
    b.output("whole", whole);
    let samples = vec![
        vec![Tensor::from_vec(&[6], vec![-9.0, -4.0, -1.0, 0.0, 5.0, 17.0]).unwrap()],
        vec![Tensor::from_vec(&[6], vec![3.0, -2.0, -7.0, 1.0, 6.0, 20.0]).unwrap()],
    ];
    let (program, fidelity) = check(&b.graph, &samples);
    for output in &fidelity.outputs {
        assert_eq!(output.max_error, 0.0, "{}\n{}", output.name, program.report());
    }
    assert!(program.outputs.iter().all(|p| p.scale.0 == 0 && p.dtype != DType::Real));
}

#[test]
fn integer_division() {
    let mut b = Build::new(35);
    let x = b.typed_input("x", &[8], DType::Bool);
    let weights = Tensor::from_vec(&[8, 8], (0..64).map(f64::from).collect()).unwrap();
    let weights = b.add("weights", CoreOp::Const(weights, DType::Int), &[]);
    let y = b.contract("a,ab->b", x, weights);
    let seven = b.add("seven", CoreOp::Const(Tensor::full(&[8], 7.0), DType::Int), &[]);
    let q = b.div(y, seven);
    let q = b.map(Function::Floor, q);
    b.output("q", q);
    let samples: Vec<Vec<Tensor<f64>>> = (0..8)
        .map(|s| vec![Tensor::from_vec(&[8], (0..8).map(|i| f64::from((s * 5 + i) % 3 == 0)).collect()).unwrap()])
        .collect();
    let (_, fidelity) = check(&b.graph, &samples);
    assert_eq!(fidelity.outputs[0].max_error, 0.0);
}

/// Logic is arithmetic on 0 and 1; a Bool that comes out of it is proven to be one.
#[test]
fn logic_gives_conditions() {
    let mut b = Build::new(36);
    let x = b.input("x", &[16]);
    let limit = |b: &mut Build, v: f64| {
        let c = b.constant(&[], &[v]);
        b.broadcast(c, &[16])
    };
    let (low, high) = (limit(&mut b, -0.25), limit(&mut b, 0.25));
    let (p, q) = (b.compare(Compare::Less, x, low), b.compare(Compare::Less, high, x));
    let both = b.contract("a,a->a", p, q);
    let either = b.sum(&[(1.0, p), (1.0, q), (-1.0, both)]);
    let either = b.view(View::Retype { dtype: DType::Bool }, &[either]);
    let chosen = b.add("where", CoreOp::Select, &[either, x, low]);
    b.output("chosen", chosen);
    b.output("either", either);
    let samples = vec![vec![Tensor::from_vec(&[16], (0..16).map(|i| f64::from(i) / 8.0 - 1.0).collect()).unwrap()]];
    let (_, fidelity) = check(&b.graph, &samples);
    assert!(fidelity.outputs.iter().all(|o| o.max_error == 0.0), "{:?}", fidelity.outputs);
}
