//! TreeEnsemble, TreeEnsembleClassifier, TreeEnsembleRegressor: decision trees, random forests, boosted trees.
//!
//! Spec: the pages of these names; all opsets of ai.onnx.ml. Scores and labels of classifiers follow onnxruntime where the
//! page leaves them open: two classes with weights for one of them are decided by the sign of the score, or by 1/2 when
//! no weight is negative. Rejected: set membership tests, post transforms SOFTMAX_ZERO and PROBIT, minimum and maximum of
//! several results. Missing values do not exist in circuits: what the model says of them has no effect.
//! Cost: see `forest`.

use std::collections::BTreeMap;

use plonnx_ir::op::{Reducer, View};
use plonnx_ir::{CoreOp, Function, NodeId};

use super::forest::{Forest, MAX_NODES, TreeNode};
use super::labels::Labels;
use super::post_transform::PostTransform;
use super::{rows, shifted};
use crate::lower::{Call, Lowering, Results, extent, invalid, unsupported};

type Weights = BTreeMap<usize, Vec<(usize, f64)>>;

/// How the trees' weights become one score.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Average,
    Min,
    Max,
}

impl Aggregate {
    fn score(self, call: &mut Call, x: NodeId, forest: &Forest, weights: &Weights, outputs: usize) -> Lowering<NodeId> {
        let extremum = match self {
            Self::Sum => return forest.scores(call, x, weights, outputs, true),
            Self::Average => {
                let sum = forest.scores(call, x, weights, outputs, true)?;
                return call.scale(1.0 / forest.roots.len() as f64, sum);
            }
            Self::Min => Reducer::Min,
            Self::Max => Reducer::Max,
        };
        if outputs != 1 {
            return unsupported("minimum or maximum of several results", "give each result a model of its own");
        }
        let scores = forest.scores(call, x, weights, outputs, false)?;
        call.reduce(extremum, scores, &[1], false)
    }
}

pub(in crate::ops) fn regressor(call: &mut Call) -> Results {
    let (x, _, _) = rows(call)?;
    let (forest, ids) = classic_forest(call)?;
    let weights = classic_weights(call, &ids, ["target_treeids", "target_nodeids", "target_ids", "target_weights"])?;
    let outputs = extent(call.int("n_targets")?.unwrap_or(1), "n_targets")?;
    let aggregate = match call.text("aggregate_function", "SUM")? {
        "SUM" => Aggregate::Sum,
        "AVERAGE" => Aggregate::Average,
        "MIN" => Aggregate::Min,
        "MAX" => Aggregate::Max,
        other => return invalid(format!("aggregate_function {other}")),
    };
    let transform = PostTransform::of(call)?;
    let base = base_values(call, outputs)?;
    let scores = aggregate.score(call, x, &forest, &weights, outputs)?;
    let scores = shifted(call, scores, base)?;
    Ok(vec![transform.apply(call, scores)?])
}

pub(in crate::ops) fn classifier(call: &mut Call) -> Results {
    let (x, _, _) = rows(call)?;
    let (forest, ids) = classic_forest(call)?;
    let weights = classic_weights(call, &ids, ["class_treeids", "class_nodeids", "class_ids", "class_weights"])?;
    let labels = Labels::of(call, "classlabels_int64s", "classlabels_strings")?;
    let transform = PostTransform::of(call)?;
    let classes = labels.len();
    let mut used: Vec<usize> = weights.values().flatten().map(|w| w.0).collect();
    used.sort_unstable();
    used.dedup();
    if classes == 2 && used == [0] {
        let base = base_values(call, 1)?;
        let scores = forest.scores(call, x, &weights, 1, true)?;
        let scores = shifted(call, scores, base)?;
        let positive = weights.values().flatten().all(|w| w.1 >= 0.0);
        return of_one_score(call, scores, positive, &labels, transform);
    }
    if classes <= 2 {
        return unsupported(
            format!("{classes} class labels with weights for classes {used:?}"),
            "give the weights of two classes to class 0, as converters do",
        );
    }
    let base = base_values(call, classes)?;
    let scores = forest.scores(call, x, &weights, classes, true)?;
    let scores = shifted(call, scores, base)?;
    let label = labels.of_largest(call, scores)?;
    Ok(vec![label, transform.apply(call, scores)?])
}

