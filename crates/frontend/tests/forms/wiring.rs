//! Operators that move elements, and constants.

use plonnx_frontend::proto::TensorProto;
use plonnx_testkit::onnx::Attr::{Float, Floats, Int, Ints, Tensor, Text};
use plonnx_testkit::onnx::{TensorScalar, floats};

use super::case::{Case, case};

const TWO: &[f64] = &[1., 2.];
const FOUR: &[f64] = &[1., 2., 3., 4.];

pub fn cases() -> Vec<Case> {
    [axes(), parts(), padding(), repeats(), selections(), scattered(), constants()].into_iter().flatten().collect()
}

fn axes() -> Vec<Case> {
    vec![
        case("Reshape", 4).x(&[2, 2], FOUR).with("shape", Ints(&[0, 1, -1])).y(&[2, 1, 2], FOUR),
        case("Reshape", 4).x(&[2, 2], FOUR).with("shape", Ints(&[4])).idle("consumed_inputs", Ints(&[0])).y(&[4], FOUR),
        case("Reshape", 13)
            .x(&[2, 2], FOUR)
            .ints(&[0, 1, -1])
            .y(&[2, 1, 2], FOUR)
            .unlike(|case| case.with("allowzero", Int(1))),
        case("Squeeze", 12).x(&[1, 2, 1], TWO).with("axes", Ints(&[0])).y(&[2, 1], TWO),
        case("Unsqueeze", 12).x(&[2], TWO).with("axes", Ints(&[0, 2])).y(&[1, 2, 1], TWO),
        case("Shape", 14).x(&[1, 2], TWO).whole(&[2], &[1., 2.]).unlike(|case| case.with("start", Int(1))),
        // Blocks come first among the channels.
        case("DepthToSpace", 10)
            .x(&[1, 8, 1, 1], &[0., 1., 2., 3., 4., 5., 6., 7.])
            .with("blocksize", Int(2))
            .y(&[1, 2, 2, 2], &[0., 2., 4., 6., 1., 3., 5., 7.])
            .unlike(|case| case.with("mode", Text("CRD"))),
    ]
}

fn parts() -> Vec<Case> {
    let split = |last| case("Split", last).x(&[3, 2], &[1., 2., 3., 4., 5., 6.]);
    let rows = |case: Case| case.y(&[1, 2], TWO).y(&[2, 2], &[3., 4., 5., 6.]);
    vec![
        // The default axis was 1.
        case("Concat", 3).x(&[2, 1], TWO).x(&[2, 1], &[3., 4.]).y(&[2, 2], &[1., 3., 2., 4.]),
        case("Slice", 9)
            .x(&[2, 3], &[1., 2., 3., 4., 5., 6.])
            .with("starts", Ints(&[-2]))
            .with("ends", Ints(&[1000]))
            .with("axes", Ints(&[1]))
            .y(&[2, 2], &[2., 3., 5., 6.]),
        rows(split(1).ints(&[1, 2]).with("axis", Int(0))),
        rows(split(1).with("axis", Int(0)).with("split", Ints(&[1, 2]))).unlike(|case| case.without("split")),
        split(1).refused("Split without an axis").with("split", Ints(&[1, 2])).results(2),
        rows(split(12).with("split", Ints(&[1, 2]))),
        rows(split(17).ints(&[1, 2])).unlike(|case| case.first(1).with("num_outputs", Int(2))),
        split(17)
            .refused("3 elements cannot be split into 2 equal parts")
            .results(2)
            .unlike(|case| case.with("num_outputs", Int(2))),
    ]
}

fn padding() -> Vec<Case> {
    let pad = |last| case("Pad", last).x(&[1, 2], TWO);
    let padded = |case: Case| case.y(&[2, 3], &[1., 2., 9., 9., 9., 9.]);
    vec![
        padded(pad(1).with("paddings", Ints(&[0, 0, 1, 1])).with("value", Float(9.))),
        padded(pad(10).with("pads", Ints(&[0, 0, 1, 1])).with("value", Float(9.))),
        pad(10).with("pads", Ints(&[0, 1, 0, 0])).with("mode", Text("edge")).y(&[1, 3], &[1., 1., 2.]),
        pad(17).ints(&[0, 1, 0, 0]).none().y(&[1, 3], &[0., 1., 2.]).unlike(|case| case.ints(&[1, 0])),
    ]
}

