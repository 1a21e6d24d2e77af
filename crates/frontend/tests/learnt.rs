//! Operators of ai.onnx.ml with results worked out by hand. `crates/plonnx/tests/conformance.rs` runs models of
//! scikit-learn, XGBoost and LightGBM.

use plonnx_frontend::FrontendError;
use plonnx_frontend::proto::{AttributeProto, TensorProto, attribute_type};
use plonnx_testkit::onnx::{Attr, FLOAT, INT64, Model, floats};

/// A tree of two tests: x0 <= 1 ? (x1 < 2 ? a : b) : c.
fn tree(yes: &[i64], no: &[i64], leaves: Vec<(&'static str, Attr<'static>)>) -> Model {
    let (yes, no) = (yes.to_vec().leak() as &[i64], no.to_vec().leak() as &[i64]);
    let mut attributes = vec![
        ("nodes_treeids", Attr::Ints(&[0; 5])),
        ("nodes_nodeids", Attr::Ints(&[0, 1, 2, 3, 4])),
        ("nodes_featureids", Attr::Ints(&[0, 1, 0, 0, 0])),
        ("nodes_values", Attr::Floats(&[1.0, 2.0, 0.0, 0.0, 0.0])),
        ("nodes_modes", Attr::Texts(&["BRANCH_LEQ", "BRANCH_LT", "LEAF", "LEAF", "LEAF"])),
        ("nodes_truenodeids", Attr::Ints(yes)),
        ("nodes_falsenodeids", Attr::Ints(no)),
    ];
    let classifier = leaves.iter().any(|a| a.0 == "class_weights");
    attributes.extend(leaves);
    let op = if classifier { "TreeEnsembleClassifier" } else { "TreeEnsembleRegressor" };
    let model = Model::new(17).input("x", &[1, 2]);
    if classifier {
        model.learnt(op, &["x"], &["label", "scores"], &attributes).output("label").output("scores")
    } else {
        model.learnt(op, &["x"], &["y"], &attributes).output("y")
    }
}

const YES: [i64; 5] = [1, 2, 0, 0, 0];
const NO: [i64; 5] = [4, 3, 0, 0, 0];

fn targets() -> Vec<(&'static str, Attr<'static>)> {
    vec![
        ("target_treeids", Attr::Ints(&[0, 0, 0])),
        ("target_nodeids", Attr::Ints(&[2, 3, 4])),
        ("target_ids", Attr::Ints(&[0, 0, 0])),
        ("target_weights", Attr::Floats(&[10.0, 20.0, 30.0])),
    ]
}

#[test]
fn trees_reach_one_leaf() {
    let model = tree(&YES, &NO, targets());
    for (x, y) in [([1.0, 1.5], 10.0), ([1.0, 2.0], 20.0), ([1.5, 0.0], 30.0)] {
        model.check(&[&x], &[1, 1], &[y]);
    }
    let based = [targets(), vec![("base_values", Attr::Floats(&[0.5]))]].into_iter().flatten().collect();
    tree(&YES, &NO, based).check(&[&[0.0, 0.0]], &[1, 1], &[10.5]);
}

#[test]
fn equal_tests_are_compared_once() {
    let text = tree(&YES, &NO, targets()).text();
    let compared = text.lines().filter(|l| l.contains("less")).count();
    assert_eq!(compared, 2, "{text}");
}

#[test]
fn what_is_no_tree_is_refused() {
    let circle = tree(&[1, 0, 0, 0, 0], &NO, targets());
    assert!(circle.error().contains("two branches lead to node 0"), "{}", circle.error());
    let shared = tree(&[1, 4, 0, 0, 0], &NO, targets());
    assert!(shared.error().contains("two branches lead to node 4"), "{}", shared.error());
    let missing = tree(&[9, 2, 0, 0, 0], &NO, targets());
    assert!(missing.error().contains("tree 0 has no node 9"), "{}", missing.error());
}

fn classes(labels: (&'static str, Attr<'static>), weights: &'static [f32]) -> Vec<(&'static str, Attr<'static>)> {
    vec![
        ("class_treeids", Attr::Ints(&[0, 0, 0])),
        ("class_nodeids", Attr::Ints(&[2, 3, 4])),
        ("class_ids", Attr::Ints(&[0, 0, 0])),
        ("class_weights", Attr::Floats(weights)),
        labels,
    ]
}

