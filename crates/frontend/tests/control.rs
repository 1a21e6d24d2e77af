//! Branches, loops, scans, sequences, optional values, and functions of the model.

use plonnx_frontend::proto::{
    ElementType, FunctionProto, ModelProto, NodeProto, OperatorSetIdProto, TensorType, TypeProto, ValueInfoProto,
};
use plonnx_frontend::{Options, import};
use plonnx_ir::{Tensor, eval};
use plonnx_testkit::onnx::{self, Attr, BOOL, INT64, Model, TensorScalar, close, floats, graph, node};
use prost::Message;

/// `If` with the branches `x + x` and `x * x`.
fn branches(model: Model) -> Model {
    let yes = graph(&[], vec![node("Add", &["x", "x"], &["a"], &[])], &["a"]);
    let no = graph(&[], vec![node("Mul", &["x", "x"], &["b"], &[])], &["b"]);
    let attributes = [("then_branch", Attr::Graph(yes)), ("else_branch", Attr::Graph(no))];
    model.node_with("If", &["c"], &["y"], &attributes).output("y")
}

#[test]
fn a_known_condition_lowers_one_branch() {
    for (condition, expected, other) in [(1, [6., 10.], "contract"), (0, [9., 25.], "sum")] {
        let model = Model::new(17).input("x", &[2]).constant(TensorScalar(condition).proto("c"));
        let model = branches(model);
        assert!(!model.text().contains(other), "{}", model.text());
        model.check(&[&[3., 5.]], &[2], &expected);
    }
}

