//! What users read when a model cannot be imported.

use std::collections::BTreeMap;

use plonnx_frontend::proto::{AttributeProto, StringStringEntryProto, TensorProto, attribute_type};
use plonnx_frontend::{FrontendError, Options, import};
use plonnx_ir::Tensor;
use plonnx_testkit::onnx::{Attr, FLOAT, INT64, Model, floats, ints};

#[test]
fn operands_that_do_not_fit() {
    let model = Model::new(13).input("x", &[1, 784]).floats("w", &[512, 10], &[0.; 5120]);
    let gemm = model.clone().node("Gemm", &["x", "w"], &["fc1"]).output("fc1");
    assert_eq!(gemm.error(), r#"Gemm "fc1": inner dimensions differ: 784 and 512"#);
    let matmul = model.clone().node("MatMul", &["x", "w"], &["fc1"]).output("fc1");
    assert_eq!(matmul.error(), r#"MatMul "fc1": inner dimensions differ: 784 and 512"#);
    let add = model.clone().node("Add", &["x", "w"], &["sum"]).output("sum");
    assert_eq!(add.error(), r#"Add "sum": shapes [1, 784] and [512, 10] do not broadcast"#);
    let reshape = model.ints("s", &[3, -1]).node("Reshape", &["x", "s"], &["r"]).output("r");
    assert_eq!(reshape.error(), r#"Reshape "r": a tensor of shape [1, 784] cannot be reshaped to [3, -1]"#);
    let conv = Model::new(13).input("x", &[1, 3, 8, 8]).floats("w", &[4, 1, 3, 3], &[0.; 36]);
    let conv = conv.node("Conv", &["x", "w"], &["c"]).output("c");
    assert_eq!(conv.error(), r#"Conv "c": expected 1 input channels (1 groups of 1), got 3"#);
}

#[test]
fn everything_unsupported_is_in_one_error() {
    let model = Model::new(17)
        .input("x", &[1, 1, 4, 4])
        .node("NonMaxSuppression", &["x"], &["boxes"])
        .node_with("Relu", &["boxes"], &["after"], &[("slope", Attr::Int(1))])
        .node_with("AveragePool", &["x"], &["pool", "where"], &[("kernel_shape", Attr::Ints(&[2, 2]))])
        .node_with("Relu", &["x"], &["relu"], &[("fancy", Attr::Int(1))])
        .node("Pow", &["x", "x"], &["pow"])
        .node("StringNormalizer", &["x"], &["dead"]);
    let outputs = ["after", "pool", "where", "relu", "pow"];
    let model = outputs.iter().fold(model, |m, o| m.output(o));
    let Err(FrontendError::Unsupported { problems }) = model.import() else { panic!("not rejected") };
    let found: Vec<_> = problems.iter().map(|p| format!("{} {}: {}", p.op, p.node, p.reason)).collect();
    assert_eq!(
        found,
        [
            "NonMaxSuppression boxes: this operator is not supported",
            r#"AveragePool pool: result 1 ("where") is not supported"#,
            r#"Relu relu: attribute "fancy" is not supported"#,
            "Pow pow: the exponent depends on the input data",
        ]
    );
    assert!(problems.iter().all(|p| !p.fix.is_empty()));
    assert!(model.error().starts_with("4 unsupported uses in the model\n  NonMaxSuppression \"boxes\": "));
}

#[test]
fn operators_that_are_not_needed_may_be_anything() {
    let model = Model::new(17).input("x", &[1]).node("Relu", &["x"], &["y"]).node("TfIdfVectorizer", &["x"], &["dead"]);
    let import = model.output("y").import().unwrap();
    assert_eq!(import.node_count, 2);
    assert_eq!(import.op_histogram["TfIdfVectorizer"], 1);
}

#[test]
fn open_dimensions_are_listed() {
    let model = Model::new(17).open_input("x", &["batch", "length"]).open_input("mask", &["batch"]);
    let model = model.node("Relu", &["x"], &["y"]).output("y");
    assert_eq!(
        model.error(),
        "circuits have fixed shapes, and these dimensions are open\n  \
         \"batch\" (axis 0 of input \"x\"): bind it with --dim batch=1\n  \
         \"length\" (axis 1 of input \"x\"): bind it with --dim length=1\n  \
         \"batch\" (axis 0 of input \"mask\"): bind it with --dim batch=1"
    );
    let dims = |pairs: &[(&str, usize)]| pairs.iter().map(|(k, v)| (k.to_string(), *v)).collect::<BTreeMap<_, _>>();
    let bound = Options { dims: dims(&[("batch", 2), ("length", 3)]), ..Default::default() };
    assert_eq!(import(&model.bytes(), &bound).unwrap().outputs[0].shape, [2, 3]);
    let shape = |name: &str, shape: &[usize]| BTreeMap::from([(name.to_string(), shape.to_vec())]);
    let by_shape = Options { input_shapes: shape("x", &[2, 3]), ..Default::default() };
    assert_eq!(import(&model.bytes(), &by_shape).unwrap().inputs[1].shape, [2]);
    // Question marks are no names: the two may differ.
    let marked = Model::new(17).open_input("x", &["?", "?"]).node("Relu", &["x"], &["y"]).output("y");
    assert_eq!(import(&marked.bytes(), &by_shape).unwrap().outputs[0].shape, [2, 3]);
    for (options, message) in [
        (
            Options { dims: dims(&[("bach", 1)]), ..Default::default() },
            "option --dim bach=1: the model has no dimension of this name",
        ),
        (
            Options { input_shapes: shape("y", &[1]), ..Default::default() },
            "option --shape y=1: the model has no input of this name",
        ),
        (
            Options { input_shapes: shape("x", &[1]), ..Default::default() },
            "option --shape x=1: the input has 2 axes, got 1",
        ),
        (
            Options { dims: dims(&[("batch", 1)]), input_shapes: shape("x", &[2, 3]), ..Default::default() },
            "option --shape x=2,3: dimension \"batch\" is both 1 and 2",
        ),
    ] {
        assert_eq!(import(&model.bytes(), &options).unwrap_err().to_string(), message);
    }
}

#[test]
fn inputs_become_constants() {
    let model = Model::new(17).input("x", &[2, 3]).typed_input("shape", INT64, &[2]);
    let model = model.node("Reshape", &["x", "shape"], &["y"]).output("y");
    let with = |name: &str, value: Tensor<f64>| {
        let constants = BTreeMap::from([(name.to_string(), value)]);
        import(&model.bytes(), &Options { constants, ..Default::default() })
    };
    let imported = with("shape", Tensor::vector(vec![3.0, 2.0])).unwrap();
    assert_eq!((imported.inputs.len(), imported.outputs[0].shape.as_slice()), (1, &[3, 2][..]));
    let error = |name, value| with(name, value).unwrap_err().to_string();
    assert_eq!(error("shapes", Tensor::scalar(1.0)), "option --constant shapes: the model has no input of this name");
    let fault = error("shape", Tensor::vector(vec![6.0]));
    assert_eq!(fault, "option --constant shape: the shape [1] does not fit the declared one");
    let fault = error("shape", Tensor::vector(vec![1.5, 4.0]));
    assert_eq!(fault, "option --constant shape: expected whole numbers, the input is a int64 tensor");
}

#[test]
fn names_that_nothing_defines() {
    let model = Model::new(17).input("x", &[1]).node("Add", &["x", "ghost"], &["y"]).output("y");
    assert_eq!(model.error(), r#"Add "y": no earlier node, initialiser or input defines "ghost""#);
    let model = Model::new(17).input("x", &[1]).node("Relu", &["x"], &["y"]).output("z");
    assert_eq!(model.error(), r#"output "z": no node, initialiser or input defines it"#);
    let model = Model::new(17).input("x", &[1]).node("Relu", &["x"], &["x"]).output("x");
    assert_eq!(model.error(), r#"not a readable ONNX file: two values have the name "x""#);
}

#[test]
fn tensors_whose_data_does_not_fit() {
    let with = |tensor: TensorProto| Model::new(17).constant(tensor).node("Relu", &["w"], &["y"]).output("y");
    let short = with(floats("w", &[2, 2], &[1., 2., 3.]));
    assert_eq!(short.error(), r#"tensor "w": shape [2, 2] needs 4 elements, got 3"#);
    let raw = TensorProto { float_data: vec![], raw_data: vec![0; 15], ..floats("w", &[2, 2], &[]) };
    assert_eq!(with(raw).error(), r#"tensor "w": float tensor of shape [2, 2] needs 16 bytes, got 15"#);
    let huge = floats("w", &[1 << 40, 1 << 40], &[]);
    assert!(with(huge).error().contains("has too many elements"));
    let negative = floats("w", &[-1], &[]);
    assert_eq!(with(negative).error(), r#"tensor "w": negative extent -1"#);
    let text = TensorProto { data_type: 8, ..floats("w", &[], &[]) };
    assert_eq!(with(text).error(), r#"tensor "w": element type number 8 is not supported"#);
    let entry = StringStringEntryProto { key: "location".into(), value: "weights.bin".into() };
    let external = TensorProto { data_location: 1, external_data: vec![entry], ..floats("w", &[2], &[]) };
    assert_eq!(
        with(external).error(),
        r#"tensor "w": its data is in another file (weights.bin); save the model with the data inside it"#
    );
    let large = ints("w", &[(1 << 53) + 1]);
    assert_eq!(with(large).error(), r#"tensor "w": integer 9007199254740993 is beyond 2^53"#);
}

#[test]
fn attributes_of_the_wrong_kind() {
    let model = Model::new(17).input("x", &[1, 1]);
    let model = model.node_with("Softmax", &["x"], &["y"], &[("axis", Attr::Float(1.))]).output("y");
    assert_eq!(model.error(), r#"Softmax "y": attribute "axis" should be of kind int, got float"#);
    let mut model = Model::new(17).input("x", &[1]).node("If", &["x"], &["y"]).output("y");
    assert_eq!(model.error(), r#"If "y": attribute "then_branch" is missing"#);
    let graph = AttributeProto { name: "then_branch".into(), r#type: attribute_type::GRAPH, ..Default::default() };
    model.0.graph.as_mut().unwrap().node[0].attribute.push(graph);
    assert_eq!(model.error(), r#"not a readable ONNX file: attribute "then_branch" lacks its graph"#);
}

#[test]
fn opsets_that_do_not_fit() {
    let relu = |opset| Model::new(opset).input("x", &[1]).node("Relu", &["x"], &["y"]).output("y");
    assert!(relu(9999).error().contains("opset 9999 is newer than"));
    let gelu = Model::new(17).input("x", &[1]).node("Gelu", &["x"], &["y"]).output("y");
    assert!(gelu.error().contains("the operator does not exist in opset 17"));
    let mut none = relu(17);
    none.0.opset_import.clear();
    assert_eq!(none.error(), "not a readable ONNX file: no operator set is imported");
}

#[test]
fn limits_are_reported_before_memory_is_taken() {
    let fill = Model::new(17).input("x", &[1]).ints("s", &[1 << 20, 1 << 20]);
    let fill = fill.node("ConstantOfShape", &["s"], &["c"]).node("Add", &["x", "c"], &["y"]).output("y");
    assert!(fill.error().contains("too many elements"), "{}", fill.error());
    let pool = Model::new(17).input("x", &[1, 1, 4]);
    let sizes = [("kernel_shape", Attr::Ints(&[1 << 28])), ("pads", Attr::Ints(&[1 << 28, 1 << 28]))];
    let pool = pool.node_with("MaxPool", &["x"], &["y"], &sizes).output("y");
    assert!(pool.error().contains("too many elements"), "{}", pool.error());
    let pad = Model::new(17).input("x", &[4]).ints("p", &[i64::MAX, i64::MAX]);
    assert!(pad.node("Pad", &["x", "p"], &["y"]).output("y").error().contains("pads"));
    let repeat = Model::new(17).input("x", &[1 << 14]).ints("r", &[1 << 20]);
    assert!(repeat.node("Tile", &["x", "r"], &["y"]).output("y").error().contains("too many elements"));
}

#[test]
fn facts_about_the_model() {
    let model = Model::new(17).input("x", &[1, 2]).typed_input("w", FLOAT, &[2, 2]).floats("w", &[2, 2], &[1.; 4]);
    let model = model.floats("unused", &[3], &[0.; 3]).typed_input("i", INT64, &[1]);
    let model =
        model.node("MatMul", &["x", "w"], &["y"]).node("Add", &["y", "i"], &["z"]).output("z").import().unwrap();
    // An initialiser that is also listed as an input is a constant.
    let names: Vec<_> = model.inputs.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["x", "i"]);
    assert_eq!(model.params, 4);
    assert_eq!((model.opset, model.producer.as_str(), model.node_count), (17, "test", 2));
    assert_eq!(model.outputs[0].shape, [1, 2]);
}
