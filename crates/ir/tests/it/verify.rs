//! Verification rejects every broken invariant that the public interface can break.

use std::sync::Arc;

use plonnx_ir::op::{
    Arg, Compare, Contract, Conv, Extremum, Input, OneHot, Quotient, Reduce, Reducer, Requant, Sum, Table, View, Window,
};
use plonnx_ir::{CoreOp, DType, Field, Float, Graph, Log2Scale, NodeId, Tensor, verify};

use crate::sample::{self, Builder};

/// The error of a graph with exactly one.
fn fails(graph: &Graph<Field>) -> String {
    match verify(graph).expect_err("an invariant is broken").as_slice() {
        [error] => error.to_string(),
        errors => panic!("expected one error, got {errors:?}"),
    }
}

fn builder() -> (Builder<Field>, NodeId) {
    let mut b = Builder::new(Log2Scale(0));
    let x = b.input(&[2, 2], DType::Int, Window { lo: 1, bits: 8 });
    (b, x)
}

/// The errors of applying `op` to the input and making it the result.
fn checked(op: CoreOp<Field>) -> Result<(), String> {
    let (mut b, x) = builder();
    let y = b.add(op, &[x]);
    b.graph.add_output("y", y);
    verify(&b.graph).map_err(|e| e.iter().map(|e| e.to_string()).collect::<Vec<_>>().join("; "))
}

#[test]
fn results_are_required() {
    let (mut b, x) = builder();
    assert_eq!(fails(&b.graph), "output \"\": the graph has no result");
    b.graph.add_output("", x);
    assert_eq!(fails(&b.graph), "output \"\": a result has no name");
    let mut other = Graph::<Float>::new();
    let input = || CoreOp::Input(Input { shape: vec![], dtype: DType::Real, domain: () });
    let id = other.add("x", input(), &[]).expect("input");
    let foreign = {
        let mut long = Graph::<Float>::new();
        long.add("a", input(), &[]).and_then(|_| long.add("b", input(), &[])).expect("input")
    };
    other.add_output("y", id);
    assert_eq!(verify(&other), Ok(()));
    other.add_output("z", foreign);
    assert_eq!(verify(&other).expect_err("foreign")[0].to_string(), "output \"z\": is no node of the graph");
}

#[test]
fn names_are_required() {
    let mut graph = Graph::<Float>::new();
    let x = graph.add("", CoreOp::Const(Tensor::scalar(1.0), DType::Real), &[]).expect("constant");
    graph.add_output("x", x);
    assert_eq!(verify(&graph).expect_err("no name")[0].to_string(), "const \"\": %0 has no name");
}

#[test]
fn requantisations_are_provable() {
    let round = |shift, lo, bits| checked(CoreOp::Map(Requant::Round { shift, window: Window { lo, bits } }));
    let wide = checked(CoreOp::Map(Requant::Round { shift: 0, window: Window::signed(61) }));
    assert_eq!(wide, Ok(()));
    assert_eq!(round(61, 0, 1), Ok(()));
    assert_eq!(round(0, 1 - (1 << 62), 61), Ok(()));
    assert_eq!(
        round(62, 0, 1),
        Err("map \"map_1\": expected shift and window of at most 62 bits together, got 62 and 1".into())
    );
    assert!(round(u32::MAX, 0, 1).is_err());
    assert!(round(2, 0, 61).is_err());
    assert_eq!(round(0, 0, 0), Err("map \"map_1\": expected a window of 1 to 61 bits, got 0".into()));
    assert!(round(0, 0, 62).is_err() && round(0, 0, u32::MAX).is_err());
    assert_eq!(
        round(0, -(1 << 62) - 1, 8),
        Err(format!("map \"map_1\": window {}+2^8 shifted by 0 leaves [-2^62, 2^62]", -(1i64 << 62) - 1))
    );
    assert!(round(0, (1 << 62) - 1, 1).is_err() && round(10, 1 << 52, 1).is_err() && round(0, i64::MIN, 1).is_err());

    let relu = |shift, bits| checked(CoreOp::Map(Requant::Relu { shift, bits }));
    assert_eq!((relu(1, 61), relu(61, 1)), (Ok(()), Ok(())));
    assert!(relu(2, 61).is_err() && relu(0, 0).is_err() && relu(0, 62).is_err() && relu(62, 0).is_err());

    let sqrt = |shift, bits| checked(CoreOp::Map(Requant::Sqrt { shift, bits }));
    let rsqrt = |shift, bits| checked(CoreOp::Map(Requant::Rsqrt { shift, bits }));
    assert_eq!((sqrt(61, 31), rsqrt(61, 31)), (Ok(()), Ok(())));
    for (shift, bits) in [(62, 1), (0, 0), (0, 32)] {
        assert!(sqrt(shift, bits).is_err() && rsqrt(shift, bits).is_err());
    }
}

