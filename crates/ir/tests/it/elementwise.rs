//! Operators that work element by element or along axes, against values computed by hand; whole graphs.

use std::sync::Arc;

use plonnx_ir::op::{
    Arg, Compare, Extremum, Input, OneHot, Quotient, Reduce, Reducer, Requant, Sum, Table, View, Window,
};
use plonnx_ir::{CoreOp, DType, Domain, Field, Float, Function, Graph, IrError, Tensor, eval, eval_all, eval_op};

use crate::random::{Random, at, indices, tensor};

fn run<D: Domain>(op: CoreOp<D>, operands: &[&Tensor<D::Scalar>]) -> Vec<D::Scalar> {
    eval_op("n", &op, operands).expect("evaluates").to_vec()
}

fn map(requant: Requant, x: i64) -> Result<i64, IrError> {
    eval_op::<Field>("n", &CoreOp::Map(requant), &[&Tensor::scalar(x)]).map(|t| t.to_vec()[0])
}

#[test]
fn sum_and_comparisons() {
    let x = Tensor::vector(vec![1, -2, 3]);
    let y = Tensor::vector(vec![1, 5, -7]);
    assert_eq!(run::<Field>(CoreOp::Sum(Sum { coefficients: vec![2, -1] }), &[&x, &y]), [1, -9, 13]);
    assert_eq!(run::<Field>(CoreOp::Extremum(Extremum::Max), &[&x, &y]), [1, 5, 3]);
    assert_eq!(run::<Field>(CoreOp::Extremum(Extremum::Min), &[&x, &y]), [1, -2, -7]);
    assert_eq!(run::<Field>(CoreOp::Compare(Compare::Less), &[&x, &y]), [0, 1, 0]);
    assert_eq!(run::<Field>(CoreOp::Compare(Compare::LessEqual), &[&x, &y]), [1, 1, 0]);
    assert_eq!(run::<Field>(CoreOp::Compare(Compare::Equal), &[&x, &y]), [1, 0, 0]);
    let c = Tensor::vector(vec![1, 0, 1]);
    assert_eq!(run::<Field>(CoreOp::Select, &[&c, &x, &y]), [1, 5, 3]);
    let error = eval_op::<Field>("pick", &CoreOp::Select, &[&x, &x, &y]).expect_err("condition of -2");
    assert_eq!(error.to_string(), "select \"pick\": expected a condition of 0 or 1, got -2");
}

#[test]
fn unit_vectors() {
    let op = || CoreOp::<Field>::OneHot(OneHot { depth: 3 });
    assert_eq!(run(op(), &[&Tensor::vector(vec![2, 0])]), [0, 0, 1, 1, 0, 0]);
    for bad in [3, -1] {
        assert!(matches!(eval_op("n", &op(), &[&Tensor::scalar(bad)]), Err(IrError::Range { .. })));
    }
    let op = CoreOp::<Float>::OneHot(OneHot { depth: 3 });
    assert_eq!(run(op.clone(), &[&Tensor::scalar(1.0)]), [0.0, 1.0, 0.0]);
    for bad in [0.5, -1.0, 3.0, f64::NAN, f64::INFINITY] {
        assert!(eval_op("n", &op, &[&Tensor::scalar(bad)]).is_err());
    }
}