/// Label and scores of two classes from the score `[n, 1]` of the second.
fn of_one_score(call: &mut Call, scores: NodeId, positive: bool, labels: &Labels, transform: PostTransform) -> Results {
    let label = labels.of_sign(call, scores, if positive { 0.5 } else { 0.0 })?;
    let (first, second) = match (positive, transform) {
        (_, PostTransform::Logistic) => {
            let second = call.map(Function::Sigmoid, scores)?;
            let negative = call.scale(-1.0, second)?;
            (shifted(call, negative, vec![1.0])?, second)
        }
        (true, _) => {
            let negative = call.scale(-1.0, scores)?;
            (shifted(call, negative, vec![1.0])?, scores)
        }
        (false, _) => (call.scale(-1.0, scores)?, scores),
    };
    Ok(vec![label, call.add(CoreOp::View(View::Concat { axis: 1 }), &[first, second])?])
}

/// The attribute `base_values`: one for each of `outputs`.
fn base_values(call: &mut Call, outputs: usize) -> Lowering<Vec<f64>> {
    if call.has("base_values_as_tensor") {
        return unsupported("base values of double precision", "export the model with single precision");
    }
    let base = call.floats("base_values")?.unwrap_or_default();
    match base.len() {
        0 => Ok(vec![0.0; outputs]),
        len if len == outputs => Ok(base),
        len => invalid(format!("expected {outputs} base values, got {len}")),
    }
}

/// Positions of nodes by tree and number.
type Ids = BTreeMap<(i64, i64), usize>;

/// The trees of TreeEnsembleClassifier and TreeEnsembleRegressor. Their first nodes are the roots.
fn classic_forest(call: &mut Call) -> Lowering<(Forest, Ids)> {
    call.ignore(&["nodes_hitrates", "nodes_hitrates_as_tensor", "nodes_missing_value_tracks_true"]);
    let mut ints = |name| -> Lowering<Vec<i64>> { Ok(call.ints(name)?.unwrap_or_default()) };
    let (trees, numbers) = (ints("nodes_treeids")?, ints("nodes_nodeids")?);
    let (yes, no, features) = (ints("nodes_truenodeids")?, ints("nodes_falsenodeids")?, ints("nodes_featureids")?);
    let values = match call.tensor_attribute("nodes_values_as_tensor")? {
        Some((values, _)) => values.to_vec(),
        None => call.floats("nodes_values")?.unwrap_or_default(),
    };
    let modes = call.texts("nodes_modes")?.unwrap_or_default();
    let count = trees.len();
    let lengths = [numbers.len(), yes.len(), no.len(), features.len(), values.len(), modes.len()];
    if count == 0 || count > MAX_NODES || lengths.iter().any(|l| *l != count) {
        return invalid(format!(
            "expected up to {MAX_NODES} nodes, got attributes of {count} and {lengths:?} elements"
        ));
    }
    let mut ids = Ids::new();
    let mut roots = Vec::new();
    for (i, id) in trees.iter().zip(&numbers).enumerate() {
        if i == 0 || trees[i - 1] != *id.0 {
            roots.push(i);
        }
        if ids.insert((*id.0, *id.1), i).is_some() {
            return invalid(format!("two nodes {} of tree {}", id.1, id.0));
        }
    }
    let mut nodes = Vec::with_capacity(count);
    for i in 0..count {
        let to = |number: i64| match ids.get(&(trees[i], number)) {
            Some(position) => Ok(*position),
            None => invalid(format!("tree {} has no node {number}", trees[i])),
        };
        nodes.push(if modes[i] == "LEAF" {
            TreeNode::Leaf
        } else {
            let feature = extent(features[i], "nodes_featureids")?;
            TreeNode::branch(&modes[i], feature, values[i], to(yes[i])?, to(no[i])?)?
        });
    }
    Ok((Forest { nodes, roots }, ids))
}

