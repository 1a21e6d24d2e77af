//! Operators of quantised models: integers by hand, and that scales do not stand between integers.

use plonnx_frontend::proto::TensorProto;
use plonnx_testkit::onnx::{self, Attr, INT64, Model, TensorScalar};

const UINT8: i32 = 2;
const INT8: i32 = 3;
const INT16: i32 = 5;

fn bytes(name: &str, elem: i32, shape: &[i64], data: &[i32]) -> TensorProto {
    let (name, dims, int32_data) = (name.into(), shape.to_vec(), data.to_vec());
    TensorProto { name, dims, data_type: elem, int32_data, ..Default::default() }
}

#[test]
fn integers_saturate_and_ties_are_even() {
    let model = |elem, zero| {
        let model = Model::new(19).input("x", &[6]).floats("s", &[], &[2.]).constant(bytes("z", elem, &[], &[zero]));
        model.node("QuantizeLinear", &["x", "s", "z"], &["y"]).output("y")
    };
    let x: &[f64] = &[0., 1., 3., -5., 1000., -1000.];
    model(UINT8, 128).check(&[x], &[6], &[128., 128., 130., 126., 255., 0.]);
    model(INT8, 1).check(&[x], &[6], &[1., 1., 3., -1., 127., -128.]);
    let plain = Model::new(19).input("x", &[2]).floats("s", &[1], &[2.]).node("QuantizeLinear", &["x", "s"], &["y"]);
    plain.output("y").check(&[&[-8., 8.]], &[2], &[0., 4.]);
    let typed = Model::new(21).input("x", &[2]).floats("s", &[], &[1.]);
    let typed = typed.node_with("QuantizeLinear", &["x", "s"], &["y"], &[("output_dtype", Attr::Int(22))]);
    typed.output("y").check(&[&[-9., 9.]], &[2], &[-8., 7.]);
}

#[test]
fn scales_by_axis_and_by_block() {
    let model = Model::new(19).input("x", &[2, 2]).floats("s", &[2], &[1., 2.]);
    let model = model.constant(bytes("z", UINT8, &[2], &[10, 20])).node("QuantizeLinear", &["x", "s", "z"], &["q"]);
    let model = model.node("DequantizeLinear", &["q", "s", "z"], &["y"]).output("q").output("y");
    let results = model.run(&[&[1., 3., -20., 4.]]);
    assert_eq!(results, [(vec![2, 2], vec![11., 22., 0., 22.]), (vec![2, 2], vec![1., 4., -10., 4.])]);
    let blocks = Model::new(21).typed_input("x", INT8, &[1, 3]).floats("s", &[1, 2], &[1., 10.]);
    let attributes = [("block_size", Attr::Int(2)), ("axis", Attr::Int(1))];
    let blocks = blocks.node_with("DequantizeLinear", &["x", "s"], &["y"], &attributes).output("y");
    blocks.check(&[&[1., 2., 3.]], &[1, 3], &[1., 2., 30.]);
    let wrong = Model::new(21).input("x", &[2]).floats("s", &[3], &[1., 1., 1.]);
    let wrong = wrong.node_with("QuantizeLinear", &["x", "s"], &["y"], &[("axis", Attr::Int(0))]).output("y");
    assert!(wrong.error().contains("scales of shape [3] along axis 0"), "{}", wrong.error());
}

#[test]
fn a_dynamic_range_includes_zero() {
    let model = Model::new(11).input("x", &[4]).node("DynamicQuantizeLinear", &["x"], &["y", "scale", "zero"]);
    let results = model.output("y").output("scale").output("zero").run(&[&[-1., 0.5, 4.1, 2.]]);
    assert_eq!(results[0].1, [0., 75., 255., 150.]);
    onnx::close(&results[1].1, &[0.02]);
    assert_eq!(results[2].1, [50.]);
}

#[test]
fn products_of_integers() {
    let model = Model::new(10).typed_input("a", UINT8, &[2, 2]).constant(bytes("b", INT8, &[2, 2], &[1, -2, 3, 4]));
    let model = model.constant(bytes("az", UINT8, &[], &[1])).constant(bytes("bz", INT8, &[2], &[0, 1]));
    let model = model.node("MatMulInteger", &["a", "b", "az", "bz"], &["y"]).output("y");
    model.check(&[&[1., 2., 3., 4.]], &[2, 2], &[3., 3., 11., 3.]);
    let conv =
        Model::new(10).typed_input("x", UINT8, &[1, 1, 2, 2]).constant(bytes("w", UINT8, &[1, 1, 2, 2], &[2, 1, 1, 1]));
    let conv = conv.constant(bytes("xz", UINT8, &[], &[1])).constant(bytes("wz", UINT8, &[], &[1]));
    let pads = [("pads", Attr::Ints(&[0, 0, 1, 0]))];
    let conv = conv.node_with("ConvInteger", &["x", "w", "xz", "wz"], &["y"], &pads).output("y");
    conv.check(&[&[5., 6., 7., 8.]], &[1, 1, 2, 1], &[4., 6.]);
}

