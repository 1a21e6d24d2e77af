//! Operators that act on every element by itself.

use plonnx_testkit::onnx::Attr::{Float, Int, Ints, Text};
use plonnx_testkit::onnx::INT64;

use super::case::{Case, case};

/// A number of TensorProto.DataType.
const FLOAT8E4M3FN: i64 = 17;

pub fn cases() -> Vec<Case> {
    [in_place(), aligned(), bounds(), activations(), conversions()].into_iter().flatten().collect()
}

/// consumed_inputs said which operands may be overwritten.
fn in_place() -> Vec<Case> {
    let one = |op, data, expected: &[f64]| case(op, 5).x(&[2], data).y(&[2], expected);
    let two = |op, expected: &[f64]| case(op, 5).x(&[2], &[6., 3.]).x(&[2], &[2., 4.]).y(&[2], expected);
    let along = |op, expected: &[f64]| {
        let case = case(op, 5).x(&[1, 2, 2], &[6., 3., 1., 5.]).x(&[2], &[2., 4.]).y(&[1, 2, 2], expected);
        case.with("broadcast", Int(1)).with("axis", Int(1))
    };
    let cases = [
        one("Abs", &[-2., 3.], &[2., 3.]),
        one("Ceil", &[-1.5, 1.25], &[-1., 2.]),
        one("Elu", &[-1., 2.], &[-0.632_120_56, 2.]),
        one("Exp", &[0., 1.], &[1., std::f64::consts::E]),
        one("Floor", &[-1.5, 1.25], &[-2., 1.]),
        one("HardSigmoid", &[1., -5.], &[0.7, 0.]),
        one("LeakyRelu", &[-2., 2.], &[-0.02, 2.]),
        one("Log", &[1., 4.], &[0., 1.386_294_36]),
        one("Neg", &[-2., 3.], &[2., -3.]),
        one("Reciprocal", &[2., -4.], &[0.5, -0.25]),
        one("Relu", &[-2., 3.], &[0., 3.]),
        one("Sigmoid", &[0., 1.], &[0.5, 0.731_058_58]),
        one("Sqrt", &[4., 9.], &[2., 3.]),
        one("Tanh", &[0., 1.], &[0., 0.761_594_16]),
        two("Max", &[6., 4.]),
        two("Mean", &[4., 3.5]),
        two("Min", &[2., 3.]),
        two("Sum", &[8., 7.]),
        along("Add", &[8., 5., 5., 9.]),
        along("Div", &[3., 1.5, 0.25, 1.25]),
        along("Mul", &[12., 6., 4., 20.]),
        along("Sub", &[4., 1., -3., 1.]),
        case("Clip", 5).x(&[3], &[-2., 0.5, 2.]).with("max", Float(1.)).y(&[3], &[-2., 0.5, 1.]),
        case("Dropout", 5).x(&[2], &[1., 2.]).with("is_test", Int(1)).with("ratio", Float(0.25)).y(&[2], &[1., 2.]),
        case("InstanceNormalization", 5)
            .x(&[1, 1, 2], &[3., 7.])
            .x(&[1], &[2.])
            .x(&[1], &[1.])
            .with("epsilon", Float(0.))
            .y(&[1, 1, 2], &[-1., 3.]),
        // A slope for each channel: broadcasting aligned the last axes later.
        case("PRelu", 5)
            .x(&[1, 2, 2], &[-2., 2., -1., -4.])
            .x(&[2], &[0.5, 0.25])
            .y(&[1, 2, 2], &[-1., 2., -0.25, -1.]),
    ];
    cases.into_iter().map(|case| case.idle("consumed_inputs", Ints(&[0]))).collect()
}