/// Weights of leaves from the attributes with these names: tree, node, result, weight.
fn classic_weights(call: &mut Call, ids: &Ids, names: [&'static str; 4]) -> Lowering<Weights> {
    let mut ints = |name| -> Lowering<Vec<i64>> { Ok(call.ints(name)?.unwrap_or_default()) };
    let (trees, numbers, outputs) = (ints(names[0])?, ints(names[1])?, ints(names[2])?);
    let as_tensor = if names[3] == "class_weights" { "class_weights_as_tensor" } else { "target_weights_as_tensor" };
    let values = match call.tensor_attribute(as_tensor)? {
        Some((values, _)) => values.to_vec(),
        None => call.floats(names[3])?.unwrap_or_default(),
    };
    if [numbers.len(), outputs.len(), values.len()].iter().any(|l| *l != trees.len()) {
        return invalid(format!("\"{}\" and the attributes with it differ in length", names[0]));
    }
    let mut weights = Weights::new();
    for i in 0..trees.len() {
        let Some(leaf) = ids.get(&(trees[i], numbers[i])) else {
            return invalid(format!("a weight for node {} of tree {}, which does not exist", numbers[i], trees[i]));
        };
        if !values[i].is_finite() {
            return invalid(format!("a weight is {}", values[i]));
        }
        weights.entry(*leaf).or_default().push((extent(outputs[i], names[2])?, values[i]));
    }
    Ok(weights)
}

pub(in crate::ops) fn ensemble(call: &mut Call) -> Results {
    call.ignore(&["nodes_hitrates", "nodes_missing_value_tracks_true"]);
    let (x, _, _) = rows(call)?;
    if call.has("membership_values") {
        return unsupported("tests of membership in a set", "export the model with comparisons only");
    }
    let mut ints = |name| -> Lowering<Vec<i64>> { Ok(call.ints(name)?.unwrap_or_default()) };
    let (roots, features) = (ints("tree_roots")?, ints("nodes_featureids")?);
    let (yes, yes_leaf) = (ints("nodes_truenodeids")?, ints("nodes_trueleafs")?);
    let (no, no_leaf) = (ints("nodes_falsenodeids")?, ints("nodes_falseleafs")?);
    let targets = ints("leaf_targetids")?;
    let outputs = extent(call.int("n_targets")?.unwrap_or(1), "n_targets")?;
    let aggregate = match call.int("aggregate_function")?.unwrap_or(1) {
        0 => Aggregate::Average,
        1 => Aggregate::Sum,
        2 => Aggregate::Min,
        3 => Aggregate::Max,
        other => return invalid(format!("aggregate_function {other}")),
    };
    let transform = PostTransform::numbered(call.int("post_transform")?.unwrap_or(0))?;
    let mut tensor =
        |name| -> Lowering<Vec<f64>> { Ok(call.tensor_attribute(name)?.map(|t| t.0.to_vec()).unwrap_or_default()) };
    let (modes, splits, leaf_weights) = (tensor("nodes_modes")?, tensor("nodes_splits")?, tensor("leaf_weights")?);
    let count = features.len();
    let lengths = [yes.len(), yes_leaf.len(), no.len(), no_leaf.len(), modes.len(), splits.len()];
    if count + targets.len() > MAX_NODES || lengths.iter().any(|l| *l != count) || leaf_weights.len() != targets.len() {
        return invalid(format!(
            "expected up to {MAX_NODES} nodes, got attributes of {count} and {lengths:?} elements"
        ));
    }
    // Leaves come after the inner nodes.
    let mut single = Vec::new();
    let mut nodes = Vec::with_capacity(count + targets.len());
    for i in 0..count {
        let to = |number: i64, leaf: i64| {
            let (position, limit) = (extent(number, "a node")?, if leaf != 0 { targets.len() } else { count });
            if position >= limit {
                invalid(format!("node {number} of {limit}"))
            } else {
                Ok(position + if leaf != 0 { count } else { 0 })
            }
        };
        let names = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"];
        let mode = names.iter().enumerate().find(|(number, _)| *number as f64 == modes[i]);
        let mode = mode.map_or("BRANCH_MEMBER", |(_, name)| *name);
        let feature = extent(features[i], "nodes_featureids")?;
        let (yes, no) = (to(yes[i], yes_leaf[i])?, to(no[i], no_leaf[i])?);
        let node = TreeNode::branch(mode, feature, splits[i], yes, no)?;
        // A tree of one leaf is written as a node with that leaf on both sides.
        if yes == no && yes >= count {
            single.push((i, yes - count));
            nodes.push(TreeNode::Leaf);
        } else {
            nodes.push(node);
        }
    }
    nodes.resize(count + targets.len(), TreeNode::Leaf);
    let mut weights = Weights::new();
    let own = (0..targets.len()).map(|leaf| (count + leaf, leaf));
    for (node, leaf) in own.chain(single) {
        weights.insert(node, vec![(extent(targets[leaf], "leaf_targetids")?, leaf_weights[leaf])]);
    }
    let roots = roots.iter().map(|root| extent(*root, "tree_roots")).collect::<Lowering<Vec<_>>>()?;
    if roots.is_empty() {
        return invalid("expected at least one tree");
    }
    let scores = aggregate.score(call, x, &Forest { nodes, roots }, &weights, outputs)?;
    Ok(vec![transform.apply(call, scores)?])
}
