//! Norms, transforms and constants of signal processing, with results worked out by hand.

use plonnx_testkit::onnx::{self, Attr, Model, TensorScalar};

#[test]
fn norms_of_zeros_leave_zeros() {
    let norm = |p: i64| {
        let model = Model::new(22).input("x", &[2, 2]);
        model.node_with("LpNormalization", &["x"], &["y"], &[("p", Attr::Int(p))]).output("y")
    };
    norm(2).check(&[&[3., -4., 0., 0.]], &[2, 2], &[0.6, -0.8, 0., 0.]);
    norm(1).check(&[&[1., -3., 0., 0.]], &[2, 2], &[0.25, -0.75, 0., 0.]);
    assert!(norm(3).error().contains("the 3-norm"));
}

#[test]
fn pools_of_powers() {
    let pool = |p: i64, x: &[f64]| {
        let model = Model::new(22).input("x", &[1, 1, 3]);
        let attributes = [("p", Attr::Int(p)), ("kernel_shape", Attr::Ints(&[2]))];
        model.node_with("LpPool", &["x"], &["y"], &attributes).output("y").run(&[x])[0].1.clone()
    };
    onnx::close(&pool(1, &[1., -2., 3.]), &[3., 5.]);
    onnx::close(&pool(2, &[3., -4., 0.]), &[5., 4.]);
    onnx::close(&pool(3, &[1., -2., 3.]), &[9f64.cbrt(), 35f64.cbrt()]);
    let all = Model::new(22).input("x", &[1, 1, 2]).node("GlobalLpPool", &["x"], &["y"]).output("y");
    all.check(&[&[3., 4.]], &[1, 1, 1], &[5.]);
}

#[test]
fn responses_are_normalised_over_channels() {
    let model = Model::new(13).input("x", &[1, 3, 1, 1]);
    let attributes =
        [("size", Attr::Int(2)), ("alpha", Attr::Float(2.)), ("beta", Attr::Float(0.5)), ("bias", Attr::Float(3.))];
    let model = model.node_with("LRN", &["x"], &["y"], &attributes).output("y");
    // 3 + the square and that of the next channel.
    model.check(&[&[1., 2., 3.]], &[1, 3, 1, 1], &[1. / 8f64.sqrt(), 2. / 4., 3. / 12f64.sqrt()]);
}

#[test]
fn means_and_variances() {
    let model = Model::new(13).input("x", &[1, 1, 2, 2]).node("MeanVarianceNormalization", &["x"], &["y"]).output("y");
    model.check(&[&[1., 1., 3., 3.]], &[1, 1, 2, 2], &[-1., -1., 1., 1.]);
    let batch = Model::new(15).input("x", &[2, 1]).floats("s", &[1], &[2.]).floats("b", &[1], &[1.]);
    let batch = batch.floats("m", &[1], &[10.]).floats("v", &[1], &[4.]);
    let attributes = [("training_mode", Attr::Int(1)), ("epsilon", Attr::Float(0.)), ("momentum", Attr::Float(0.5))];
    let names = ["y", "mean", "variance"];
    let batch = batch.node_with("BatchNormalization", &["x", "s", "b", "m", "v"], &names, &attributes);
    let results = names.iter().fold(batch, |m, n| m.output(n)).run(&[&[1., 5.]]);
    onnx::close(&results[0].1, &[-1., 3.]);
    onnx::close(&results[1].1, &[6.5]);
    onnx::close(&results[2].1, &[4.]);
}

#[test]
fn windows_and_bands() {
    let window = |op: &str, periodic: i64| {
        let model = Model::new(17).constant(TensorScalar(4).proto("n"));
        model.node_with(op, &["n"], &["y"], &[("periodic", Attr::Int(periodic))]).output("y").run(&[])[0].1.clone()
    };
    onnx::close(&window("HannWindow", 1), &[0., 0.5, 1., 0.5]);
    onnx::close(&window("HannWindow", 0), &[0., 0.75, 0.75, 0.]);
    onnx::close(&window("HammingWindow", 1), &[4. / 46., 25. / 46., 1., 25. / 46.]);
    onnx::close(&window("BlackmanWindow", 1), &[0., 0.34, 1., 0.34]);
    let model = Model::new(17).constant(TensorScalar(1).proto("bins")).constant(TensorScalar(4).proto("length"));
    let model = model.constant(TensorScalar(8).proto("rate")).floats("low", &[], &[0.]).floats("high", &[], &[4.]);
    let names = ["bins", "length", "rate", "low", "high"];
    // Edges at bins 0, 0 and 1: the centre is bin 0.
    model.node("MelWeightMatrix", &names, &["y"]).output("y").check(&[], &[3, 1], &[1., 0., 0.]);
}

