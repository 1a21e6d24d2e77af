//! Small models of every operator family, with results worked out by hand.

use plonnx_testkit::onnx::{self, Attr, BOOL, INT64, Model, floats};

/// One node with the inputs `x` (and so on) of the given shapes.
fn single(opset: i64, op: &str, shapes: &[&[i64]], attributes: &[(&str, Attr)]) -> Model {
    let names = ["x", "y", "z"];
    let model = shapes.iter().zip(names).fold(Model::new(opset), |m, (s, n)| m.input(n, s));
    model.node_with(op, &names[..shapes.len()], &["out"], attributes).output("out")
}

#[test]
fn sums_broadcast_and_a_single_number_is_a_coefficient() {
    single(17, "Add", &[&[2, 2], &[2]], &[]).check(&[&[1., 2., 3., 4.], &[10., 20.]], &[2, 2], &[11., 22., 13., 24.]);
    single(17, "Sub", &[&[2, 1], &[1, 2]], &[]).check(&[&[1., 2.], &[3., 5.]], &[2, 2], &[-2., -4., -1., -3.]);
    let halves = Model::new(17).input("x", &[3]).floats("c", &[1, 1], &[0.5]).node("Mul", &["x", "c"], &["y"]);
    let halves = halves.output("y");
    assert!(halves.text().contains("sum") && !halves.text().contains("contract"));
    halves.check(&[&[2., 4., 6.]], &[1, 3], &[1., 2., 3.]);
}

#[test]
fn products_broadcast_by_labels() {
    let model = single(17, "Mul", &[&[1, 2, 3], &[1, 2, 1]], &[]);
    assert!(model.text().contains("abc,ab->abc") && !model.text().contains("broadcast"), "{}", model.text());
    model.check(&[&[1., 2., 3., 4., 5., 6.], &[10., -1.]], &[1, 2, 3], &[10., 20., 30., -4., -5., -6.]);
    single(17, "Mul", &[&[2, 1], &[1, 2]], &[]).check(&[&[1., 2.], &[3., 5.]], &[2, 2], &[3., 5., 6., 10.]);
}

#[test]
fn operands_before_opset_seven_name_their_axis() {
    let model = single(6, "Add", &[&[1, 2, 2], &[2]], &[("broadcast", Attr::Int(1)), ("axis", Attr::Int(1))]);
    model.check(&[&[1., 2., 3., 4.], &[10., 20.]], &[1, 2, 2], &[11., 12., 23., 24.]);
}

#[test]
fn quotients_and_powers() {
    let by_four = Model::new(17).input("x", &[2]).floats("c", &[], &[4.]).node("Div", &["x", "c"], &["y"]).output("y");
    assert!(!by_four.text().contains("div"));
    by_four.check(&[&[2., 6.]], &[2], &[0.5, 1.5]);
    single(17, "Div", &[&[2], &[1]], &[]).check(&[&[2., 6.], &[4.]], &[2], &[0.5, 1.5]);
    for (exponent, core, expected) in
        [(2., "contract", 16.), (0.5, "sqrt", 2.), (-1., "reciprocal", 0.25), (-0.5, "rsqrt", 0.5), (3., "pow", 64.)]
    {
        let model = Model::new(17).input("x", &[1]).floats("e", &[], &[exponent]).node("Pow", &["x", "e"], &["y"]);
        let model = model.output("y");
        assert!(model.text().contains(core), "{}", model.text());
        model.check(&[&[4.]], &[1], &[expected]);
    }
    let by_root = Model::new(17).input("x", &[2]).input("v", &[1]).node("Sqrt", &["v"], &["r"]);
    let by_root = by_root.node("Div", &["x", "r"], &["y"]).output("y");
    assert!(by_root.text().contains("rsqrt") && !by_root.text().contains("div"), "{}", by_root.text());
    by_root.check(&[&[2., 6.], &[4.]], &[2], &[1., 3.]);
}