#[test]
fn two_classes_have_one_score() {
    let labels = || ("classlabels_int64s", Attr::Ints(&[5, 7]));
    let shares = tree(&YES, &NO, classes(labels(), &[0.25, 0.5, 0.75]));
    assert_eq!(shares.run(&[&[0.0, 0.0]]), [(vec![1], vec![5.0]), (vec![1, 2], vec![0.75, 0.25])]);
    assert_eq!(shares.run(&[&[0.0, 2.0]])[0].1, [5.0], "a half is not above a half");
    assert_eq!(shares.run(&[&[2.0, 0.0]])[0].1, [7.0]);
    let margins = tree(&YES, &NO, classes(labels(), &[-1.0, 0.25, 2.0]));
    assert_eq!(margins.run(&[&[0.0, 0.0]]), [(vec![1], vec![5.0]), (vec![1, 2], vec![1.0, -1.0])]);
    assert_eq!(margins.run(&[&[0.0, 2.0]])[0].1, [7.0]);
    // The logistic function is applied to shares, too; their labels are still decided by a half.
    let mut transformed = classes(labels(), &[0.25, 0.5, 0.75]);
    transformed.push(("post_transform", Attr::Text("LOGISTIC")));
    let transformed = tree(&YES, &NO, transformed).run(&[&[0.0, 0.0]]);
    assert_eq!(transformed[0].1, [5.0]);
    plonnx_testkit::onnx::close(&transformed[1].1, &[0.437_823_5, 0.562_176_5]);
}

#[test]
fn texts_become_indices_with_a_remark() {
    let labels = ("classlabels_strings", Attr::Texts(&["benign", "malignant"]));
    let model = tree(&YES, &NO, classes(labels, &[0.25, 0.5, 0.75]));
    let model = model.learnt("ZipMap", &["scores"], &["map"], &[("classlabels_strings", Attr::Texts(&["a", "b"]))]);
    let import = model.output("map").import().unwrap();
    let remarks: Vec<String> = import.remarks.iter().map(|r| r.to_string()).collect();
    assert_eq!(
        remarks,
        [
            "TreeEnsembleClassifier \"label\": labels are texts: the result is their index, 0 = \"benign\", 1 = \
             \"malignant\"",
            "ZipMap \"map\": a list of maps is no tensor: the result is the tensor of scores, a column for each class",
        ]
    );
    assert_eq!(import.outputs[2].shape, [1, 2]);
}

#[test]
fn ensembles_of_opset_five() {
    let tensor = |name: &str, tensor: TensorProto| AttributeProto {
        name: name.into(),
        t: Some(tensor),
        r#type: attribute_type::TENSOR,
        ..Default::default()
    };
    let attributes = [
        ("tree_roots", Attr::Ints(&[0, 1])),
        ("nodes_featureids", Attr::Ints(&[0, 1])),
        ("nodes_truenodeids", Attr::Ints(&[0, 2])),
        ("nodes_trueleafs", Attr::Ints(&[1, 1])),
        ("nodes_falsenodeids", Attr::Ints(&[1, 2])),
        ("nodes_falseleafs", Attr::Ints(&[1, 1])),
        ("leaf_targetids", Attr::Ints(&[0, 0, 0])),
    ];
    // The second tree is a single leaf.
    let mut model = Model::new(17).input("x", &[2, 2]).learnt("TreeEnsemble", &["x"], &["y"], &attributes).output("y");
    model.0.opset_import[1].version = 5;
    let modes = TensorProto { data_type: 2, dims: vec![2], int32_data: vec![3, 0], ..Default::default() };
    let node = &mut model.0.graph.as_mut().unwrap().node[0];
    node.attribute.push(tensor("nodes_modes", modes));
    node.attribute.push(tensor("nodes_splits", floats("", &[2], &[1.0, 0.0])));
    node.attribute.push(tensor("leaf_weights", floats("", &[3], &[1.0, 2.0, 10.0])));
    // Above 1 the first leaf, elsewhere the second.
    model.check(&[&[1.0, 0.0, 1.5, 0.0]], &[2, 1], &[12.0, 11.0]);
}

