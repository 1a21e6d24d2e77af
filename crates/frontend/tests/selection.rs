//! Operators that pick, move and sort elements, with results worked out by hand.

use plonnx_testkit::onnx::{self, Attr, INT64, Model};

#[test]
fn indices_from_the_data_may_be_negative() {
    let model = Model::new(17).input("x", &[2, 3]).typed_input("i", INT64, &[2, 2]);
    let elements = model.clone().node_with("GatherElements", &["x", "i"], &["y"], &[("axis", Attr::Int(1))]);
    let x: &[f64] = &[1., 2., 3., 4., 5., 6.];
    elements.output("y").check(&[x, &[0., -1., 2., 1.]], &[2, 2], &[1., 3., 6., 5.]);
    let tuples = model.clone().node("GatherND", &["x", "i"], &["y"]).output("y");
    tuples.check(&[x, &[0., -1., -1., 0.]], &[2], &[3., 4.]);
    let slices = Model::new(17).input("x", &[2, 3]).typed_input("i", INT64, &[2, 1]);
    let batched = slices.node_with("GatherND", &["x", "i"], &["y"], &[("batch_dims", Attr::Int(1))]).output("y");
    batched.check(&[x, &[2., 0.]], &[2], &[3., 4.]);
}

#[test]
fn updates_replace_or_join_elements() {
    let elements = |reduction: &str, opset: i64| {
        let model = Model::new(opset).input("x", &[4]).ints("i", &[1, -1, 1]).input("u", &[3]);
        let attributes = [("reduction", Attr::Text(reduction))];
        model.node_with("ScatterElements", &["x", "i", "u"], &["y"], &attributes).output("y")
    };
    let (x, u): (&[f64], &[f64]) = (&[1., 2., 3., 4.], &[5., 6., 7.]);
    elements("none", 18).check(&[x, u], &[4], &[1., 7., 3., 6.]);
    elements("add", 18).check(&[x, u], &[4], &[1., 14., 3., 10.]);
    elements("mul", 18).check(&[x, u], &[4], &[1., 70., 3., 24.]);
    elements("max", 18).check(&[x, u], &[4], &[1., 7., 3., 6.]);
    elements("min", 18).check(&[x, u], &[4], &[1., 2., 3., 4.]);

    let open = |reduction: &str| {
        let model = Model::new(18).input("x", &[2, 2]).typed_input("i", INT64, &[1, 2]).input("u", &[1, 2]);
        let attributes = [("reduction", Attr::Text(reduction)), ("axis", Attr::Int(0))];
        model.node_with("ScatterElements", &["x", "i", "u"], &["y"], &attributes).output("y")
    };
    open("none").check(&[x, &[1., -2.], &[8., 9.]], &[2, 2], &[1., 9., 8., 4.]);
    open("add").check(&[x, &[1., 0.], &[8., 9.]], &[2, 2], &[1., 11., 11., 4.]);
    assert!(open("mul").error().contains("indices that depend on the input data"));
}

#[test]
fn tuples_of_indices_name_slices() {
    let model = |known: bool| {
        let model = Model::new(18).input("x", &[3, 2]);
        let model = if known {
            model.constant(onnx::ints("flat", &[2, -3])).ints("shape", &[2, 1]).node(
                "Reshape",
                &["flat", "shape"],
                &["i"],
            )
        } else {
            model.typed_input("i", INT64, &[2, 1])
        };
        model.input("u", &[2, 2]).node("ScatterND", &["x", "i", "u"], &["y"]).output("y")
    };
    let x: &[f64] = &[1., 2., 3., 4., 5., 6.];
    let expected = [9., 10., 3., 4., 7., 8.];
    model(true).check(&[x, &[7., 8., 9., 10.]], &[3, 2], &expected);
    model(false).check(&[x, &[2., -3.], &[7., 8., 9., 10.]], &[3, 2], &expected);
}

#[test]
fn caches_are_written_from_a_position_on() {
    let model = Model::new(24).input("x", &[2, 3, 1]).input("u", &[2, 2, 1]).typed_input("i", INT64, &[2]);
    let model = model.node_with("TensorScatter", &["x", "u", "i"], &["y"], &[("mode", Attr::Text("circular"))]);
    let (x, u): (&[f64], &[f64]) = (&[1., 2., 3., 4., 5., 6.], &[7., 8., 9., 10.]);
    model.output("y").check(&[x, u, &[0., 2.]], &[2, 3, 1], &[7., 8., 3., 10., 5., 9.]);
}