#[test]
fn activations_written_as_several_nodes_become_one() {
    let gelu = Model::new(17).input("x", &[3]).floats("r", &[], &[std::f32::consts::SQRT_2]);
    let gelu = gelu.floats("one", &[], &[1.]).floats("half", &[], &[0.5]);
    let gelu = gelu.node("Div", &["x", "r"], &["a"]).node("Erf", &["a"], &["b"]).node("Add", &["b", "one"], &["c"]);
    let gelu = gelu.node("Mul", &["x", "c"], &["d"]).node("Mul", &["d", "half"], &["y"]).output("y");
    assert_eq!(gelu.import().unwrap().graph.len(), 2, "{}", gelu.text());
    gelu.check(&[&[-1., 0., 2.]], &[3], &[-0.15865525, 0., 1.95449974]);

    let tanh = Model::new(17).input("x", &[2]).floats("three", &[], &[3.]).floats("k", &[], &[0.044715]);
    let tanh = tanh.floats("s", &[], &[0.797_884_6]).floats("one", &[], &[1.]).floats("half", &[], &[0.5]);
    let tanh = tanh.node("Pow", &["x", "three"], &["p"]).node("Mul", &["p", "k"], &["q"]);
    let tanh = tanh.node("Add", &["x", "q"], &["r"]).node("Mul", &["r", "s"], &["t"]).node("Tanh", &["t"], &["u"]);
    let tanh = tanh.node("Add", &["u", "one"], &["v"]).node("Mul", &["x", "half"], &["h"]);
    let tanh = tanh.node("Mul", &["h", "v"], &["y"]).output("y");
    assert_eq!(tanh.import().unwrap().graph.len(), 2, "{}", tanh.text());
    tanh.check(&[&[-1., 2.]], &[2], &[-0.15880801, 1.95459769]);

    let silu = Model::new(17).input("x", &[2]).node("Sigmoid", &["x"], &["s"]).node("Mul", &["x", "s"], &["y"]);
    let silu = silu.output("y");
    assert_eq!(silu.import().unwrap().graph.len(), 2, "{}", silu.text());
    silu.check(&[&[0., 1.]], &[2], &[0., 0.73105858]);

    // One constant differs: not Gelu, and not taken for it.
    let other = Model::new(17).input("x", &[1]).floats("one", &[], &[1.]).floats("half", &[], &[0.5]);
    let other = other.node("Erf", &["x"], &["b"]).node("Add", &["b", "one"], &["c"]);
    let other = other.node("Mul", &["x", "c"], &["d"]).node("Mul", &["d", "half"], &["y"]).output("y");
    other.check(&[&[1.]], &[1], &[0.92135039]);
}

#[test]
fn bounds_and_slopes() {
    single(6, "Clip", &[&[3]], &[("min", Attr::Float(-1.)), ("max", Attr::Float(1.))]).check(
        &[&[-2., 0.5, 2.]],
        &[3],
        &[-1., 0.5, 1.],
    );
    let relu = Model::new(13).input("x", &[2]).floats("lo", &[], &[0.]).node("Clip", &["x", "lo"], &["y"]).output("y");
    assert!(relu.text().contains("relu"));
    relu.check(&[&[-2., 2.]], &[2], &[0., 2.]);
    single(13, "Max", &[&[2], &[1]], &[]).check(&[&[-2., 2.], &[0.5]], &[2], &[0.5, 2.]);
    single(13, "PRelu", &[&[2, 2], &[2]], &[]).check(
        &[&[-2., 2., -1., -4.], &[0.5, 0.25]],
        &[2, 2],
        &[-1., 2., -0.5, -1.],
    );
    single(16, "LeakyRelu", &[&[2]], &[("alpha", Attr::Float(0.25))]).check(&[&[-2., 2.]], &[2], &[-0.5, 2.]);
}