/// `broadcast` allowed the second operand to be repeated, its first axis at `axis` of the first one.
fn aligned() -> Vec<Case> {
    let of = |case: Case| case.with("broadcast", Int(1)).with("axis", Int(1));
    let real = |op, last| of(case(op, last).x(&[1, 2, 2], &[6., 3., 1., 5.]).x(&[2], &[2., 4.]));
    let whole = |op, last| of(case(op, last).n(&[1, 2, 2], &[6., 2., 1., 4.]).n(&[2], &[2., 4.]));
    let logic = |op, last| of(case(op, last).b(&[1, 2, 2], &[0., 1., 0., 1.]).b(&[2], &[0., 1.]));
    // Without an axis the last axes are aligned; without `broadcast` the shapes have to be the same.
    let last_axes = case("Add", 6).x(&[1, 2, 2], &[6., 3., 1., 5.]).x(&[2], &[2., 4.]).with("broadcast", Int(1));
    let without = case("Mul", 6).x(&[1, 2], &[6., 3.]).x(&[2], &[2., 4.]).refused("shapes differ: [1, 2] and [2]");
    let outwards = case("Sub", 6).x(&[1], &[6.]).x(&[2], &[2., 4.]).with("broadcast", Int(1));
    vec![
        real("Add", 6).y(&[1, 2, 2], &[8., 5., 5., 9.]),
        last_axes.y(&[1, 2, 2], &[8., 7., 3., 9.]),
        real("Div", 6).y(&[1, 2, 2], &[3., 1.5, 0.25, 1.25]),
        real("Mul", 6).y(&[1, 2, 2], &[12., 6., 4., 20.]),
        without,
        real("Sub", 6).y(&[1, 2, 2], &[4., 1., -3., 1.]),
        outwards.refused("shape [2] does not fit into [1]"),
        real("Greater", 6).truth(&[1, 2, 2], &[1., 1., 0., 1.]),
        real("Less", 6).truth(&[1, 2, 2], &[0., 0., 1., 0.]),
        whole("Equal", 6).truth(&[1, 2, 2], &[0., 1., 0., 1.]),
        logic("And", 6).truth(&[1, 2, 2], &[0., 0., 0., 1.]),
        logic("Or", 6).truth(&[1, 2, 2], &[0., 1., 1., 1.]),
        logic("Xor", 6).truth(&[1, 2, 2], &[0., 1., 1., 0.]),
        of(case("Pow", 6).x(&[1, 2, 2], &[6., 3., 1., 2.]).reals(&[2], &[2., 3.])).y(&[1, 2, 2], &[36., 9., 1., 8.]),
    ]
}

fn bounds() -> Vec<Case> {
    let clip = || case("Clip", 10).x(&[3], &[-2., 0.5, 2.]);
    vec![
        clip().with("min", Float(-1.)).with("max", Float(1.)).y(&[3], &[-1., 0.5, 1.]),
        clip().with("min", Float(0.)).y(&[3], &[0., 0.5, 2.]),
    ]
}

fn activations() -> Vec<Case> {
    vec![
        // The defaults had four digits.
        case("Selu", 5)
            .x(&[2], &[-1., 2.])
            .with("consumed_inputs", Ints(&[0]))
            .y(&[2], &[-1.111_287_68, 2.1014])
            .unlike(|case| case.without("consumed_inputs")),
        case("PRelu", 6)
            .x(&[1, 2, 2], &[-2., 2., -1., -4.])
            .x(&[2], &[0.5, 0.25])
            .y(&[1, 2, 2], &[-1., 2., -0.25, -1.]),
        case("Dropout", 6).x(&[2], &[1., 2.]).idle("is_test", Int(1)).y(&[2], &[1., 2.]),
        case("Dropout", 6)
            .x(&[2], &[1., 2.])
            .with("is_test", Int(0))
            .refused("training mode")
            .unlike_here(|case| case.without("is_test")),
        case("Dropout", 9).x(&[2], &[1., 2.]).with("ratio", Float(0.25)).y(&[2], &[1., 2.]).y(&[2], &[1., 1.]),
        case("Dropout", 11).x(&[2], &[1., 2.]).y(&[2], &[1., 2.]).truth(&[2], &[1., 1.]).idle("ratio", Float(0.25)),
    ]
}

fn conversions() -> Vec<Case> {
    let whole = |case: Case| case.with("to", Int(INT64.into())).whole(&[3], &[-1., 0., 2.]);
    let cast = |last| whole(case("Cast", last).x(&[3], &[-1.5, 0.5, 2.75]));
    let like = |last| case("CastLike", last).x(&[3], &[-1.5, 0.5, 2.75]).n(&[1], &[0.]).whole(&[3], &[-1., 0., 2.]);
    let narrow = || case("Cast", 23).reals(&[2], &[1.0625, 1000.]).with("to", Int(FLOAT8E4M3FN));
    vec![
        case("Cast", 5).x(&[3], &[-1.5, 0.5, 2.75]).with("to", Text("INT64")).whole(&[3], &[-1., 0., 2.]),
        case("Cast", 5).x(&[3], &[-1.5, 0., 2.75]).with("to", Text("BOOL")).truth(&[3], &[1., 0., 1.]),
        // What is new concerns types that the form does not have.
        cast(18).unlike(|case| case.with("to", Int(FLOAT8E4M3FN)).with("saturate", Int(0))),
        like(18).unlike(|case| case.with("round_mode", Text("down")).first(1).x(&[1], &[0.])),
        narrow().y(&[2], &[1., 448.]).unlike(|case| case.with("saturate", Int(0))),
        like(23).unlike(|case| case.first(1).x(&[1], &[0.])),
    ]
}
