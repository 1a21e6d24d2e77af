//! The invariants that later stages rely on.
//!
//! Every graph:
//! 1. Operands are nodes of the graph that come before their users.
//! 2. The fact of every node is the one that its operator infers from its operands.
//! 3. Nodes and results have a name.
//! 4. There is a result, and every result is a node of the graph.
//!
//! In the field domain also:
//! 5. The circuit can prove every requantisation, quotient and input range: shifts are at most 61 bits, windows 1 to 61
//!    bits, both together at most 62, and shifted windows lie within `[-2^62, 2^62]`; results of square roots have at
//!    most 31 bits; a table has at most 20 bits and a value for each argument.
//! 6. A wide value is consumed only by a sum, or by a requantisation that shifts (round, relu, table).
//! 7. Results are narrow.
//! 8. Conditions of `select` are 0 or 1.
//! 9. Every value is below 2^62 in absolute value, whatever the inputs in their windows are.

use crate::bound::{Interval, bounds};
use crate::domain::{Domain, Field};
use crate::error::IrError;
use crate::graph::{Graph, Node};
use crate::op::{self, CoreOp};

/// Checks the invariants listed at the top of this file; a graph that passes makes no later stage panic.
///
/// # Errors
/// Everything that is wrong, in the order of the nodes. Invariants of the domain are only checked on a graph that meets
/// the common ones.
pub fn verify<D: Domain>(graph: &Graph<D>) -> Result<(), Vec<IrError>> {
    let mut errors = Vec::new();
    for id in graph.ids() {
        let node = graph.node(id);
        if node.name.is_empty() {
            errors.push(invalid(node, format!("{id} has no name")));
        }
        let operands: Option<Vec<_>> =
            node.inputs.iter().map(|i| graph.get(*i).filter(|_| *i < id).map(|n| &n.fact)).collect();
        let Some(facts) = operands else {
            errors.push(invalid(node, format!("an operand of {id} does not come before it")));
            continue;
        };
        match op::infer(&node.op, &facts) {
            Ok(fact) if fact == node.fact => errors.extend(fact.limit(&node.name, node.op.name()).err()),
            Ok(fact) => errors.push(invalid(node, format!("expected {fact:?}, got {:?}", node.fact))),
            Err(reason) => errors.push(invalid(node, reason)),
        }
    }
    let result = |name: &str, reason: &str| IrError::Invalid {
        node: name.to_string(),
        op: "output",
        reason: reason.to_string(),
    };
    if graph.outputs().is_empty() {
        errors.push(result("", "the graph has no result"));
    }
    for output in graph.outputs() {
        if output.name.is_empty() {
            errors.push(result("", "a result has no name"));
        }
        if graph.get(output.node).is_none() {
            errors.push(result(&output.name, "is no node of the graph"));
        }
    }
    if errors.is_empty() {
        errors = D::verify(graph);
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Invariants 5 to 9.
pub(crate) fn verify_field(graph: &Graph<Field>) -> Vec<IrError> {
    let mut errors = Vec::new();
    for id in graph.ids() {
        let node = graph.node(id);
        let parameters = match &node.op {
            CoreOp::Input(input) => input.domain.check(0),
            CoreOp::Map(requant) => requant.check(),
            CoreOp::Div(quotient) => quotient.check(),
            _ => Ok(()),
        };
        errors.extend(parameters.err().map(|reason| invalid(node, reason)));
        let takes_wide = match &node.op {
            CoreOp::Sum(_) => true,
            CoreOp::Map(requant) => requant.takes_wide(),
            _ => false,
        };
        if !takes_wide && let Some(wide) = node.inputs.iter().find(|i| graph.node(**i).op.is_wide()) {
            errors.push(invalid(node, format!("operand {wide} is wide, expected a requantised one")));
        }
    }
    for output in graph.outputs() {
        let node = graph.node(output.node);
        if node.op.is_wide() {
            errors.push(invalid(node, format!("result \"{}\" is wide, expected a requantised one", output.name)));
        }
    }
    // Bounds are only meaningful for sound parameters.
    if !errors.is_empty() {
        return errors;
    }
    match bounds(graph) {
        Err(error) => errors.push(error),
        Ok(bounds) => {
            for id in graph.ids() {
                let node = graph.node(id);
                if let (CoreOp::Select, Some(c)) = (&node.op, node.inputs.first()) {
                    let bound = &bounds[c.index()];
                    if !Interval::new(0, 1).includes(bound) {
                        errors.push(invalid(node, format!("expected a condition of 0 or 1, got one in {bound}")));
                    }
                }
            }
        }
    }
    errors
}

fn invalid<D: Domain>(node: &Node<D>, reason: String) -> IrError {
    IrError::Invalid { node: node.name.clone(), op: node.op.name(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Float;
    use crate::function::Function;
    use crate::graph::{DType, NodeId};
    use crate::op::Input;

    /// `relu(x)`, and the ids of both nodes.
    fn sample() -> (Graph<Float>, NodeId, NodeId) {
        let mut graph = Graph::new();
        let input = Input { shape: vec![2], dtype: DType::Real, domain: () };
        let x = graph.add("x", CoreOp::Input(input), &[]).expect("input");
        let y = graph.add("y", CoreOp::Map(Function::Relu), &[x]).expect("map");
        graph.add_output("y", y);
        (graph, x, y)
    }

    fn fails(graph: &Graph<Float>) -> String {
        verify(graph).expect_err("an invariant is broken").iter().map(|e| e.to_string()).collect()
    }

    #[test]
    fn facts_are_inferred() {
        let (mut graph, _, y) = sample();
        assert_eq!(verify(&graph), Ok(()));
        graph.node_mut(y).fact.shape = vec![3];
        assert!(fails(&graph).starts_with("map \"y\": expected Fact { shape: [2], "));
        graph.node_mut(y).fact.shape = vec![2];
        graph.node_mut(y).fact.dtype = DType::Int;
        assert!(fails(&graph).ends_with("got Fact { shape: [2], dtype: Int }"));
    }

    #[test]
    fn operands_come_first() {
        let (mut graph, x, y) = sample();
        graph.node_mut(y).inputs = vec![y];
        assert_eq!(fails(&graph), "map \"y\": an operand of %1 does not come before it");
        graph.node_mut(y).inputs = vec![x, x];
        assert_eq!(fails(&graph), "map \"y\": expected 1 operands, got 2");
    }
}
