//! Operators of com.microsoft, with results of onnxruntime 1.18.1.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use plonnx_testkit::onnx::{Attr, Model, close};

const SET: (&str, i64) = ("com.microsoft", 1);

/// One node with the inputs `x0` and so on; an empty shape leaves the operand out.
fn fused(op: &str, shapes: &[&[i64]], attributes: &[(&str, Attr)], outputs: &[&str]) -> Model {
    let names: Vec<String> =
        shapes.iter().enumerate().map(|(i, s)| if s.is_empty() { String::new() } else { format!("x{i}") }).collect();
    let given = shapes.iter().zip(&names).filter(|(shape, _)| !shape.is_empty());
    let model = given.fold(Model::new(17), |m, (shape, name)| m.input(name, shape));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let model = model.node_of(SET, op, &names, outputs, attributes);
    outputs.iter().filter(|name| !name.is_empty()).fold(model, |m, name| m.output(name))
}

const X: &[f64] = &[-1., 0.5, 2., -0.25, 1., 3.];
const ROW: &[f64] = &[0.5, -1., 0.25];

#[test]
fn activations() {
    let x: &[i64] = &[2, 3];
    fused("Gelu", &[x], &[], &["y"]).check(
        &[X],
        &[2, 3],
        &[-0.158_655_3, 0.345_731_2, 1.954_499_7, -0.100_323_4, 0.841_344_7, 2.995_950_2],
    );
    fused("BiasGelu", &[x, &[3]], &[], &["y"]).check(
        &[X, ROW],
        &[2, 3],
        &[-0.154_268_8, -0.154_268_8, 2.222_495_1, 0.149_676_6, 0., 3.248_124_6],
    );
    fused("FastGelu", &[x], &[], &["y"]).check(
        &[X],
        &[2, 3],
        &[-0.158_808, 0.345_714, 1.954_597_7, -0.100_324_7, 0.841_192, 2.996_362_7],
    );
    fused("FastGelu", &[x, &[3]], &[], &["y"]).check(
        &[X, ROW],
        &[2, 3],
        &[-0.154_286, -0.154_286, 2.222_798_6, 0.149_675_4, 0., 3.248_431_4],
    );
    fused("QuickGelu", &[x], &[], &["y"]).check(
        &[X],
        &[2, 3],
        &[-0.154_204_2, 0.350_388_4, 1.935_658_7, -0.098_800_4, 0.845_795_8, 2.981_928_8],
    );
    fused("QuickGelu", &[x], &[("alpha", Attr::Float(1.))], &["y"]).check(
        &[X],
        &[2, 3],
        &[-0.268_941_4, 0.311_229_6, 1.761_594_2, -0.109_455_9, 0.731_058_6, 2.857_722_3],
    );
    let error = fused("BiasGelu", &[&[3], x], &[], &["y"]).error();
    assert_eq!(error, r#"BiasGelu "y": what is added to shape [3] makes it [2, 3]"#);
    assert_eq!(fused("BiasGelu", &[x], &[], &["y"]).error(), r#"BiasGelu "y": operand 1 is missing"#);
}

#[test]
fn matrix_products() {
    let attributes = [("alpha", Attr::Float(0.5)), ("transA", Attr::Int(1)), ("transB", Attr::Int(1))];
    let model = fused("FusedMatMul", &[&[1, 2, 3], &[2, 2]], &attributes, &["y"]);
    model.check(&[X, &[1., 2., 3., 4.]], &[1, 3, 2], &[-0.75, -2., 1.25, 2.75, 4., 9.]);
    let known = Model::new(17).input("x0", &[2, 3]).floats("w", &[3, 1], &[1., 2., 3.]);
    let known = known.node_of(SET, "FusedMatMul", &["x0", "w"], &["y"], &attributes[..1]).output("y");
    assert!(!known.text().contains("sum"), "{}", known.text());
    known.check(&[X], &[2, 1], &[3., 5.375]);
    let moved = fused("FusedMatMul", &[&[1, 2, 3], &[1, 3, 2]], &[("transBatchA", Attr::Int(1))], &["y"]).error();
    assert!(moved.contains("transBatchA or transBatchB"), "{moved}");
}

#[test]
fn normalised_sums() {
    let (x, row): (&[i64], &[i64]) = (&[1, 2, 3], &[3]);
    let skip: &[f64] = &[0.5, 0.5, -1., 0., 2., 1.];
    let gamma: &[f64] = &[1., 2., -1.];
    let epsilon = [("epsilon", Attr::Float(0.01))];
    let model = fused("SkipLayerNormalization", &[x, x, row, row, row], &epsilon, &["y", "", "", "s"]);
    let results = model.run(&[X, skip, gamma, ROW, &[0.1, 0.2, 0.3]]);
    close(&results[0].1, &[-0.900_772, 0.273_429_2, -0.514_057_4, -0.871_909, -0.208_514_1, -0.726_166_1]);
    close(&results[1].1, &[-0.4, 1.2, 1.3, -0.15, 3.2, 4.3]);
    fused("SkipLayerNormalization", &[x, x, row], &[], &["y"]).check(
        &[X, skip, gamma],
        &[1, 2, 3],
        &[-SQRT_2, SQRT_2, -FRAC_1_SQRT_2, -1.377_945_5, 0.826_767_3, -0.964_561_9],
    );
    let op = "SkipSimplifiedLayerNormalization";
    fused(op, &[x, x, row], &epsilon, &["y"]).check(
        &[X, skip, gamma],
        &[1, 2, 3],
        &[-0.573_539_3, 2.294_157_3, -1.147_078_6, -0.086_442_8, 2.074_626_4, -1.383_084_3],
    );
    // That version of onnxruntime leaves the bias out; its page does not.
    let results = fused(op, &[x, x, row, row], &epsilon, &["y", "", "", "s"]).run(&[X, skip, gamma, &[0.1, 0.2, 0.3]]);
    close(&results[0].1, &[-0.380_234_6, 2.281_407_3, -1.235_762_3, -0.048_427, 2.066_219, -1.388_240_9]);
    close(&results[1].1, &[-0.4, 1.2, 1.3, -0.15, 3.2, 4.3]);
    let training = fused("SkipLayerNormalization", &[x, x, row], &[], &["y", "mean"]).error();
    assert!(training.contains("mean and deviation as results"), "{training}");
}

#[test]
fn layer_norm_in_older_models() {
    let model = Model::new(13).input("x", &[1, 2]).floats("one", &[2], &[1., 2.]);
    let attributes = [("epsilon", Attr::Float(0.))];
    let model = model.node_with("LayerNormalization", &["x", "one"], &["y"], &attributes).output("y");
    model.check(&[&[3., 7.]], &[1, 2], &[-1., 2.]);
    let model = Model::new(13).input("x", &[1, 2]).node("Mish", &["x"], &["y"]).output("y");
    assert!(model.error().contains("the operator does not exist in opset 13"), "{}", model.error());
}