#[test]
fn logic_and_choice() {
    let bools = |op: &str| {
        let model = Model::new(17).typed_input("x", BOOL, &[4]).typed_input("y", BOOL, &[4]);
        model.node(op, &["x", "y"], &["out"]).output("out")
    };
    let (x, y): (&[f64], &[f64]) = (&[0., 0., 1., 1.], &[0., 1., 0., 1.]);
    bools("And").check(&[x, y], &[4], &[0., 0., 0., 1.]);
    bools("Or").check(&[x, y], &[4], &[0., 1., 1., 1.]);
    bools("Xor").check(&[x, y], &[4], &[0., 1., 1., 0.]);
    single(17, "GreaterOrEqual", &[&[3], &[1]], &[]).check(&[&[1., 2., 3.], &[2.]], &[3], &[0., 1., 1.]);
    let choice = Model::new(17).typed_input("c", BOOL, &[2]).input("x", &[1]).input("y", &[2]);
    let choice = choice.node("Not", &["c"], &["n"]).node("Where", &["n", "x", "y"], &["out"]).output("out");
    choice.check(&[&[0., 1.], &[7.], &[8., 9.]], &[2], &[7., 9.]);
}

#[test]
fn casts_truncate_and_test_for_zero() {
    single(13, "Cast", &[&[3]], &[("to", Attr::Int(INT64.into()))]).check(&[&[-1.5, 0.5, 2.9]], &[3], &[-1., 0., 2.]);
    single(13, "Cast", &[&[3]], &[("to", Attr::Int(BOOL.into()))]).check(&[&[-1.5, 0., 2.]], &[3], &[1., 0., 1.]);
}

#[test]
fn matrix_products() {
    single(13, "MatMul", &[&[2, 2], &[2, 1]], &[]).check(&[&[1., 2., 3., 4.], &[5., 6.]], &[2, 1], &[17., 39.]);
    single(13, "MatMul", &[&[2], &[2, 1]], &[]).check(&[&[1., 2.], &[5., 6.]], &[1], &[17.]);
    single(13, "MatMul", &[&[2], &[2]], &[]).check(&[&[1., 2.], &[5., 6.]], &[], &[17.]);
    single(13, "MatMul", &[&[2, 1, 2], &[1, 2, 1]], &[]).check(
        &[&[1., 2., 3., 4.], &[5., 6.]],
        &[2, 1, 1],
        &[17., 39.],
    );
    single(
        13,
        "Gemm",
        &[&[2, 1], &[1, 2], &[1]],
        &[("transA", Attr::Int(1)), ("transB", Attr::Int(1)), ("alpha", Attr::Float(2.)), ("beta", Attr::Float(3.))],
    )
    .check(&[&[1., 2.], &[5., 6.], &[1.]], &[1, 1], &[37.]);
    single(13, "Einsum", &[&[2, 2], &[2, 2]], &[("equation", Attr::Text("ij,kj->ki"))]).check(
        &[&[1., 2., 3., 4.], &[1., 0., 1., 1.]],
        &[2, 2],
        &[1., 3., 3., 7.],
    );
    single(13, "Einsum", &[&[2, 2]], &[("equation", Attr::Text("...ii -> ...i"))]).check(
        &[&[1., 2., 3., 4.]],
        &[2],
        &[1., 4.],
    );
    single(13, "Einsum", &[&[2], &[2], &[2]], &[("equation", Attr::Text("i,i,i"))]).check(
        &[&[1., 2.], &[3., 4.], &[5., 6.]],
        &[],
        &[63.],
    );
}

#[test]
fn convolutions() {
    let ones = [1f64; 16];
    single(
        11,
        "Conv",
        &[&[1, 1, 4], &[1, 1, 3]],
        &[("auto_pad", Attr::Text("SAME_LOWER")), ("strides", Attr::Ints(&[2]))],
    )
    .check(&[&[1., 2., 3., 4.], &[1., 1., 1.]], &[1, 1, 2], &[3., 9.]);
    single(11, "Conv", &[&[1, 2, 2], &[2, 1, 1], &[2]], &[("group", Attr::Int(2))]).check(
        &[&[1., 2., 3., 4.], &[10., 100.], &[1., 2.]],
        &[1, 2, 2],
        &[11., 21., 302., 402.],
    );
    single(11, "ConvTranspose", &[&[1, 1, 2], &[1, 1, 3]], &[("strides", Attr::Ints(&[2]))]).check(
        &[&[1., 2.], &[1., 10., 100.]],
        &[1, 1, 5],
        &[1., 10., 102., 20., 200.],
    );
    let pads = [("pads", Attr::Ints(&[1, 0])), ("output_padding", Attr::Ints(&[1])), ("strides", Attr::Ints(&[2]))];
    single(11, "ConvTranspose", &[&[1, 1, 2], &[1, 1, 3]], &pads).check(
        &[&[1., 2.], &[1., 10., 100.]],
        &[1, 1, 5],
        &[10., 102., 20., 200., 0.],
    );
    single(11, "Conv", &[&[1, 1, 4, 4], &[1, 1, 2, 2]], &[("dilations", Attr::Ints(&[2, 2]))]).check(
        &[&ones, &[1.; 4]],
        &[1, 1, 2, 2],
        &[4.; 4],
    );
}

