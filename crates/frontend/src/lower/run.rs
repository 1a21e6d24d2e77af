//! The driver: lowers the nodes of a graph or of a function, one after the other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::value::{Value, Values};
use super::{Builder, Call, OpError};
use crate::decode::{Attribute, Function, FunctionKey, Node, Opsets};
use crate::error::{FrontendError, Problem};
use crate::ops::{self, OpDef};

/// Functions and graphs may be nested this deep.
pub(crate) const MAX_DEPTH: usize = 48;

/// Attributes of the node that uses a function, by name.
pub(crate) type Bindings<'a> = BTreeMap<&'a str, &'a Attribute>;

/// What is the same for all nodes of a graph.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) functions: &'a BTreeMap<FunctionKey, Function>,
    pub(crate) opsets: &'a Opsets,
    pub(crate) bindings: &'a Bindings<'a>,
    /// Put before the names of nodes, in messages and in the graph.
    pub(crate) path: &'a str,
    pub(crate) depth: usize,
}

/// How a node is lowered.
pub(crate) enum Definition<'a> {
    Table(&'static OpDef),
    Function(&'a Function),
}

/// The definitions of the live nodes, and the problems of those that have none.
pub(crate) fn definitions<'a>(
    nodes: &[Node],
    live: &[bool],
    scope: &Scope<'a>,
) -> (Vec<Option<Definition<'a>>>, Vec<Problem>) {
    let mut problems = Vec::new();
    let defs = nodes
        .iter()
        .zip(live)
        .map(|(node, live)| if *live { definition(node, scope).map_err(|p| problems.push(p)).ok() } else { None });
    (defs.collect(), problems)
}

/// Lowers `nodes`, of which the values named by `outputs` are wanted, and adds their results to `values`.
///
/// # Errors
/// [`FrontendError::Unsupported`] with all problems of all nodes; else the first other error.
pub(crate) fn lower_nodes<'a>(
    nodes: &'a [Node],
    outputs: &[&str],
    scope: &Scope<'a>,
    values: &mut Values,
    builder: &mut Builder,
) -> Result<(), FrontendError> {
    let live = live_nodes(nodes, outputs);
    let uses = uses(nodes, &live, outputs);
    let (defs, mut problems) = definitions(nodes, &live, scope);
    let mut invalid: Option<FrontendError> = None;
    for (node, def) in nodes.iter().zip(&defs) {
        let Some(def) = def else {
            node.outputs.iter().try_for_each(|name| values.define(name, None, true))?;
            continue;
        };
        let results = match lower_node(node, def, scope, &uses, values, builder)? {
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
        let mut results = results.into_iter();
        for name in &node.outputs {
            values.define(name, results.next(), true)?;
        }
    }
    if !problems.is_empty() {
        return Err(FrontendError::Unsupported { problems });
    }
    invalid.map_or(Ok(()), Err)
}

enum Outcome {
    Lowered(Vec<Value>),
    /// An operand comes from a node that could not be lowered.
    Skipped,
    Unsupported(Vec<Problem>),
    Invalid(FrontendError),
}

fn lower_node<'a>(
    node: &'a Node,
    def: &Definition<'a>,
    scope: &Scope<'a>,
    uses: &HashMap<&str, usize>,
    values: &Values,
    builder: &mut Builder,
) -> Result<Outcome, FrontendError> {
    let name = shortened(format!("{}{}", scope.path, node.name));
    let undefined = |missing: &str| FrontendError::Invalid {
        node: name.clone(),
        op: node.op.clone(),
        reason: format!("no earlier node, initialiser or input defines \"{missing}\""),
    };
    if let Some(skipped) = node.captures.iter().find(|c| values.get(c).is_none_or(|v| v.is_none())) {
        return if values.get(skipped).is_none() { Err(undefined(skipped)) } else { Ok(Outcome::Skipped) };
    }
    let mut inputs = Vec::new();
    for input in &node.inputs {
        inputs.push(match input.as_str() {
            "" => None,
            input => match values.get(input) {
                Some(Some(value)) => Some(value.clone()),
                Some(None) => return Ok(Outcome::Skipped),
                None => return Err(undefined(input)),
            },
        });
    }
    let sole = |name: &String| uses.get(name.as_str()) == Some(&1) && values.is_own(name);
    let mut call = Call::new(node, name.clone(), *scope, inputs, values, builder);
    call.sole_use = node.inputs.iter().map(sole).collect();
    let lowered = match def {
        Definition::Table(def) => call.lower(def.lower),
        Definition::Function(function) => call.expand(function),
    };
    let problem = |reason: String, fix: String| Problem { node: name.clone(), op: full_op(node), reason, fix };
    let results = match lowered {
        Ok(results) => results,
        Err(OpError::Unsupported { reason, fix }) => return Ok(Outcome::Unsupported(vec![problem(reason, fix)])),
        Err(OpError::Inner(error)) => {
            return Ok(match *error {
                FrontendError::Unsupported { problems } => Outcome::Unsupported(problems),
                error => Outcome::Invalid(error),
            });
        }
        Err(error) => return Ok(Outcome::Invalid(failure(&error, &name, &node.op))),
    };
    let missing = node.outputs.iter().enumerate().skip(results.len()).filter(|(_, name)| !name.is_empty());
    let found: Vec<Problem> = call
        .unread()
        .into_iter()
        .chain(missing.map(|(i, name)| format!("result {i} (\"{name}\") is not supported")))
        .map(|reason| problem(reason, "remove it, or express it with other operators".into()))
        .collect();
    Ok(if found.is_empty() { Outcome::Lowered(results) } else { Outcome::Unsupported(found) })
}