#[test]
fn tables_are_complete() {
    let table = |bits: u32, values: Vec<i64>| {
        let table = Arc::new(Table { name: "t".into(), window: Window::unsigned(bits), values });
        checked(CoreOp::Map(Requant::Table { shift: 8, table }))
    };
    assert_eq!(table(2, vec![0; 4]), Ok(()));
    assert_eq!(table(20, vec![0; 1 << 20]), Ok(()));
    assert_eq!(table(2, vec![0; 3]), Err("map \"map_1\": expected a table of 4 values, got 3".into()));
    assert!(table(2, vec![0; 5]).is_err());
    assert!(table(21, vec![0; 1 << 21]).is_err_and(|e| e.contains("at most 20 bits")));
    assert!(table(2, vec![0, 0, 0, 1 << 62]).is_err());
    assert!(table(2, vec![0, 0, 0, i64::MIN]).is_err());
}

#[test]
fn quotients_and_inputs_are_provable() {
    let quotient = |shift, bits| {
        let (mut b, x) = builder();
        let y = b.add(CoreOp::Div(Quotient { shift, window: Window::unsigned(bits) }), &[x, x]);
        b.graph.add_output("y", y);
        verify(&b.graph).is_ok()
    };
    assert!(quotient(61, 1) && quotient(1, 61));
    assert!(!quotient(62, 0) && !quotient(2, 61) && !quotient(0, 62) && !quotient(0, 0) && !quotient(u32::MAX, 1));
    let input = |lo, bits| {
        let mut b = Builder::<Field>::new(Log2Scale(0));
        let x = b.input(&[1], DType::Int, Window { lo, bits });
        b.graph.add_output("x", x);
        verify(&b.graph).is_ok()
    };
    assert!(input(0, 1) && input(1 - (1 << 62), 61));
    assert!(!input(0, 0) && !input(0, 62) && !input(1 << 62, 1) && !input(i64::MAX, 61) && !input(i64::MIN, 64));
}

