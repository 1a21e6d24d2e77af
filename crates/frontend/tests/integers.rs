//! Operators on integers, bits and element types, with results worked out by hand.

use plonnx_frontend::proto::TensorProto;
use plonnx_testkit::onnx::{Attr, FLOAT, INT64, Model, ints};

const UINT8: i32 = 2;
const INT32: i32 = 6;

/// The operator on two tensors of 8 unsigned or 32 signed bits.
fn binary(op: &str, elem: i32, x: &[f64], y: &[f64], attributes: &[(&str, Attr)]) -> Vec<f64> {
    let n = x.len() as i64;
    let model = Model::new(18).typed_input("x", elem, &[n]).typed_input("y", elem, &[n]);
    let model = model.node_with(op, &["x", "y"], &["out"], attributes).output("out");
    let import = model.import().unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(import.outputs[0].elem.to_string(), if elem == UINT8 { "uint8" } else { "int32" });
    let tensor = |data: &[f64]| plonnx_ir::Tensor::from_vec(&[data.len()], data.to_vec()).unwrap();
    plonnx_ir::eval(&import.graph, &[tensor(x), tensor(y)]).unwrap_or_else(|e| panic!("{e}"))[0].to_vec()
}

#[test]
fn bits_are_joined() {
    let (x, y): (&[f64], &[f64]) = (&[12., 255., 0., 170.], &[10., 129., 7., 85.]);
    assert_eq!(binary("BitwiseAnd", UINT8, x, y, &[]), [8., 129., 0., 0.]);
    assert_eq!(binary("BitwiseOr", UINT8, x, y, &[]), [14., 255., 7., 255.]);
    assert_eq!(binary("BitwiseXor", UINT8, x, y, &[]), [6., 126., 7., 255.]);
    let (x, y): (&[f64], &[f64]) = (&[-1., -2147483648., 5., -6.], &[7., -1., -5., 3.]);
    assert_eq!(binary("BitwiseAnd", INT32, x, y, &[]), [7., -2147483648., 1., 2.]);
    assert_eq!(binary("BitwiseXor", INT32, x, y, &[]), [-8., 2147483647., -2., -7.]);
    let not = Model::new(18).typed_input("x", UINT8, &[2]).node("BitwiseNot", &["x"], &["y"]).output("y");
    let x = plonnx_ir::Tensor::from_vec(&[2], vec![0., 200.]).unwrap();
    assert_eq!(plonnx_ir::eval(&not.import().unwrap().graph, &[x]).unwrap()[0].to_vec(), [255., 55.]);
}

#[test]
fn bits_are_shifted_and_fall_off() {
    let shift = |direction: &str, x: &[f64], y: &[f64]| {
        binary("BitShift", UINT8, x, y, &[("direction", Attr::Text(direction))])
    };
    assert_eq!(shift("LEFT", &[1., 129., 255.], &[3., 1., 7.]), [8., 2., 128.]);
    assert_eq!(shift("RIGHT", &[8., 129., 255.], &[3., 1., 7.]), [1., 64., 1.]);
    let known = Model::new(18).typed_input("x", UINT8, &[2]);
    let by = TensorProto { name: "by".into(), data_type: UINT8, int32_data: vec![2], ..Default::default() };
    let known = known.constant(by).node_with("BitShift", &["x", "by"], &["y"], &[("direction", Attr::Text("LEFT"))]);
    let x = plonnx_ir::Tensor::from_vec(&[2], vec![3., 65.]).unwrap();
    let y = plonnx_ir::eval(&known.output("y").import().unwrap().graph, &[x]).unwrap();
    assert_eq!(y[0].to_vec(), [12., 4.]);
}

#[test]
fn casts_to_few_bits() {
    const INT4: i64 = 22;
    const FLOAT8: i64 = 17;
    let cast = |to: i64| Model::new(25).input("x", &[4]).node_with("Cast", &["x"], &["y"], &[("to", Attr::Int(to))]);
    cast(INT4).output("y").check(&[&[-9., 7.9, 8., -1.5]], &[4], &[7., 7., -8., -1.]);
    assert!(cast(FLOAT8).output("y").error().contains("rounding to float8e4m3fn"));
    let known = Model::new(25).floats("x", &[2], &[0.48, 1e6]);
    let known = known.node_with("Cast", &["x"], &["y"], &[("to", Attr::Int(FLOAT8))]).output("y");
    known.check(&[], &[2], &[0.46875, 448.]);
    let read = TensorProto {
        name: "x".into(),
        dims: vec![3],
        data_type: 21,
        raw_data: vec![0x21, 0x0f],
        ..Default::default()
    };
    let read = Model::new(25).constant(read).node_with("Cast", &["x"], &["y"], &[("to", Attr::Int(FLOAT.into()))]);
    read.output("y").check(&[], &[3], &[1., 2., 15.]);
}