#[test]
fn linear_layers_round_once() {
    let model = Model::new(10).typed_input("a", UINT8, &[1, 2]).constant(bytes("b", INT8, &[2, 1], &[10, -20]));
    let model = model.floats("as", &[], &[0.5]).floats("bs", &[], &[0.25]).floats("ys", &[], &[1.]);
    let model = model.constant(bytes("z", UINT8, &[], &[100])).constant(bytes("bz", INT8, &[], &[0]));
    let names = ["a", "as", "z", "b", "bs", "bz", "ys", "z"];
    let model = model.node("QLinearMatMul", &names, &["y"]).output("y");
    // (4 * 10 - 1 * -20) / 8 = 7.5
    model.check(&[&[104., 99.]], &[1, 1], &[108.]);
    let conv = Model::new(10).typed_input("x", UINT8, &[1, 1, 1, 2]).floats("xs", &[], &[0.5]).floats("ys", &[], &[2.]);
    let conv = conv.constant(bytes("w", INT8, &[2, 1, 1, 1], &[2, 4])).floats("ws", &[2], &[1., 0.5]);
    let conv = conv.constant(bytes("z", UINT8, &[], &[0])).constant(bytes("wz", INT8, &[], &[0]));
    let conv = conv.constant(bytes("b", 6, &[2], &[1, -8]));
    let names = ["x", "xs", "z", "w", "ws", "wz", "ys", "z", "b"];
    let conv = conv.node("QLinearConv", &names, &["y"]).output("y");
    // Channel 0: (2 x + 1) / 4, channel 1: (4 x - 8) / 8.
    conv.check(&[&[3., 100.]], &[1, 2, 1, 2], &[2., 50., 0., 49.]);
}

/// The graph between quantisation and dequantisation.
fn qdq(between: impl Fn(Model) -> Model) -> Model {
    let model = Model::new(13).typed_input("q", UINT8, &[1, 1, 2, 2]).floats("s", &[], &[0.3]);
    let model = model.constant(bytes("z", UINT8, &[], &[7])).node("DequantizeLinear", &["q", "s", "z"], &["x"]);
    between(model).node("QuantizeLinear", &["y", "s", "z"], &["out"]).output("out")
}

#[test]
fn equal_scales_cancel() {
    let pool = qdq(|m| {
        let kernel = [("kernel_shape", Attr::Ints(&[2, 2]))];
        m.node_with("MaxPool", &["x"], &["p"], &kernel).node("Relu", &["p"], &["r"]).node("Flatten", &["r"], &["y"])
    });
    assert!(!pool.text().contains("0.3"), "{}", pool.text());
    pool.check(&[&[1., 2., 30., 4.]], &[1, 1], &[30.]);
    pool.check(&[&[1., 2., 3., 4.]], &[1, 1], &[7.]);
}

#[test]
fn scales_move_into_known_weights() {
    let conv = qdq(|m| {
        let m = m.constant(bytes("wq", INT8, &[1, 1, 2, 2], &[1, 2, 3, -4])).floats("ws", &[], &[0.5]);
        let m = m.node("DequantizeLinear", &["wq", "ws"], &["w"]).floats("b", &[1], &[0.2]);
        m.node("Conv", &["x", "w", "b"], &["y"])
    });
    // Integers go into the convolution: the operand of the scale is the product, not the data.
    assert!(conv.text().contains("conv"), "{}", conv.text());
    let import = conv.import().unwrap();
    let graph = &import.graph;
    let node = graph.ids().find(|id| matches!(graph.node(*id).op, plonnx_ir::CoreOp::Conv(_))).unwrap();
    let operand = graph.node(graph.node(node).inputs[0]);
    assert!(matches!(operand.op, plonnx_ir::CoreOp::View(_)), "{}", conv.text());
    // ((8 * 1 + 9 * 2 + 0 * 3 - 2 * -4) * 0.15 + 0.2) / 0.3 = 17.7
    conv.check(&[&[15., 16., 7., 5.]], &[1, 1, 1, 1], &[25.]);
}

#[test]
fn operators_of_onnxruntime() {
    let model = Model::new(13).input("x", &[2]).floats("s", &[], &[0.5]).constant(bytes("z", INT16, &[], &[0]));
    let set = ("com.microsoft", 1);
    let model = model.node_of(set, "QuantizeLinear", &["x", "s", "z"], &["q"], &[]);
    let model = model.node_of(set, "DequantizeLinear", &["q", "s", "z"], &["y"], &[]).output("y").output("q");
    let results = model.run(&[&[1.3, -1e6]]);
    assert_eq!(results, [(vec![2], vec![1.5, -16384.]), (vec![2], vec![3., -32768.])]);
}

#[test]
fn types_that_are_no_integers_of_a_quantiser() {
    let model =
        Model::new(19).typed_input("x", INT64, &[1]).floats("s", &[], &[1.]).constant(TensorScalar(0).proto("z"));
    let model = model.node("QuantizeLinear", &["x", "s", "z"], &["y"]).output("y");
    assert!(model.error().contains("quantisation to int64"), "{}", model.error());
}