#[test]
fn padding_never_wins_a_maximum() {
    let kernel = [("kernel_shape", Attr::Ints(&[3])), ("pads", Attr::Ints(&[1, 1])), ("strides", Attr::Ints(&[2]))];
    single(12, "MaxPool", &[&[1, 1, 4]], &kernel).check(&[&[-4., -3., -2., -1.]], &[1, 1, 2], &[-3., -1.]);
    let ceil = [("kernel_shape", Attr::Ints(&[2])), ("strides", Attr::Ints(&[2])), ("ceil_mode", Attr::Int(1))];
    single(12, "MaxPool", &[&[1, 1, 3]], &ceil).check(&[&[-4., -5., -6.]], &[1, 1, 2], &[-4., -6.]);
    // More elements than the tree of maxima takes.
    let wide = [("kernel_shape", Attr::Ints(&[20])), ("pads", Attr::Ints(&[1, 0]))];
    let data: Vec<f64> = (0..20).map(|i| f64::from(-i)).collect();
    single(12, "MaxPool", &[&[1, 1, 20]], &wide).check(&[&data], &[1, 1, 2], &[0., 0.]);
}

#[test]
fn means_count_padding_on_demand() {
    let kernel = |count: i64| {
        let kernel = [("kernel_shape", Attr::Ints(&[2])), ("pads", Attr::Ints(&[1, 0]))];
        kernel.into_iter().chain([("count_include_pad", Attr::Int(count))]).collect::<Vec<_>>()
    };
    single(11, "AveragePool", &[&[1, 1, 3]], &kernel(0)).check(&[&[2., 4., 8.]], &[1, 1, 3], &[2., 3., 6.]);
    single(11, "AveragePool", &[&[1, 1, 3]], &kernel(1)).check(&[&[2., 4., 8.]], &[1, 1, 3], &[1., 3., 6.]);
    single(11, "GlobalAveragePool", &[&[1, 2, 2]], &[]).check(&[&[1., 3., 5., 9.]], &[1, 2, 1], &[2., 7.]);
}

#[test]
fn distributions() {
    let (a, b) = (1f64.exp() / (1. + 1f64.exp()), 1. / (1. + 1f64.exp()));
    single(13, "Softmax", &[&[1, 2, 2]], &[]).check(&[&[1., 0., 5., 6.]], &[1, 2, 2], &[a, b, b, a]);
    // Before opset 13 all axes from the given one on are one distribution.
    single(11, "Softmax", &[&[1, 2, 2]], &[]).check(&[&[0., 0., 0., 0.]], &[1, 2, 2], &[0.25; 4]);
    single(13, "LogSoftmax", &[&[2]], &[]).check(&[&[1., 0.]], &[2], &[a.ln(), b.ln()]);
    single(13, "Hardmax", &[&[2, 2]], &[("axis", Attr::Int(0))]).check(
        &[&[1., 0., 0., 3.]],
        &[2, 2],
        &[1., 0., 0., 1.],
    );
    for op in ["Softmax", "LogSoftmax"] {
        single(13, op, &[&[2, 0]], &[]).check(&[&[]], &[2, 0], &[]);
    }
}

