//! Checked model -> graph: the driver that lowers node after node.

mod boundary;
mod builder;
mod call;
mod error;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plonnx_ir::NodeId;

use crate::decode::ElemType;
pub(crate) use builder::{Builder, broadcast_shapes, sized};
pub(crate) use call::{Call, axes, axis, extent};
pub(crate) use error::{Lowering, OpError, Results, invalid, unsupported};

use crate::decode::{Model, Node};
use crate::error::{FrontendError, Problem};
use crate::ops::{self, NEWEST_OPSET, OpDef};
use crate::{Import, Options};

/// Lowers `model` with the open dimensions bound by `options`.
pub(crate) fn lower(model: Model, options: &Options) -> Result<Import, FrontendError> {
    let live = live_nodes(&model);
    let mut problems = Vec::new();
    let defs: Vec<Option<&OpDef>> = model
        .nodes
        .iter()
        .zip(&live)
        .map(|(node, live)| if *live { definition(&model, node).map_err(|p| problems.push(p)).ok() } else { None })
        .collect();
    let shapes = match boundary::bind(&model.inputs, options) {
        // Unsupported operators come first: binding dimensions of a model that cannot work helps nobody.
        Err(_) if !problems.is_empty() => return Err(FrontendError::Unsupported { problems }),
        other => other?,
    };

    let mut builder = Builder::new();
    let mut values = Values::new();
    let inputs = boundary::add_inputs(&model.inputs, shapes, &mut builder, &mut values)?;
    let uses = uses(&model);
    let mut params = 0u64;
    for initialiser in model.initialisers {
        let Some(count) = uses.get(initialiser.name.as_str()) else { continue };
        if *count > 0 {
            params += initialiser.value.len() as u64;
        }
        builder.name.clone_from(&initialiser.name);
        let added = builder.initialiser(initialiser.value, initialiser.elem.dtype());
        let id = added.map_err(|e| failure(&e, &initialiser.name, "initialiser"))?;
        values.define(&initialiser.name, Some(Value { id, elem: initialiser.elem }))?;
    }

    let mut invalid: Option<FrontendError> = None;
    for (node, def) in model.nodes.iter().zip(&defs) {
        let Some(def) = def else {
            node.outputs.iter().try_for_each(|name| values.define(name, None))?;
            continue;
        };
        let results = match lower_node(&model.opsets, node, def, &uses, &values, &mut builder)? {
            Outcome::Lowered(results) => results,
            Outcome::Skipped => Vec::new(),
            Outcome::Unsupported(found) => {
                problems.extend(found);
                Vec::new()
            }
            Outcome::Invalid(error) => {
                invalid.get_or_insert(error);
                Vec::new()
            }
        };
        for (i, name) in node.outputs.iter().enumerate() {
            values.define(name, results.get(i).copied())?;
        }
    }
    if !problems.is_empty() {
        return Err(FrontendError::Unsupported { problems });
    }
    if let Some(error) = invalid {
        return Err(error);
    }

    let outputs = boundary::add_outputs(&model.outputs, &mut builder, &values)?;
    let mut op_histogram = BTreeMap::new();
    for node in &model.nodes {
        *op_histogram.entry(node.op.clone()).or_insert(0) += 1;
    }
    Ok(Import {
        graph: builder.graph.pruned().0,
        inputs,
        outputs,
        opset: model.opsets.get("").copied().unwrap_or(0),
        producer: model.producer,
        params,
        node_count: model.nodes.len(),
        op_histogram,
    })
}

enum Outcome {
    Lowered(Vec<Value>),
    /// An operand comes from a node that could not be lowered.
    Skipped,
    Unsupported(Vec<Problem>),
    Invalid(FrontendError),
}