#[test]
fn reductions_agree_with_nested_loops() {
    let mut random = Random::new(1);
    for _ in 0..100 {
        let rank = random.below(4);
        let shape: Vec<usize> = (0..rank).map(|_| 1 + random.below(4)).collect();
        let axes: Vec<usize> = (0..rank).filter(|_| random.below(2) == 0).collect();
        let keep = random.below(2) == 0;
        let x = random.tensor::<i64>(&shape);
        for reducer in [Reducer::Sum, Reducer::Max, Reducer::Min] {
            let op = CoreOp::<Field>::Reduce(Reduce { reducer, axes: axes.clone(), keep });
            let got = eval_op("n", &op, &[&x]).expect("evaluates");
            let kept: Vec<usize> = (0..rank).map(|i| if axes.contains(&i) { 1 } else { shape[i] }).collect();
            let inner: Vec<usize> = (0..rank).map(|i| if axes.contains(&i) { shape[i] } else { 1 }).collect();
            let expected: Vec<i64> = indices(&kept)
                .iter()
                .map(|o| {
                    let values = indices(&inner)
                        .into_iter()
                        .map(|i| at(&x, &i.iter().zip(o).map(|(i, o)| i + o).collect::<Vec<_>>()));
                    match reducer {
                        Reducer::Sum => values.sum(),
                        Reducer::Max => values.max().expect("not empty"),
                        Reducer::Min => values.min().expect("not empty"),
                    }
                })
                .collect();
            assert_eq!(got.to_vec(), expected);
            let removed: Vec<usize> = (0..rank).filter(|i| !axes.contains(i)).map(|i| shape[i]).collect();
            assert_eq!(got.shape(), if keep { kept } else { removed });
        }
    }
    let nothing = CoreOp::<Field>::Reduce(Reduce { reducer: Reducer::Sum, axes: vec![1], keep: false });
    assert_eq!(run(nothing, &[&tensor(&[2, 0], vec![])]), [0, 0]);
}

#[test]
fn positions_of_extrema() {
    let x = tensor(&[2, 4], vec![3, 1, 3, 1, -5, -5, 0, 0]);
    let arg = |extremum, axis, last| run::<Field>(CoreOp::Arg(Arg { extremum, axis, last, keep: false }), &[&x]);
    assert_eq!(arg(Extremum::Max, 1, false), [0, 2]);
    assert_eq!(arg(Extremum::Max, 1, true), [2, 3]);
    assert_eq!(arg(Extremum::Min, 1, false), [1, 0]);
    assert_eq!(arg(Extremum::Min, 1, true), [3, 1]);
    assert_eq!(arg(Extremum::Max, 0, false), [0, 0, 0, 0]);
    assert_eq!(arg(Extremum::Min, 0, false), [1, 1, 1, 1]);
}

#[test]
fn requantisation_rounds_half_up() {
    let round = |x| map(Requant::Round { shift: 2, window: Window::signed(4) }, x);
    assert_eq!([-7, -6, -5, -2, -1, 0, 1, 2, 5, 6].map(|x| round(x).ok()), [-2, -1, -1, 0, 0, 0, 0, 1, 1, 2].map(Some));
    assert_eq!((round(29), round(-34)), (Ok(7), Ok(-8)));
    let error = round(30).expect_err("8 is outside");
    assert_eq!(error.to_string(), "map \"n\": 8 is outside [-8, 7]");
    assert!(round(-35).is_err());
    assert_eq!(map(Requant::Round { shift: 0, window: Window::signed(4) }, -8), Ok(-8));
    let relu = |x| map(Requant::Relu { shift: 1, bits: 3 }, x);
    assert_eq!((relu(-16), relu(-1), relu(3), relu(14)), (Ok(0), Ok(0), Ok(2), Ok(7)));
    assert!(relu(-18).is_err() && relu(15).is_err());
}

#[test]
fn requantisation_by_table_and_root() {
    let table = Arc::new(Table { name: "t".into(), window: Window::signed(2), values: vec![7, 8, 9, 10] });
    let lookup = |x| map(Requant::Table { shift: 1, table: table.clone() }, x);
    assert_eq!([-4, -2, 0, 2].map(|x| lookup(x).ok()), [7, 8, 9, 10].map(Some));
    assert!(lookup(3).is_err() && lookup(-6).is_err());
    let sqrt = |x| map(Requant::Sqrt { shift: 4, bits: 8 }, x);
    assert_eq!((sqrt(0), sqrt(1), sqrt(2), sqrt(4095)), (Ok(0), Ok(4), Ok(5), Ok(255)));
    assert!(sqrt(-1).is_err() && sqrt(4096).is_err());
    let rsqrt = |x| map(Requant::Rsqrt { shift: 16, bits: 8 }, x);
    assert_eq!((rsqrt(2), rsqrt(4), rsqrt(1 << 20)), (Ok(181), Ok(128), Ok(0)));
    assert!(rsqrt(1).is_err() && rsqrt(0).is_err() && rsqrt(-4).is_err());
}