#[test]
fn normalisations() {
    let unit = [-1., 1.];
    single(17, "LayerNormalization", &[&[1, 2], &[2], &[2]], &[("epsilon", Attr::Float(0.))]).check(
        &[&[3., 7.], &[1., 2.], &[10., 20.]],
        &[1, 2],
        &[9., 22.],
    );
    single(23, "RMSNormalization", &[&[1, 2], &[2]], &[("epsilon", Attr::Float(0.))]).check(
        &[&[3., 3.], &[1., 2.]],
        &[1, 2],
        &[1., 2.],
    );
    single(6, "InstanceNormalization", &[&[1, 1, 2], &[1], &[1]], &[("epsilon", Attr::Float(0.))]).check(
        &[&[3., 7.], &[1.], &[0.]],
        &[1, 1, 2],
        &unit,
    );
    single(
        21,
        "GroupNormalization",
        &[&[1, 2, 1], &[2], &[2]],
        &[("num_groups", Attr::Int(1)), ("epsilon", Attr::Float(0.))],
    )
    .check(&[&[3., 7.], &[1., 2.], &[0., 0.]], &[1, 2, 1], &[-1., 2.]);
    // No spatial axes: groups of channels alone.
    let attributes = [("num_groups", Attr::Int(2)), ("epsilon", Attr::Float(0.))];
    single(21, "GroupNormalization", &[&[1, 4], &[4], &[4]], &attributes).check(
        &[&[3., 7., 5., 1.], &[1.; 4], &[0., 0., 0., 1.]],
        &[1, 4],
        &[-1., 1., 1., 0.],
    );
}

#[test]
fn batch_norm_disappears_into_a_convolution() {
    let model = Model::new(15).input("x", &[1, 1, 2]).floats("w", &[2, 1, 1], &[1., 2.]).floats("b", &[2], &[1., 0.]);
    let model = model.floats("scale", &[2], &[4., 1.]).floats("shift", &[2], &[0., 5.]);
    let model = model.floats("mean", &[2], &[1., 2.]).floats("var", &[2], &[4., 1.]);
    let model = model.node("Conv", &["x", "w", "b"], &["c"]).node_with(
        "BatchNormalization",
        &["c", "scale", "shift", "mean", "var"],
        &["y"],
        &[("epsilon", Attr::Float(0.))],
    );
    let folded = model.clone().output("y");
    assert!(!folded.text().contains("contract") && folded.text().matches("conv").count() == 1, "{}", folded.text());
    folded.check(&[&[1., 3.]], &[1, 2, 2], &[2., 6., 5., 9.]);
    // The convolution has another use: it stays as it is.
    let shared = model.output("y").output("c");
    assert!(shared.text().contains("contract"), "{}", shared.text());
    let results = shared.run(&[&[1., 3.]]);
    onnx::close(&results[0].1, &[2., 6., 5., 9.]);
    onnx::close(&results[1].1, &[2., 4., 2., 6.]);

    let dense = Model::new(15).input("x", &[1, 2]).floats("w", &[2, 2], &[1., 0., 0., 1.]);
    let dense = dense.floats("p", &[2], &[1., 2.]).floats("one", &[2], &[1., 1.]).floats("zero", &[2], &[0., 0.]);
    let dense = dense.node("Gemm", &["x", "w", "p"], &["g"]);
    let dense = dense.node("BatchNormalization", &["g", "p", "p", "zero", "one"], &["y"]).output("y");
    assert_eq!(dense.text().matches("contract").count(), 1, "{}", dense.text());
    dense.check(&[&[1., 1.]], &[1, 2], &[2.99999, 7.99997]);
}

