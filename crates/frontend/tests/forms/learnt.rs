//! Operators of ai.onnx.ml.

use plonnx_testkit::onnx::Attr::{Float, Floats, Int, Ints, Tensor, Texts};
use plonnx_testkit::onnx::{floats, ints};

use super::case::{Case, learnt};

pub fn cases() -> Vec<Case> {
    let encoder = |last| learnt("LabelEncoder", last).n(&[1, 2], &[3., -1.]);
    vec![
        encoder(1).with("classes_strings", Texts(&["a", "b"])).refused("a LabelEncoder of texts").unlike(|case| {
            case.without("classes_strings").with("keys_int64s", Ints(&[3])).with("values_int64s", Ints(&[7]))
        }),
        encoder(3)
            .with("keys_int64s", Ints(&[3]))
            .with("values_floats", Floats(&[7.5]))
            .with("default_float", Float(0.25))
            .y(&[1, 2], &[7.5, 0.25])
            .unlike(|case| case.with("keys_int64s", Ints(&[-1]))),
        encoder(3).with("keys_int64s", Ints(&[3])).with("values_int64s", Ints(&[7])).whole(&[1, 2], &[7., -1.]).unlike(
            |case| {
                let case = case.without("values_int64s").without("keys_int64s");
                case.with("keys_tensor", Tensor(ints("", &[-1]))).with("values_tensor", Tensor(ints("", &[7])))
            },
        ),
        regressor()
            .y(&[1, 1], &[10.5])
            .unlike(|case| case.without("base_values").with("base_values_as_tensor", Tensor(floats("", &[1], &[1.])))),
        classifier().whole(&[1], &[5.]).y(&[1, 2], &[0.75, 0.25]).unlike(|case| {
            case.without("class_weights").with("class_weights_as_tensor", Tensor(floats("", &[2], &[0.5, 0.75])))
        }),
    ]
}

/// A tree of one test: x0 <= 1.
fn tree(op: &'static str) -> Case {
    learnt(op, 2)
        .x(&[1, 2], &[0., 0.])
        .with("nodes_treeids", Ints(&[0; 3]))
        .with("nodes_nodeids", Ints(&[0, 1, 2]))
        .with("nodes_featureids", Ints(&[0; 3]))
        .with("nodes_values", Floats(&[1., 0., 0.]))
        .with("nodes_hitrates", Floats(&[1.; 3]))
        .with("nodes_modes", Texts(&["BRANCH_LEQ", "LEAF", "LEAF"]))
        .with("nodes_truenodeids", Ints(&[1, 0, 0]))
        .with("nodes_falsenodeids", Ints(&[2, 0, 0]))
        .with("nodes_missing_value_tracks_true", Ints(&[0; 3]))
}

fn regressor() -> Case {
    tree("TreeEnsembleRegressor")
        .with("target_treeids", Ints(&[0; 2]))
        .with("target_nodeids", Ints(&[1, 2]))
        .with("target_ids", Ints(&[0; 2]))
        .with("target_weights", Floats(&[10., 20.]))
        .with("n_targets", Int(1))
        .with("base_values", Floats(&[0.5]))
}

fn classifier() -> Case {
    tree("TreeEnsembleClassifier")
        .with("class_treeids", Ints(&[0; 2]))
        .with("class_nodeids", Ints(&[1, 2]))
        .with("class_ids", Ints(&[0; 2]))
        .with("class_weights", Floats(&[0.25, 0.75]))
        .with("classlabels_int64s", Ints(&[5, 7]))
}
