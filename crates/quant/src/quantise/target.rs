//! Target scale of every node: the one it has when it is rounded.
//!
//! Operators that compare or mix elements need operands of one scale. Their operands share a target where the ranges
//! are close enough, so that nothing has to be rounded twice.

use plonnx_ir::op::{Reducer, View};
use plonnx_ir::{CoreOp, DType, Float, Graph, NodeId};

use crate::config::Config;
use crate::quantise::demand::Demand;
use crate::quantise::effective::Effective;
use crate::structure::Structure;

/// Sharing a target costs the finer operand at most this many bits, unless nothing else uses it.
const MAX_LOSS: i32 = 2;

/// Exponent of a node that is never rounded itself: it takes that of its operands.
const FREE: i32 = i32::MAX;

/// Target exponents, by node index.
#[derive(Debug)]
pub(crate) struct Targets {
    exponents: Vec<i32>,
    shared: Vec<bool>,
}

impl Targets {
    pub(crate) fn of(
        graph: &Graph<Float>,
        structure: &Structure,
        effective: &Effective,
        demand: &Demand,
        config: &Config,
    ) -> Self {
        let real = |id: NodeId| graph.node(id).fact.dtype == DType::Real;
        let own = |id: NodeId| if real(id) { demand.exponent(id, effective, config) } else { 0 };
        let start = |id: NodeId| {
            let reads_wide = matches!(graph.node(id).op, CoreOp::View(View::Reshape { .. }));
            if mixed_operands(graph, id).is_empty() || reads_wide { own(id) } else { FREE }
        };
        let mut classes = Classes { parent: (0..graph.len()).collect(), exponents: graph.ids().map(start).collect() };
        for id in graph.ids().filter(|id| structure.is_live(*id) && !structure.is_constant(*id)) {
            for operand in mixed_operands(graph, id) {
                if real(operand) && real(id) && !structure.is_constant(operand) {
                    classes.join(operand, id, structure.uses(operand) == 1);
                }
            }
        }
        let roots: Vec<usize> = (0..graph.len()).map(|i| classes.root(i)).collect();
        let mut rounded = vec![0usize; graph.len()];
        for (id, root) in graph.ids().zip(&roots) {
            rounded[*root] += usize::from(start(id) != FREE);
        }
        let shared = roots.iter().map(|r| rounded[*r] > 1).collect();
        let exponent = |(id, root): (NodeId, &usize)| match classes.exponents[*root] {
            FREE => own(id),
            e => e,
        };
        Self { exponents: graph.ids().zip(&roots).map(exponent).collect(), shared }
    }

    /// Exponent at which `id` is rounded; 0 for integers.
    pub(crate) fn exponent(&self, id: NodeId) -> i32 {
        self.exponents[id.index()]
    }

    /// Whether other nodes are rounded to the same target so as to be mixed with `id`.
    pub(crate) fn is_shared(&self, id: NodeId) -> bool {
        self.shared[id.index()]
    }
}

/// Operands whose elements become elements of the result, or are compared with each other.
pub(super) fn mixed_operands(graph: &Graph<Float>, id: NodeId) -> Vec<NodeId> {
    let node = graph.node(id);
    match &node.op {
        CoreOp::View(View::Retype { .. }) => Vec::new(),
        CoreOp::View(_) | CoreOp::Extremum(_) => node.inputs.clone(),
        CoreOp::Reduce(r) if r.reducer != Reducer::Sum => node.inputs.clone(),
        CoreOp::Select => node.inputs[1..].to_vec(),
        _ => Vec::new(),
    }
}

/// Disjoint sets of nodes with one exponent each.
struct Classes {
    parent: Vec<usize>,
    exponents: Vec<i32>,
}

impl Classes {
    fn root(&mut self, mut i: usize) -> usize {
        while self.parent[i] != i {
            self.parent[i] = self.parent[self.parent[i]];
            i = self.parent[i];
        }
        i
    }

    fn join(&mut self, operand: NodeId, result: NodeId, sole: bool) {
        let (a, b) = (self.root(operand.index()), self.root(result.index()));
        let (of_operand, of_result) = (self.exponents[a], self.exponents[b]);
        if a != b && (sole || of_operand.saturating_sub(of_result) <= MAX_LOSS) {
            self.exponents[a] = of_operand.min(of_result);
            self.parent[b] = a;
        }
    }
}