#[test]
fn reductions() {
    let x: &[f64] = &[1., 2., 3., 4.];
    single(13, "ReduceMean", &[&[2, 2]], &[("axes", Attr::Ints(&[-1]))]).check(&[x], &[2, 1], &[1.5, 3.5]);
    single(13, "ReduceMax", &[&[2, 2]], &[("axes", Attr::Ints(&[0])), ("keepdims", Attr::Int(0))]).check(
        &[x],
        &[2],
        &[3., 4.],
    );
    single(13, "ReduceProd", &[&[2, 2]], &[("keepdims", Attr::Int(0))]).check(&[x], &[], &[24.]);
    single(13, "ReduceL2", &[&[2]], &[]).check(&[&[3., -4.]], &[1], &[5.]);
    single(13, "ReduceLogSumExp", &[&[2]], &[]).check(&[&[0., 0.]], &[1], &[2f64.ln()]);
    // Without axes, every element on its own.
    let alone = [("noop_with_empty_axes", Attr::Int(1))];
    for (op, expected) in [
        ("ReduceSum", [1., 4.]),
        ("ReduceMean", [1., 4.]),
        ("ReduceProd", [1., 4.]),
        ("ReduceSumSquare", [1., 16.]),
        ("ReduceL1", [1., 4.]),
        ("ReduceL2", [1., 4.]),
        ("ReduceLogSum", [0., 4f64.ln()]),
        ("ReduceLogSumExp", [1., 4.]),
    ] {
        single(18, op, &[&[2]], &alone).check(&[&[1., 4.]], &[2], &expected);
    }
    let sum = Model::new(13).input("x", &[2, 2]).ints("a", &[1]).node("ReduceSum", &["x", "a"], &["y"]).output("y");
    sum.check(&[x], &[2, 1], &[3., 7.]);
    // A mean of squares is one contraction, so that it is rounded once.
    let squares = Model::new(13).input("x", &[2, 2]).node("Mul", &["x", "x"], &["s"]);
    let squares = squares.node_with("ReduceMean", &["s"], &["y"], &[("axes", Attr::Ints(&[1]))]).output("y");
    assert!(!squares.text().contains("reduce_sum"), "{}", squares.text());
    squares.check(&[x], &[2, 1], &[2.5, 12.5]);
    single(13, "ArgMax", &[&[2, 2]], &[("axis", Attr::Int(1)), ("select_last_index", Attr::Int(1))]).check(
        &[&[1., 1., 2., 0.]],
        &[2, 1],
        &[1., 0.],
    );
    let sums = Model::new(14).input("x", &[3]).ints("a", &[0]);
    let sums = sums.node_with("CumSum", &["x", "a"], &["y"], &[("reverse", Attr::Int(1))]).output("y");
    sums.check(&[&[1., 2., 3.]], &[3], &[6., 5., 3.]);
}

#[test]
fn views() {
    let x: &[f64] = &[1., 2., 3., 4.];
    for end in [i64::MIN, -i64::MAX] {
        let slice = Model::new(13).input("x", &[4]).ints("s", &[-1]).ints("e", &[end]).ints("a", &[0]).ints("t", &[-2]);
        slice.node("Slice", &["x", "s", "e", "a", "t"], &["y"]).output("y").check(&[x], &[2], &[4., 2.]);
    }
    // A start before the first element is the first one.
    let first = Model::new(13).input("x", &[4]).ints("s", &[-9]).ints("e", &[i64::MIN]).ints("a", &[0]);
    first.ints("t", &[-1]).node("Slice", &["x", "s", "e", "a", "t"], &["y"]).output("y").check(&[x], &[1], &[1.]);
    let split = Model::new(18).input("x", &[4]);
    let split = split.node_with("Split", &["x"], &["a", "b", "c"], &[("num_outputs", Attr::Int(3))]);
    let parts = split.output("a").output("b").output("c").run(&[x]);
    assert_eq!(parts.iter().map(|p| p.0[0]).collect::<Vec<_>>(), [2, 2, 0]);
    for (mode, expected) in [
        ("reflect", [3., 2., 1., 2., 3., 4., 3.]),
        ("edge", [1., 1., 1., 2., 3., 4., 4.]),
        ("wrap", [3., 4., 1., 2., 3., 4., 1.]),
    ] {
        let pad = Model::new(19).input("x", &[4]).ints("p", &[2, 1]);
        let pad = pad.node_with("Pad", &["x", "p"], &["y"], &[("mode", Attr::Text(mode))]).output("y");
        pad.check(&[x], &[7], &expected);
    }
    let pad = Model::new(13).input("x", &[4]).ints("p", &[1, -2]).floats("v", &[], &[9.]);
    pad.node("Pad", &["x", "p", "v"], &["y"]).output("y").check(&[x], &[3], &[9., 1., 2.]);
    let tile = Model::new(13).input("x", &[2, 1]).ints("r", &[2, 2]).node("Tile", &["x", "r"], &["y"]).output("y");
    tile.check(&[&[1., 2.]], &[4, 2], &[1., 1., 2., 2., 1., 1., 2., 2.]);
    let lower = Model::new(14).input("x", &[2, 2]).node_with("Trilu", &["x"], &["y"], &[("upper", Attr::Int(0))]);
    lower.output("y").check(&[x], &[2, 2], &[1., 0., 3., 4.]);
    single(13, "DepthToSpace", &[&[1, 4, 1, 1]], &[("blocksize", Attr::Int(2))]).check(&[x], &[1, 1, 2, 2], x);
    single(13, "Transpose", &[&[2, 2]], &[]).check(&[x], &[2, 2], &[1., 3., 2., 4.]);
    single(13, "Flatten", &[&[2, 1, 2]], &[("axis", Attr::Int(-1))]).check(&[x], &[2, 2], x);
}