fn repeats() -> Vec<Case> {
    let tile = |axis| case("Tile", 5).x(&[1, 2], TWO).reals(&[], &[2.]).reals(&[], &[axis]);
    let up = |last| case("Upsample", last).x(&[1, 1, 1, 2], TWO);
    let twice = |case: Case| case.y(&[1, 1, 2, 4], &[1., 1., 2., 2., 1., 1., 2., 2.]);
    let scales = |case: Case| case.reals(&[4], &[1., 1., 1., 2.]).with("mode", Text("linear"));
    vec![
        tile(0.).y(&[2, 2], &[1., 2., 1., 2.]),
        tile(1.).y(&[1, 4], &[1., 2., 1., 2.]),
        twice(up(6).with("height_scale", Float(2.)).with("width_scale", Float(2.))),
        up(6)
            .with("height_scale", Float(1.))
            .with("width_scale", Float(2.))
            .with("mode", Text("bilinear"))
            .y(&[1, 1, 1, 4], &[1., 1.5, 2., 2.]),
        twice(up(8).with("scales", Floats(&[1., 1., 2., 2.]))),
        // Position y of the result is y / scale of the operand.
        scales(case("Resize", 10).x(&[1, 1, 1, 2], &[1., 3.])).y(&[1, 1, 1, 4], &[1., 2., 3., 3.]),
        case("Resize", 10)
            .x(&[1, 1, 1, 3], &[1., 2., 3.])
            .reals(&[4], &[1., 1., 1., 1.5])
            .y(&[1, 1, 1, 4], &[1., 1., 2., 3.]),
        scales(case("Resize", 12).x(&[1, 1, 1, 2], &[1., 3.]).reals(&[0], &[]))
            .y(&[1, 1, 1, 4], &[1., 1.5, 2.5, 3.])
            .unlike(|case| case.first(1).none().none().ints(&[1, 1, 1, 2])),
        scales(case("Resize", 17).x(&[1, 1, 1, 4], &[1., 2., 3., 10.]).none())
            .y(&[1, 1, 1, 8], &[1., 1.25, 1.75, 2.25, 2.75, 4.75, 8.25, 10.])
            .unlike(|case| case.first(2).reals(&[1], &[2.]).with("axes", Ints(&[2]))),
        case("Resize", 17)
            .x(&[1, 1, 1, 4], &[1., 2., 3., 10.])
            .none()
            .reals(&[4], &[1., 1., 1., 0.5])
            .with("mode", Text("linear"))
            .y(&[1, 1, 1, 2], &[1.5, 6.5])
            .unlike(|case| case.with("antialias", Int(1))),
    ]
}

fn selections() -> Vec<Case> {
    let top = |last| case("TopK", last).x(&[1, 3], &[5., 9., 7.]);
    let two = |case: Case| case.y(&[1, 2], &[9., 7.]).whole(&[1, 2], &[1., 2.]);
    vec![
        two(top(9).with("k", Int(2))),
        two(top(10).ints(&[2])).unlike(|case| case.with("largest", Int(0))),
        case("GatherND", 11)
            .x(&[2, 2], FOUR)
            .known(TensorProto { dims: vec![2, 1], data_type: 7, int64_data: vec![1, 0], ..Default::default() })
            .y(&[2, 2], &[3., 4., 1., 2.])
            .unlike(|case| case.with("batch_dims", Int(1))),
        // What is below 0 is outside.
        case("OneHot", 10)
            .ints(&[-1, 1])
            .known(TensorScalar(2).proto(""))
            .x(&[2], &[3., 5.])
            .y(&[2, 2], &[3., 3., 3., 5.]),
        case("OneHot", 10)
            .n(&[2], &[1., 1.])
            .known(TensorScalar(2).proto(""))
            .x(&[2], &[3., 5.])
            .y(&[2, 2], &[3., 5., 3., 5.])
            .unlike(|case| case.with("axis", Int(0))),
        case("ArgMax", 11)
            .x(&[1, 3], &[2., 5., 5.])
            .with("axis", Int(1))
            .whole(&[1, 1], &[1.])
            .unlike(|case| case.with("select_last_index", Int(1))),
        case("ArgMin", 11)
            .x(&[1, 3], &[2., 1., 1.])
            .with("axis", Int(1))
            .whole(&[1, 1], &[1.])
            .unlike(|case| case.with("select_last_index", Int(1))),
    ]
}

fn scattered() -> Vec<Case> {
    let one = || TensorProto { dims: vec![1, 1], data_type: 7, int64_data: vec![1], ..Default::default() };
    let add = |case: Case| case.with("reduction", Text("add"));
    vec![
        case("ScatterElements", 15)
            .x(&[1, 3], &[1., 2., 3.])
            .known(one())
            .x(&[1, 1], &[10.])
            .with("axis", Int(1))
            .y(&[1, 3], &[1., 10., 3.])
            .unlike(add),
        case("ScatterND", 15).x(&[3], &[1., 2., 3.]).known(one()).x(&[1], &[10.]).y(&[3], &[1., 10., 3.]).unlike(add),
    ]
}

fn constants() -> Vec<Case> {
    let value = |last| case("Constant", last).with("value", Tensor(floats("", &[2], &[1., 2.]))).y(&[2], TWO);
    let range = case("Range", 26).reals(&[], &[1.]).reals(&[], &[2.]).reals(&[], &[0.25]);
    vec![
        value(10).unlike(|case| case.without("value")),
        value(11).unlike(|case| case.without("value").with("value_floats", Floats(&[1., 3.]))),
        case("Constant", 11)
            .refused("the constant is no dense tensor of numbers")
            .unlike(|case| case.with("value_float", Float(1.))),
        range.y(&[4], &[1., 1.25, 1.5, 1.75]).unlike_here(|case| case.with("stash_type", Int(1))),
    ]
}