#[test]
fn a_condition_from_the_data_chooses() {
    for (condition, expected) in [(1., [6., 10.]), (0., [9., 25.])] {
        let model = branches(Model::new(17).typed_input("c", BOOL, &[1]).input("x", &[2]));
        model.check(&[&[condition], &[3., 5.]], &[2], &expected);
    }
    let shapes = graph(&[], vec![node("Size", &["x"], &["n"], &[])], &["n"]);
    let whole = graph(&[], vec![node("Shape", &["x"], &["s"], &[])], &["s"]);
    let attributes = [("then_branch", Attr::Graph(shapes)), ("else_branch", Attr::Graph(whole))];
    let model =
        Model::new(17).typed_input("c", BOOL, &[]).input("x", &[2]).node_with("If", &["c"], &["y"], &attributes);
    let error = model.output("y").error();
    assert!(error.contains(r#"If "y": the data decides between shapes [] and [1]"#), "{error}");
}

/// Adds `x` to its state, and collects the state times the number of the turn.
fn accumulator(condition: NodeProto) -> Attr<'static> {
    let nodes = vec![
        condition,
        node("Add", &["state", "x"], &["next"], &[]),
        node("Cast", &["i"], &["turn"], &[("to", Attr::Int(1))]),
        node("Mul", &["next", "turn"], &["scaled"], &[]),
    ];
    Attr::Graph(graph(&["i", "go", "state"], nodes, &["going", "next", "scaled"]))
}

#[test]
fn loops_unroll() {
    let body = accumulator(node("Identity", &["go"], &["going"], &[]));
    let model = Model::new(17).input("x", &[2]).floats("start", &[2], &[0., 1.]).constant(TensorScalar(3).proto("m"));
    let model = model.node_with("Loop", &["m", "", "start"], &["sum", "all"], &[("body", body)]);
    let results = model.output("sum").output("all").run(&[&[1., 10.]]);
    assert_eq!(results, [(vec![2], vec![3., 31.]), (vec![3, 2], vec![0., 0., 2., 21., 6., 62.])]);
}

#[test]
fn a_known_condition_ends_a_loop() {
    let less = node("Less", &["i", "last"], &["going"], &[]);
    let model = Model::new(17).input("x", &[1]).floats("start", &[1], &[0.]).constant(TensorScalar(4).proto("last"));
    let body = accumulator(less);
    let model = model.node_with("Loop", &["", "", "start"], &["sum", "all"], &[("body", body)]).output("sum");
    // Turn 4 is the first whose condition is false; its results count.
    model.check(&[&[2.]], &[1], &[10.]);
}

#[test]
fn a_condition_from_the_data_keeps_values() {
    let nodes = vec![node("Add", &["state", "x"], &["next"], &[]), node("Less", &["next", "most"], &["going"], &[])];
    let body = Attr::Graph(graph(&["i", "go", "state"], nodes, &["going", "next"]));
    let model = Model::new(17).input("x", &[1]).floats("start", &[1], &[0.]).floats("most", &[1], &[5.]);
    let model = model.constant(TensorScalar(6).proto("m"));
    let model = model.node_with("Loop", &["m", "", "start"], &["sum"], &[("body", body)]).output("sum");
    model.check(&[&[2.]], &[1], &[6.]);
    model.check(&[&[0.5]], &[1], &[3.]);
}

#[test]
fn loops_without_end_are_refused() {
    let body = Attr::Graph(graph(&["i", "go"], Vec::new(), &["go"]));
    let model = Model::new(17).input("x", &[1]).node_with("Loop", &["", ""], &["y"], &[("body", body)]);
    let model = model.node("Add", &["x", "y"], &["z"]).output("z");
    assert!(model.error().contains("unroll to more than 262144 nodes"), "{}", model.error());
}

#[test]
fn open_trip_counts_are_refused() {
    let body = || accumulator(node("Identity", &["go"], &["going"], &[]));
    let model = Model::new(17).typed_input("m", INT64, &[]).input("x", &[1]).floats("start", &[1], &[0.]);
    let model = model.node_with("Loop", &["m", "", "start"], &["y", "all"], &[("body", body())]).output("y");
    assert!(model.error().contains(r#"Loop "y": operand "M" depends on the input data"#), "{}", model.error());
    let model = Model::new(17).typed_input("c", BOOL, &[]).input("x", &[1]).floats("start", &[1], &[0.]);
    let model = model.constant(TensorScalar(4).proto("m"));
    let model = model.node_with("Loop", &["m", "c", "start"], &["y", "all"], &[("body", body())]).output("all");
    assert!(model.error().contains("the data decide how many elements the loop collects"), "{}", model.error());
}

#[test]
fn errors_name_the_turn() {
    let nodes = vec![
        node("Identity", &["go"], &["going"], &[]),
        node("Slice", &["state", "i", "i"], &["next"], &[]),
        node("StringNormalizer", &["state"], &["odd"], &[]),
    ];
    let body = Attr::Graph(graph(&["i", "go", "state"], nodes, &["going", "odd"]));
    let model = Model::new(17).input("x", &[1]).constant(TensorScalar(2).proto("m"));
    let model = model.node_with("Loop", &["m", "", "x"], &["y"], &[("body", body)]).output("y");
    let error = model.error();
    assert!(error.contains(r#"StringNormalizer "y/0/odd": this operator is not supported"#), "{error}");
}

#[test]
fn scans_cut_sequences_and_put_results_together() {
    let nodes =
        || vec![node("Add", &["state", "element"], &["next"], &[]), node("Mul", &["next", "factor"], &["out"], &[])];
    let body = || Attr::Graph(graph(&["state", "element"], nodes(), &["next", "out"]));
    let model = Model::new(17).input("x", &[2, 3]).floats("s", &[2], &[0., 0.]).floats("factor", &[], &[10.]);
    let attributes = [
        ("body", body()),
        ("num_scan_inputs", Attr::Int(1)),
        ("scan_input_axes", Attr::Ints(&[-1])),
        ("scan_input_directions", Attr::Ints(&[1])),
        ("scan_output_axes", Attr::Ints(&[1])),
        ("scan_output_directions", Attr::Ints(&[1])),
    ];
    let model = model.node_with("Scan", &["s", "x"], &["last", "all"], &attributes).output("last").output("all");
    let results = model.run(&[&[1., 2., 3., 4., 5., 6.]]);
    assert_eq!(results, [(vec![2], vec![6., 15.]), (vec![2, 3], vec![60., 50., 30., 150., 110., 60.])]);

    let model = Model::new(8).input("x", &[1, 3, 2]).floats("s", &[1, 2], &[0., 0.]).floats("factor", &[], &[1.]);
    let attributes = [("body", body()), ("num_scan_inputs", Attr::Int(1))];
    let model = model.node_with("Scan", &["", "s", "x"], &["last", "all"], &attributes).output("all");
    model.check(&[&[1., 2., 3., 4., 5., 6.]], &[1, 3, 2], &[1., 2., 4., 6., 9., 12.]);
}

#[test]
fn sequences_fold_away() {
    let model = Model::new(17).input("x", &[2]).input("y", &[2]).constant(TensorScalar(-1).proto("last"));
    let model = model.node("SequenceConstruct", &["x", "y"], &["s"]).constant(TensorScalar(0).proto("first"));
    let model = model.node("SequenceInsert", &["s", "y", "first"], &["t"]).node("SequenceErase", &["t"], &["u"]);
    let model = model.node("SequenceLength", &["u"], &["n"]).node("SequenceAt", &["u", "last"], &["z"]);
    let model = model.node_with("ConcatFromSequence", &["u"], &["c"], &[("axis", Attr::Int(0))]);
    let results = model.output("n").output("z").output("c").run(&[&[1., 2.], &[3., 4.]]);
    assert_eq!(results, [(vec![], vec![2.]), (vec![2], vec![1., 2.]), (vec![4], vec![3., 4., 1., 2.])]);

    let split =
        Model::new(17).input("x", &[3, 2]).node_with("SplitToSequence", &["x"], &["s"], &[("keepdims", Attr::Int(0))]);
    let body = Attr::Graph(graph(&["e"], vec![node("Neg", &["e"], &["n"], &[])], &["n"]));
    let model = split.node_with("SequenceMap", &["s"], &["t"], &[("body", body)]);
    let stack = [("axis", Attr::Int(1)), ("new_axis", Attr::Int(1))];
    let model = model.node_with("ConcatFromSequence", &["t"], &["y"], &stack).output("y");
    model.check(&[&[1., 2., 3., 4., 5., 6.]], &[2, 3], &[-1., -3., -5., -2., -4., -6.]);

    let open = Model::new(17).typed_input("i", INT64, &[]).input("x", &[2]).node("SequenceConstruct", &["x"], &["s"]);
    let open = open.node("SequenceAt", &["s", "i"], &["y"]).output("y");
    assert!(open.error().contains(r#"operand "position" depends on the input data"#), "{}", open.error());
    let wrong = Model::new(17).input("x", &[2]).node("SequenceConstruct", &["x"], &["s"]).node("Relu", &["s"], &["y"]);
    assert_eq!(wrong.output("y").error(), r#"Relu "y": operand 0 is a sequence, expected a tensor"#);
}

#[test]
fn sequences_at_the_boundary_are_their_elements() {
    let tensor = TensorType { elem_type: onnx::FLOAT, shape: None };
    let element = TypeProto { tensor_type: Some(tensor), ..Default::default() };
    let sequence = ElementType { elem_type: Some(Box::new(element)) };
    let kind = TypeProto { sequence_type: Some(Box::new(sequence)), ..Default::default() };
    let info = |name: &str| ValueInfoProto { name: name.into(), r#type: Some(kind.clone()) };
    let mut model = Model::new(17).input("x", &[2]).node("SequenceInsert", &["s", "x"], &["t"]);
    let graph = model.0.graph.as_mut().unwrap();
    graph.input.push(info("s"));
    graph.output.push(info("t"));
    assert!(
        model.error().contains(r#"input "s[0]" has no shape: give it with --shape s[0]=1,.."#),
        "{}",
        model.error()
    );
    let mut options = Options::default();
    options.input_shapes.insert("s[0]".into(), vec![1]);
    options.input_shapes.insert("s[1]".into(), vec![3]);
    let imported = import(&model.bytes(), &options).unwrap();
    let names = |infos: &[plonnx_frontend::ValueInfo]| infos.iter().map(|i| i.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&imported.inputs), ["x", "s[0]", "s[1]"]);
    assert_eq!(names(&imported.outputs), ["t[0]", "t[1]", "t[2]"]);
    let given = [vec![1., 2.], vec![3.], vec![4., 5., 6.]].map(Tensor::vector);
    let results = eval(&imported.graph, &given).unwrap();
    close(&results[2].to_vec(), &[1., 2.]);
    close(&results[0].to_vec(), &[3.]);
}

#[test]
fn optional_values() {
    let model =
        Model::new(18).input("x", &[2]).node("Optional", &["x"], &["o"]).node("OptionalHasElement", &["o"], &["h"]);
    let model = model.node("OptionalGetElement", &["o"], &["y"]).output("y").output("h");
    assert_eq!(model.run(&[&[1., 2.]]), [(vec![2], vec![1., 2.]), (vec![], vec![1.])]);
    let empty =
        Model::new(18).input("x", &[2]).node("Optional", &[], &["o"]).node("OptionalHasElement", &["o"], &["h"]);
    empty.output("h").check(&[&[1., 2.]], &[], &[0.]);
    let none = Model::new(18).input("x", &[2]).node("Optional", &[], &["o"]).node("OptionalGetElement", &["o"], &["y"]);
    assert_eq!(none.output("y").error(), r#"OptionalGetElement "y": the optional value is empty"#);
}

fn function(name: &str, inputs: &[&str], nodes: Vec<NodeProto>, output: &str) -> FunctionProto {
    let sets = [("", 17), ("own", 1)];
    let set = |(domain, version): (&str, i64)| OperatorSetIdProto { domain: domain.into(), version };
    FunctionProto {
        name: name.into(),
        domain: "own".into(),
        input: inputs.iter().map(|i| i.to_string()).collect(),
        output: vec![output.into()],
        node: nodes,
        opset_import: sets.map(set).to_vec(),
        ..Default::default()
    }
}

fn with_functions(model: Model, functions: Vec<FunctionProto>) -> Model {
    let own = |n: &mut NodeProto| {
        if functions.iter().any(|f| f.name == n.op_type) {
            n.domain = "own".into();
        }
    };
    let mut model: ModelProto = model.0;
    model.graph.iter_mut().flat_map(|g| &mut g.node).for_each(own);
    let mut bodies = functions.clone();
    bodies.iter_mut().flat_map(|f| &mut f.node).for_each(own);
    model.functions = bodies;
    Model(ModelProto::decode(model.encode_to_vec().as_slice()).unwrap())
}

#[test]
fn functions_expand_with_their_attributes() {
    let leak = node("LeakyRelu", &["v"], &["w"], &[("alpha", Attr::Reference("slope"))]);
    let mut leaky = function("Leak", &["v", "extra"], vec![leak, node("Identity", &["w"], &["z"], &[])], "z");
    leaky.attribute = vec!["slope".into()];
    let twice = vec![
        node("Leak", &["a"], &["b"], &[("slope", Attr::Reference("outer"))]),
        node("Leak", &["b"], &["c"], &[("slope", Attr::Reference("outer"))]),
    ];
    let mut twice = function("Twice", &["a"], twice, "c");
    twice.attribute = vec!["outer".into()];
    let model = Model::new(17).input("x", &[2]).node_with("Twice", &["x"], &["y"], &[("outer", Attr::Float(0.5))]);
    let model = with_functions(model.output("y"), vec![leaky.clone(), twice.clone()]);
    model.check(&[&[-4., 4.]], &[2], &[-1., 4.]);
    // Without the attribute the operator has its own default.
    let model = Model::new(17).input("x", &[2]).node("Leak", &["x"], &["y"]).output("y");
    with_functions(model, vec![leaky.clone()]).check(&[&[-4., 4.]], &[2], &[-0.04, 4.]);
    let model = Model::new(17).input("x", &[2]).node_with("Leak", &["x"], &["y"], &[("odd", Attr::Int(1))]).output("y");
    let error = with_functions(model, vec![leaky]).error();
    assert!(error.contains(r#"own.Leak "y": attribute "odd" is not supported"#), "{error}");
}

#[test]
fn functions_that_grow_without_bound_are_refused() {
    let itself = function("Self", &["a"], vec![node("Self", &["a"], &["b"], &[])], "b");
    let model = Model::new(17).input("x", &[2]).node("Self", &["x"], &["y"]).output("y");
    let error = with_functions(model, vec![itself]).error();
    assert!(error.contains("nested more than 48 deep"), "{error}");
    let doubling = (0..40).map(|i| {
        let inner = if i == 0 { "Neg".to_string() } else { format!("F{}", i - 1) };
        let nodes = vec![node(&inner, &["a"], &["b"], &[]), node(&inner, &["b"], &["c"], &[])];
        function(&format!("F{i}"), &["a"], nodes, "c")
    });
    let model = Model::new(17).input("x", &[2]).node("F39", &["x"], &["y"]).output("y");
    let error = with_functions(model, doubling.collect()).error();
    assert!(error.contains("unroll to more than 262144 nodes"), "{error}");
}

#[test]
fn stored_tensors_of_a_body_are_in_the_graph_once() {
    let mut body = graph(
        &["i", "go", "s"],
        vec![node("Identity", &["go"], &["going"], &[]), node("MatMul", &["s", "w"], &["t"], &[])],
        &["going", "t"],
    );
    body.initializer.push(floats("w", &[2, 2], &[0., 1., 1., 0.]));
    let model = Model::new(17).input("x", &[1, 2]).constant(TensorScalar(3).proto("m"));
    let model = model.node_with("Loop", &["m", "", "x"], &["y"], &[("body", Attr::Graph(body))]).output("y");
    model.check(&[&[1., 2.]], &[1, 2], &[2., 1.]);
    assert_eq!(model.text().matches("const").count(), 1, "{}", model.text());
}