#[test]
fn quotients_round_half_up() {
    let quotient = |x, y| {
        let op = CoreOp::<Field>::Div(Quotient { shift: 2, window: Window::signed(6) });
        eval_op("n", &op, &[&Tensor::scalar(x), &Tensor::scalar(y)]).map(|t| t.to_vec()[0])
    };
    assert_eq!((quotient(3, 8), quotient(5, 8), quotient(-3, 8), quotient(-5, 8)), (Ok(2), Ok(3), Ok(-1), Ok(-2)));
    assert_eq!((quotient(1, 3), quotient(7, 1)), (Ok(1), Ok(28)));
    assert!(quotient(1, 0).is_err() && quotient(1, -1).is_err() && quotient(8, 1).is_err());
    assert_eq!(run::<Float>(CoreOp::Div(()), &[&Tensor::scalar(1.0), &Tensor::scalar(4.0)]), [0.25]);
}

#[test]
fn parameters_out_of_range_do_not_panic() {
    let window = Window { lo: i64::MIN, bits: u32::MAX };
    let table = Arc::new(Table { name: String::new(), window, values: vec![] });
    for shift in [0, 1, 61, 62, 63, 64, 127, 128, u32::MAX] {
        for bits in [0, 1, 61, 62, 63, 64, u32::MAX] {
            for x in [i64::MIN, -1, 0, 1, i64::MAX] {
                let window = Window { lo: x, bits };
                let _ = map(Requant::Round { shift, window }, x);
                let _ = map(Requant::Relu { shift, bits }, x);
                let _ = map(Requant::Sqrt { shift, bits }, x);
                let _ = map(Requant::Rsqrt { shift, bits }, x);
                let _ = map(Requant::Table { shift, table: table.clone() }, x);
                let _ = Quotient { shift, window }.eval(x, i64::MAX);
                let _ = Quotient { shift, window }.eval(x, 1);
            }
        }
    }
}

fn two_inputs() -> Graph<Field> {
    let mut g = Graph::new();
    let input = |lo| Input { shape: vec![2], dtype: DType::Int, domain: Window { lo, bits: 3 } };
    let x = g.add("x", CoreOp::Input(input(0)), &[]).expect("input");
    let y = g.add("y", CoreOp::Input(input(-8)), &[]).expect("input");
    let flipped = View::Slice { start: vec![1], step: vec![-1], size: vec![2] };
    let z = g.add("z", CoreOp::View(flipped), &[y]).expect("view");
    let best = g.add("best", CoreOp::Extremum(Extremum::Max), &[x, z]).expect("max");
    g.add_output("best", best);
    g.add_output("y", y);
    g
}

#[test]
fn graphs() {
    let g = two_inputs();
    let inputs = [Tensor::vector(vec![1, 2]), Tensor::vector(vec![-3, -4])];
    let all = eval_all(&g, &inputs).expect("evaluates");
    assert_eq!(all.iter().map(|t| t.to_vec()).collect::<Vec<_>>(), [[1, 2], [-3, -4], [-4, -3], [1, 2]]);
    let outputs = eval(&g, &inputs).expect("evaluates");
    assert_eq!(outputs, [all[3].clone(), all[1].clone()]);
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let g = two_inputs();
    let (good, wide) = (Tensor::vector(vec![-1, -1]), Tensor::vector(vec![0, 0, 0]));
    let fails = |inputs: &[Tensor<i64>]| {
        assert_eq!(eval(&g, inputs).err(), eval_all(&g, inputs).err());
        eval(&g, inputs).expect_err("does not fit").to_string()
    };
    let zero = Tensor::vector(vec![0, 0]);
    assert_eq!(fails(&[]), "input \"x\": missing, 0 of 2 given");
    assert_eq!(fails(std::slice::from_ref(&zero)), "input \"y\": missing, 1 of 2 given");
    assert_eq!(fails(&[zero.clone(), good.clone(), good.clone()]), "input \"y\": expected 2 inputs, got 3");
    assert_eq!(fails(&[wide, good.clone()]), "input \"x\": expected shape [2], got [3]");
    assert_eq!(fails(&[good, zero.clone()]), "input \"x\": element 0: -1 is outside [0, 7]");
    assert_eq!(fails(&[zero, Tensor::vector(vec![-8, 0])]), "input \"y\": element 1: 0 is outside [-8, -1]");
}