fn lower_node(
    opsets: &BTreeMap<String, i64>,
    node: &Node,
    def: &OpDef,
    uses: &HashMap<String, usize>,
    values: &Values,
    builder: &mut Builder,
) -> Result<Outcome, FrontendError> {
    let mut inputs = Vec::new();
    for name in &node.inputs {
        inputs.push(match name.as_str() {
            "" => None,
            name => match values.get(name) {
                Some(Some(value)) => Some(*value),
                Some(None) => return Ok(Outcome::Skipped),
                None => {
                    return Err(FrontendError::Invalid {
                        node: node.name.clone(),
                        op: node.op.clone(),
                        reason: format!("no earlier node, initialiser or input defines \"{name}\""),
                    });
                }
            },
        });
    }
    let sole_use = node.inputs.iter().map(|name| uses.get(name.as_str()) == Some(&1)).collect();
    let opset = opsets.get(&node.domain).copied().unwrap_or(1);
    let mut call = Call::new(node, opset, inputs, sole_use, builder);
    let lowered = (def.lower)(&mut call);
    let problem = |reason: String, fix: String| Problem { node: node.name.clone(), op: full_op(node), reason, fix };
    let results = match lowered {
        Ok(results) => results,
        Err(OpError::Unsupported { reason, fix }) => return Ok(Outcome::Unsupported(vec![problem(reason, fix)])),
        Err(error) => return Ok(Outcome::Invalid(failure(&error, &node.name, &node.op))),
    };
    let missing = node.outputs.iter().enumerate().skip(results.len()).filter(|(_, name)| !name.is_empty());
    let results = call.typed(&results);
    let found: Vec<Problem> = call
        .unread()
        .into_iter()
        .chain(missing.map(|(i, name)| format!("result {i} (\"{name}\") is not supported")))
        .map(|reason| problem(reason, "remove it, or express it with other operators".into()))
        .collect();
    Ok(if found.is_empty() { Outcome::Lowered(results) } else { Outcome::Unsupported(found) })
}

/// The table's line for `node`, or why there is none.
fn definition(model: &Model, node: &Node) -> Result<&'static OpDef, Problem> {
    let problem = |reason: String, fix: &str| Problem {
        node: node.name.clone(),
        op: full_op(node),
        reason,
        fix: fix.to_string(),
    };
    let Some(def) = ops::find(&node.domain, &node.op) else {
        return Err(problem(
            "this operator is not supported".into(),
            "replace it by supported operators, or move it out of the model",
        ));
    };
    let Some(version) = model.opsets.get(&node.domain) else {
        return Err(problem(
            format!("the model imports no operator set for domain \"{}\"", node.domain),
            "add the operator set to the model's imports",
        ));
    };
    if node.domain.is_empty() && *version > NEWEST_OPSET {
        return Err(problem(
            format!("opset {version} is newer than {NEWEST_OPSET}"),
            "export the model with an older opset",
        ));
    }
    if *version < def.since || def.until.is_some_and(|until| *version > until) {
        return Err(problem(
            format!("the operator does not exist in opset {version}"),
            "export the model again, its opset and its operators disagree",
        ));
    }
    Ok(def)
}

fn full_op(node: &Node) -> String {
    if node.domain.is_empty() { node.op.clone() } else { format!("{}.{}", node.domain, node.op) }
}

fn failure(error: &OpError, node: &str, op: &str) -> FrontendError {
    let reason = match error {
        OpError::Invalid(reason) => reason.clone(),
        OpError::Unsupported { reason, fix } => format!("{reason}; {fix}"),
    };
    FrontendError::Invalid { node: node.to_string(), op: op.to_string(), reason }
}

/// Nodes that a graph output depends on.
fn live_nodes(model: &Model) -> Vec<bool> {
    let mut wanted: BTreeSet<&str> = model.outputs.iter().map(|o| o.name.as_str()).collect();
    let mut live = vec![false; model.nodes.len()];
    // Nodes are sorted: an operand's node comes earlier, or lowering reports it.
    for (node, live) in model.nodes.iter().zip(&mut live).rev() {
        if node.outputs.iter().any(|o| !o.is_empty() && wanted.contains(o.as_str())) {
            *live = true;
            wanted.extend(node.inputs.iter().map(String::as_str));
        }
    }
    live
}

/// How often every value is used by a live node or as a graph output.
fn uses(model: &Model) -> HashMap<String, usize> {
    let live = live_nodes(model);
    let operands = model.nodes.iter().zip(live).filter(|(_, live)| *live).flat_map(|(node, _)| &node.inputs);
    let mut uses = HashMap::new();
    for name in operands.chain(model.outputs.iter().map(|o| &o.name)) {
        *uses.entry(name.clone()).or_insert(0) += 1;
    }
    uses
}

/// A node of the graph and what its elements are in the model: the graph tells apart only real numbers, integers and
/// truth values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    pub(crate) id: NodeId,
    pub(crate) elem: ElemType,
}

/// What each value name stands for; `None` for the result of a node that could not be lowered.
#[derive(Debug, Default)]
pub(crate) struct Values(HashMap<String, Option<Value>>);

impl Values {
    fn new() -> Self {
        Self::default()
    }

    fn get(&self, name: &str) -> Option<&Option<Value>> {
        self.0.get(name)
    }

    /// Names a value; every name may be given once.
    fn define(&mut self, name: &str, node: Option<Value>) -> Result<(), FrontendError> {
        if name.is_empty() || self.0.insert(name.to_string(), node).is_none() {
            return Ok(());
        }
        Err(FrontendError::Decode { reason: format!("two values have the name \"{name}\"") })
    }
}
