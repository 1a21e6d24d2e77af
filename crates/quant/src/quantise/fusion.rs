//! Float nodes that are lowered together with their only user.

use plonnx_ir::op::{Reducer, View};
use plonnx_ir::{CoreOp, Float, Function, Graph, NodeId};

use crate::structure::Structure;

/// Which nodes wait for their user.
#[derive(Debug)]
pub(super) struct Fusion {
    deferred: Vec<bool>,
}

impl Fusion {
    pub(super) fn of(graph: &Graph<Float>, structure: &Structure) -> Self {
        let mut this = Self { deferred: vec![false; graph.len()] };
        for id in graph.ids().rev().filter(|id| structure.is_live(*id) && !structure.is_constant(*id)) {
            this.deferred[id.index()] = this.summed_product(graph, structure, id)
                || this.divisor(graph, structure, id)
                || clipped(graph, structure, id);
        }
        this
    }

    /// Whether `id` has no value of its own: its user computes it in another way.
    pub(super) fn is_deferred(&self, id: NodeId) -> bool {
        self.deferred[id.index()]
    }

    /// A product whose only use is a sum over axes: one contraction does both, without rounding the products.
    fn summed_product(&self, graph: &Graph<Float>, structure: &Structure, id: NodeId) -> bool {
        let product = matches!(graph.node(id).op, CoreOp::Contract(_) | CoreOp::Map(Function::Pow(2.0)));
        product
            && structure.uses(id) == 1
            && graph
                .consumers(id)
                .iter()
                .filter(|c| structure.is_live(**c))
                .all(|c| matches!(&graph.node(*c).op, CoreOp::Reduce(r) if r.reducer == Reducer::Sum))
    }

    /// A repeated tensor or a square root that only divides: the division inverts the smaller tensor before repeating it.
    fn divisor(&self, graph: &Graph<Float>, structure: &Structure, id: NodeId) -> bool {
        let movable = matches!(
            &graph.node(id).op,
            CoreOp::View(View::Broadcast { .. } | View::Reshape { .. }) | CoreOp::Map(Function::Sqrt)
        );
        movable
            && graph.outputs().iter().all(|o| o.node != id)
            && graph.consumers(id).iter().filter(|c| structure.is_live(**c)).all(|c| {
                let user = graph.node(*c);
                match &user.op {
                    CoreOp::Div(()) => user.inputs.first() != Some(&id),
                    CoreOp::View(View::Broadcast { .. } | View::Reshape { .. }) => self.deferred[c.index()],
                    _ => false,
                }
            })
    }
}

/// A rounding whose result is only clipped: a table does both.
fn clipped(graph: &Graph<Float>, structure: &Structure, id: NodeId) -> bool {
    matches!(graph.node(id).op, CoreOp::Map(Function::Round))
        && graph.outputs().iter().all(|o| o.node != id)
        && graph
            .consumers(id)
            .iter()
            .filter(|c| structure.is_live(**c))
            .all(|c| matches!(graph.node(*c).op, CoreOp::Map(Function::Clip { .. })))
}