#[test]
fn linear_models() {
    let model = Model::new(17).input("x", &[1, 2]);
    let coefficients = || ("coefficients", Attr::Floats(&[1.0, 2.0, -1.0, 0.5]));
    let intercepts = || ("intercepts", Attr::Floats(&[0.0, 1.0]));
    let attributes = [coefficients(), intercepts(), ("targets", Attr::Int(2))];
    let regressor = model.clone().learnt("LinearRegressor", &["x"], &["y"], &attributes).output("y");
    regressor.check(&[&[3.0, 1.0]], &[1, 2], &[5.0, -1.5]);
    let attributes = [coefficients(), intercepts(), ("classlabels_ints", Attr::Ints(&[3, -4]))];
    let model = model.learnt("LinearClassifier", &["x"], &["label", "s"], &attributes).output("label").output("s");
    assert_eq!(model.run(&[&[3.0, 1.0]])[0].1, [3.0]);
    assert_eq!(model.run(&[&[-3.0, 1.0]])[0].1, [-4.0]);
}

#[test]
fn features_are_scaled_and_encoded() {
    let x: &[f64] = &[3.0, -1.0];
    let on = |op: &str, attributes: &[(&str, Attr)], expected: &[f64]| {
        let model = Model::new(17).input("x", &[1, 2]).learnt(op, &["x"], &["y"], attributes).output("y");
        let shape = [1, 2];
        model.check(&[x], &shape, expected);
    };
    on("Scaler", &[("offset", Attr::Floats(&[1.0, 0.0])), ("scale", Attr::Floats(&[0.5]))], &[1.0, -0.5]);
    on("Normalizer", &[("norm", Attr::Text("L1"))], &[0.75, -0.25]);
    on("Binarizer", &[("threshold", Attr::Float(-1.0))], &[1.0, 0.0]);
    let imputer = [("imputed_value_floats", Attr::Floats(&[9.0, 8.0])), ("replaced_value_float", Attr::Float(-1.0))];
    on("Imputer", &imputer, &[3.0, 8.0]);

    let ints = |op: &str, attributes: &[(&str, Attr)], shape: &[usize], expected: &[f64]| {
        let model = Model::new(17).typed_input("x", INT64, &[1, 2]).learnt(op, &["x"], &["y"], attributes).output("y");
        model.check(&[&[3.0, -1.0]], shape, expected);
    };
    ints("OneHotEncoder", &[("cats_int64s", Attr::Ints(&[-1, 3]))], &[1, 2, 2], &[0.0, 1.0, 1.0, 0.0]);
    let encoder = [("keys_int64s", Attr::Ints(&[3])), ("values_int64s", Attr::Ints(&[7]))];
    ints("LabelEncoder", &encoder, &[1, 2], &[7.0, -1.0]);

    let model = Model::new(17).input("x", &[1, 2]).ints("columns", &[1, 1, 0]);
    let model = model.learnt("ArrayFeatureExtractor", &["x", "columns"], &["y"], &[]).output("y");
    model.check(&[x], &[1, 3], &[-1.0, -1.0, 3.0]);
    let model = Model::new(17).input("x", &[1, 2]).typed_input("z", FLOAT, &[1, 1]);
    let widths = [("inputdimensions", Attr::Ints(&[2, 1]))];
    let model = model.learnt("FeatureVectorizer", &["x", "z"], &["y"], &widths).output("y");
    model.check(&[x, &[5.0]], &[1, 3], &[3.0, -1.0, 5.0]);
}

#[test]
fn maps_and_texts_are_refused_with_a_reason() {
    let of = |op: &str, attributes: &[(&str, Attr)]| {
        let model = Model::new(17).input("x", &[1, 2]).learnt(op, &["x"], &["y"], attributes).output("y");
        match model.import() {
            Err(FrontendError::Unsupported { problems }) => problems[0].reason.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(of("CastMap", &[]), "its operand is a map, and circuits have tensors");
    assert_eq!(of("DictVectorizer", &[]), "its operand is a map, and circuits have tensors");
    let keys = [("keys_strings", Attr::Texts(&["a"])), ("values_int64s", Attr::Ints(&[1]))];
    assert_eq!(of("LabelEncoder", &keys), "keys that are texts");
    assert_eq!(of("OneHotEncoder", &[("cats_strings", Attr::Texts(&["a"]))]), "categories that are texts");
}