#[test]
fn elements_are_sorted() {
    let model = |largest: i64| {
        let model = Model::new(11).input("x", &[2, 3]).ints("k", &[2]);
        let attributes = [("axis", Attr::Int(1)), ("largest", Attr::Int(largest))];
        model.node_with("TopK", &["x", "k"], &["y", "i"], &attributes).output("y").output("i")
    };
    let x: &[f64] = &[2., 5., 2., 1., -1., 3.];
    let results = model(1).run(&[x]);
    onnx::close(&results[0].1, &[5., 2., 3., 1.]);
    onnx::close(&results[1].1, &[1., 0., 2., 0.]);
    let results = model(0).run(&[x]);
    onnx::close(&results[0].1, &[2., 2., -1., 1.]);
    onnx::close(&results[1].1, &[0., 2., 1., 0.]);
    let many = Model::new(11).input("x", &[4096]).ints("k", &[1]).node("TopK", &["x", "k"], &["y", "i"]).output("y");
    assert!(many.error().contains("comparisons"), "{}", many.error());
}

#[test]
fn rows_are_reversed_up_to_their_length() {
    let model = Model::new(10).input("x", &[2, 3]).typed_input("n", INT64, &[2]);
    let attributes = [("batch_axis", Attr::Int(0)), ("time_axis", Attr::Int(1))];
    let model = model.node_with("ReverseSequence", &["x", "n"], &["y"], &attributes).output("y");
    model.check(&[&[1., 2., 3., 4., 5., 6.], &[2., 3.]], &[2, 3], &[2., 1., 3., 6., 5., 4.]);
}

#[test]
fn values_that_are_known_decide_shapes() {
    let mask = onnx::TensorScalar(0);
    let model = Model::new(13).input("x", &[2, 3]).constant(mask.proto("zero")).ints("m", &[0, 1, 1]);
    let compressed = model.clone().node_with("Compress", &["x", "m"], &["y"], &[("axis", Attr::Int(1))]).output("y");
    compressed.check(&[&[1., 2., 3., 4., 5., 6.]], &[2, 2], &[2., 3., 5., 6.]);
    let positions = Model::new(13).ints("x", &[0, 5, 0, 7]).node("NonZero", &["x"], &["y"]).output("y");
    positions.check(&[], &[1, 2], &[1., 3.]);
    let open = model.node("NonZero", &["x"], &["y"]).output("y");
    assert!(open.error().contains("operand \"X\" depends on the input data"), "{}", open.error());

    let unique = |sorted: i64| {
        let model = Model::new(11).ints("x", &[4, 2, 4, 1, 2]);
        let outputs = ["y", "first", "inverse", "counts"];
        let model = model.node_with("Unique", &["x"], &outputs, &[("sorted", Attr::Int(sorted))]);
        outputs.iter().fold(model, |m, o| m.output(o)).run(&[]).into_iter().map(|r| r.1).collect::<Vec<_>>()
    };
    assert_eq!(unique(1), [vec![1., 2., 4.], vec![3., 1., 0.], vec![2., 1., 2., 0., 1.], vec![1., 2., 2.]]);
    assert_eq!(unique(0), [vec![4., 2., 1.], vec![0., 1., 3.], vec![0., 1., 0., 2., 1.], vec![2., 2., 1.]]);
}

#[test]
fn maxima_are_found_and_put_back() {
    let pool = Model::new(12).input("x", &[1, 2, 1, 4]);
    let attributes = [("kernel_shape", Attr::Ints(&[1, 2])), ("strides", Attr::Ints(&[1, 2]))];
    let pool = pool.node_with("MaxPool", &["x"], &["y", "i"], &attributes).output("y").output("i");
    let results = pool.run(&[&[1., 3., 5., 2., 0., -1., -3., -2.]]);
    onnx::close(&results[0].1, &[3., 5., 0., -2.]);
    onnx::close(&results[1].1, &[1., 2., 4., 7.]);
    let unpool = Model::new(12).input("x", &[1, 2, 1, 2]).typed_input("i", INT64, &[1, 2, 1, 2]);
    let unpool = unpool.node_with("MaxUnpool", &["x", "i"], &["y"], &attributes).output("y");
    let back = [0., 3., 5., 0., 7., 0., 0., -2.];
    unpool.check(&[&[3., 5., 7., -2.], &[1., 2., 4., 7.]], &[1, 2, 1, 4], &back);
}