#[test]
fn transforms_of_signals_and_their_inverses() {
    let dft = |shape: &[i64], attributes: &[(&str, Attr)]| {
        let model = Model::new(20).input("x", shape).node_with("DFT", &["x"], &["y"], attributes);
        model.output("y")
    };
    dft(&[1, 4, 1], &[]).check(&[&[1., 2., 3., 4.]], &[1, 4, 2], &[10., 0., -2., 2., -2., 0., -2., -2.]);
    let half = [("onesided", Attr::Int(1))];
    dft(&[1, 4, 1], &half).check(&[&[1., 2., 3., 4.]], &[1, 3, 2], &[10., 0., -2., 2., -2., 0.]);
    let back = [("onesided", Attr::Int(1)), ("inverse", Attr::Int(1))];
    dft(&[1, 3, 2], &back).check(&[&[10., 0., -2., 2., -2., 0.]], &[1, 4, 1], &[1., 2., 3., 4.]);
    let inverse = [("inverse", Attr::Int(1))];
    dft(&[1, 2, 2], &inverse).check(&[&[1., 2., 3., 4.]], &[1, 2, 2], &[2., 3., -1., -1.]);

    let frames = Model::new(17).input("x", &[1, 4, 1]).constant(TensorScalar(2).proto("step"));
    let frames = frames.floats("w", &[2], &[1., 0.5]).node("STFT", &["x", "step", "w"], &["y"]).output("y");
    frames.check(&[&[1., 2., 3., 4.]], &[1, 2, 2, 2], &[2., 0., 0., 0., 5., 0., 1., 0.]);
}

#[test]
fn products_along_an_axis_and_of_matrices() {
    let product = |attributes: &[(&str, Attr)]| {
        let model = Model::new(26).input("x", &[4]).constant(TensorScalar(0).proto("axis"));
        model.node_with("CumProd", &["x", "axis"], &["y"], attributes).output("y")
    };
    let x: &[f64] = &[1., 2., 3., 4.];
    product(&[]).check(&[x], &[4], &[1., 2., 6., 24.]);
    product(&[("exclusive", Attr::Int(1))]).check(&[x], &[4], &[1., 1., 2., 6.]);
    product(&[("exclusive", Attr::Int(1)), ("reverse", Attr::Int(1))]).check(&[x], &[4], &[24., 12., 4., 1.]);
    let det = |n: i64, x: &[f64]| {
        let model = Model::new(22).input("x", &[1, n, n]).node("Det", &["x"], &["y"]).output("y");
        model.run(&[x])[0].1.clone()
    };
    onnx::close(&det(2, &[1., 2., 3., 4.]), &[-2.]);
    // 2 (3 - 2) - 0 + 1 (1 - 3)
    onnx::close(&det(3, &[2., 0., 1., 1., 3., 2., 1., 1., 1.]), &[0.]);
    onnx::close(&det(3, &[2., 0., 1., 1., 3., 2., 1., 1., 4.]), &[18.]);
}

#[test]
fn logarithms_of_sums_of_exponentials_subtract_the_maximum() {
    let model = Model::new(17).input("x", &[1, 2]).node("Exp", &["x"], &["e"]).ints("axes", &[1]);
    let model = model.node("ReduceSum", &["e", "axes"], &["s"]).node("Log", &["s"], &["y"]).output("y");
    assert!(model.text().contains("reduce_max"), "{}", model.text());
    model.check(&[&[10., 10.]], &[1, 1], &[10.69314718]);
}