#[test]
fn numbers_that_are_none_are_found() {
    let infinite = |attributes: &[(&str, Attr)]| {
        Model::new(20).input("x", &[4]).node_with("IsInf", &["x"], &["y"], attributes).output("y")
    };
    let x: &[f64] = &[1., f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    infinite(&[]).check(&[x], &[4], &[0., 1., 1., 0.]);
    infinite(&[("detect_negative", Attr::Int(0))]).check(&[x], &[4], &[0., 1., 0., 0.]);
    let none = Model::new(20).input("x", &[4]).node("IsNaN", &["x"], &["y"]).output("y");
    none.check(&[x], &[4], &[0., 0., 0., 1.]);
}

#[test]
fn pieces_of_functions_and_of_shapes() {
    let shrink = Model::new(9).input("x", &[5]);
    let attributes = [("lambd", Attr::Float(1.)), ("bias", Attr::Float(0.5))];
    let shrink = shrink.node_with("Shrink", &["x"], &["y"], &attributes).output("y");
    shrink.check(&[&[-2., -1., 0.5, 1., 3.]], &[5], &[-1.5, 0., 0., 0., 2.5]);
    let crop = Model::new(18).input("x", &[1, 4]).ints("shape", &[2, 3]).node("CenterCropPad", &["x", "shape"], &["y"]);
    crop.output("y").check(&[&[1., 2., 3., 4.]], &[2, 3], &[1., 2., 3., 0., 0., 0.]);
    let eye = Model::new(22).typed_input("x", INT64, &[2, 3]);
    let eye = eye.node_with("EyeLike", &["x"], &["y"], &[("k", Attr::Int(1))]).output("y");
    eye.check(&[&[9.; 6]], &[2, 3], &[0., 1., 0., 0., 0., 1.]);
    let blocks = Model::new(18).input("x", &[1, 2, 3]).constant(ints("image", &[4])).constant(ints("block", &[2]));
    let blocks = blocks.node("Col2Im", &["x", "image", "block"], &["y"]).output("y");
    blocks.check(&[&[1., 2., 3., 10., 20., 30.]], &[1, 1, 4], &[1., 12., 23., 30.]);
    let strided = Model::new(18).input("x", &[1, 2, 2]).constant(ints("image", &[4])).constant(ints("block", &[2]));
    let attributes = [("strides", Attr::Ints(&[2])), ("pads", Attr::Ints(&[1, 0])), ("dilations", Attr::Ints(&[2]))];
    let strided = strided.node_with("Col2Im", &["x", "image", "block"], &["y"], &attributes).output("y");
    // Elements of blocks lie at -1, 1 and at 1, 3.
    strided.check(&[&[1., 2., 10., 20.]], &[1, 1, 4], &[0., 12., 0., 20.]);
}

#[test]
fn broken_powers_take_roots_first() {
    let power = |exponent: f32| {
        let model = Model::new(17).input("x", &[2]).floats("e", &[], &[exponent]).node("Pow", &["x", "e"], &["y"]);
        model.output("y")
    };
    assert!(power(0.75).text().contains("sqrt") && power(0.75).text().contains("pow(1.5)"), "{}", power(0.75).text());
    power(0.75).check(&[&[16., 0.]], &[2], &[8., 0.]);
    power(0.25).check(&[&[16., 81.]], &[2], &[2., 3.]);
    power(-0.75).check(&[&[16., 1.]], &[2], &[0.125, 1.]);
    power(-1.5).check(&[&[4., 1.]], &[2], &[0.125, 1.]);
}

#[test]
fn quotients_and_remainders_have_the_signs_of_the_model() {
    let on = |op: &str, attributes: &[(&str, Attr)]| {
        let model = Model::new(14).typed_input("x", INT64, &[5]).typed_input("y", INT64, &[5]);
        model.node_with(op, &["x", "y"], &["z"], attributes).output("z")
    };
    let operands: [&[f64]; 2] = [&[7., -7., 7., -7., -6.], &[2., 2., -2., -2., 3.]];
    on("Div", &[]).check(&operands, &[5], &[3., -3., -3., 3., -2.]);
    on("Mod", &[]).check(&operands, &[5], &[1., 1., -1., -1., 0.]);
    on("Mod", &[("fmod", Attr::Int(1))]).check(&operands, &[5], &[1., -1., 1., -1., 0.]);
    assert_eq!(binary("Div", UINT8, &[7., 255., 0.], &[2., 16., 3.], &[]), [3., 15., 0.]);
    assert_eq!(binary("Mod", UINT8, &[7., 255., 6.], &[2., 16., 3.], &[]), [1., 15., 0.]);
    let real = Model::new(13).input("x", &[3]).input("y", &[3]);
    let real = real.node_with("Mod", &["x", "y"], &["z"], &[("fmod", Attr::Int(1))]).output("z");
    real.check(&[&[-4.5, 7.25, 5.], &[2., -3., 8.]], &[3], &[-0.5, 1.25, 5.]);
}

#[test]
fn results_for_integers_are_integers() {
    let on = |op: &str, attributes: &[(&str, Attr)], x: &[f64], shape: &[usize], expected: &[f64]| {
        let model = Model::new(13).typed_input("x", INT32, &[x.len() as i64]).node_with(op, &["x"], &["y"], attributes);
        let model = model.output("y");
        assert_eq!(model.import().unwrap().outputs[0].elem.to_string(), "int32");
        model.check(&[x], shape, expected);
    };
    on("ReduceMean", &[], &[1., 2., 2.], &[1], &[1.]);
    on("ReduceMean", &[], &[-1., -2., -2.], &[1], &[-1.]);
    on("ReduceL2", &[], &[2., 2., 2.], &[1], &[3.]);
    on("ReduceL2", &[], &[3., 4.], &[1], &[5.]);
    on("ReduceLogSum", &[], &[20., 60.], &[1], &[4.]);
    on("ReduceLogSumExp", &[], &[3., 3.], &[1], &[3.]);
    on("Erf", &[], &[-1., 0., 1.], &[3], &[0., 0., 0.]);
    on("Shrink", &[("bias", Attr::Float(0.75))], &[-4., 0., 4.], &[3], &[-3., 0., 3.]);
    for (exponent, expected) in [(0.5, [1., 3.]), (1.5, [2., 27.]), (-1., [0., 0.]), (2., [4., 81.])] {
        let model = Model::new(15).typed_input("x", INT32, &[2]).floats("e", &[], &[exponent]);
        model.node("Pow", &["x", "e"], &["y"]).output("y").check(&[&[2., 9.]], &[2], &expected);
    }
}

#[test]
fn powers_with_integers_of_the_data_are_real() {
    let model = Model::new(15).floats("b", &[], &[2.]).typed_input("e", INT64, &[3]).node("Pow", &["b", "e"], &["y"]);
    let model = model.output("y");
    assert_eq!(model.import().unwrap().outputs[0].dtype, plonnx_ir::DType::Real);
    assert!(model.text().contains("retype"), "{}", model.text());
    model.check(&[&[-1., 0., 3.]], &[3], &[0.5, 1., 8.]);
}

#[test]
fn elements_may_have_different_exponents() {
    let model = Model::new(15).input("x", &[2, 3]).floats("e", &[3], &[2., 0.5, 2.]).node("Pow", &["x", "e"], &["y"]);
    model.output("y").check(&[&[1., 4., 3., 5., 9., 2.]], &[2, 3], &[1., 2., 9., 25., 3., 4.]);
}

#[test]
fn units_of_real_and_negative_indices() {
    let model = Model::new(11).input("i", &[2]).ints("depth", &[3]).floats("values", &[2], &[-1., 5.]);
    let model = model.node("OneHot", &["i", "depth", "values"], &["y"]).output("y");
    model.check(&[&[1., -1.]], &[2, 3], &[-1., 5., -1., -1., -1., 5.]);
}

#[test]
fn volumes_are_convolved_plane_by_plane() {
    let model = Model::new(13).input("x", &[1, 1, 3, 1, 2]).floats("w", &[1, 1, 2, 1, 2], &[1., 10., 100., 1000.]);
    let attributes = [("pads", Attr::Ints(&[1, 0, 0, 0, 0, 0])), ("strides", Attr::Ints(&[2, 1, 1]))];
    let model = model.node_with("Conv", &["x", "w"], &["y"], &attributes).output("y");
    // Planes (0, first), (second, third).
    model.check(&[&[1., 2., 3., 4., 5., 6.]], &[1, 1, 2, 1, 1], &[2100., 6543.]);
}