#[test]
fn tables_are_looked_up() {
    let table = |m: Model| m.floats("t", &[3, 2], &[1., 2., 3., 4., 5., 6.]);
    let known = table(Model::new(13)).input("x", &[1]).ints("i", &[-1, 0]).node("Gather", &["t", "i"], &["y"]);
    let known = known.node("Mul", &["y", "x"], &["z"]).output("z");
    known.check(&[&[2.]], &[2, 2], &[10., 12., 2., 4.]);
    let data = table(Model::new(13)).typed_input("i", INT64, &[2]).node("Gather", &["t", "i"], &["y"]).output("y");
    assert!(data.text().contains("one_hot"), "{}", data.text());
    data.check(&[&[2., 0.]], &[2, 2], &[5., 6., 1., 2.]);
    let hot = Model::new(13).typed_input("i", INT64, &[2]).ints("d", &[3]).floats("v", &[2], &[-1., 1.]);
    let hot = hot.node_with("OneHot", &["i", "d", "v"], &["y"], &[("axis", Attr::Int(0))]).output("y");
    hot.check(&[&[2., 0.]], &[3, 2], &[-1., 1., -1., -1., 1., -1.]);
}

#[test]
fn integers_divide_towards_zero_when_known() {
    let model = Model::new(13).input("x", &[1]).ints("a", &[-7]).ints("b", &[2]).node("Div", &["a", "b"], &["q"]);
    let model = model.node_with("Cast", &["q"], &["c"], &[("to", Attr::Int(1))]).node("Mul", &["c", "x"], &["y"]);
    model.output("y").check(&[&[1.]], &[1], &[-3.]);
}

#[test]
fn shapes_are_computed_as_pytorch_exports_them() {
    // x.view(x.size(0), -1) with the batch size taken from the shape.
    let model = Model::new(17).input("x", &[2, 3, 4]).constant(floats("b", &[12], &[1.; 12]));
    let model = model.node("Shape", &["x"], &["shape"]);
    let index = onnx::TensorScalar(0).proto("zero");
    let model = model.constant(index).node("Gather", &["shape", "zero"], &["batch"]);
    let model = model.ints("axes", &[0]).node("Unsqueeze", &["batch", "axes"], &["batch1"]).ints("rest", &[-1]);
    let model = model.node_with("Concat", &["batch1", "rest"], &["target"], &[("axis", Attr::Int(0))]);
    let model = model.node("Reshape", &["x", "target"], &["flat"]).node("Add", &["flat", "b"], &["y"]).output("y");
    let import = model.import().unwrap();
    assert_eq!(import.outputs[0].shape, [2, 12]);
    // Input, reshape, bias, its broadcast, sum.
    assert_eq!(import.graph.len(), 5, "{}", model.text());
    // A shape that is the result of broadcasting is known too.
    let tiled = Model::new(17).input("x", &[4]).ints("n", &[2]).constant(onnx::TensorScalar(2).proto("two"));
    let tiled = tiled.node("Expand", &["two", "n"], &["target"]).node("Reshape", &["x", "target"], &["y"]).output("y");
    tiled.check(&[&[1., 2., 3., 4.]], &[2, 2], &[1., 2., 3., 4.]);
}
