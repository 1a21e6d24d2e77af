//! Quantised operators of com.microsoft, with results of onnxruntime 1.18.1: integers within one unit.

use plonnx_frontend::proto::TensorProto;
use plonnx_testkit::onnx::{Attr, Model};

const SET: (&str, i64) = ("com.microsoft", 1);
const UINT8: i32 = 2;
const INT8: i32 = 3;
const INT32: i32 = 6;

const X: &[f64] = &[0., 40., 100., 128., 131., 200., 250., 255.];
const Y: &[f64] = &[9., 17., 80., 255.];
const A: &[f64] = &[3., 100., 200., 255., 0., 128.];

fn integers(name: &str, elem: i32, shape: &[i64], data: &[i32]) -> TensorProto {
    let (name, dims, int32_data) = (name.into(), shape.to_vec(), data.to_vec());
    TensorProto { name, dims, data_type: elem, int32_data, ..Default::default() }
}

/// A scale and a zero point, named after `name`.
fn grid(model: Model, name: &str, scale: f32, zero: i32) -> Model {
    let model = model.floats(&format!("{name}s"), &[], &[scale]);
    model.constant(integers(&format!("{name}z"), UINT8, &[], &[zero]))
}

/// `x` of shape 1x2x2x2 in steps of 0.05 around 128, and a grid for the result.
fn unary(scale: f32, zero: i32) -> Model {
    grid(grid(Model::new(13).typed_input("x", UINT8, &[1, 2, 2, 2]), "x", 0.05, 128), "r", scale, zero)
}

/// The same with `y` of shape 1x1x2x2 in steps of 0.03 around 20.
fn binary(scale: f32, zero: i32) -> Model {
    grid(unary(scale, zero).typed_input("y", UINT8, &[1, 1, 2, 2]), "y", 0.03, 20)
}

#[track_caller]
fn assert_near(model: Model, inputs: &[&[f64]], expected: &[f64], error: f64) {
    let results = model.output("out").run(inputs);
    let got = &results[0].1;
    let near = got.len() == expected.len() && got.iter().zip(expected).all(|(g, e)| (g - e).abs() <= error);
    assert!(near, "expected {expected:?}, got {got:?}");
}

const UNARY: [&str; 5] = ["x", "xs", "xz", "rs", "rz"];
const BINARY: [&str; 8] = ["x", "xs", "xz", "y", "ys", "yz", "rs", "rz"];

