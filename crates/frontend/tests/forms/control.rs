//! Graphs that are run by a node, and optional values.

use plonnx_testkit::onnx::Attr::{Graph, Int, Ints};
use plonnx_testkit::onnx::{TensorScalar, graph, node};

use super::case::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        doubling(3).y(&[2], &[8., 80.]).y(&[3, 2], &[2., 20., 4., 40., 8., 80.]).unlike(|_| doubling(2).results(2)),
        // An axis of batches comes first, and the first operand is for lengths.
        scan().with("directions", Ints(&[1])).y(&[2, 1], &[3., 17.]).y(&[2, 2, 1], &[2., 3., 14., 17.]),
        case("OptionalHasElement", 17).optional(&[2], &[1., 2.]).truth(&[], &[1.]).unlike(|case| case.first(0)),
        case("OptionalHasElement", 17).refused("operand 0 is missing"),
    ]
}

/// `turns` times twice the state.
fn doubling(turns: i64) -> Case {
    let body = vec![
        node("Identity", &["go"], &["going"], &[]),
        node("Add", &["state", "state"], &["next"], &[]),
        node("Identity", &["next"], &["out"], &[]),
    ];
    let body = Graph(graph(&["i", "go", "state"], body, &["going", "next", "out"]));
    case("Loop", 10).known(TensorScalar(turns).proto("")).none().x(&[2], &[1., 10.]).with("body", body)
}

/// Sums of two sequences of two elements, from 0 and from 10 on.
fn scan() -> Case {
    let body = vec![node("Add", &["state", "element"], &["next"], &[]), node("Identity", &["next"], &["out"], &[])];
    let body = Graph(graph(&["state", "element"], body, &["next", "out"]));
    let case = case("Scan", 8).none().x(&[2, 1], &[0., 10.]).x(&[2, 2, 1], &[1., 2., 3., 4.]);
    case.with("body", body).with("num_scan_inputs", Int(1))
}