#[test]
fn wide_values_are_requantised_first() {
    let conv = Conv { strides: vec![1], dilations: vec![1], before: vec![0], after: vec![0], groups: 1 };
    let window = Window::signed(20);
    let wide_users: Vec<(CoreOp<Field>, usize)> = vec![
        (CoreOp::View(View::Reshape { shape: vec![4] }), 1),
        (CoreOp::Contract(Contract::elementwise(2)), 2),
        (CoreOp::Reduce(Reduce { reducer: Reducer::Sum, axes: vec![0], keep: false }), 1),
        (CoreOp::Reduce(Reduce { reducer: Reducer::Max, axes: vec![0], keep: false }), 1),
        (CoreOp::Map(Requant::Sqrt { shift: 0, bits: 20 }), 1),
        (CoreOp::Map(Requant::Rsqrt { shift: 0, bits: 20 }), 1),
        (CoreOp::Div(Quotient { shift: 0, window }), 2),
        (CoreOp::Extremum(Extremum::Max), 2),
        (CoreOp::Compare(Compare::Less), 2),
        (CoreOp::OneHot(OneHot { depth: 4 }), 1),
        (CoreOp::Arg(Arg { extremum: Extremum::Max, axis: 0, last: false, keep: false }), 1),
    ];
    for (op, operands) in wide_users {
        let (mut b, x) = builder();
        let wide = b.add(CoreOp::Sum(Sum { coefficients: vec![2] }), &[x]);
        let y = b.add(op.clone(), &[[x, wide], [wide, wide]][operands % 2][..operands]);
        let y = b.add(CoreOp::Map(Requant::Round { shift: 0, window }), &[y]);
        b.graph.add_output("y", y);
        let error = fails(&b.graph);
        assert_eq!(error, format!("{} \"{0}_2\": operand %1 is wide, expected a requantised one", op.name()));
    }
    let (mut b, x) = builder();
    let wide = b.add(CoreOp::Reduce(Reduce { reducer: Reducer::Sum, axes: vec![0], keep: true }), &[x]);
    let image = b.constant(&[1, 1, 4], DType::Int, &[1; 4]);
    let kernel = b.constant(&[1, 1, 1], DType::Int, &[1]);
    let wide_conv = b.add(CoreOp::Conv(conv.clone()), &[image, kernel]);
    let again = b.add(CoreOp::Conv(conv), &[wide_conv, kernel]);
    let c = b.add(CoreOp::Compare(Compare::Less), &[x, x]);
    let double = b.add(CoreOp::Sum(Sum { coefficients: vec![2] }), &[x]);
    let chosen = b.add(CoreOp::Select, &[c, x, double]);
    b.graph.add_output("wide", wide);
    b.graph.add_output("chosen", chosen);
    b.graph.add_output("again", again);
    let errors: Vec<String> = verify(&b.graph).expect_err("wide").iter().map(|e| e.to_string()).collect();
    assert_eq!(
        errors,
        [
            "conv \"conv_5\": operand %4 is wide, expected a requantised one",
            "select \"select_8\": operand %7 is wide, expected a requantised one",
            "reduce_sum \"reduce_sum_1\": result \"wide\" is wide, expected a requantised one",
            "conv \"conv_5\": result \"again\" is wide, expected a requantised one",
        ]
    );
}

#[test]
fn wide_values_may_be_added_and_shifted() {
    for requant in [
        Requant::Round { shift: 1, window: Window::signed(12) },
        Requant::Relu { shift: 1, bits: 12 },
        Requant::Table { shift: 1, table: sample::table(12) },
    ] {
        let (mut b, x) = builder();
        let wide = b.add(CoreOp::Sum(Sum { coefficients: vec![2] }), &[x]);
        let wide = b.add(CoreOp::Sum(Sum { coefficients: vec![2, 1] }), &[wide, x]);
        let y = b.add(CoreOp::Map(requant), &[wide]);
        b.graph.add_output("y", y);
        assert_eq!(verify(&b.graph), Ok(()));
    }
}

#[test]
fn conditions_are_bits() {
    let (mut b, x) = builder();
    let c = b.add(CoreOp::View(View::Retype { dtype: DType::Bool }), &[x]);
    let y = b.add(CoreOp::Select, &[c, x, x]);
    b.graph.add_output("y", y);
    assert_eq!(fails(&b.graph), "select \"select_2\": expected a condition of 0 or 1, got one in [1, 256]");
}

#[test]
fn values_fit_the_field() {
    let (mut b, x) = builder();
    let huge = b.constant(&[2, 2], DType::Int, &[1 << 54; 4]);
    let product = b.add(CoreOp::Contract(Contract::elementwise(2)), &[x, huge]);
    let y = b.add(CoreOp::Map(Requant::Round { shift: 20, window: Window::signed(42) }), &[product]);
    b.graph.add_output("y", y);
    let (got, limit) = (1u64 << 62, (1u64 << 62) - 1);
    assert_eq!(
        fails(&b.graph),
        format!("contract \"contract_2\": largest absolute value is {got}, the limit is {limit}")
    );
}
