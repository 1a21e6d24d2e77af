//! Functions that share a table: the same function on operands of similar ranges.
//!
//! A table costs rows of the circuit, whoever uses it. Unrolled loops apply one function again and again, on ranges that
//! differ a little: the joined range serves all of them, at the cost of at most a factor of [`LOSS`] in the step of the
//! narrowest.

use plonnx_ir::{CoreOp, Float, Graph, NodeId};

use crate::quantise::table::is_tabled;
use crate::range::Range;
use crate::structure::Structure;

/// Ranges that differ by no more than this factor are joined.
const LOSS: f64 = 4.0;

/// Fewer uses of a function keep tables of their own: the rows saved are not worth the precision.
const MANY: usize = 3;

/// Joins the ranges of operands and results of functions that can share a table.
pub(super) fn join(graph: &Graph<Float>, structure: &Structure, ranges: &mut [Range]) {
    let mut uses: Vec<(String, Use)> = Vec::new();
    for id in graph.ids().filter(|id| structure.is_live(*id) && !structure.is_constant(*id)) {
        let node = graph.node(id);
        if let (CoreOp::Map(function), [operand]) = (&node.op, node.inputs.as_slice())
            && is_tabled(*function)
        {
            uses.push((function.to_string(), Use { id, operand: *operand, reach: ranges[operand.index()].absmax() }));
        }
    }
    // Widest first; ties stay in construction order.
    uses.sort_by(|(f, x), (g, y)| f.cmp(g).then(y.reach.total_cmp(&x.reach)));
    let mut rest = uses.as_slice();
    while let Some((function, widest)) = rest.first() {
        let count = rest.iter().take_while(|(f, u)| f == function && u.reach * LOSS >= widest.reach).count();
        let (group, later) = rest.split_at(count.max(1));
        rest = later;
        if group.len() < MANY {
            continue;
        }
        for of in [|u: &Use| u.operand, |u: &Use| u.id] {
            let all = group.iter().map(|(_, u)| ranges[of(u).index()]).reduce(Range::join);
            if let Some(all) = all {
                group.iter().for_each(|(_, u)| ranges[of(u).index()] = all);
            }
        }
    }
}

/// A function applied to an operand of some magnitude.
struct Use {
    id: NodeId,
    operand: NodeId,
    reach: f64,
}