#[test]
fn functions() {
    let close = |f: Function, x: f64, y: f64| {
        let got = f.eval(x);
        assert!((got - y).abs() <= 1e-14 * y.abs().max(1.0), "{f}({x}): expected {y}, got {got}");
    };
    for (x, y) in [(0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (-0.5, 0.0), (-1.5, -2.0), (2.6, 3.0)] {
        close(Function::Round, x, y);
    }
    close(Function::Abs, -2.5, 2.5);
    close(Function::Celu(2.0), -1.0, 2.0 * ((-0.5f64).exp() - 1.0));
    close(Function::Celu(2.0), 3.0, 3.0);
    close(Function::Clip { lo: -1.0, hi: 2.0 }, -3.0, -1.0);
    close(Function::Clip { lo: -1.0, hi: 2.0 }, 3.0, 2.0);
    close(Function::Clip { lo: 5.0, hi: 2.0 }, 3.0, 2.0);
    close(Function::CubicKernel(-0.75), -0.5, 0.59375);
    close(Function::CubicKernel(-0.75), 1.5, -0.09375);
    close(Function::CubicKernel(-0.75), 2.5, 0.0);
    close(Function::Elu(0.5), -2.0, 0.5 * ((-2.0f64).exp() - 1.0));
    close(Function::Erf, 0.5, 0.5204998778130465);
    close(Function::Gelu, 1.0, 0.8413447460685429);
    close(Function::Gelu, -0.5, -0.15426876936299344);
    close(Function::GeluTanh, 1.0, 0.8411919906082768);
    close(Function::HardSigmoid { alpha: 0.2, beta: 0.5 }, 1.0, 0.7);
    close(Function::HardSigmoid { alpha: 0.2, beta: 0.5 }, 9.0, 1.0);
    close(Function::HardSwish, 1.5, 1.125);
    close(Function::HardSwish, -4.0, 0.0);
    close(Function::LeakyRelu(0.01), -3.0, -0.03);
    close(Function::Mish, 1.0, 0.8650983882673103);
    close(Function::Pow(1.5), 4.0, 8.0);
    close(Function::Reciprocal, 4.0, 0.25);
    close(Function::Reflect { lo: -0.5, hi: 2.5 }, 1.25, 1.25);
    close(Function::Reflect { lo: -0.5, hi: 2.5 }, 3.0, 2.0);
    close(Function::Reflect { lo: -0.5, hi: 2.5 }, -7.0, 0.0);
    close(Function::Reflect { lo: 1.0, hi: 1.0 }, 5.0, 1.0);
    close(Function::Relu, -4.0, 0.0);
    close(Function::Rsqrt, 4.0, 0.5);
    close(Function::Selu { alpha: 2.0, gamma: 3.0 }, 2.0, 6.0);
    close(Function::Selu { alpha: 2.0, gamma: 3.0 }, -1.0, 6.0 * ((-1.0f64).exp() - 1.0));
    close(Function::Sigmoid, 2.0, 0.8807970779778823);
    close(Function::Sigmoid, -800.0, 0.0);
    close(Function::Sign, -3.0, -1.0);
    close(Function::Sign, 0.0, 0.0);
    close(Function::Softplus, 1.0, 1.3132616875182228);
    close(Function::Softplus, 800.0, 800.0);
    close(Function::Softplus, -800.0, 0.0);
    close(Function::Softsign, -3.0, -0.75);
    close(Function::Swish(2.0), 1.0, 0.8807970779778823);
    close(Function::ThresholdedRelu(1.0), 1.0, 0.0);
    close(Function::ThresholdedRelu(1.0), 1.5, 1.5);
    close(Function::Trunc, -1.7, -1.0);
    for (f, x) in [(Function::Sqrt, -1.0), (Function::Relu, f64::NAN), (Function::Sign, f64::NAN)] {
        assert!(f.eval(x).is_nan(), "{f}");
    }
    let tanh = CoreOp::<Float>::Map(Function::Tanh);
    let many = Tensor::vector((0..10_000).map(f64::from).collect());
    assert_eq!(run(tanh, &[&many])[9_999], 1.0);
}