/// The model's function or the table's line for `node`, or why there is none.
fn definition<'a>(node: &Node, scope: &Scope<'a>) -> Result<Definition<'a>, Problem> {
    let problem = |reason: String, fix: &str| Problem {
        node: format!("{}{}", scope.path, node.name),
        op: full_op(node),
        reason,
        fix: fix.to_string(),
    };
    let key = (node.domain.clone(), node.op.clone(), node.overload.clone());
    if let Some(function) = scope.functions.get(&key) {
        return Ok(Definition::Function(function));
    }
    if let Some((reason, fix)) = ops::refusal(&node.domain, &node.op) {
        return Err(problem(reason.into(), fix));
    }
    let Some(def) = ops::find(&node.domain, &node.op) else {
        return Err(problem(
            "this operator is not supported".into(),
            "replace it by supported operators, or move it out of the model",
        ));
    };
    let Some(version) = scope.opsets.get(&node.domain) else {
        return Err(problem(
            format!("the model imports no operator set for domain \"{}\"", node.domain),
            "add the operator set to the model's imports",
        ));
    };
    let newest = ops::newest(&node.domain);
    if *version > newest {
        return Err(problem(format!("opset {version} is newer than {newest}"), "export the model with an older opset"));
    }
    if *version < def.since && !def.early || def.until.is_some_and(|until| *version > until) {
        return Err(problem(
            format!("the operator does not exist in opset {version}"),
            "export the model again, its opset and its operators disagree",
        ));
    }
    Ok(Definition::Table(def))
}

/// A name of bounded length: every core operator holds a copy.
fn shortened(name: String) -> String {
    const END: usize = 100;
    let chars = name.chars().count();
    if chars <= 2 * END {
        return name;
    }
    let (first, last): (String, String) = (name.chars().take(END).collect(), name.chars().skip(chars - END).collect());
    format!("{first}..{last}")
}

fn full_op(node: &Node) -> String {
    if node.domain.is_empty() { node.op.clone() } else { format!("{}.{}", node.domain, node.op) }
}

/// The error of the whole model that a failure of one node is.
pub(crate) fn failure(error: &OpError, node: &str, op: &str) -> FrontendError {
    let reason = match error {
        OpError::Invalid(reason) => reason.clone(),
        OpError::Unsupported { reason, fix } => format!("{reason}; {fix}"),
        OpError::Inner(error) => return (**error).clone(),
    };
    FrontendError::Invalid { node: node.to_string(), op: op.to_string(), reason }
}

/// Nodes that one of `outputs` depends on.
pub(crate) fn live_nodes(nodes: &[Node], outputs: &[&str]) -> Vec<bool> {
    let mut wanted: BTreeSet<&str> = outputs.iter().copied().collect();
    let mut live = vec![false; nodes.len()];
    // Nodes are sorted: an operand's node comes earlier, or lowering reports it.
    for (node, live) in nodes.iter().zip(&mut live).rev() {
        if node.outputs.iter().any(|o| !o.is_empty() && wanted.contains(o.as_str())) {
            *live = true;
            wanted.extend(node.reads().map(String::as_str));
        }
    }
    live
}

/// How often every value is used by a live node or as a result; twice if a graph inside a node uses it.
pub(crate) fn uses<'a>(nodes: &'a [Node], live: &[bool], outputs: &[&'a str]) -> HashMap<&'a str, usize> {
    let live: Vec<&Node> = nodes.iter().zip(live).filter(|(_, live)| **live).map(|(node, _)| node).collect();
    let operands = live.iter().flat_map(|node| &node.inputs).map(String::as_str);
    let captured = live.iter().flat_map(|node| &node.captures).map(String::as_str);
    let mut uses = HashMap::new();
    for name in operands.chain(captured.clone()).chain(captured).chain(outputs.iter().copied()) {
        *uses.entry(name).or_insert(0) += 1;
    }
    uses
}