#[test]
fn elementwise() {
    let model = binary(0.07, 100).node_of(SET, "QLinearAdd", &BINARY, &["out"], &[]);
    assert_near(model, &[X, Y], &[4., 36., 106., 201., 97., 150., 213., 255.], 1.);
    let model = binary(0.11, 90).node_of(SET, "QLinearMul", &BINARY, &["out"], &[]);
    assert_near(model, &[X, Y], &[109., 94., 67., 90., 90., 87., 190., 255.], 1.);
    let model = unary(1. / 256., 0).node_of(SET, "QLinearSigmoid", &UNARY, &["out"], &[]);
    assert_near(model, &[X], &[0., 3., 51., 128., 138., 249., 255., 255.], 1.);
    let model = unary(0.04, 60).node_of(SET, "QLinearLeakyRelu", &UNARY, &["out"], &[("alpha", Attr::Float(0.1))]);
    assert_near(model, &[X], &[44., 49., 56., 60., 64., 150., 212., 219.], 1.);
    let error = binary(1., 0).node_of(SET, "QLinearAdd", &BINARY[..6], &["out"], &[]).output("out").error();
    assert_eq!(error, r#"QLinearAdd "out": operand 6 is missing"#);
}

#[test]
fn pools() {
    let model = unary(0.03, 120).node_of(SET, "QLinearGlobalAveragePool", &UNARY, &["out"], &[]);
    assert_near(model, &[X], &[18., 255.], 1.);
    let row = [("kernel_shape", Attr::Ints(&[1, 2])), ("pads", Attr::Ints(&[0, 1, 0, 0]))];
    let model = unary(0.03, 120).node_of(SET, "QLinearAveragePool", &UNARY, &["out"], &row);
    assert_near(model, &[X], &[0., 0., 73., 97., 125., 182., 255., 255.], 1.);
    let counted = [
        ("kernel_shape", Attr::Ints(&[2, 2])),
        ("pads", Attr::Ints(&[1, 0, 0, 0])),
        ("count_include_pad", Attr::Int(1)),
    ];
    let model = unary(0.03, 120).node_of(SET, "QLinearAveragePool", &UNARY, &["out"], &counted);
    assert_near(model, &[X], &[30., 18., 151., 255.], 1.);
    let last = [("channels_last", Attr::Int(1))];
    let error = unary(1., 0).node_of(SET, "QLinearGlobalAveragePool", &UNARY, &["out"], &last).output("out").error();
    assert!(error.contains("channels_last"), "{error}");
}

#[test]
fn concatenation() {
    let names = ["rs", "rz", "x", "xs", "xz", "y", "ys", "yz"];
    let axis = [("axis", Attr::Int(1))];
    let model = binary(0.06, 110).node_of(SET, "QLinearConcat", &names, &["out"], &axis);
    assert_near(model, &[X, Y], &[3., 37., 87., 110., 113., 170., 212., 216., 104., 108., 140., 228.], 1.);
    let error = binary(1., 0).node_of(SET, "QLinearConcat", &names[..7], &["out"], &axis).output("out").error();
    assert!(error.contains("expected an operand, a scale and a zero point each time, got 5 operands"), "{error}");
}

#[test]
fn distributions() {
    let model = |shape: &[i64]| {
        let model = grid(Model::new(13).typed_input("x", UINT8, shape), "x", 0.1, 128);
        grid(model, "r", 1. / 256., 0)
    };
    let x: &[f64] = &[120., 128., 131., 150.];
    let of = |opset| [("axis", Attr::Int(1)), ("opset", Attr::Int(opset))];
    let newer = model(&[2, 2]).node_of(SET, "QLinearSoftmax", &UNARY, &["out"], &of(13));
    assert_near(newer, &[x], &[79., 177., 33., 223.], 1.);
    let older = model(&[1, 2, 2]).node_of(SET, "QLinearSoftmax", &UNARY, &["out"], &of(11));
    assert_near(older, &[x], &[10., 22., 29., 195.], 1.);
    let error = model(&[2, 2]).node_of(SET, "QLinearSoftmax", &UNARY, &["out"], &[]).output("out").error();
    assert!(error.contains(r#"attribute "opset" is missing"#), "{error}");
}

const B: [i32; 6] = [10, -20, 30, 40, -50, 127];

/// `a` of shape 2x3 in steps of 0.02 around 120, `b` of shape 3x2 with a scale for each column.
fn matrices(zeros: &[i32]) -> Model {
    let model = grid(Model::new(13).typed_input("a", UINT8, &[2, 3]), "a", 0.02, 120);
    let model = model.constant(integers("b", INT8, &[3, 2], &B)).floats("bs", &[2], &[0.01, 0.02]);
    let model = grid(model.constant(integers("bz", INT8, &[2], zeros)), "r", 0.5, 100);
    model.constant(integers("c", INT32, &[2], &[1000, -500])).floats("bias", &[2], &[0.5, -1.])
}

#[test]
fn products() {
    let names = ["a", "as", "az", "b", "bs", "bz", "c", "rs", "rz"];
    let model = matrices(&[0, 0]).node_of(SET, "QGemm", &names, &["out"], &[]);
    assert_near(model, &[A], &[98., 109., 99., 94.], 1.);
    let half = [("alpha", Attr::Float(0.5))];
    let model = matrices(&[0, 0]).node_of(SET, "QGemm", &names[..7], &["out"], &half);
    assert_near(model, &[A], &[-0.477, 2.24, -0.165, -1.3968], 1e-5);
    let flipped = grid(grid(Model::new(13).typed_input("a", UINT8, &[2, 3]), "a", 0.02, 120), "r", 0.5, 100);
    let flipped =
        flipped.constant(integers("b", INT8, &[2, 3], &[10, 30, -50, -20, 40, 127])).floats("bs", &[], &[0.01]);
    let flipped = flipped.constant(integers("bz", INT8, &[], &[3]));
    let of = ["a", "as", "az", "b", "bs", "bz", "", "rs", "rz"];
    assert_near(
        flipped.node_of(SET, "QGemm", &of, &["out"], &[("transB", Attr::Int(1))]),
        &[A],
        &[98., 105., 99., 97.],
        1.,
    );
    let names = ["a", "b", "as", "bs", "az", "bz", "bias"];
    let model = matrices(&[0, 5]).node_of(SET, "MatMulIntegerToFloat", &names, &["out"], &[]);
    assert_near(model, &[A], &[-0.654, 3.794, -0.03, -3.6396], 1e-5);
    let wrong = matrices(&[0, 0]).floats("long", &[3], &[1., 2., 3.]);
    let error = wrong
        .node_of(SET, "MatMulIntegerToFloat", &["a", "b", "as", "bs", "az", "bz", "long"], &["out"], &[])
        .output("out")
        .error();
    assert!(error.contains("MatMulIntegerToFloat"), "{error}");
}

#[test]
fn products_of_real_numbers_by_integers() {
    let model =
        Model::new(13).input("a", &[2, 3]).constant(integers("b", INT8, &[3, 2], &B)).floats("bs", &[], &[0.01]);
    let model = model.constant(integers("bz", INT8, &[], &[3])).floats("bias", &[2], &[0.5, -1.]);
    let model = model.node_of(SET, "DynamicQuantizeMatMul", &["a", "b", "bs", "bz", "bias"], &["out"], &[]);
    assert_near(model, &[&[-1., 0.5, 4.1, 2., 0.24, 0.]], &[-1.608, 4.499, 0.7048, -1.3712], 1e-5);
}
